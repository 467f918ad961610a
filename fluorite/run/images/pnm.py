"""Netpbm's images (``.pbm``, ``.pgm``, ``.ppm``), of any maximum: Pillow keeps 8 bits of a wide ``.ppm``."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from fluorite.errors import UsageError
from fluorite.host.files import file_size
from fluorite.run.images.samples import Array, Photo, check_size

__all__ = ["is_pnm", "read_pnm"]

_GAP = rb"(?:\s|#[^\r\n]*[\r\n])+"
_NUMBER = rb"(\d{1,10})"
# A bitmap's header has no maximum. One white space ends a header; text may go on with more.
_BITMAP = re.compile(rb"P[14]" + (_GAP + _NUMBER) * 2 + rb"\s")
_PIXMAP = re.compile(rb"P[2356]" + (_GAP + _NUMBER) * 3 + rb"\s")
_HEADER_BYTES = 1 << 16  # comments included


def is_pnm(start: bytes) -> bool:
    """Whether a file that begins with these bytes is one of them."""
    return re.match(rb"P[1-6](?=[\s#])", start) is not None


def read_pnm(path: Path) -> Photo:
    """Read the first image of a file.

    Raises
    ------
    UsageError
        The file is damaged.
    """
    size = file_size(path)
    with path.open("rb") as file:
        start = file.read(_HEADER_BYTES)
        kind = int(start[1:2])
        header = (_BITMAP if kind in (1, 4) else _PIXMAP).match(start)
        if header is None:
            raise UsageError(f"{path}: has a damaged header")
        width, height, maximum = [*map(int, header.groups()), 1][:3]
        if width < 1 or height < 1 or not 1 <= maximum < 1 << 16:
            raise UsageError(f"{path}: its header says {width}x{height} pixels of 0 to {maximum}")
        file.seek(header.end())
        channels = 3 if kind in (3, 6) else 1
        wide = maximum > 255
        check_size(path, width * height * channels * (2 if wide else 1))
        there = size - header.end()
        row = -(-width // 8) if kind == 4 else width * channels * (2 if wide else 1)
        # Each sample of a text takes a digit, and but for bitmaps a space.
        wanted = height * row if kind > 3 else width * height if kind == 1 else 2 * width * height * channels - 1
        if there < wanted:
            raise UsageError(f"{path}: {width}x{height} pixels take {wanted} bytes, {there} are there")
        data = file.read() if kind <= 3 else file.read(wanted)
    try:
        samples = _text(data, kind, width * height * channels) if kind <= 3 else _raster(data, kind, wide, width)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{path}: {error}") from None
    if samples.max() > maximum:
        raise UsageError(f"{path}: holds a sample of {samples.max()}, and its header says at most {maximum}")
    shape = (height, width, channels) if channels > 1 else (height, width)
    if kind in (1, 4):
        samples = samples == 0  # ink is 1
    samples = samples.astype(np.bool_ if kind in (1, 4) else np.uint16 if wide else np.uint8).reshape(shape)
    more = ("more follows its first image, which is taken",) if kind > 3 and there > wanted + 1 else ()
    return Photo(samples, maximum, more)


def _raster(data: bytes, kind: int, wide: bool, width: int) -> Array:
    if kind == 4:
        rows = np.frombuffer(data, np.uint8).reshape(-1, -(-width // 8))
        return np.unpackbits(rows, axis=1)[:, :width]
    return np.frombuffer(data, ">u2" if wide else np.uint8)


def _text(data: bytes, kind: int, count: int) -> Array:
    words = re.sub(rb"#[^\r\n]*", b"", data).split()
    if kind == 1:  # a digit each, with or without spaces
        digits = np.frombuffer(b"".join(words)[:count], np.uint8) - np.uint8(ord("0"))
        return _all_there(digits, count)
    words = words[:count]
    # Five digits: longer numbers are above every maximum.
    if any(not word.isdigit() or len(word) > 5 for word in words):
        raise ValueError("holds a sample that is no number")
    return _all_there(np.array(words, dtype=np.bytes_).astype(np.uint32), count)


def _all_there(samples: Array, count: int) -> Array:
    if len(samples) < count:
        raise ValueError(f"{count} samples are expected, {len(samples)} are there")
    return samples
