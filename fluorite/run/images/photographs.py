"""Photographs through Pillow: every sample as it is in the file, or a refusal.

Pillow keeps 8 bits of 16-bit colour and holds every wider sample as 32 bits. Where the samples are not what it gives,
they are decoded as what has them: 16-bit colour twice, in both byte orders, each of which keeps the other half.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps, TiffImagePlugin, UnidentifiedImageError

from fluorite.errors import UsageError
from fluorite.host.files import file_size
from fluorite.run.images.samples import Array, Photo

__all__ = ["read_photo"]

# Those whose decoders give all bits. Others (JPEG 2000, AVIF, SGI) may be wider than what Pillow gives.
_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "DIB", "GIF", "WEBP", "TGA")
_COLOUR_16 = ("RGB;16", "RGBA;16", "RGBX;16")
_TIFF_PLANES, _TIFF_WHITE_IS_ZERO = 284, 262
_SIGNED, _FLOAT = 2, 3  # TIFF's kinds of sample
_DECODED = "PNG, JPEG, TIFF, BMP, GIF, WebP, TGA and PNM"
_BOMB_BYTES = 64 << 20  # images up to this size may be as well compressed as they like
_BOMB_RATIO = 2000  # deflate reaches 1032


def read_photo(path: Path) -> Photo:
    """Read a photograph, turned upright.

    Raises
    ------
    UsageError
        The file is damaged, or Pillow cannot give its samples.
    """
    size = file_size(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metadata that it cannot read
            return _read(path, size)
    except UsageError:
        raise
    except UnidentifiedImageError:
        raise UsageError(_unknown(path)) from None
    except Exception as error:  # Pillow's decoders raise whatever damaged bytes lead them to
        told = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(f"{path}: is damaged: {told}") from None


def _read(path: Path, size: int) -> Photo:
    with _opened(path) as image:
        if image.format == "PNG":
            image.verify()  # the checksums, which decoding skips
    with _opened(path) as image:
        pixels_bytes = image.width * image.height * (4 if image.mode not in ("1", "L", "P") else 1)
        if pixels_bytes > max(_BOMB_BYTES, _BOMB_RATIO * size):
            raise UsageError(f"{path}: says {image.width}x{image.height} pixels, and has {size} bytes")
        photo = _samples(path, image)
        remarks = list(photo.remarks)
        with contextlib.suppress(Exception):  # a damaged image after the first is no concern of ours
            frames = getattr(image, "n_frames", 1)
            if frames > 1 and image.format != "MPO":  # whose others are thumbnails
                remarks.append(f"the first of its {frames} images is taken")
    return Photo(photo.samples, photo.full_scale, tuple(remarks))


@contextlib.contextmanager
def _opened(path: Path, formats: tuple[str, ...] = _FORMATS) -> Iterator[ImageFile.ImageFile]:
    """Open an image as a stream: what Pillow opens by its name, it maps into memory, and turns some TIFFs wrongly."""
    with path.open("rb") as file, Image.open(file, formats=formats) as image:
        yield image


def _samples(path: Path, image: ImageFile.ImageFile) -> Photo:
    rawmode = _rawmode(image)
    turned = image.getexif().get(274, 1) in range(2, 9)
    remarks = ("turned upright, as its Exif orientation says",) if turned else ()
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        bits = image.tag_v2.get(258, (1,))
        kind = image.tag_v2.get(339, (1,))[0]
        if image.mode in ("I", "F", "I;16", "I;16B") or kind != 1:
            return _wide_tiff(path, image, bits[0], kind, remarks)
        if max(bits) > 8 and (not rawmode.startswith(_COLOUR_16) or image.tag_v2.get(_TIFF_PLANES, 1) != 1):
            raise UsageError(_unknown(path))
    if rawmode.startswith(_COLOUR_16):
        samples = _colour_16(path, image, rawmode)
        return Photo(samples, 65535, (*remarks, *_dropped("A" in rawmode)))
    if rawmode == "LA;16B":  # two bytes each, taken as four channels
        channels = _decoded(path, image, "RGBA").astype(np.uint16)
        return Photo(channels[..., 0] << 8 | channels[..., 1], 65535, (*remarks, *_dropped(True)))
    upright = ImageOps.exif_transpose(image)
    match upright.mode:
        case "1":
            return Photo(np.asarray(upright), 1, remarks)
        case "L" | "RGB":
            return Photo(np.asarray(upright), 255, remarks)
        case "I;16" | "I;16B":
            return Photo(np.asarray(upright).astype(np.uint16), 65535, remarks)
        case "LA" | "La":
            return Photo(np.asarray(upright.convert("RGBA"))[..., 0], 255, (*remarks, *_dropped(True)))
        case "P" | "PA" | "RGBA" | "RGBa" | "RGBX":
            alpha = upright.mode in ("RGBA", "RGBa", "PA") or "transparency" in upright.info
            samples = np.asarray(upright.convert("RGBA").convert("RGB"))
            if upright.mode in ("P", "PA") and (samples == samples[..., :1]).all():
                samples = samples[..., 0]  # a palette of greys
            return Photo(samples, 255, (*remarks, *_dropped(alpha)))
        case "CMYK" | "YCbCr":
            converted = f"{upright.mode} made RGB without a colour profile"
            return Photo(np.asarray(upright.convert("RGB")), 255, (*remarks, converted))
    raise UsageError(_unknown(path))


def _rawmode(image: ImageFile.ImageFile) -> str:
    """How the first tile of an image that is not yet loaded lies in the file, in Pillow's words."""
    if not image.tile:
        return ""
    arguments = image.tile[0].args
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def _colour_16(path: Path, image: Image.Image, rawmode: str) -> Array:
    plain, order = rawmode[:-1], rawmode[-1]
    if order == "N":
        order = "L" if sys.byteorder == "little" else "B"
    high = _decoded(path, image, plain + order)
    low = _decoded(path, image, plain + ("B" if order == "L" else "L"))
    return high[..., :3].astype(np.uint16) << 8 | low[..., :3]


