"""The lower bound of line-buffer bits: the raster-order, compute-once program over stages alone.

    minimise  sum of width_bits(t) * (last(t) - first(t))
    first(s) >= first(t) - delay,  last(t) >= first(s) + delay   for every stage s that reads t ``delay`` cycles ago

Datapath latency is left out, so no schedule with these stages at these widths holds less of them. What may end up below it is
an accelerator that holds something narrower instead, such as the sum of a window's column.
"""

from __future__ import annotations

from collections.abc import Sequence

from scipy.optimize import linprog
from scipy.sparse import coo_matrix

from fluorite.hwgen.graph import Graph, Node, topological

__all__ = ["line_buffer_bound"]


def line_buffer_bound(graph: Graph, strides: Sequence[int]) -> int:
    """Least bits of all inputs and stages, at given cycles per step of each scan dimension."""
    nodes = list(topological(output.value.node for output in graph.outputs))
    streams = [node for node in nodes if node.op in ("input", "stage")]
    number: dict[int, int] = {}
    tied: dict[str, int] = {}
    for node in streams:
        fresh = max(number.values(), default=-1) + 1
        number[node.id] = tied.setdefault(str(node.attr[0]), fresh) if node.op == "input" else fresh
    firsts = len(set(number.values()))
    rows: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    bounds: list[float] = []

    def at_least(a: int, b: int, bound: float) -> None:
        rows.extend((len(bounds), len(bounds)))
        columns.extend((a, b))
        values.extend((-1.0, 1.0))
        bounds.append(-bound)

    cost = [0.0] * (firsts + len(streams))
    last = {node.id: firsts + k for k, node in enumerate(streams)}
    for node in streams:
        cost[last[node.id]] += node.width_bits
        cost[number[node.id]] -= node.width_bits
        at_least(last[node.id], number[node.id], 0)
    for node in streams:
        if node.op == "stage":
            for source, delays in _reads(node).items():
                cycle_delays = [sum(d * s for d, s in zip(delay, strides, strict=True)) for delay in delays]
                if number[source] != number[node.id]:
                    at_least(number[node.id], number[source], -min(cycle_delays))
                at_least(last[source], number[node.id], max(cycle_delays))
    matrix = coo_matrix((values, (rows, columns)), shape=(len(bounds), len(cost))).tocsr()
    result = linprog(cost, A_ub=matrix, b_ub=bounds, bounds=(0, None), method="highs-ds")
    if result.x is None:
        raise AssertionError(f"the lower bound's program must be feasible: {result.message}")
    return round(result.fun)


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
