"""Images with borders whose edges are known when a launch is: where they lie, and what of them a launch can need."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from fluorite.frontend.region.region import Loop
from fluorite.hwgen.formula import Formula, floor_div, maximum, minimum
from fluorite.hwgen.quasiaffine import QuasiAffine

__all__ = ["KnownImage", "Span", "lanes_of"]

#: First and last pixel that is needed, as formulas of a launch's region and of what is known of images.
Span = tuple[Formula, Formula]


@dataclass(frozen=True, slots=True)
class KnownImage:
    """The image that a border is around, along one dimension, where software knows its edges before each launch.

    A launch's first pixel goes with ``floor(rate * min)`` of the image, and its last one likewise. Hardware is for
    images that end near there, or, where launches are tiles, further out.

    Attributes
    ----------
    first, last : Formula or None
        The image's first and last pixel; None for an edge that the border does not have.
    rate : Fraction
        The stream's pixels for one of the accelerated Func.
    whole : bool
        Whether each launch is for the whole image: it then begins where the image does.
    inwards : int
        How many pixels inwards from an edge the border reads.
    """

    first: Formula | None
    last: Formula | None
    rate: Fraction
    whole: bool
    inwards: int

    @property
    def begins_with_launch(self) -> bool:
        """Whether it begins where launches do."""
        return self.whole and self.first is not None

    @property
    def first_most(self) -> QuasiAffine:
        """The furthest pixel that may be the image's first one, by the launch's own first."""
        return self._at(0)

    @property
    def last_least(self) -> QuasiAffine:
        """The nearest pixel that may be the image's last one, by the launch's own last.

        Where one pixel makes several, ``2*w + 1`` are made of w, too.
        """
        return self._at(-1 if self.rate < 1 else 0)

    @property
    def last_most(self) -> QuasiAffine | None:
        """The furthest one, where launches are for whole images: ``w / 2`` are made of w pixels, rounded down."""
        if not self.whole:
            return None
        step, period = self.rate.as_integer_ratio()
        more = -(-step // period) - 2
        return QuasiAffine(step, tuple(-(-step * (i + 1) // period) + more for i in range(period)))

    def domain(self, first: QuasiAffine, last: QuasiAffine, lanes: int) -> tuple[QuasiAffine, QuasiAffine]:
        """All pixels that some launch needs, given those that are asked for.

        Parameters
        ----------
        first, last : QuasiAffine
            What is asked for, by the launch's own first and last pixel.
        lanes : int
            Pixels of the stream's word. Words begin at multiples of it from where the launch does, because images may.
        """
        if self.last is not None:
            first = first.least(self.last_least.plus(-self.inwards))
        if self.first is not None:
            last = last.greatest(self.first_most.plus(self.inwards))
            first = self.first_most if self.begins_with_launch else first
        first = first.plus(-(first(0) % lanes))
        return first, last.least(self.last_most) if self.last is not None and self.last_most else last

    def needed(self, asked: Span, everything: Span, lanes: int) -> Span:
        """What a launch needs: of what is asked for, that which is there, and what stands for the rest.

        Parameters
        ----------
        asked : tuple of (Formula, Formula)
            First and last pixel that is asked for.
        everything : tuple of (Formula, Formula)
            Those of `domain` for this launch.
        lanes : int
            Pixels of the stream's word.
        """
        low, high = asked
        if self.begins_with_launch:
            low, high = everything
        else:
            if self.last is not None:
                inner = self.last - self.inwards
                if lanes > 1:  # where words begin
                    inner = everything[0] + floor_div(inner - everything[0], lanes) * lanes
                low = minimum([low, inner], {})
            if self.first is not None:
                high = maximum([high, self.first + self.inwards], {})
                low = maximum([low, self.first], {})
        if self.last is not None:
            high = minimum([high, self.last], {})
        return low, high

    def _at(self, number: int) -> QuasiAffine:
        step, period = self.rate.as_integer_ratio()
        return QuasiAffine(step, tuple(step * i // period + number for i in range(period)))


def lanes_of(rate: Fraction, loop: Loop) -> int:
    """Pixels of a stream's word along a dimension; 1 where that is no whole number, which is refused later."""
    lanes = rate * loop.lanes
    return int(lanes) if lanes > 1 and lanes.denominator == 1 and loop.lanes > 1 else 1
