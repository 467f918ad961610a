"""Which of a stream's delays a resampling node takes, and when: what its multiplexers are steered by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from fluorite.hwgen.plan.grids import ColumnGrid, RowGrid
from fluorite.hwgen.plan.schedule import Schedule
from fluorite.hwgen.plan.storage import Storage
from fluorite.hwgen.streams.graph import Delay, Node
from fluorite.hwgen.streams.operations import CHOOSE, IN_PHASE, RESAMPLE

__all__ = ["Choice", "at_phases", "choices", "columns_of_rows", "grids_asked", "row_grids", "taken_in", "turns_asked"]

#: A place in the scan's own columns, or in its rows.
GridOf: TypeAlias = ColumnGrid | RowGrid


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the steps that an operand is behind, along one dimension.

    Attributes
    ----------
    delay : int
        A delay that is so many steps.
    at : tuple of ColumnGrid or RowGrid
        Where the scan is when it is taken: in any of these; empty for the last choice, which is taken else.
    """

    delay: int
    at: tuple[GridOf, ...]


def choices(node: Node, plan: Schedule, begin: Delay) -> tuple[tuple[Choice, ...], ...]:
    """The choices of a ``resample`` node, along each dimension.

    Parameters
    ----------
    node : Node
        The node.
    plan : Schedule
        Lags, and where nodes are needed.
    begin : Delay
        The lag of what begins with the scan.
    """
    (operand,) = node.operands
    steps, delays = RESAMPLE.of(node)
    found: list[tuple[Choice, ...]] = []
    for d, phases in enumerate(plan.grids.phases(node)):
        lag, source_lag = plan.lags[node.id][d], plan.lags[operand.node.id][d]
        period, turn = plan.grids.of[operand.node.id][d].period, steps[d] * len(delays[d])
        groups: dict[int, list[tuple[int, int]]] = {}
        for position, delay in phases:
            after = lag + operand.delay[d] + delay - source_lag
            groups.setdefault(-(-after // period), []).append((position, delay))
        *others, last = groups.values()
        chosen = [
            Choice(group[0][1], tuple(_at(node, plan, begin, d, turn, position) for position, _ in group))
            for group in others
        ]
        found.append((*chosen, Choice(last[0][1], ())))
    return tuple(found)


def taken_in(node: Node, plan: Schedule, begin: Delay) -> dict[int, tuple[int, ...]]:
    """Of a ``choose`` node, per operand the columns of the scan in which it is taken, modulo the phases' count."""
    (phases,) = CHOOSE.of(node)
    behind = plan.lags[node.id][0] - begin[0]
    taken: dict[int, list[int]] = {}
    for position, number in enumerate(phases):
        if number is not None:
            taken.setdefault(number, []).append((position + behind) % len(phases))
    return {number: tuple(sorted(columns)) for number, columns in sorted(taken.items())}


def turns_asked(plan: Schedule) -> tuple[int, ...]:
    """The turns whose column of the scan the datapath asks for: each once."""
    return tuple(dict.fromkeys(len(CHOOSE.of(node).phases) for node in plan.nodes if node.op == "choose"))


def at_phases(node: Node, plan: Schedule, begin: Delay) -> Iterator[GridOf]:
    """Where the scan is when an ``in_phase`` node is 1: in any of these."""
    dimension, step, turn, phases = IN_PHASE.of(node)
    for phase in phases:
        yield _at(node, plan, begin, dimension, step * turn, phase * step)


def row_grids(plan: Schedule, storage: Storage, begin: Delay) -> tuple[RowGrid, ...]:
    """The rows that the datapath asks for, by columns that its nodes and memories begin at: each once.

    Parameters
    ----------
    plan : Schedule
        Lags, and where nodes are needed.
    storage : Storage
        What is held.
    begin : Delay
        The lag of what begins with the scan.
    """
    asked = grids_asked(plan, storage, begin)
    return tuple(dict.fromkeys(grid for grid in asked if isinstance(grid, RowGrid) and _has_phases(grid)))


def grids_asked(plan: Schedule, storage: Storage, begin: Delay) -> Iterator[GridOf]:
    """The columns and rows that the datapath asks for; parameters as of `row_grids`."""
    yield from (line.moves for line in storage.lines)
    yield from (memory.rows for memory in storage.memories if memory.rows)
    for node in plan.nodes:
        if node.op == "resample":
            yield from (grid for along in choices(node, plan, begin) for choice in along for grid in choice.at)
        elif node.op == "in_phase":
            yield from at_phases(node, plan, begin)


def columns_of_rows(plan: Schedule, storage: Storage) -> int:
    """How many columns more than the output has are looked up of one row, where rows have phases: at most."""
    looked = {line.node for memory in storage.memories if _has_phases(memory.rows) for line, _ in memory.fields}
    for node in plan.nodes:
        if node.op == "in_phase" and IN_PHASE.of(node).dimension > 0:
            looked.add(node.id)
        if node.op == "resample" and any(len(own) > 1 for own in RESAMPLE.of(node).delays[1:]):
            looked.add(node.id)
    return max((plan.grids.of[number][0].most - plan.grids.of[number][0].least for number in looked), default=0)


def _has_phases(rows: RowGrid | None) -> bool:
    return rows is not None and rows.period > 1


def _at(node: Node, plan: Schedule, begin: Delay, d: int, turn: int, position: int) -> GridOf:
    """Where the scan is when a node is at a position of a turn."""
    lag, column = plan.lags[node.id], plan.grids.of[node.id][0]
    phase = (position + lag[d] - begin[d]) % turn
    return ColumnGrid(turn, phase) if d == 0 else RowGrid(turn, phase, lag[0] - begin[0] + column.least)
