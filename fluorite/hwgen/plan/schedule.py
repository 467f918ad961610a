"""The schedule: when each stream runs behind the scan, by two linear programs of difference constraints.

A node ``n`` carries iteration ``i`` at cycle ``i + lag(n)``. A lag is a vector over the scan's dimensions, innermost
first: ``(columns, rows)`` means ``rows * S + columns`` cycles, where the row length ``S`` may be a run-time value. An
operand ``Ref(n, delay)`` of ``m`` is then held for ``age = lag(m) + delay - lag(n)`` cycles, which must not be
negative; it is also exactly what storage the edge needs. A node with a latency takes its operands as much earlier. What
a node is held for is the greatest of its ages, and the objective is

    minimise  sum over nodes of  width_bits(n) * (last(n) - lag(n)),    last(n) >= lag(m) + delay  for all its readers m

All constraints are differences of two unknowns, so the matrix is totally unimodular and an optimal vertex is
integral. Among equals the earliest is taken, so that latency is the shortest, and the taps of a window stay in step and
their rows share a memory. The datapath is in the same program as the line buffers: where an adder stands, before or
after a delay of a thousand cycles or of one, is decided by the bits that have to be held.

Rows are solved before columns, because with a run-time ``S`` no number of columns makes up for a row. An edge that
the row solution left with ``k`` whole rows may borrow from them: its columns may go down to ``-k * S_min``.

Combinational paths: for every two nodes whose path is longer than the clock allows, one register at least must lie
between (Cong and Zhang, "An efficient and versatile scheduling algorithm based on SDC formulation", DAC 2006). Only the
columns' program has these constraints: an edge that the rows' solution left with an age is behind a memory and on no
path; all others are combinational unless columns say otherwise.

The line-buffer program follows the literature on Darkroom (SIGGRAPH 2014) and ImaGen (ISCA 2023), extended from
stages to operators.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from fluorite.hwgen.family.delays import Family
from fluorite.hwgen.plan.differences import DifferenceProgram
from fluorite.hwgen.plan.grids import ColumnGrid, Grids, RowGrid
from fluorite.hwgen.plan.paths import too_long
from fluorite.hwgen.streams.graph import Delay, Graph, Node, Ref
from fluorite.hwgen.streams.operations import input_of

__all__ = ["Schedule", "schedule"]

_FINEST = 4096  # parts of a bit that costs are counted in, at most


@dataclass(frozen=True, slots=True)
class Schedule:
    """Lags of all nodes.

    Attributes
    ----------
    nodes : tuple of Node
        Every node that the outputs need, operands first.
    lags : dict of int to Delay
        Per id of a node that is not static, its lag.
    output_lags : dict of str to Delay
        Per output stream, the lag of its port.
    grids : Grids
        Where each node is needed.
    """

    nodes: tuple[Node, ...]
    lags: Mapping[int, Delay]
    output_lags: Mapping[str, Delay]
    grids: Grids

    def age(self, reader: Delay, delay: Delay, node: Node) -> Delay:
        """How long a value of node has been held when a reader with this lag takes it ``delay`` iterations later."""
        return tuple(r + d - n for r, d, n in zip(reader, delay, self.lags[node.id], strict=True))

    def held(self, node: Node, operand: Ref) -> list[Delay]:
        """How many steps of an operand's own a node takes it behind: each age that occurs."""
        delays = self.grids.delays(node, operand)
        lag = self.lags[node.id]
        ages = (self.age(lag, delay, operand.node) for delay in product(*delays))
        return list(dict.fromkeys(self.grids.held(operand.node.id, age) for age in ages))

    def column_grid(self, node: int, begin: Delay) -> ColumnGrid:
        """The columns of the scan in which a node is needed, `begin` being the lag of what begins with the scan."""
        grid = self.grids.of[node][0]
        return ColumnGrid(grid.period, (grid.phase + self.lags[node][0] - begin[0]) % grid.period)

    def row_grid(self, node: int, begin: Delay, columns: int = 0) -> RowGrid:
        """The rows of the scan in which a node is needed, as seen where it has been held for so many columns."""
        column, row = self.grids.of[node][:2]
        lag = self.lags[node]
        return RowGrid(
            row.period, (row.phase + lag[1] - begin[1]) % row.period, lag[0] - begin[0] + columns + column.least
        )


@dataclass(frozen=True, slots=True)
class _Edge:
    """``reader`` takes ``node``'s value of ``delay`` positions ago, or up to ``most``; unknowns by number.

    It is ``registered`` if a register must stand in it, along dimension 0.
    """

    node: int
    reader: int
    delay: Delay
    most: Delay
    registered: bool = False


def schedule(
    graph: Graph,
    strides: Sequence[int],
    least_strides: Sequence[int],
    family: Family,
    behind_memory: Collection[int] = (),
    *,
    grids: Grids,
) -> Schedule:
    """Solve for all lags.

    Parameters
    ----------
    graph : Graph
        Expanded graph.
    grids : Grids
        Where each node is needed.
    strides : sequence of int
        Cycles per step of each scan dimension at the largest extents: ``(1, S, S * rows ...)``.
    least_strides : sequence of int
        The same at the smallest extents that must work.
    family : Family
        Delay model and clock.
    behind_memory : collection of int
        Ids of nodes that take an operand straight from a memory's output, which comes later than a register's.
    """
    program = _Program(graph, family, behind_memory, grids)
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
    return Schedule(program.nodes, lags, outputs, grids)


