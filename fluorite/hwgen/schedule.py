"""The schedule: when each stream runs behind the scan, by two linear programs of difference constraints.

A node ``n`` carries iteration ``i`` at cycle ``i + lag(n)``. A lag is a vector over the scan's dimensions, innermost first:
``(columns, rows)`` means ``rows * S + columns`` cycles, where the row length ``S`` may be a run-time value. An operand
``Ref(n, delay)`` of ``m`` is then held for ``age = lag(m) + delay - lag(n)`` cycles, which must not be negative; it is also exactly what
storage the edge needs. What a node is held for is the greatest of its ages, and the objective is

    minimise  sum over nodes of  width_bits(n) * (last(n) - lag(n)),    last(n) >= lag(m) + delay  for all its readers m

All constraints are differences of two unknowns, so the matrix is totally unimodular and an optimal vertex is integral. The
datapath is in the same program as the line buffers: where an adder stands, before or after a delay of a thousand
cycles or of one, is decided by the bits that have to be held.

Rows are solved before columns, because with a run-time ``S`` no number of columns makes up for a row. An edge that the row
solution left with ``k`` whole rows may borrow from them: its columns may go down to ``-k * S_min``.

Combinational paths: for every two nodes whose path is longer than the clock allows, one register at least must lie between
(Cong and Zhang, "An efficient and versatile scheduling algorithm based on SDC formulation", DAC 2006).

The line-buffer program follows the literature on Darkroom (SIGGRAPH 2014) and ImaGen (ISCA 2023), extended from stages to operators.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_matrix

from fluorite.hwgen.delays import Family
from fluorite.hwgen.graph import Delay, Graph, Node, topological

__all__ = ["Schedule", "schedule"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Lags of all nodes.

    Attributes
    ----------
    nodes : tuple of Node
        Every node that the outputs need, operands first.
    lags : dict of int to Delay
        Per id of a node that is not static, its lag.
    output_lag : Delay
        Lag of the output ports.
    """

    nodes: tuple[Node, ...]
    lags: Mapping[int, Delay]
    output_lags: Mapping[str, Delay]

    def age(self, reader: Delay, delay: Delay, node: Node) -> Delay:
        """How long a value of node has been held when a reader with this lag takes it ``delay`` iterations later."""
        return tuple(r + d - n for r, d, n in zip(reader, delay, self.lags[node.id], strict=True))


@dataclass(frozen=True, slots=True)
class _Edge:
    """``reader`` takes ``node``'s value of ``delay`` iterations ago; unknowns by number."""

    node: int
    reader: int
    delay: Delay


def schedule(graph: Graph, strides: Sequence[int], least_strides: Sequence[int], family: Family) -> Schedule:
    """Solve for all lags.

    Parameters
    ----------
    graph : Graph
        Expanded graph.
    strides : sequence of int
        Cycles per step of each scan dimension at the largest extents: ``(1, S, S * rows ...)``.
    least_strides : sequence of int
        The same at the smallest extents that must work.
    family : Family
        Delay model and clock.
    """
    program = _Program(graph, family)
    dimensions = graph.dimensions
    solved: dict[int, list[int]] = {}
    for d in reversed(range(dimensions)):
        solved[d] = program.solve(d, solved, strides, least_strides)
    lags = {
        node.id: tuple(solved[d][program.unknown[node.id]] for d in range(dimensions))
        for node in program.nodes
        if not node.static
    }
    outputs = {
        stream: tuple(solved[d][number] for d in range(dimensions)) for stream, number in program.output_unknown.items()
    }
    return Schedule(program.nodes, lags, outputs)


