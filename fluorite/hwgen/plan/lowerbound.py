"""The lower bound of what a core must hold: the schedule's program in plain cycles, with operators that take no time.

    minimise  sum of width_bits(n) / period(n) * (last(n) - first(n))
    first(m) >= first(n) - delay,  last(n) >= first(m) + delay   for every m that reads n ``delay`` cycles ago

A node that is needed once in so many positions is held so many times less on average, which is no more than at most; of
one that is read at several delays in turn, the least decides when the reader begins and the greatest how long it holds.

Unknowns are all streams, operators included: whether a comparison's operands or its one-bit result wait for a
row is the program's choice. What a schedule holds beyond the bound is what its pipeline registers cost.

It is the optimum of one graph, in which every node is computed once, at one lag behind the scan, for all pixels of its
domain. Another graph with the same result may hold less: with sums factored in another way, values computed again, or
without borders, which make a stream be held for all the rows that are computed beyond it
(:mod:`fluorite.hwgen.bordercost`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from fluorite.hwgen.family.delays import latency_cycles
from fluorite.hwgen.plan.differences import DifferenceProgram
from fluorite.hwgen.plan.grids import Grids
from fluorite.hwgen.streams.graph import Graph
from fluorite.hwgen.streams.operations import input_of

__all__ = ["least_held_bits"]

_FINEST = 4096  # parts of a bit that costs are counted in, at most


def least_held_bits(graph: Graph, strides: Sequence[int], grids: Grids) -> int:
    """Least number of bits that any raster-order schedule of this very graph holds.

    Parameters
    ----------
    graph : Graph
        Expanded graph.
    strides : sequence of int
        Cycles per step of each scan dimension.
    grids : Grids
        Where each node is needed.
    """
    program = DifferenceProgram()
    first: dict[str | int, int] = {}
    last: dict[int, int] = {}
    nodes = [node for node in graph.walk() if not node.static]
    unit = min(math.lcm(*map(grids.words, grids.of)), _FINEST)
    for node in nodes:
        stream = input_of(node)
        key = node.id if stream is None else stream  # all lanes of an input arrive together
        if key not in first:
            first[key] = program.unknown()
        first[node.id] = first[key]
        weight = node.width_bits * unit // grids.words(node.id)
        program.cost[first[node.id]] -= weight
        last[node.id] = program.unknown(weight)
        program.at_least(last[node.id], first[node.id], 0)
    reads = []
    for node in nodes:
        for operand in node.operands:
            if not operand.node.static:
                columns, *outer = grids.delays(node, operand)
                at_once = tuple(delay + latency_cycles(node) for delay in columns)
                reads.append((first[node.id], operand, (at_once, *outer)))
    for output in graph.outputs:  # all lanes of an output leave together
        if output.stream not in first:
            first[output.stream] = program.unknown()
        if not output.value.node.static:
            reads.append((first[output.stream], output.value, tuple((part,) for part in output.value.delay)))
    for reader, operand, delays in reads:
        least, greatest = (sum(own[end] * s for own, s in zip(delays, strides, strict=True)) for end in (0, -1))
        program.at_least(reader, first[operand.node.id], -least)
        program.at_least(last[operand.node.id], reader, greatest)
    return -(-sum(c * x for c, x in zip(program.cost, program.solve(), strict=True)) // unit)
