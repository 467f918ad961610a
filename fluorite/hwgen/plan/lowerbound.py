"""The lower bound of what a core must hold: the schedule's program in plain cycles, with operators that take no time.

    minimise  sum of width_bits(n) * (last(n) - first(n))
    first(m) >= first(n) - delay,  last(n) >= first(m) + delay   for every m that reads n ``delay`` cycles ago

Unknowns are all streams, operators included: whether a comparison's operands or its one-bit result wait for a
row is the program's choice. What a schedule holds beyond the bound is what its pipeline registers cost.

It is the optimum of one graph, in which every node is computed once, at one lag behind the scan, for all pixels of its
domain. Another graph with the same result may hold less: with sums factored in another way, values computed again, or
without borders, which make a stream be held for all the rows that are computed beyond it
(:mod:`fluorite.hwgen.bordercost`).
"""

from __future__ import annotations

from collections.abc import Sequence

from fluorite.hwgen.plan.differences import DifferenceProgram
from fluorite.hwgen.streams.graph import Graph
from fluorite.hwgen.streams.operations import value_of

__all__ = ["least_held_bits"]


def least_held_bits(graph: Graph, strides: Sequence[int]) -> int:
    """Least number of bits that any raster-order schedule of this very graph holds.

    Parameters
    ----------
    graph : Graph
        Expanded graph.
    strides : sequence of int
        Cycles per step of each scan dimension.
    """
    program = DifferenceProgram()
    first: dict[str | int, int] = {}
    last: dict[int, int] = {}
    nodes = [node for node in graph.walk() if not node.static]
    for node in nodes:
        key = value_of(node).stream if node.op == "input" else node.id  # all lanes of an input arrive together
        if key not in first:
            first[key] = program.unknown()
        first[node.id] = first[key]
        program.cost[first[node.id]] -= node.width_bits
        last[node.id] = program.unknown(node.width_bits)
        program.at_least(last[node.id], first[node.id], 0)
    reads = [(first[node.id], operand) for node in nodes for operand in node.operands]
    for output in graph.outputs:  # all lanes of an output leave together
        if output.stream not in first:
            first[output.stream] = program.unknown()
        reads.append((first[output.stream], output.value))
    for reader, operand in reads:
        if not operand.node.static:
            delay = sum(d * s for d, s in zip(operand.delay, strides, strict=True))
            program.at_least(reader, first[operand.node.id], -delay)
            program.at_least(last[operand.node.id], reader, delay)
    return sum(c * x for c, x in zip(program.cost, program.solve(), strict=True))
