"""What a region of the output needs of each image, for the driver on the board.

Part of every module that `fluorite.glue.pynq.write` makes, from the marker on. It runs on PYNQ's Python, 3.8 or newer.
The same arithmetic as fluorite/hwgen/plan/stream_plan.py, whose formulas each stream has as a function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

# --- regions: the same for every accelerator ----------------------------------------------------------------------


class Box(NamedTuple):
    """A region of the output: least coordinates and extents by loop."""

    mins: tuple[int, ...]
    extents: tuple[int, ...]

    def along(self, loop: int, extent: int) -> Box:
        """The same with another extent along one loop."""
        return self._replace(extents=(*self.extents[:loop], extent, *self.extents[loop + 1 :]))


class Channel(NamedTuple):
    """The values of a pixel along one argument of a Func, numbered from ``lo`` to ``hi``."""

    name: str
    lo: int
    hi: int

    @property
    def extent(self) -> int:
        """How many."""
        return self.hi - self.lo + 1


class Stream(NamedTuple):
    """An image that launches read or write."""

    name: str
    is_output: bool
    dtype: str
    # First and last coordinate, by loop, that a region of the output needs, of its mins and extents.
    needs: Callable[[Sequence[int], Sequence[int]], tuple[tuple[int, int], ...]]
    # What a launch reads, by values of what is known of images too; None where that is what it needs.
    reads: Callable[..., tuple[tuple[int, int], ...]] | None
    rates: tuple[tuple[int, int], ...]  # so many pixels of it, by loop, go with so many of the output; 0: it lacks it
    channels: tuple[Channel, ...]
    lanes: tuple[int, ...]  # of a word's pixels, how many are neighbours along each loop
    in_rows: bool  # the hardware takes pixels as they lie; else software makes words of them
    base: tuple[str, ...]  # names of registers
    row_bytes: str
    counts: tuple[str, ...]
    strides: tuple[str, ...]

    def span(self, loop: int, region: Box) -> tuple[int, int]:
        """Least coordinate and extent, along a loop, of what a region of the output needs of the image."""
        first, last = self.needs(region.mins, region.extents)[loop]
        return first, max(last - first + 1, 0)

    def with_values(self, values: dict[str, int]) -> Stream:
        """The same for a call with these values."""

        def reads(mins: Sequence[int], extents: Sequence[int]) -> tuple[tuple[int, int], ...]:
            assert self.reads is not None
            return self.reads(mins, extents, values)

        return self._replace(reads=reads)

    def part(self, loop: int, launch: Box) -> tuple[int, int]:
        """Least coordinate and extent, along a loop, of what a launch reads of the image."""
        if self.reads is None:
            return self.span(loop, launch)
        first, last = self.reads(launch.mins, launch.extents)[loop]
        return first, max(last - first + 1, 0)

    def part_shape(self, launch: Box) -> tuple[int, ...]:
        """Pixels of what a launch reads of the image, by axis."""
        return tuple(self.part(loop, launch)[1] for loop in reversed(range(len(self.rates))))

    def place(self, loop: int, region: Box) -> tuple[int, int]:
        """Least coordinate and extent of its pixels that lie where the region does: without what is around them."""
        pixels, of_output = self.rates[loop]
        return region.mins[loop] * pixels // of_output, -(-region.extents[loop] * pixels // of_output)

    @property
    def lacking(self) -> tuple[int, ...]:
        """The axes, among those of all loops, of loops that the image lacks: it is the same along them."""
        return tuple(axis for axis, (pixels, _) in enumerate(reversed(self.rates)) if not pixels)

    def own_shape(self, region: Box) -> tuple[int, ...]:
        """Axes of the caller's array for a region of the output."""
        return tuple(extent for axis, extent in enumerate(self.shape(region)) if axis not in self.lacking)

    def shape(self, region: Box) -> tuple[int, ...]:
        """Axes of the array for a region of the output, with all loops among them."""
        scan = [self.span(loop, region)[1] for loop in range(len(self.rates))]
        return (*reversed(scan), *(channel.extent for channel in reversed(self.channels)))

    def extents(self, loop: int, region: Box, pixels: int, placed: bool) -> tuple[int, int]:
        """Extents of the output along a loop that take as many of so many pixels as is possible; 0 where none does.

        The least and the greatest: of an image with half the columns, a column goes with one of the output or two. Of
        ``placed`` pixels there are none around the region.
        """

        def greatest(limit: int) -> int:
            found = 0
            for bit in reversed(range(31)):
                if amount(found | 1 << bit) <= limit:
                    found |= 1 << bit
            return found

        def amount(extent: int) -> int:
            return (self.place if placed else self.span)(loop, region.along(loop, extent))[1]

        most = greatest(pixels)
        return (greatest(amount(most) - 1) + 1, most) if most else (0, 0)

    def starts(self, part: Box, region: Box) -> list[int]:
        """Pixels, by loop, from the beginning of a region's array to what a launch of a part of the region reads."""
        return [self.part(d, part)[0] - self.span(d, region)[0] for d in range(len(self.rates))]

    def padded(self, array: Any, region: Box, mode: str) -> Any:
        """An image of the pixels at a region's place, larger by what the hardware reads around them."""
        widths, parts = [(0, 0)] * array.ndim, [slice(None)] * array.ndim
        for axis, loop in enumerate(reversed(range(len(self.rates)))):
            first, extent = self.span(loop, region)
            before = self.place(loop, region)[0] - first
            behind = extent - before - array.shape[axis]
            widths[axis] = max(before, 0), max(behind, 0)
            parts[axis] = slice(max(-before, 0), max(-before, 0) + extent)
        return np.pad(array, widths, mode=mode)[tuple(parts)]  # type: ignore[call-overload]
