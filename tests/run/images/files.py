"""Image files of every kind that are made by others than fluorite, for its readers to be right about."""

import io
import struct
import zlib

import numpy as np
import tifffile
from PIL import Image

__all__ = ["encoded", "kinds", "png_16"]


def png_16(samples):
    """A 16-bit PNG with 1 to 4 channels; the filters take turns."""
    height, width, channels = samples.shape
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = np.frombuffer(samples.astype(">u2").tobytes(), np.uint8).reshape(height, -1).astype(int)
    left = np.pad(rows, ((0, 0), (2 * channels, 0)))[:, : rows.shape[1]]
    above = np.pad(rows, ((1, 0), (0, 0)))[:height]
    data = b""
    for y in range(height):
        filtered = (rows, rows - left, rows - above, rows - (left + above) // 2)[y % 4][y]
        data += bytes([y % 4]) + (filtered % 256).astype(np.uint8).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(data)), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def _pillow(samples, name, **options):
    file = io.BytesIO()
    Image.fromarray(samples).save(file, name, **options)
    return file.getvalue()


def _tiff(samples, **options):
    file = io.BytesIO()
    photometric = "rgb" if samples.ndim == 3 else "minisblack"
    tifffile.imwrite(file, samples, photometric=photometric, **options)
    return file.getvalue()


def _pnm(samples, maximum):
    kind, size = "6" if samples.ndim == 3 else "5", f"{samples.shape[1]} {samples.shape[0]}"
    raster = samples.astype(">u2" if maximum > 255 else np.uint8).tobytes()
    return f"P{kind}\n# a comment\n{size}\n{maximum}\n".encode() + raster


def _pnm_text(samples, maximum):
    kind, size = "3" if samples.ndim == 3 else "2", f"{samples.shape[1]} {samples.shape[0]}"
    return f"P{kind} {size}\n{maximum}\n{' '.join(map(str, samples.ravel()))}\n".encode()


def _npz(samples):
    file = io.BytesIO()
    np.savez(file, image=samples)
    return file.getvalue()


def _npy(samples):
    file = io.BytesIO()
    np.save(file, samples)
    return file.getvalue()


def encoded(kind, samples):
    """A file of one of :func:`kinds`."""
    ending, _, what = kind.partition(" ")
    match ending, what:
        case "png", "16":
            return png_16(samples if samples.ndim == 3 else samples[..., None])
        case "png", "1":
            return _pillow(samples, "PNG", bits=1)
        case (("pgm" | "ppm"), "text"):
            return _pnm_text(samples, 255)
        case (("pgm" | "ppm"), maximum):
            return _pnm(samples, int(maximum))
        case "pbm", _:
            rows = np.packbits(~samples, axis=1)
            return f"P4 {samples.shape[1]} {samples.shape[0]}\n".encode() + rows.tobytes()
        case "tif", what:
            words = what.split()
            return _tiff(
                samples, byteorder=">" if "big" in words else "<", compression="zlib" if "zlib" in words else None
            )
        case "npy", _:
            return _npy(samples)
        case "npz", _:
            return _npz(samples)
    return _pillow(samples, {"jpg": "JPEG", "bmp": "BMP", "png": "PNG", "gif": "GIF"}[ending])


def kinds():
    """(kind, element type, colours, full scale or None): the files that hold exactly what they are given."""
    grey, rgb = (1,), (3,)
    found = [("png 8", "uint8", grey + rgb, 255), ("png 16", "uint16", grey + rgb, 65535), ("png 1", "bool", grey, 1)]
    found += [("bmp 8", "uint8", grey + rgb, 255), ("gif 8", "uint8", grey, 255), ("pbm 1", "bool", grey, 1)]
    for maximum in (1, 100, 255, 1023, 65535):
        name = "uint8" if maximum < 256 else "uint16"
        found += [(f"pgm {maximum}", name, grey, maximum), (f"ppm {maximum}", name, rgb, maximum)]
    found += [("pgm text", "uint8", grey, 255), ("ppm text", "uint8", rgb, 255)]
    for how in ("little", "big", "little zlib", "big zlib"):
        found += [(f"tif uint8 {how}", "uint8", grey + rgb, 255), (f"tif uint16 {how}", "uint16", grey + rgb, 65535)]
        found += [(f"tif {name} {how}", name, grey, None) for name in ("int8", "int16", "int32", "float32")]
    return [*found, ("tif uint32 little", "uint32", grey, None), ("tif uint32 little zlib", "uint32", grey, None)]
