"""Where in the scan a port's rows and launches start and end.

A port that is ``lag`` behind the scan starts its launch in the cycle after scan position ``lag - 1``, which is one
position along each dimension: the column after which every row of the port starts, the row in which its first row
starts, and so on. Likewise for the last word of its extents. All are numbers or settings: hardware compares the one
scan counter for equality.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fluorite.hwgen.formula import Formula, constant, maximum, modulo
from fluorite.hwgen.plan.extents import Extents
from fluorite.hwgen.streams.graph import Delay

__all__ = ["Due", "due", "with_room"]


@dataclass(frozen=True, slots=True)
class Due:
    """Scan positions of a port, by dimension.

    Attributes
    ----------
    starts : tuple of Formula
        The position after which the port's own starts anew.
    ends : tuple of Formula
        Along dimension 0 the position of its last word; further out, that in which its last row or plane starts.
    """

    starts: tuple[Formula, ...]
    ends: tuple[Formula, ...]


def due(lag: Delay, words: Sequence[Formula], extents: Extents) -> Due:
    """Positions of a port with this lag and these extents in words."""
    starts: list[Formula] = []
    ends: list[Formula] = []
    for d, step in enumerate(_steps(lag)):
        size = extents.scan[d]
        start = constant(step) if step >= 0 else size + step
        starts.append(start)
        ends.append(modulo(start + words[d] - (0 if d == 0 else 1), size, extents.ranges))
    return Due(tuple(starts), tuple(ends))


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
            if scan[d].least(extents.ranges) < length:
                scan[d] = maximum([scan[d], constant(length)], extents.ranges)
    return replace(extents, scan=tuple(scan))


def _steps(lag: Delay) -> list[int]:
    """The position ``lag - 1`` by dimension; a negative one counts from the end and borrows from the next dimension."""
    steps: list[int] = []
    borrow = 1
    for part in lag:
        steps.append(part - borrow)
        borrow = 1 if steps[-1] < 0 else 0
    return steps
