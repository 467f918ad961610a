"""Damaged image files: real ones cut, flipped, with absurd numbers in them, of the wrong kind; and bombs."""

import io
import re
import struct
import zipfile
import zlib

import numpy as np
from PIL import Image

from tests.run.images.files import encoded, kinds

__all__ = ["BOMBS", "damaged_image", "sound_files"]

_ENDINGS = ("png", "ppm", "pgm", "tif", "npy", "npz", "jpg", "bmp", "gif", "webp", "txt", "psd", "eps")
_NUMBERS = (0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 99999, 2**31 - 1, 2**31, 2**32 - 1)
_TEXTS = ("0", "-1", "1", "70000", "2147483647", "99999999999999999999", "1e9", "x", "", "9" * 5000, "None", "(((")


def sound_files():
    """(ending, bytes) of a small file of every kind, and of arrays of odd types."""
    rng = np.random.default_rng(4)
    files = []
    for kind, type_name, channels, full_scale in kinds():
        for count in channels:
            shape = (9, 13, 3) if count == 3 else (9, 13)
            samples = rng.random(shape) < 0.5 if type_name == "bool" else rng.random(shape) * min(full_scale or 99, 255)
            files.append((kind.split()[0], encoded(kind, samples.astype(type_name))))
    grey, rgb = rng.integers(0, 256, (9, 13), np.uint8), rng.integers(0, 256, (9, 13, 3), np.uint8)
    rgba = rng.integers(0, 256, (9, 13, 4), np.uint8)
    files += [("jpg", encoded("jpg", grey)), ("jpg", encoded("jpg", rgb))]
    for ending, name, image in (
        ("webp", "WEBP", rgb), ("tga", "TGA", rgb), ("jp2", "JPEG2000", rgb), ("png", "PNG", rgba),
        ("ico", "ICO", rgba), ("tif", "TIFF", rgba),
    ):  # fmt: skip
        file = io.BytesIO()
        Image.fromarray(image).save(file, name)
        files.append((ending, file.getvalue()))
    turned = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    for options in ({"progressive": True}, {"exif": turned}):
        file = io.BytesIO()
        Image.fromarray(rgb).save(file, "JPEG", **options)
        files.append(("jpg", file.getvalue()))
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "GIF", save_all=True, append_images=[Image.fromarray(255 - grey)])
    files.append(("gif", file.getvalue()))
    for compression in ("tiff_lzw", "packbits", "jpeg", "tiff_adobe_deflate"):
        file = io.BytesIO()
        Image.fromarray(rgb).save(file, "TIFF", compression=compression)
        files.append(("tif", file.getvalue()))
    for array in (grey, rgb, grey.astype("f8"), grey.astype("c8"), grey.astype("M8[s]"), grey.astype("S3"), grey[:0]):
        files += [("npy", encoded("npy", array)), ("npz", encoded("npz", array))]
    file = io.BytesIO()
    np.save(file, np.array([{}, None], object), allow_pickle=True)
    return [*files, ("npy", file.getvalue())]


def _png_checksums(data):
    """The checksums of a PNG's chunks made right, so that what is damaged inside is looked at."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    result, at = bytearray(data[:8]), 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if at + 12 + length > len(data):
            break
        result += data[at : at + 8 + length] + struct.pack(">I", zlib.crc32(data[at + 4 : at + 8 + length]))
        at += 12 + length
    return bytes(result + data[at:])


def damaged_image(rng, files):
    """(ending, bytes) of a damaged file; `rng` is a random.Random."""
    ending, data = rng.choice(files)
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        match rng.randrange(10):
            case 0:
                del data[rng.randrange(len(data) + 1) :]
            case 1:
                for _ in range(rng.choice((1, 3, 20))):
                    if data:
                        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            case 2 | 3 | 4:  # a number in the header
                at = rng.randrange(0, min(len(data), 128) + 1, rng.choice((1, 2, 4)))
                data[at : at + 4] = struct.pack(rng.choice("<>") + "I", rng.choice(_NUMBERS))
            case 5:
                at = rng.randrange(0, min(len(data), 600) + 1, 2)
                data[at : at + 2] = struct.pack(rng.choice("<>") + "H", rng.choice(_NUMBERS) % 65536)
            case 6:  # a number in a text
                words = [m.span() for m in re.finditer(rb"\d+|'[^']*'", bytes(data[:128]))]
                if words:
                    start, end = rng.choice(words)
                    data[start:end] = rng.choice(_TEXTS).encode()
            case 7:
                at = rng.randrange(len(data) + 1)
                data[at:at] = rng.randbytes(rng.choice((1, 4, 500)))
            case 8:
                ending = rng.choice(_ENDINGS)
            case 9:
                data[: rng.randrange(16)] = rng.choice(files)[1][: rng.randrange(16)]
    data = bytes(data)
    return ending, _png_checksums(data) if rng.random() < 0.5 else data


def _png(width, height, depth, colour, data):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    body = b"".join(struct.pack(">I", len(data)) + kind + data + b"0000" for kind, data in chunks)
    return _png_checksums(b"\x89PNG\r\n\x1a\n" + body)


def _npy_header(shape, type_name="|u1"):
    text = f"{{'descr': '{type_name}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text


def _zip_of(data, claimed=None):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("image.npy", data)
    result = file.getvalue()
    if claimed is not None:  # the size in both of its headers
        result = result.replace(struct.pack("<I", len(data)), struct.pack("<I", claimed))
    return result


_ZEROS = zlib.compress(bytes(30 << 20))

# Files that claim, or unpack to, what no memory holds.
BOMBS = (
    ("png", _png(13000, 13000, 8, 2, _ZEROS[:20000])),
    ("png", _png(30000, 30000, 16, 6, _ZEROS)),
    ("png", _png(2**31 - 1, 2**31 - 1, 8, 0, _ZEROS[:1000])),
    ("png", _png(2**31 - 1, 1, 16, 2, _ZEROS[:1000])),
    ("ppm", b"P6 99999 99999 255\n" + bytes(100)),
    ("pgm", b"P5 2147483647 2147483647 65535\n"),
    ("pgm", b"P2 70000 70000 255\n" + b"1 " * 100),
    ("pbm", b"P4 99999999 99999999\n"),
    ("npy", _npy_header((2**40,))),
    ("npy", _npy_header((2**31, 2**31))),
    ("npy", _npy_header((-1, 5))),
    ("npy", _npy_header((1,) * 60)),
    ("npy", _npy_header((5, 5), "|V1000000000")),
    ("npy", _npy_header("(" * 500 + ")" * 500)),
    ("npz", _zip_of(_npy_header((2**30, 4)) + bytes(1000))),
    ("npz", _zip_of(_npy_header((2**31 - 1,)) + bytes(1000), claimed=2**31 - 1 + 128)),
    ("npz", _zip_of(_npy_header((30 << 20, 3)) + bytes(30 << 20))),
)