def _decoded(path: Path, image: Image.Image, rawmode: str) -> Array:
    """The upright image, decoded as if it lay in the file like `rawmode`."""
    with _opened(path, (str(image.format),)) as again:
        tiles = []
        for tile in again.tile:
            arguments = (rawmode, *tile.args[1:]) if isinstance(tile.args, tuple) else rawmode
            tiles.append(tile._replace(args=arguments))
        again.tile = tiles
        if again.format == "TIFF":
            again.load()  # turns it
            return np.asarray(again)
        return np.asarray(ImageOps.exif_transpose(again))


def _wide_tiff(
    path: Path, image: TiffImagePlugin.TiffImageFile, bits: int, kind: int, remarks: tuple[str, ...]
) -> Photo:
    """Grey samples of more than 8 bits, signed or float."""
    rawmode = _rawmode(image)
    if image.tile and image.tile[0].codec_name == "libtiff" and rawmode in ("I;16BS", "I;32BS", "F;32BF"):
        # What is compressed comes in this machine's byte order, which Pillow knows of unsigned samples alone.
        rawmode = rawmode.replace("B", "") if sys.byteorder == "little" else rawmode
    samples = _decoded(path, image, rawmode)
    if samples.ndim != 2:
        raise UsageError(_unknown(path))
    inverted = image.tag_v2.get(_TIFF_WHITE_IS_ZERO) == 0
    match bits, kind:
        case 8, 2:
            return Photo(samples.view(np.int8), None, remarks)
        case 12 | 16, 1:
            full_scale = (1 << bits) - 1
            samples = samples.astype(np.uint16)
            return Photo(np.uint16(full_scale) - samples if inverted else samples, full_scale, remarks)
        case 16, 2:
            return Photo(samples.astype(np.int16), None, remarks)
        case 32, 1:
            return Photo(np.ascontiguousarray(samples).view(np.uint32), None, remarks)
        case 32, 2:
            return Photo(samples.astype(np.int32), None, remarks)
        case 32, 3:
            return Photo(samples.astype(np.float32), None, remarks)
    raise UsageError(_unknown(path))


def _dropped(alpha: bool) -> tuple[str, ...]:
    return ("transparency dropped",) if alpha else ()


def _unknown(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(4)
    if start in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        folder, name = os.path.split(path)
        target = os.path.join(folder, os.path.splitext(name)[0] + ".npy")
        command = f"import numpy, tifffile; numpy.save({target!r}, tifffile.imread({str(path)!r}))"
        return (
            f"{path}: Pillow reads no TIFF like this one; if it is not damaged, convert it (colour has its channels "
            f'first): python -c "{command}"'
        )
    return f"{path}: is no image that is read exactly, which {_DECODED} are; convert it to PNG or TIFF"
