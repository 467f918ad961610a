"""Phases of a read: by the reader's word, which lane of a stream it takes and how much earlier that comes.

A reader's word ``w`` is computed at position ``period * w`` of the scan, and a stream's word ``v`` comes at
``its period * v``. A read goes round its phases: after some of the reader's words, it has moved on by whole words of
the stream, and everything is as before. What it takes in one phase comes so many positions earlier, whatever the word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from fluorite.hwgen.quasiaffine import QuasiAffine

__all__ = ["Delays", "Phases", "phases", "turns"]

#: Per phase, how many positions earlier a value comes, None where it is not looked at; one for all where there is one.
Delays: TypeAlias = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Phases:
    """A read along one dimension of the scan.

    Attributes
    ----------
    places : tuple of (int, int)
        Per phase, the lane of the stream's word, and how many positions earlier that comes.
    """

    places: tuple[tuple[int, int], ...]

    @property
    def delay(self) -> int | None:
        """How many positions earlier what is read comes; None if that depends on the phase."""
        return self.places[0][1] if len(self.places) == 1 else None

    @property
    def lanes(self) -> tuple[int, ...]:
        """The lanes that are read, each once."""
        return tuple(dict.fromkeys(lane for lane, _ in self.places))

    def phases_of(self, lane: int) -> tuple[int, ...]:
        """In which phases this lane is read."""
        return tuple(phase for phase, (other, _) in enumerate(self.places) if other == lane)

    def of_lane(self, lane: int) -> Delays:
        """Per phase, how many positions earlier this lane's value comes; None where it is not read."""
        own = tuple(delay if other == lane else None for other, delay in self.places)
        return own[:1] if len(set(own)) == 1 else own


def phases(
    place: QuasiAffine, lanes: int, period: int, source_lanes: int, source_period: int, source_first: int
) -> Phases:
    """The phases of a read.

    Parameters
    ----------
    place : QuasiAffine
        The coordinate that is read, by the number of the reader's pixel from the first one of its lane.
    lanes, period : int
        Pixels of the reader's word, positions from a word to the next.
    source_lanes, source_period : int
        The same of the stream that is read.
    source_first : int
        The coordinate of the first pixel in the stream's word 0.
    """
    found: list[tuple[int, int]] = []
    for phase in range(turns(place, lanes, source_lanes)):
        word, lane = divmod(place(lanes * phase) - source_first, source_lanes)
        found.append((lane, period * phase - source_period * word))
    return Phases(tuple(found) if len(set(found)) > 1 else (found[0],))


def turns(place: QuasiAffine, lanes: int, source_lanes: int) -> int:
    """After how many of the reader's words a read has moved by whole words of the stream, and is in phase again."""
    turn = 1
    while lanes * turn % place.period or (place(lanes * turn) - place(0)) % source_lanes:
        turn += 1
    return turn
