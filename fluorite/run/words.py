"""Words: between an image as Halide holds it and the words of a core's stream.

A word holds a block of pixels (the lanes along each scan dimension), each with all its channels. Where a
word is a run of neighbours along the innermost dimension, an image is handed over as it lies; otherwise it is copied.
"""

from __future__ import annotations

import math

import numpy as np

from fluorite.hwgen.plan.stream_plan import StreamPlan
from fluorite.sim.run import AnyArray

__all__ = ["Words"]


class Words:
    """Layout of one stream.

    Parameters
    ----------
    stream : StreamPlan
        The stream.
    """

    def __init__(self, stream: StreamPlan) -> None:
        self.lanes = stream.lanes
        self.channels = stream.port.channels
        last = len(stream.axes) - 1
        # Axes of a numpy array are reversed arguments. Outermost first: the scan, then channels.
        ordered = (*reversed(stream.scanned), *reversed(stream.channels))
        self.axes = [last - stream.axes.index(axis) for axis in ordered if axis not in stream.lacking]
        self._lacking = [place for place, axis in enumerate(ordered) if axis in stream.lacking]
        self.in_place = self.channels == 1 and stream.in_rows

    def scan(self, array: AnyArray) -> AnyArray:
        """A view of an image, axes reversed by argument, as it is scanned: outermost dimension first, channels last.

        A dimension of the scan that the image lacks is there with one pixel.
        """
        return np.expand_dims(array.transpose(self.axes), tuple(self._lacking))

    def pack(self, array: AnyArray) -> AnyArray:
        """An image, axes reversed by argument, as what the stream is fed from, innermost scan dimension last."""
        scan = self.scan(array)
        if self.in_place:
            return scan.reshape(scan.shape[: len(self.lanes)])
        packed = self._room(scan)
        self._blocks(packed)[:] = 0
        self._fill(self._blocks(packed), scan, to_words=True)
        return packed

    def room(self, array: AnyArray) -> AnyArray:
        """Where the stream's words for an image go: the image itself, or memory of their own."""
        scan = self.scan(array)
        return scan.reshape(scan.shape[: len(self.lanes)]) if self.in_place else self._room(scan)

    def unpack(self, packed: AnyArray, array: AnyArray) -> None:
        """Put the stream's words into an image."""
        if not self.in_place:
            self._fill(self._blocks(packed), self.scan(array), to_words=False)

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
