"""Words: between an image as Halide holds it and the words of a core's stream.

A word holds a block of pixels (the lanes along each scan dimension), each with all its channels. Where a
word is a run of neighbours along the innermost dimension, an image is handed over as it lies; otherwise it is copied.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fluorite.hwgen.lowering.values import Domain
from fluorite.sim.run import AnyArray

__all__ = ["Words"]


class Words:
    """Layout of one stream.

    Parameters
    ----------
    domain : Domain
        Which argument of the Func is which scan dimension or channel.
    lanes : sequence of int
        Lanes along each scan dimension, innermost first.
    """

    def __init__(self, domain: Domain, lanes: Sequence[int]) -> None:
        self.lanes = list(lanes)
        self.channels = domain.channel_count
        rank = len(domain.dimensions)
        positions = {d: p for p, d in enumerate(domain.dimensions) if d is not None}
        channel_positions = [p for p, d in enumerate(domain.dimensions) if d is None]
        # Axes of a numpy array are reversed arguments. Outermost first: the scan, then channels.
        scan = [positions[d] for d in reversed(range(len(lanes)))]
        self.axes = [rank - 1 - p for p in (*scan, *reversed(channel_positions))]
        self.in_place = self.channels == 1 and all(n == 1 for n in self.lanes[1:])

    def pack(self, array: AnyArray) -> AnyArray:
        """An image, axes reversed by argument, as what the stream is fed from, innermost scan dimension last."""
        scan = array.transpose(self.axes)
        if self.in_place:
            return scan.reshape(scan.shape[: len(self.lanes)])
        packed = self._room(scan)
        self._blocks(packed)[:] = 0
        self._fill(self._blocks(packed), scan, to_words=True)
        return packed

    def room(self, array: AnyArray) -> AnyArray:
        """Where the stream's words for an image go: the image itself, or memory of their own."""
        scan = array.transpose(self.axes)
        return scan.reshape(scan.shape[: len(self.lanes)]) if self.in_place else self._room(scan)

    def unpack(self, packed: AnyArray, array: AnyArray) -> None:
        """Put the stream's words into an image."""
        if not self.in_place:
            self._fill(self._blocks(packed), array.transpose(self.axes), to_words=False)

    def _room(self, scan: AnyArray) -> AnyArray:
        counts = [-(-n // lanes) for n, lanes in zip(scan.shape, reversed(self.lanes), strict=False)]
        return np.empty((*counts[:-1], counts[-1] * math.prod(self.lanes) * self.channels), scan.dtype)

    def _blocks(self, packed: AnyArray) -> AnyArray:
        """Words as ``[... y word, x word, ... y lane, x lane, channel]``."""
        *outer, row = packed.shape
        values = math.prod(self.lanes) * self.channels
        return packed.reshape(*outer, row // values, *reversed(self.lanes), self.channels)

    def _fill(self, blocks: AnyArray, scan: AnyArray, *, to_words: bool) -> None:
        dimensions = len(self.lanes)
        flat = scan.reshape(*scan.shape[:dimensions], self.channels) if to_words else scan
        for offsets in np.ndindex(*reversed(self.lanes)):
            steps = tuple(slice(o, None, n) for o, n in zip(offsets, reversed(self.lanes), strict=True))
            part = flat[steps]
            sizes = tuple(slice(0, n) for n in part.shape[:dimensions])
            block = blocks[(*sizes, *offsets)]
            if to_words:
                block[:] = part
            else:
                part[:] = block.reshape(part.shape)
