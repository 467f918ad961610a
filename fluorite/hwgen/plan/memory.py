"""Delay lines, and memories that hold those of one length side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from fluorite.hwgen.plan.grids import ColumnGrid, RowGrid
from fluorite.hwgen.streams.graph import Delay

__all__ = ["DelayLine", "Kind", "Length", "Memory"]


#: What a delay is made of: registers one after another, a shift register, or a share of the word of a memory, which is
#: walked round or has a row of its own stream at a time.
Kind: TypeAlias = Literal["register", "shift", "memory", "row"]

#: A length in own steps, and the period of these: no steps for a row, whatever that is.
Length: TypeAlias = tuple[Delay, int]


@dataclass(frozen=True, slots=True)
class DelayLine:
    """One gap of one stream's chain.

    Attributes
    ----------
    node : int
        Id of the stream held.
    start, end : Delay
        Ages at which it enters and leaves, in the stream's own steps.
    length_cycles : int
        Its length at the largest extents, in the stream's own steps; that of a register or shift register never
        changes.
    kind : Kind
        What it is made of.
    suffix : str
        The age at which it leaves, for names: ``d2`` is two cycles, ``r1d2`` a row and two cycles, ``r1m2`` two less
        than a row.
    moves : ColumnGrid
        The columns of the scan in which it moves.
    """

    node: int
    start: Delay
    end: Delay
    length_cycles: int
    kind: Kind
    suffix: str
    moves: ColumnGrid

    @property
    def gap(self) -> Delay:
        """Length, as a vector over the scan's dimensions."""
        return tuple(e - s for s, e in zip(self.start, self.end, strict=True))


@dataclass(frozen=True, slots=True)
class Memory:
    """Delay lines of one length, side by side in one memory.

    Attributes
    ----------
    name : str
        Name of the memory in the Verilog.
    gap : Delay
        The length they share, in own steps.
    depth : int
        Words at the largest extents.
    fields : tuple of (DelayLine, int)
        Each line with its width in bits, low bits first.
    moves : ColumnGrid
        The columns of the scan in which it moves.
    rows : RowGrid or None
        If it has a word for each own column of a row, the rows in which it is written: a row is read again until the
        next one takes its place.
    early : bool
        Whether it is read in the column before the one in which it moves.
    """

    name: str
    gap: Delay
    depth: int
    fields: tuple[tuple[DelayLine, int], ...]
    moves: ColumnGrid
    rows: RowGrid | None = None
    early: bool = False

    @property
    def length(self) -> Length:
        """What its last address follows from: those of one length have one."""
        return self.gap if self.rows is None else (), self.moves.period

    @property
    def ahead(self) -> int:
        """How many addresses ahead of the one that is written it is read."""
        return 0 if self.rows is None or self.early else 1 - self.gap[0]

    def walks_with_scan(self, ahead: int) -> bool:
        """Whether an address, so far ahead of the one that is written, is the scan's column, in own steps.

        Before a step the column has to be one of the same step already, and the next step's is only known in the last.
        """
        period, phase = self.moves.period, self.moves.phase
        if self.rows is None or period & (period - 1):
            return False
        return phase > 0 if self.early else ahead == 0 or (ahead == 1 and phase == period - 1)

    @property
    def counters(self) -> tuple[int, ...]:
        """The first addresses of the counters that walk it."""
        return tuple(first for first in dict.fromkeys((0, self.ahead)) if not self.walks_with_scan(first))

    @property
    def width_bits(self) -> int:
        """Width of a word."""
        return sum(width for _, width in self.fields)
