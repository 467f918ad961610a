"""The samples of an image file, as they are in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from fluorite.errors import UsageError

__all__ = ["Array", "Photo", "check_extents", "check_size"]

Array: TypeAlias = np.ndarray[Any, Any]

MAX_IMAGE_BYTES = (1 << 31) - 1  # of a Halide buffer


@dataclass(frozen=True, slots=True)
class Photo:
    """What a file holds.

    Attributes
    ----------
    samples : numpy.ndarray
        ``[y, x]`` for grey, ``[y, x, 3]`` for RGB.
    full_scale : int or None
        The sample that is white; None where the file's format has none (signed, 32-bit and float samples).
    remarks : tuple of str
        What was dropped or changed on the way, for people.
    """

    samples: Array
    full_scale: int | None
    remarks: tuple[str, ...] = ()


def check_extents(what: str, sizes: Sequence[int], value_bytes: int) -> None:
    """Refuse an image that is larger than Halide's.

    Parameters
    ----------
    what : str
        Its name, for the message.
    sizes : sequence of int
        Its extents, innermost first.
    value_bytes : int
        Bytes of an element.

    Raises
    ------
    UsageError
        It is larger.
    """
    wanted_bytes = math.prod(int(n) for n in sizes) * value_bytes
    if wanted_bytes > MAX_IMAGE_BYTES:
        size = "x".join(str(n) for n in sizes)
        raise UsageError(
            f"{what} of size {size} takes {wanted_bytes} bytes; an image for Halide has at most {MAX_IMAGE_BYTES}"
        )


def check_size(path: Path, wanted_bytes: int) -> None:
    """Refuse, before there is memory for it, an image that Halide could not hold.

    Raises
    ------
    UsageError
        It is larger.
    """
    if wanted_bytes > MAX_IMAGE_BYTES:
        raise UsageError(
            f"{path}: says that it holds {wanted_bytes} bytes of samples; "
            f"an image for Halide has at most {MAX_IMAGE_BYTES}"
        )
