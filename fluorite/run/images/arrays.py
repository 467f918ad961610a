"""Arrays from ``.npy`` and ``.npz`` files, taken as they are."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from fluorite.errors import UsageError
from fluorite.host.files import file_size
from fluorite.run.images.samples import Array, check_size

__all__ = ["ARRAY_ENDINGS", "load_array"]

ARRAY_ENDINGS = (".npy", ".npz")
_NUMBERS = "biuf"  # numpy's kinds


def load_array(path: Path) -> Array:
    """Read a ``.npy`` file, or a ``.npz`` file that holds one array.

    Raises
    ------
    UsageError
        The file is damaged, does not hold numbers, or holds several arrays.
    """
    size = file_size(path)
    ending = path.suffix.lower()
    try:
        if ending == ".npy":
            with path.open("rb") as file:
                return _read(path, file, size)
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(names) != 1:
                listed = ", ".join(name.removesuffix(".npy") for name in names) or "none"
                raise UsageError(f"{path}: must hold one array; it holds {len(names)}: {listed}")
            with archive.open(names[0]) as member:
                return _read(path, member, archive.getinfo(names[0]).file_size)
    except UsageError:
        raise
    except Exception as error:  # numpy and zipfile raise whatever damaged bytes lead them to
        raise UsageError(f"{path}: is not {_article(ending)} file of numbers: {_told(error)}") from None


def _read(path: Path, file: IO[bytes], size: int) -> Array:
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):  # later ones only differ in the names of fields
        raise ValueError(f"version {version[0]}.{version[1]} of the format")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran_order, dtype = read(file)
    if dtype.kind not in _NUMBERS:
        raise ValueError(f"its elements are {dtype}")
    if not all(0 < n < 1 << 31 for n in shape):
        raise ValueError(f"its shape is {shape}")
    wanted = math.prod(shape) * dtype.itemsize
    there = size - file.tell()
    if wanted != there:
        raise ValueError(f"{wanted} bytes of an array {shape} of {dtype} are expected, {there} are there")
    check_size(path, wanted)
    data = bytearray(file.read(wanted + 1))  # to the end, where zipfile compares its checksum
    if len(data) != wanted:
        raise ValueError(f"{wanted} bytes are expected, {len(data)} are there")
    flat = np.frombuffer(data, dtype)
    return flat.reshape(shape[::-1]).T if fortran_order else flat.reshape(shape)


def _article(ending: str) -> str:
    return f"an {ending}" if ending == ".npz" else f"a {ending}"


def _told(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
