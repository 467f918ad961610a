"""The outputs of a pipeline as files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from fluorite.errors import UsageError
from fluorite.host.files import check_file_target, write_file
from fluorite.run.images.samples import Array

__all__ = ["check_output", "save_image"]

# Pillow's name, the (type, channels) it writes exactly (JPEG as well as JPEG does), and pixels a side.
_GREY, _RGB, _RGBA, _GREY_16 = ("uint8", 1), ("uint8", 3), ("uint8", 4), ("uint16", 1)
_FORMATS = {
    ".png": ("PNG", (_GREY, _RGB, _RGBA, _GREY_16), (1 << 31) - 1),
    ".tif": ("TIFF", (_GREY, _RGB, _RGBA, _GREY_16), (1 << 31) - 1),
    ".tiff": ("TIFF", (_GREY, _RGB, _RGBA, _GREY_16), (1 << 31) - 1),
    ".jpg": ("JPEG", (_GREY, _RGB), 65535),
    ".jpeg": ("JPEG", (_GREY, _RGB), 65535),
    ".bmp": ("BMP", (_GREY, _RGB), (1 << 31) - 1),
    ".webp": ("WEBP", (_RGB, _RGBA), 16383),
    ".pgm": ("PPM", (_GREY,), (1 << 31) - 1),
    ".ppm": ("PPM", (_RGB,), (1 << 31) - 1),
}


def check_output(path: str | Path, type_name: str, sizes: Sequence[int]) -> None:
    """Refuse a file that :func:`save_image` cannot write, before hours of simulation.

    Parameters
    ----------
    path : str or pathlib.Path
        The file; its ending says the format.
    type_name : str
        Element type of the output.
    sizes : sequence of int
        Its sizes, innermost first.

    Raises
    ------
    UsageError
        If its folder does not exist or cannot be written to, its ending names no format, or that format holds no such
        output.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in (".npy", *_FORMATS):
        raise UsageError(f"{path}: an output file ends in {', '.join(_FORMATS)} or .npy")
    if ending != ".npy":
        _check_kind(path, type_name, sizes)
    check_file_target(path)


def _check_kind(path: Path, type_name: str, sizes: Sequence[int]) -> None:
    name, kinds, side = _FORMATS[path.suffix.lower()]
    channels = sizes[2] if len(sizes) == 3 else 1 if len(sizes) == 2 else 0
    if not any((type_name, channels) in kinds for _, kinds, _ in _FORMATS.values()):
        shape = "x".join(str(n) for n in sizes)
        raise UsageError(
            f"{path}: an output of {type_name} and size {shape} is not an image; "
            "images are uint8 with 1, 3 or 4 channels, or uint16 with one; .npy holds anything"
        )
    if (type_name, channels) not in kinds:
        others = ", ".join(e for e, (_, kinds, _) in _FORMATS.items() if (type_name, channels) in kinds)
        what = f"{type_name} with {channels} channel{'s' if channels > 1 else ''}"
        raise UsageError(f"{path}: {name} does not hold {what} exactly; {others} do")
    if max(sizes[:2]) > side:
        raise UsageError(f"{path}: {name} has at most {side} pixels a side, and the output is {sizes[0]}x{sizes[1]}")


def save_image(path: str | Path, array: Array) -> None:
    """Write the output of a pipeline; the file appears whole or not at all.

    Parameters
    ----------
    path : str or pathlib.Path
        The file; its ending says the format. ``.npy`` takes every array as it is.
    array : numpy.ndarray
        ``[y, x]`` of uint8 or uint16 (a 16-bit PNG or TIFF), or ``[c, y, x]`` of uint8 with 1, 3 or 4 channels.

    Raises
    ------
    UsageError
        If no image file holds such an array, or the file cannot be written.
    """
    path = Path(path)
    check_output(path, array.dtype.name, array.shape[::-1])
    encoded = io.BytesIO()
    if path.suffix.lower() == ".npy":
        np.save(encoded, array, allow_pickle=False)
    else:
        grey = array.ndim == 2 or array.shape[0] == 1
        image = Image.fromarray(array.reshape(array.shape[-2:]) if grey else np.moveaxis(array, 0, 2).copy())
        name = _FORMATS[path.suffix.lower()][0]
        options = {"lossless": True, "exact": True} if name == "WEBP" else {}
        image.save(encoded, name, **options)
    write_file(path, encoded.getbuffer())
