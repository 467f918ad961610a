"""Grids: at which positions of the scan each node is needed.

Streams have words at multiples of their periods, and a node is needed where its readers need it, so much earlier as
they read it. One walk from the outputs to the inputs gives each node, along each dimension, the coarsest grid that
holds all of these positions: a period and a phase. A blur that is only read at even pixels is computed and held at even
pixels; nothing had to say so.

What a node is held for counts in its own steps: registers move where the node's column is on its grid, in every row,
and row memories take a row where its row is. So what is ``age`` positions old stands behind ``ceil(age / period)``
steps, along each dimension.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from fluorite.hwgen.family.delays import taken_at
from fluorite.hwgen.formula import Formula, constant
from fluorite.hwgen.streams.graph import Delay, Graph, Node, Ref
from fluorite.hwgen.streams.operations import CHOOSE, RESAMPLE, STATE

__all__ = ["ColumnGrid", "Grid", "Grids", "RowGrid", "grids_of"]


@dataclass(frozen=True, slots=True)
class Grid:
    """Where a node is needed, along one dimension.

    Attributes
    ----------
    period, phase : int
        At positions that are ``phase`` more than a multiple of ``period``.
    least : int
        The first of them in a launch that begins at position 0.
    most : int
        How far behind the output's last position the last of them may be.
    """

    period: int
    phase: int
    least: int
    most: int

    def moved(self, delay: int) -> Grid:
        """The same, so much earlier."""
        return Grid(self.period, (self.phase - delay) % self.period, self.least - delay, self.most - delay)

    def united(self, other: Grid) -> Grid:
        """The coarsest grid that holds both."""
        period = math.gcd(self.period, other.period, self.phase - other.phase)
        return Grid(period, self.phase % period, min(self.least, other.least), max(self.most, other.most))


@dataclass(frozen=True, slots=True)
class ColumnGrid:
    """Columns of the scan itself: ``phase`` more than a multiple of ``period``."""

    period: int
    phase: int


@dataclass(frozen=True, slots=True)
class RowGrid:
    """Rows of the scan itself, ``phase`` more than a multiple of ``period``, each beginning at column ``start``.

    A negative start is in the row before, and so is what comes before the start.
    """

    period: int
    phase: int
    start: int

    def last_before(self, row: Formula) -> Formula:
        """The scan's column before the start, given the positions of a row of the scan."""
        return constant(self.start - 1) if self.start > 0 else row + (self.start - 1)


