"""An image file as what a Halide input takes, and what that changes of its samples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from fluorite.errors import UsageError
from fluorite.host.files import file_size
from fluorite.run.images.arrays import ARRAY_ENDINGS, load_array
from fluorite.run.images.photographs import read_photo
from fluorite.run.images.pnm import is_pnm, read_pnm
from fluorite.run.images.samples import Array, Photo, check_size

__all__ = ["load_image"]

_FULL_SCALE = {"uint8": 255, "uint16": 65535, "float32": 1}
_LUMA = (19595, 38470, 7471)  # Rec. 601's 0.299, 0.587, 0.114, of 65536


def load_image(
    path: str | Path, type_name: str, dimensions: int, note: Callable[[str], None] = lambda _: None
) -> Array:
    """Read an image file as what a Halide input takes.

    Samples of the input's own type are taken as they are. Others are scaled from the file's full scale to that of
    uint8, uint16 or float32 (0..1); those without a full scale (signed, 32-bit and float samples) are refused.

    Parameters
    ----------
    path : str or pathlib.Path
        A photograph: PNG, JPEG, TIFF, PNM, BMP, GIF, WebP or TGA, turned upright, its transparency dropped. Or a
        ``.npy`` file, or a ``.npz`` file with one array, which are taken as they are.
    type_name : str
        Halide's name of the input's element type.
    dimensions : int
        2 for grey (Rec. 601 luma of a colour photograph), 3 for planar RGB.
    note : callable
        Told, a sentence each, in what the image is not what the file holds.

    Returns
    -------
    numpy.ndarray
        ``[y, x]`` or ``[c, y, x]`` with three channels.

    Raises
    ------
    UsageError
        If the file cannot be read, or its samples do not become such an image.
    """
    path = Path(path)
    if path.suffix.lower() in ARRAY_ENDINGS:
        return load_array(path)
    if dimensions not in (2, 3):
        raise UsageError(f"{path}: a photograph is no {dimensions}-D image; .npy holds anything")
    file_size(path)
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    photo = read_pnm(path) if is_pnm(start) else read_photo(path)
    scaled = _check_type(path, photo, type_name, dimensions)
    pixels = photo.samples.shape[0] * photo.samples.shape[1]
    check_size(path, pixels * (3 if dimensions == 3 else 1) * np.dtype(type_name).itemsize)
    remarks = list(photo.remarks)
    samples = photo.samples
    if dimensions == 2 and samples.ndim == 3:
        samples = _luma(samples)
        remarks.append("colour made grey (Rec. 601 luma)")
    if scaled:
        remarks.append(f"{_bits(photo)}-bit samples scaled to {_target(type_name)}")
        samples = _scaled(samples, photo.full_scale or 1, type_name)
    if dimensions == 3 and samples.ndim == 2:
        samples = np.broadcast_to(samples, (3, *samples.shape))
        remarks.append("grey repeated in three channels")
    elif samples.ndim == 3:
        samples = np.moveaxis(samples, 2, 0)
    for remark in remarks:
        note(f"{path}: {remark}")
    return np.ascontiguousarray(samples)


def _check_type(path: Path, photo: Photo, type_name: str, dimensions: int) -> bool:
    """Whether the samples have to be scaled; refuse what cannot be."""
    held = photo.samples.dtype.name
    if held == type_name and (held == "bool" or photo.full_scale in (None, _FULL_SCALE.get(held))):
        return False
    if photo.full_scale is not None and type_name in _FULL_SCALE:
        return True
    if photo.full_scale is None:
        why = f"{held} samples have no full scale"
    else:
        why = f"samples are scaled to {', '.join(_FULL_SCALE)} only"
    factor = ""
    if held.startswith("float") and type_name in _FULL_SCALE:
        factor = f" * {_FULL_SCALE[type_name]} + 0.5"  # those of 0..1
    source, target = str(path), str(path.with_suffix(".npy"))
    command = (
        "import numpy; from fluorite.run.images import load_image; "
        f"numpy.save({target!r}, (load_image({source!r}, {held!r}, {dimensions}){factor}).astype({type_name!r}))"
    )
    raise UsageError(
        f"{path}: holds {held} samples and the input takes {type_name}; {why}: convert them as you mean them and give "
        f'the array, such as by python -c "{command}"'
    )


def _bits(photo: Photo) -> int:
    return (photo.full_scale or 1).bit_length()


def _target(type_name: str) -> str:
    return "0..1" if type_name == "float32" else f"{np.dtype(type_name).itemsize * 8} bits"


def _luma(samples: Array) -> Array:
    """Grey of the same depth; a grey pixel's is its own value."""
    total = np.full(samples.shape[:2], 1 << 15, np.uint32)  # 65535 * 65536 + 32768 fits
    for channel, weight in enumerate(_LUMA):
        total += samples[..., channel] * np.uint32(weight)
    return (total >> 16).astype(samples.dtype)


def _scaled(samples: Array, source: int, type_name: str) -> Array:
    if type_name == "float32":
        return (samples / np.float32(source)).astype(np.float32)
    # Of at most 65536 different samples, each is scaled once; rounded to nearest.
    table = (np.arange(source + 1, dtype=np.uint64) * _FULL_SCALE[type_name] + source // 2) // source
    return table.astype(type_name)[samples.astype(np.intp) if samples.dtype == np.bool_ else samples]
