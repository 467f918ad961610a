"""Domains: which pixels of a stream a launch computes or takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from fluorite.hwgen.formula import Formula
from fluorite.hwgen.quasiaffine import QuasiAffine

__all__ = ["Domain"]


@dataclass(frozen=True, slots=True)
class Domain:
    """Which pixels of a stream a launch computes.

    Attributes
    ----------
    dimensions : tuple of int or None
        Scan dimension along which each argument of the Func runs; None for an argument that is a number wherever it
        is read: a channel, all of which are computed in every cycle.
    first, last : tuple of QuasiAffine
        Along each scan dimension, the first pixel as a function of the output's first, and the last as one of its last.
        At one rate these are shifts: from ``min + lo`` to ``max + hi``. Along a dimension that the stream lacks, both
        are 0.
    channels : tuple of (int, int)
        Least and greatest number of each channel argument, in the order of the arguments.
    needed : tuple of (Formula, Formula) or None
        Along each scan dimension, where a launch may need less than from `first` to `last`: the first and the last
        pixel, as formulas of its region and of what is known of images. Empty if that is so nowhere.
    """

    dimensions: tuple[int | None, ...]
    first: tuple[QuasiAffine, ...]
    last: tuple[QuasiAffine, ...]
    channels: tuple[tuple[int, int], ...] = ()
    needed: tuple[tuple[Formula, Formula] | None, ...] = ()

    @property
    def lo(self) -> tuple[int, ...]:
        """The first pixel of a launch whose own is 0, along each scan dimension: the stream's corner."""
        return tuple(first(0) for first in self.first)

    @property
    def hi(self) -> tuple[int, ...]:
        """The last pixel of a launch whose own is 0, along each scan dimension."""
        return tuple(last(0) for last in self.last)

    @property
    def lacking(self) -> tuple[int, ...]:
        """The scan dimensions that the stream does not have: it is the same along them."""
        return tuple(d for d in range(len(self.first)) if d not in self.dimensions)

    @property
    def channel_count(self) -> int:
        """Values a pixel."""
        return math.prod(hi - lo + 1 for lo, hi in self.channels)

    def channel(self, numbers: Sequence[int]) -> int:
        """Position among a pixel's values of the one with these channel arguments; the first argument is fastest."""
        index, stride = 0, 1
        for number, (lo, hi) in zip(numbers, self.channels, strict=True):
            index += (number - lo) * stride
            stride *= hi - lo + 1
        return index

    def channel_numbers(self) -> list[tuple[int, ...]]:
        """The channel arguments of every value of a pixel, in the order of `channel`."""
        ranges = [range(lo, hi + 1) for lo, hi in reversed(self.channels)]
        return [tuple(reversed(numbers)) for numbers in product(*ranges)]