@dataclass(frozen=True, slots=True)
class Grids:
    """The grids of a graph's nodes.

    Attributes
    ----------
    of : mapping of int to tuple of Grid
        By id of a node that is not static, its grid along each dimension.
    """

    of: Mapping[int, tuple[Grid, ...]]

    def delays(self, node: Node, operand: Ref) -> tuple[tuple[int, ...], ...]:
        """How much earlier a node takes an operand, along each dimension: each of the delays that occur, sorted."""
        base = taken_at(node, operand)
        if node.op != "resample":
            return tuple((delay,) for delay in base)
        steps, delays = RESAMPLE.of(node)
        found = []
        for d, grid in enumerate(self.of[node.id]):
            found.append(tuple(sorted({base[d] + delay for _, delay in _phases(grid, steps[d], delays[d])})))
        return tuple(found)

    def phases(self, node: Node) -> tuple[tuple[tuple[int, int], ...], ...]:
        """Of a ``resample`` node, by dimension, the positions of a turn at which it is needed, with its delays."""
        steps, delays = RESAMPLE.of(node)
        return tuple(
            tuple(
                (position % (steps[d] * len(delays[d])), delay)
                for position, delay in dict(_phases(grid, steps[d], delays[d])).items()
            )
            for d, grid in enumerate(self.of[node.id])
        )

    def chosen(self, node: Node) -> frozenset[int]:
        """Of a ``choose`` node, the positions of a turn at which it is needed."""
        (phases,) = CHOOSE.of(node)
        return frozenset(position % len(phases) for position in _positions(self.of[node.id][0], len(phases)))

    def held(self, node: int, age: Delay) -> Delay:
        """How many of a node's own steps an age is."""
        return tuple(-(-part // grid.period) for part, grid in zip(age, self.of[node], strict=True))

    def words(self, node: int) -> int:
        """Positions of the scan for which a node is needed once."""
        return math.prod(grid.period for grid in self.of[node])


def grids_of(graph: Graph, periods: Mapping[str, Sequence[int]]) -> Grids:
    """Where each node is needed.

    Parameters
    ----------
    graph : Graph
        The graph.
    periods : mapping of str to sequence of int
        Positions from a word to the next along each dimension, by output stream.
    """
    of: dict[int, tuple[Grid, ...]] = {}

    def need(node: Node, grids: Sequence[Grid]) -> None:
        before = of.get(node.id)
        of[node.id] = tuple(a.united(b) for a, b in zip(before, grids, strict=True)) if before else tuple(grids)

    for output in graph.outputs:
        if not output.value.node.static:
            own = [Grid(period, 0, 0, 0) for period in periods[output.stream]]
            need(output.value.node, [g.moved(delay) for g, delay in zip(own, output.value.delay, strict=True)])
    nodes = list(reversed(list(graph.walk())))
    done: dict[int, tuple[Grid, ...]] = {}
    while any(done.get(number) != own for number, own in of.items()):  # once, but for what a state goes round
        for node in nodes:
            own_grids = of.get(node.id)
            if node.static or own_grids is None or done.get(node.id) == own_grids:
                continue
            done[node.id] = own_grids
            for number, operand in enumerate(node.operands):
                for grids in _needed(node, number, own_grids) if not operand.node.static else ():
                    moved = [g.moved(delay) for g, delay in zip(grids, operand.delay, strict=True)]
                    if node.op == "state" and STATE.of(node).holds:  # nothing from before the launch
                        moved = [replace(m, least=g.least, most=g.most) for m, g in zip(moved, grids, strict=True)]
                    if any(one.op == "state" and STATE.of(one).of_words for one in (node, operand.node)):
                        # No word before the first that is needed is one: what is taken there does not matter.
                        ends = of.get(operand.node.id, grids)
                        moved = [replace(m, least=e.least, most=e.most) for m, e in zip(moved, ends, strict=True)]
                    need(operand.node, moved)
    return Grids(of)


def _needed(node: Node, number: int, own: tuple[Grid, ...]) -> Iterator[tuple[Grid, ...]]:
    """Where a node, needed on these grids, takes an operand, before the operand's own delay."""
    if node.op == "choose":
        (phases,) = CHOOSE.of(node)
        for position in _positions(own[0], len(phases)):
            if phases[position % len(phases)] == number:
                turn = math.lcm(own[0].period, len(phases))
                yield Grid(turn, position % turn, position, own[0].most), *own[1:]
    elif node.op == "resample":
        yield from _each(own, *RESAMPLE.of(node))
    else:
        yield own


def _positions(grid: Grid, turn: int) -> range:
    """The positions of a turn that are needed, from the first on."""
    first = grid.least + (grid.phase - grid.least) % grid.period
    return range(first, first + math.lcm(grid.period, turn), grid.period)


def _each(
    grids: Sequence[Grid], steps: Sequence[int], delays: Sequence[Sequence[int | None]]
) -> Iterator[tuple[Grid, ...]]:
    """Where a resampling node takes its operand, as grids of one phase each."""
    along: list[list[Grid]] = []
    for grid, step, own in zip(grids, steps, delays, strict=True):
        turn = math.lcm(grid.period, step * len(own))
        here = []
        for position, delay in _phases(grid, step, own):
            here.append(Grid(turn, (position - delay) % turn, position - delay, grid.most - delay))
        along.append(here)
    yield from product(*along)


def _phases(grid: Grid, step: int, delays: Sequence[int | None]) -> Iterator[tuple[int, int]]:
    """The positions of a turn, from the first that is needed on, and the delay at each.

    Where it is only looked at in phases that have none, what it carries does not matter: it is what it carries next.
    """
    turn = math.lcm(grid.period, step * len(delays))
    first = grid.least + (grid.phase - grid.least) % grid.period
    read = False
    for position in range(first, first + turn, grid.period):
        assert position % step == 0 or len(delays) == 1, "a resampling node is looked at between its steps"
        delay = delays[position // step % len(delays)]
        if delay is not None:
            read = True
            yield position, delay
    if not read:
        later = range(first, first + step * len(delays), step)
        at = ((position, delays[position // step % len(delays)]) for position in later)
        yield next((first, delay - (position - first)) for position, delay in at if delay is not None)