class _Program:
    """Unknowns and edges shared by the programs of all dimensions."""

    def __init__(self, graph: Graph, family: Family) -> None:
        self.family = family
        self.nodes = tuple(topological(output.value.node for output in graph.outputs))
        self.unknown: dict[int, int] = {}
        self.weights: list[int] = []
        tied: dict[str, int] = {}
        for node in self.nodes:
            if node.static:
                continue
            if node.op == "input":  # all lanes of a stream arrive together
                stream = str(node.attr[0])
                number = tied.setdefault(stream, len(self.weights))
                if number == len(self.weights):
                    self.weights.append(0)
                self.unknown[node.id] = number
            else:
                self.unknown[node.id] = len(self.weights)
                self.weights.append(0)
        self.output_unknown: dict[str, int] = {}
        for output in graph.outputs:
            if output.stream not in self.output_unknown:
                self.output_unknown[output.stream] = len(self.weights)
                self.weights.append(0)
        self.edges: list[_Edge] = []
        self.holders: list[tuple[int, int, list[_Edge]]] = []  # (unknown, width, its readers' edges)
        readers: dict[int, list[_Edge]] = {}
        for node in self.nodes:
            for operand in node.operands:
                if not operand.node.static and not node.static:
                    edge = _Edge(self.unknown[operand.node.id], self.unknown[node.id], operand.delay)
                    readers.setdefault(operand.node.id, []).append(edge)
        for output in graph.outputs:
            if not output.value.node.static:
                number = self.output_unknown[output.stream]
                edge = _Edge(self.unknown[output.value.node.id], number, output.value.delay)
                readers.setdefault(output.value.node.id, []).append(edge)
        for node in self.nodes:
            own = readers.get(node.id, [])
            self.edges.extend(own)
            self.holders.append((self.unknown.get(node.id, -1), node.width_bits, own))
        self.paths = _Paths(self, graph)

    def solve(
        self, d: int, solved: Mapping[int, list[int]], strides: Sequence[int], least_strides: Sequence[int]
    ) -> list[int]:
        """Lags along dimension d, those along the dimensions further out being known."""
        lags = len(self.weights)
        rows: list[int] = []
        columns: list[int] = []
        values: list[float] = []
        bounds: list[float] = []

        def at_least(a: int, b: int, bound: float) -> None:
            """x[a] - x[b] >= bound, as linprog's upper-bound row."""
            row = len(bounds)
            rows.extend((row, row))
            columns.extend((a, b))
            values.extend((-1.0, 1.0))
            bounds.append(-bound)

        def slack(edge: _Edge, table: Sequence[int]) -> int:
            """Cycles, in units of dimension d, that the outer dimensions' lags already give the edge."""
            outer = 0
            for o, lag in solved.items():
                outer += (lag[edge.reader] + edge.delay[o] - lag[edge.node]) * table[o]
            return outer // table[d]

        for edge in self.edges:
            if edge.node != edge.reader:
                at_least(edge.reader, edge.node, -edge.delay[d] - slack(edge, least_strides))
        if d == 0:
            for source, target, distance, path in self.paths.constraints:
                if all(slack(edge, least_strides) == 0 for edge in path):
                    at_least(target, source, 1 - distance)
        cost = [0.0] * lags
        for number in self.output_unknown.values():
            cost[number] = 1e-3  # among equals, the shortest latency
        last = lags
        for number, width, edges in self.holders:
            if number < 0 or not edges:
                continue
            cost.append(float(width))
            cost[number] -= width
            at_least(last, number, 0)
            for edge in edges:
                at_least(last, edge.reader, edge.delay[d] + slack(edge, strides))
            last += 1
        matrix = coo_matrix((values, (rows, columns)), shape=(len(bounds), last)).tocsr()
        result = linprog(cost, A_ub=matrix, b_ub=bounds, bounds=(0, None), method="highs-ds")
        if result.x is None:
            raise AssertionError(f"the schedule's program must be feasible: {result.message}")
        rounded = np.rint(result.x[:lags]).astype(int)
        return [int(value) for value in rounded]


class _Paths:
    """Pairs of unknowns with too long a combinational path between them.

    ``constraints`` holds (source, target, innermost distance, edges): if no edge of the path is registered by a whole row, then
    ``lag(target) >= lag(source) - distance + 1``, the distance being the sum of the edges' delays.
    """

    def __init__(self, program: _Program, graph: Graph) -> None:
        self.constraints: list[tuple[int, int, int, tuple[_Edge, ...]]] = []
        budget = program.family.budget_ns
        readers: dict[int, list[tuple[Node, Delay]]] = {}
        for node in program.nodes:
            for operand in node.operands:
                if not operand.node.static and not node.static:
                    readers.setdefault(operand.node.id, []).append((node, operand.delay))
        for source in program.nodes:
            if source.static:
                continue
            # What a path from the source's input side to a node's output side takes; row taps start behind a memory.
            start = program.family.node_ns(source)
            best: dict[tuple[int, int], float] = {(source.id, 0): start}
            frontier: list[tuple[Node, int, float, tuple[_Edge, ...]]] = [(source, 0, start, ())]
            while frontier:
                node, distance, time, path = frontier.pop()
                for reader, delay in readers.get(node.id, ()):
                    total = time + program.family.node_ns(reader)
                    reached = distance + delay[0]
                    edge = _Edge(program.unknown[node.id], program.unknown[reader.id], delay)
                    if total > budget:
                        self.constraints.append(
                            (program.unknown[source.id], program.unknown[reader.id], reached, (*path, edge))
                        )
                    elif best.get((reader.id, reached), -1.0) < total:
                        best[reader.id, reached] = total
                        frontier.append((reader, reached, total, (*path, edge)))
