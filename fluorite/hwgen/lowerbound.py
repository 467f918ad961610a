"""The lower bound of line-buffer bits: the raster-order, compute-once program over stages alone.

    minimise  sum of width_bits(t) * (last(t) - first(t))
    first(s) >= first(t) - delay,  last(t) >= first(s) + delay   for every stage s that reads t ``delay`` cycles ago

Datapath latency is left out, so no schedule with these stages at these widths holds less of them. What may end up below it is
an accelerator that holds something narrower instead, such as the sum of a window's column.
"""

from __future__ import annotations

from collections.abc import Sequence

from fluorite.hwgen.differences import DifferenceProgram
from fluorite.hwgen.graph import Graph, Node, topological

__all__ = ["line_buffer_bound"]


def line_buffer_bound(graph: Graph, strides: Sequence[int]) -> int:
    """Least bits of all inputs and stages, at given cycles per step of each scan dimension."""
    nodes = list(topological(output.value.node for output in graph.outputs))
    streams = [node for node in nodes if node.op in ("input", "stage")]
    program = DifferenceProgram()
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    tied: dict[str, int] = {}
    for node in streams:
        key = str(node.attr[0])
        first[node.id] = tied[key] if key in tied else program.unknown()
        if node.op == "input":  # all lanes of a stream arrive together
            tied[key] = first[node.id]
        program.cost[first[node.id]] -= node.width_bits
        last[node.id] = program.unknown(node.width_bits)
        program.at_least(last[node.id], first[node.id], 0)
    for node in streams:
        if node.op == "stage":
            for source, delays in _reads(node).items():
                in_cycles = [sum(d * s for d, s in zip(delay, strides, strict=True)) for delay in delays]
                program.at_least(first[node.id], first[source], -min(in_cycles))
                program.at_least(last[source], first[node.id], max(in_cycles))
    return round(sum(c * x for c, x in zip(program.cost, program.solve(), strict=True)))


def _reads(stage: Node) -> dict[int, set[tuple[int, ...]]]:
    """Per stream that a stage's expression reads, the delays at which it does."""
    found: dict[int, set[tuple[int, ...]]] = {}
    stack = [(stage.operands[0].node, stage.operands[0].delay)]
    seen: set[tuple[int, tuple[int, ...]]] = set()
    while stack:
        node, delay = stack.pop()
        if (node.id, delay) in seen or node.static:
            continue
        seen.add((node.id, delay))
        if node.op in ("input", "stage"):
            found.setdefault(node.id, set()).add(delay)
            continue
        for operand in node.operands:
            stack.append((operand.node, tuple(a + b for a, b in zip(delay, operand.delay, strict=True))))
    return found
