"""Reads of streams as plain data: who reads what, how far away."""

from __future__ import annotations

from dataclasses import dataclass

from fluorite.hwgen.lowering.borders import Border
from fluorite.hwgen.lowering.images import KnownImage
from fluorite.hwgen.quasiaffine import STILL, QuasiAffine

__all__ = ["Read", "ReadIndex"]


@dataclass(frozen=True, slots=True)
class ReadIndex:
    """How a read moves along one dimension of the scan.

    Attributes
    ----------
    index : QuasiAffine
        The coordinate that is read, by the coordinate that is computed.
    border : Border or None
        What is read beyond the edges of the image, if the read has a border condition: as deep as this read and those
        that were found before it ask for.
    image : tuple of (QuasiAffine, QuasiAffine), or None
        At another rate, the first and the last pixel of the stream that a launch needs, by its own first and last.
    known : KnownImage or None
        The image that the border is around, where software tells hardware before each launch where it lies.
    """

    index: QuasiAffine
    border: Border | None = None
    image: tuple[QuasiAffine, QuasiAffine] | None = None
    known: KnownImage | None = None

    @property
    def is_shift(self) -> bool:
        """Whether it moves with the position that is computed, pixel for pixel."""
        return self.index.is_shift

    @property
    def is_still(self) -> bool:
        """Whether the stream lacks the dimension: all read the same."""
        return self.index == STILL

    @property
    def offset(self) -> int:
        """What is read at coordinate 0: of one that moves pixel for pixel, so many pixels further on."""
        return self.index(0)

    @property
    def begins_with_launch(self) -> bool:
        """Whether it has a border of an image that begins where launches do."""
        return self.border is not None and (self.known is None or self.known.begins_with_launch)

    @property
    def begins(self) -> bool:
        """Whether the border has a first pixel, before which nothing is read."""
        return self.border is not None and bool(self.border.usual.left)

    @property
    def ends(self) -> bool:
        """Whether the border has a last pixel, behind which nothing is read."""
        return self.border is not None and bool(self.border.usual.right)

    @property
    def repeats(self) -> bool:
        """Whether the border has both, and they are repeated."""
        return self.border is not None and self.border.repeats_edge


@dataclass(frozen=True, slots=True)
class Read:
    """One read of a stream.

    Attributes
    ----------
    reader : str
        The stage that reads.
    stream : str
        The stage or input read.
    dimensions : tuple of int or None
        Dimension of the scan along which each argument runs; None for a number.
    along : tuple of ReadIndex
        How the read moves along each dimension of the scan.
    numbers : tuple of int
        The arguments that are numbers, in order.
    """

    reader: str
    stream: str
    dimensions: tuple[int | None, ...]
    along: tuple[ReadIndex, ...]
    numbers: tuple[int, ...]
