"""Photographs to the arrays that Halide reads, and back.

Arrays have the outermost dimension first, ``array[y, x]`` or ``array[c, y, x]`` (planar colour), so that
``hl.Buffer(array)`` is Halide's ``(x, y)`` or ``(x, y, c)``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from fluorite.errors import UsageError

__all__ = ["Array", "check_writable", "crop", "difference_image", "load_image", "random_image", "save_image"]

Array: TypeAlias = np.ndarray[Any, Any]

_FULL_SCALE = {"uint8": 255, "uint16": 65535, "float32": 1.0}
_WIDE_MODES = ("I", "I;16", "I;16B", "I;16L")  # Pillow's modes of 16-bit grey PNGs


def load_image(path: str | Path, type_name: str, dimensions: int) -> Array:
    """Read a photograph as what a Halide input takes.

    Parameters
    ----------
    path : str or pathlib.Path
        Any file that Pillow reads. The camera's rotation is applied, transparency is dropped. A ``.npy`` file is
        taken as it is.
    type_name : str
        ``"uint8"``, ``"uint16"`` or ``"float32"`` (0..1). Samples are rescaled from the file's full scale.
    dimensions : int
        2 for grey (Rec. 601 luma of a colour photograph), 3 for planar RGB.

    Returns
    -------
    numpy.ndarray
        ``[y, x]`` or ``[c, y, x]`` with three channels.

    Raises
    ------
    UsageError
        If the file cannot be read, or an input of this type takes no photographs.
    """
    if Path(path).suffix.lower() == ".npy":
        return _load_array(path)
    if type_name not in _FULL_SCALE or dimensions not in (2, 3):
        raise UsageError(
            f"{path}: a photograph cannot be a {dimensions}-D image of {type_name}; "
            f"photographs become 2-D or 3-D images of {', '.join(_FULL_SCALE)}, and .npy holds anything"
        )
    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file)
            if image.mode in _WIDE_MODES:
                samples = np.asarray(image).astype(np.uint16)
            else:
                image = image.convert("RGBA").convert("RGB") if image.mode in ("P", "PA") else image
                samples = np.asarray(image.convert("L" if dimensions == 2 else "RGB"))
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except UnidentifiedImageError:
        raise UsageError(f"{path}: is not an image that Pillow can read") from None
    except (OSError, Image.DecompressionBombError) as error:
        raise UsageError(f"{path}: {error}") from None
    if dimensions == 3 and samples.ndim == 2:
        samples = np.repeat(samples[:, :, None], 3, axis=2)
    if samples.ndim == 3:
        samples = np.moveaxis(samples, 2, 0)
    return np.ascontiguousarray(_rescale(samples, type_name))


def _load_array(path: str | Path) -> Array:
    try:
        array: Array = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: is not a .npy file of numbers: {error}") from None
    return array


def _rescale(samples: Array, type_name: str) -> Array:
    source, target = _FULL_SCALE[samples.dtype.name], _FULL_SCALE[type_name]
    if type_name == "float32":
        return (samples / np.float32(source)).astype(np.float32)
    if source == target:
        return samples
    return ((samples.astype(np.uint32) * target + source // 2) // source).astype(type_name)


def save_image(path: str | Path, array: Array) -> None:
    """Write the output of a pipeline.

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
    if Path(path).suffix.lower() == ".npy":
        _written(path, lambda: np.save(path, array))
        return
    channels = array.shape[0] if array.ndim == 3 else 1
    grey = array.ndim == 2 or (array.ndim == 3 and channels == 1)
    if array.dtype == np.uint8 and (grey or (array.ndim == 3 and channels in (3, 4))):
        image = Image.fromarray(array.reshape(array.shape[-2:]) if grey else np.moveaxis(array, 0, 2).copy())
    elif array.dtype == np.uint16 and grey:
        if Path(path).suffix.lower() not in (".png", ".tif", ".tiff"):
            raise UsageError(f"{path}: a 16-bit image is written as .png or .tiff")
        image = Image.fromarray(array.reshape(array.shape[-2:]))
    else:
        shape = "x".join(str(n) for n in reversed(array.shape))
        raise UsageError(
            f"{path}: an output of {array.dtype.name} and size {shape} is not an image; "
            "images are uint8 with 1, 3 or 4 channels, or uint16 with one; .npy holds anything"
        )
    _written(path, lambda: image.save(path))


def check_writable(path: str | Path) -> None:
    """Refuse a path that :func:`save_image` cannot write, before hours of simulation.

    Raises
    ------
    UsageError
        If its folder does not exist, or its ending names no format.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}")
    if path.suffix.lower() not in (".npy", *Image.registered_extensions()):
        raise UsageError(f"{path}: an image file ends in .png, .npy or another ending that Pillow knows")


def _written(path: str | Path, write: Callable[[], None]) -> None:
    try:
        write()
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be written: {error}") from None


def crop(array: Array, sizes: Sequence[int]) -> Array:
    """Return the middle of an image, `sizes` (x, y) pixels large.

    Raises
    ------
    UsageError
        If the image is smaller.
    """
    height, width = array.shape[-2:]
    if sizes[0] > width or sizes[1] > height:
        raise UsageError(f"the photograph is {width}x{height}, too small for {sizes[0]}x{sizes[1]}")
    left, top = (width - sizes[0]) // 2, (height - sizes[1]) // 2
    return np.ascontiguousarray(array[..., top : top + sizes[1], left : left + sizes[0]])


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
    ramp = low + (np.indices(shape).sum(axis=0) % 256) / 255 * (float(high) - float(low))
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
