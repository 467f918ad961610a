"""Where in the scan a port's rows and launches start and end.

A port that is ``lag`` behind the scan starts its launch in the cycle after scan position ``lag - 1``, which is one
position along each dimension: the column after which every row of the port starts, the row in which its first row
starts, and so on. Likewise for the last word of its extents. All are numbers or settings: hardware compares the one
scan counter for equality.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from fluorite.hwgen.formula import Formula, ceil_div, constant, maximum, modulo
from fluorite.hwgen.plan.extents import Extents
from fluorite.hwgen.plan.grids import RowGrid
from fluorite.hwgen.streams.graph import Delay

__all__ = ["Due", "due", "with_room"]


@dataclass(frozen=True, slots=True)
class Due:
    """Scan positions of a port, by dimension.

    Attributes
    ----------
    starts : tuple of Formula
        The position after which the port's own starts anew, at 0.
    firsts : tuple of Formula
        That after which its own first word may come: the same, unless launches begin in different phases.
    ends : tuple of Formula
        Along dimension 0 the position of its last word; further out, that in which its last row or plane starts.
    """

    starts: tuple[Formula, ...]
    firsts: tuple[Formula, ...]
    ends: tuple[Formula, ...]


def due(
    lag: Delay, first_words: Sequence[Formula], end_words: Sequence[Formula], periods: Sequence[int], extents: Extents
) -> Due:
    """Positions of a port.

    Parameters
    ----------
    lag : Delay
        How far it is behind the scan's beginning.
    first_words, end_words : sequence of Formula
        Along each dimension, the numbers of its first word and of the one behind its last.
    periods : sequence of int
        Positions from a word to the next.
    extents : Extents
        Sizes of a launch.
    """
    starts: list[Formula] = []
    firsts: list[Formula] = []
    ends: list[Formula] = []
    for d, step in enumerate(_steps(lag)):
        size = extents.scan[d]
        start = constant(step) if step >= 0 else size + step
        starts.append(start)
        moves = first_words[d] != constant(0)
        firsts.append(_around(start + first_words[d] * periods[d], size, extents) if moves else start)
        last = (end_words[d] - 1) * periods[d] + (1 if d == 0 else 0)
        with_scan = step == -1 and d == 0  # then its last word is at its own position
        ends.append((end_words[d] - 1) * periods[d] if with_scan else _around(start + last, size, extents))
    return Due(tuple(starts), tuple(firsts), tuple(ends))


def with_room(extents: Extents, ports: Sequence[Delay], counters: Sequence[Delay]) -> Extents:
    """The same with a scan that is long enough for what follows it.

    Parameters
    ----------
    extents : Extents
        Sizes of a launch.
    ports : sequence of Delay
        How far each port is behind the scan's beginning: it must start a launch before the next one may be accepted.
    counters : sequence of Delay
        The same of positions that are counted on their own: one that is ahead along a dimension (its lag is negative
        there) starts to count at that position, so the scan must have it.
    """
    scan = list(extents.scan)
    needed = [[step + 1 if step >= 0 else -step for step in _steps(lag)] for lag in ports]
    needed += [[1 - part for part in lag] for lag in counters]
    for lengths in needed:
        for d, length in enumerate(lengths):
            scan[d] = extents.at_least(scan[d], d, length)
    return replace(extents, scan=tuple(scan))


def with_first_words(extents: Extents, ports: Iterable[tuple[Delay, str]]) -> Extents:
    """The same with a scan in which each port's first word of a launch comes before the next launch is accepted.

    Parameters
    ----------
    extents : Extents
        Sizes of a launch.
    ports : iterable of (Delay, str)
        How far each port is behind the scan's beginning, and the stage or input that it carries.
    """
    outermost = len(extents.scan) - 1
    length = extents.scan[outermost]
    for lag, source in ports:
        waits = extents.starts[source][outermost] * extents.rates.streams[source].periods[outermost]
        needed = waits + (_steps(lag)[outermost] + 1)
        if not extents.is_never_less(length, needed):
            length = extents.at_least(length, outermost, needed.greatest(extents.ranges))
    return replace(extents, scan=(*extents.scan[:outermost], length))


def with_rows(extents: Extents, rows: Iterable[RowGrid], columns: int, outputs: Collection[str]) -> Extents:
    """The same with rows that are long enough for what does not move in all of them.

    Where such a row begins at a column, the scan must have that column, and one more. And a row must have all columns
    at which something is looked up of one row, those included that a border then does without.

    Parameters
    ----------
    extents : Extents
        Sizes of a launch.
    rows : iterable of RowGrid
        Where such rows begin.
    columns : int
        How many columns more than an output something is looked up at, at most.
    outputs : collection of str
        The ports of the outputs.
    """
    length = extents.scan[0]
    for output in sorted(outputs):
        needed = extents.ends[output][0] * extents.rates.streams[output].periods[0] + columns
        if columns and not extents.is_never_less(length, needed):
            common = extents.rates.common[0]
            length = maximum([length, ceil_div(needed, common) * common], extents.ranges)
    for grid in rows:
        length = extents.at_least(length, 0, grid.start + 1 if grid.start > 0 else 1 - grid.start)
    return replace(extents, scan=(length, *extents.scan[1:]))


def _around(position: Formula, size: Formula, extents: Extents) -> Formula:
    """A position of the scan, counted on from its last one to its first."""
    found = modulo(position, size, extents.ranges)
    if found.op == "mod" and extents.is_never_less(size - 1, position):
        return position
    return found


def _steps(lag: Delay) -> list[int]:
    """The position ``lag - 1`` by dimension; a negative one counts from the end and borrows from the next dimension."""
    steps: list[int] = []
    borrow = 1
    for part in lag:
        steps.append(part - borrow)
        borrow = 1 if steps[-1] < 0 else 0
    return steps
