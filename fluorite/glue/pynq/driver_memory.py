"""Images in memory, for the driver on the board: where the pixels of a launch lie, copies where they must.

Part of every module that `fluorite.glue.pynq.write` makes, from the marker on. It runs on PYNQ's Python, 3.8 or newer.
The same arithmetic as fluorite/run/words.py, which simulates it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pynq import allocate

from fluorite.glue.pynq.driver_region import Box, Stream

# --- images in memory: the same for every accelerator -------------------------------------------------------------

CACHE_LINE_BYTES = 64
#: Of 4 KB and less, PYNQ 3.1's memory manager has given buffers beyond the 32 address bits that hardware may have.
SMALL_BYTES, LEAST_BYTES = 4096, 8192


def make_buffer(shape: Sequence[int], dtype: Any, cacheable: bool) -> Any:
    """A buffer of ``pynq.allocate`` that hardware reaches, however small."""
    dtype = np.dtype(dtype)
    bytes_ = int(np.prod(shape)) * dtype.itemsize
    if bytes_ > SMALL_BYTES:
        return allocate(tuple(shape), dtype, cacheable=int(cacheable))
    large = allocate((LEAST_BYTES,), np.dtype(np.uint8), cacheable=int(cacheable))
    made = large[:bytes_].view(dtype).reshape(shape)
    made.has_own_lines = True  # nobody has the rest
    return made


class Rows:
    """An image that the hardware takes as it lies, if that is in a buffer of ``pynq.allocate``; a copy of others."""

    def __init__(
        self,
        stream: Stream,
        image: Any,
        region: Box,
        pieces: Sequence[Box],
        room: Callable[[int], Any],
    ) -> None:
        self._image = image
        self._copy = None
        self.buffer = image
        if not _usable(stream, image):
            self.buffer = room(image.nbytes)
            self._copy = self.buffer.view(image.dtype).reshape(image.shape)
            if not stream.is_output:
                self._copy[...] = image
        loops = len(stream.lanes)
        strides = [image.itemsize * int(np.prod(image.shape[loops - d :])) for d in range(loops)]
        self._strides = tuple(strides[1:])
        starts = [stream.starts(piece, region) for piece in pieces]
        self._offsets = [sum(start * stride for start, stride in zip(own, strides)) for own in starts]

    def place(self, number: int) -> tuple[int, tuple[int, ...]]:
        """Where a launch's part lies: bytes from the buffer's start, bytes from a row (plane, volume) to the next."""
        return self._offsets[number], self._strides

    def take(self) -> None:
        """Put the results where the caller wants them."""
        if self._copy is not None:
            self._image[...] = self._copy


class Words:
    """An image whose lanes are neighbours along other loops than the first too: each launch's words, one by one."""

    def __init__(
        self,
        stream: Stream,
        image: Any,
        region: Box,
        pieces: Sequence[Box],
        room: Callable[[int], Any],
    ) -> None:
        self._lanes = stream.lanes[::-1]
        self._parts, self._offsets, bytes_ = [], [], 0
        for piece in pieces:
            shape = stream.part_shape(piece)
            starts = stream.starts(piece, region)[::-1]
            self._parts.append(image[tuple(slice(start, start + n) for start, n in zip(starts, shape))])
            self._offsets.append(bytes_)
            bytes_ += int(np.prod(self._whole(self._parts[-1]))) * image.itemsize
        self.buffer = room(bytes_)
        if not stream.is_output:
            for part, offset in zip(self._parts, self._offsets):
                whole = np.zeros(self._whole(part), image.dtype)  # lanes beyond the image
                whole[tuple(slice(0, n) for n in part.shape)] = part
                self._words(part, offset)[...] = self._blocks(whole)

    def _whole(self, part: Any) -> tuple[int, ...]:
        """Shape with whole words."""
        return (*(-(-n // lanes) * lanes for n, lanes in zip(part.shape, self._lanes)), *part.shape[len(self._lanes) :])

    def _blocks(self, whole: Any) -> Any:
        """``[... y word, x word, ... y lane, x lane, channels]``."""
        n = len(self._lanes)
        split = [size for extent, lanes in zip(whole.shape, self._lanes) for size in (extent // lanes, lanes)]
        blocks = whole.reshape(split + list(whole.shape[n:]))
        return blocks.transpose([*range(0, 2 * n, 2), *range(1, 2 * n, 2), *range(2 * n, blocks.ndim)])

    def _words(self, part: Any, offset: int) -> Any:
        """A launch's words in the buffer, as blocks."""
        shape, n = self._whole(part), len(self._lanes)
        blocks = [extent // lanes for extent, lanes in zip(shape, self._lanes)] + [*self._lanes, *shape[n:]]
        end = offset + int(np.prod(shape)) * part.itemsize
        return self.buffer[offset:end].view(part.dtype).reshape(blocks)

    def place(self, number: int) -> tuple[int, tuple[int, ...]]:
        """Where a launch's words lie: bytes from the buffer's start, bytes from a row (plane, volume) to the next."""
        words = self._words(self._parts[number], self._offsets[number])
        n = len(self._lanes)
        return self._offsets[number], tuple(words.strides[: n - 1][::-1])

    def take(self) -> None:
        """Put the results where the caller wants them."""
        n = len(self._lanes)
        for part, offset in zip(self._parts, self._offsets):
            words = self._words(part, offset)
            order = [axis for d in range(n) for axis in (d, n + d)] + list(range(2 * n, words.ndim))
            whole = words.transpose(order).reshape(self._whole(part))
            part[...] = whole[tuple(slice(0, extent) for extent in part.shape)]


def _usable(stream: Stream, image: Any) -> bool:
    """Whether the hardware can take an array as it lies.

    What the CPU writes beside an output, into a cache line that is invalidated later, would be lost: an output has its
    lines for itself. What ``pynq.allocate`` gives has that (whole pages; only it has ``memory``), and what
    ``make_buffer`` gives, not any part of it.
    """
    address = getattr(image, "device_address", None)
    base = image
    while isinstance(base, np.ndarray) and not base.flags.owndata:
        base = base.base
    # The result of arithmetic on buffers has an address as well, but memory of its own.
    if address is None or isinstance(base, np.ndarray):
        return False
    if not image.flags.c_contiguous or not image.flags.aligned or not image.flags.writeable:
        return False
    in_lines = address % CACHE_LINE_BYTES == 0 and image.nbytes % CACHE_LINE_BYTES == 0
    own_lines = hasattr(image, "memory") or hasattr(image, "has_own_lines")
    return in_lines or own_lines or not stream.is_output
