"""Images made up, cut out and compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fluorite.errors import UsageError
from fluorite.run.images.samples import Array

__all__ = ["crop", "difference_image", "random_image"]


def crop(array: Array, sizes: Sequence[int]) -> Array:
    """Return the middle of an image, `sizes` (x, y) pixels large.

    Raises
    ------
    UsageError
        If the image is smaller.
    """
    cut = [slice(None)] * array.ndim
    for axis, (wanted, there) in enumerate(zip(sizes[:2], array.shape[::-1], strict=False)):
        if wanted > there:
            large, needed = ("x".join(str(n) for n in some[:2]) for some in (array.shape[::-1], sizes))
            raise UsageError(f"the photograph is {large}, too small for {needed}")
        first = (there - wanted) // 2
        cut[array.ndim - 1 - axis] = slice(first, first + wanted)
    return np.ascontiguousarray(array[tuple(cut)])


def random_image(shape: Sequence[int], type_name: str, rng: np.random.Generator) -> Array:
    """Return an image that exercises the whole range of an element type.

    Blocks of noise, of the extreme values and of gradients take turns: noise alone rarely meets the
    extremes, and neighbours in it are never equal.

    Parameters
    ----------
    shape : sequence of int
        Outermost dimension first.
    type_name : str
        Halide's or numpy's name of an integer or float type, or ``"bool"``; floats are in 0..1.
    rng : numpy.random.Generator
        Source of the randomness.
    """
    dtype = np.dtype(type_name)
    if dtype.kind == "f":
        low, high = 0.0, 1.0
        noise = rng.random(shape)
    else:
        low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        noise = rng.integers(low, high, size=shape, endpoint=True, dtype=np.int8 if dtype.kind == "b" else dtype)
    extremes = np.where(rng.random(shape) < 0.5, low, high)
    steps: Array = sum(np.ogrid[tuple(slice(n) for n in shape)], np.zeros((), np.int64))
    ramp: Array = low + (steps % 256) / 255 * (float(high) - float(low))
    blocks = tuple(-(-n // 8) for n in shape)
    kind = rng.integers(0, 4, size=blocks)
    for axis in range(len(blocks)):
        kind = np.repeat(kind, 8, axis=axis)
    kind = kind[tuple(slice(0, n) for n in shape)]
    if dtype.itemsize == 8 and dtype.kind != "f":  # a ramp in float64 would overflow at its upper end
        ramp = noise
    return np.select([kind == 0, kind == 1], [extremes.astype(dtype), ramp.astype(dtype)], noise.astype(dtype))


def difference_image(a: Array, b: Array) -> Array:
    """Return where two images differ, as uint8: 0 where they are equal, else 255."""
    return np.where(a != b, np.uint8(255), np.uint8(0))
