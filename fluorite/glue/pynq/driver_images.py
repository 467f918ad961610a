"""Images with borders that lie where software says, for the driver on the board.

Part of every module that `fluorite.glue.pynq.write` makes, from the marker on. It runs on PYNQ's Python, 3.8 or newer.
The same arithmetic as fluorite/run/placed.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

# --- images with borders: the same for every accelerator ----------------------------------------------------------


class Border(NamedTuple):
    """What a border condition does beyond each edge of a loop, and the index function that says so."""

    loop: int
    least_extent: int
    folds: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]  # of that extent, one more, ...: pixels inwards
    index: Callable[..., Any]
    is_recursion: bool = False  # it is what a recursion goes over, and has no pixels beyond

    def holds(self, first: int, extent: int, values: dict[str, int]) -> bool:
        """Whether it does this around an image of this extent."""
        last = first + extent - 1
        left, right = self.folds[min(extent - self.least_extent, len(self.folds) - 1)]
        positions = np.arange(first - len(left), last + len(right) + 1)
        expected = np.concatenate(
            (first + np.array(left[::-1], np.int64), np.arange(first, last + 1), last - np.array(right, np.int64))
        )
        return np.array_equal(np.broadcast_to(self.index(positions, values), positions.shape), expected)


class PlacedImage(NamedTuple):
    """An image with a border, which lies where the values of a call say."""

    stream: str
    border: Border
    # Its first and last pixel; the least and the greatest that they may be; and pixels of a word before the first one.
    place: Callable[[dict[str, int]], tuple[int, ...]]

    def check(self, func: str, loop: str, start: int, count: int, values: dict[str, int]) -> None:
        """Refuse a launch for which hardware cannot do the border."""
        first, last, first_least, first_most, last_least, last_most, between = self.place(values)
        pixels, launch = last - first + 1, f"{func}: {loop} from {start} over {count} pixels is asked for"
        if pixels < self.border.least_extent:
            raise ValueError(
                f"{launch} of an image of {self.stream} of {max(pixels, 0)} pixels, and the hardware of the border "
                f"condition is for images of {self.border.least_extent} and more; use a larger image, or pad in "
                "software"
            )
        lies_within = first_least <= first <= first_most and last_least <= last <= last_most
        if not (lies_within and self.border.holds(first, pixels, values)):
            raise ValueError(
                f"{launch}, and the image of {self.stream} that the border condition is for lies from {first} to "
                f"{last}, where hardware does it for images that begin at {first_least} to {first_most} and end at "
                f"{last_least} to {last_most}; give what the image is for, or pad in software"
            )
        if between:
            raise ValueError(
                f"{launch}, and the image of {self.stream} begins at {first}, which is {between} pixels behind a "
                "word's first; let it begin where the launch does"
            )