class _Program:
    """Unknowns and edges shared by the programs of all dimensions."""

    def __init__(self, graph: Graph, family: Family, behind_memory: Collection[int], grids: Grids) -> None:
        self.family = family
        self.grids = grids
        self.behind_memory = behind_memory
        self.nodes = tuple(graph.walk())
        self.unit = min(math.lcm(*map(grids.words, grids.of)), _FINEST)
        self.unknown: dict[int, int] = {}
        self.unknowns = 0
        tied: dict[str, int] = {}
        for node in self.nodes:
            if not node.static:
                # All lanes of a stream arrive together.
                stream = input_of(node)
                key = f"node {node.id}" if stream is None else f"input {stream}"
                self.unknown[node.id] = tied.setdefault(key, len(tied))
        self.output_unknown = {o.stream: tied.setdefault(f"output {o.stream}", len(tied)) for o in graph.outputs}
        self.unknowns = len(tied)
        self.edges: list[_Edge] = []
        self.holders: list[tuple[int, int, list[_Edge]]] = []  # (unknown, weight, its readers' edges)
        readers: dict[int, list[_Edge]] = {}
        for node in self.nodes:
            for operand in node.operands:
                if not operand.node.static and not node.static:
                    readers.setdefault(operand.node.id, []).append(self._edge(node, operand))
        for output in graph.outputs:
            if not output.value.node.static:
                number = self.output_unknown[output.stream]
                edge = _Edge(self.unknown[output.value.node.id], number, output.value.delay, output.value.delay)
                readers.setdefault(output.value.node.id, []).append(edge)
        for node in self.nodes:
            own = readers.get(node.id, [])
            self.edges.extend(own)
            if own:
                self.holders.append((self.unknown[node.id], self._weight(node), own))

    def _weight(self, node: Node) -> int:
        """What holding a node for a position costs: its bits, fewer where it is needed only now and then."""
        return max(1, round(node.width_bits * self.unit / self.grids.words(node.id)))

    def _edge(self, node: Node, operand: Ref) -> _Edge:
        delays = self.grids.delays(node, operand)
        least, most = tuple(own[0] for own in delays), tuple(own[-1] for own in delays)
        # What goes round does so through a register, so that no path does.
        return _Edge(self.unknown[operand.node.id], self.unknown[node.id], least, most, node.op == "state")

    def solve(
        self, d: int, solved: Mapping[int, list[int]], strides: Sequence[int], least_strides: Sequence[int]
    ) -> list[int]:
        """Lags along dimension d, those along the dimensions further out being known."""
        program = DifferenceProgram([0] * self.unknowns)

        def slack(edge: _Edge, delay: Delay, table: Sequence[int]) -> int:
            """Cycles, in units of dimension d, that the outer dimensions' lags already give the edge."""
            outer = 0
            for o, lag in solved.items():
                outer += (lag[edge.reader] + delay[o] - lag[edge.node]) * table[o]
            return outer // table[d]

        for edge in self.edges:
            if edge.node != edge.reader:
                register = 1 if edge.registered and d == 0 else 0
                bound = register - edge.delay[d] - slack(edge, edge.delay, least_strides)
                program.at_least(edge.reader, edge.node, bound)
        if d == 0:
            for source, target, distance in too_long(*self._paths(solved), self.family, self.behind_memory):
                program.at_least(self.unknown[target.id], self.unknown[source.id], 1 - distance)
        for number, weight, edges in self.holders:
            program.cost[number] -= weight
            ends: dict[int, int] = {}  # by reader, how much later than the reader's lag a value is last needed
            for edge in edges:
                end = edge.most[d] + slack(edge, edge.most, strides)
                ends[edge.reader] = max(ends.get(edge.reader, end), end)
            if len(ends) == 1 and number not in ends:
                program.cost[edges[0].reader] += weight  # it is needed until then, and that is no unknown of its own
                continue
            last = program.unknown(weight)
            program.at_least(last, number, 0)
            for reader, end in ends.items():
                program.at_least(last, reader, end)
        return program.solve()[: self.unknowns]

    def _paths(self, solved: Mapping[int, list[int]]) -> tuple[list[Node], dict[int, list[tuple[Node, int]]]]:
        """The nodes on combinational paths, and the edges between them that no row stands in."""
        nodes = [node for node in self.nodes if not node.static]
        readers: dict[int, list[tuple[Node, int]]] = {}
        for node in nodes:
            for operand in node.operands:
                if operand.node.static or node.op == "state":
                    continue
                edge = self._edge(node, operand)
                if not any(lag[edge.reader] + edge.delay[o] - lag[edge.node] for o, lag in solved.items()):
                    readers.setdefault(operand.node.id, []).append((node, edge.delay[0]))
        return nodes, readers
