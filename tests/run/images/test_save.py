"""Outputs as files: exact, whole, and refused before the work where no file holds them."""

import re

import numpy as np
import pytest
from PIL import Image

from fluorite.errors import UsageError
from fluorite.run.images import check_output, load_image, save_image

RGB = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
GREY = np.arange(5 * 7, dtype=np.uint8).reshape(5, 7) * 7


@pytest.mark.parametrize("shape", [(5, 7), (1, 1), (1, 5, 7), (3, 5, 7), (4, 5, 7)])
def test_save_8_bits(tmp_path, shape):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    save_image(tmp_path / "out.png", array)
    read = np.asarray(Image.open(tmp_path / "out.png"))
    expected = array if array.ndim == 2 else array[0] if shape[0] == 1 else np.moveaxis(array, 0, 2)
    np.testing.assert_array_equal(read, expected)


def test_save_16_bits(tmp_path):
    array = np.array([[0, 1, 258], [65535, 256, 255]], np.uint16)
    save_image(tmp_path / "out.png", array)
    np.testing.assert_array_equal(load_image(tmp_path / "out.png", "uint16", 2), array)


@pytest.mark.parametrize(
    ("shape", "type_name", "endings"),
    [
        ((5, 7), "uint8", ".png .tif .tiff .bmp .pgm"),
        ((3, 5, 7), "uint8", ".png .tif .tiff .bmp .webp .ppm"),
        ((4, 5, 7), "uint8", ".png .tif .tiff .webp"),
        ((5, 7), "uint16", ".png .tif .tiff"),
    ],
)
def test_what_is_written_is_exact(tmp_path, shape, type_name, endings):
    array = np.random.default_rng(1).integers(0, np.iinfo(type_name).max + 1, shape, type_name)
    if shape[0] == 4:
        array[3, 0] = 0  # transparent pixels keep their colours
    for ending in endings.split():
        save_image(tmp_path / f"out{ending}", array)
        read = np.asarray(Image.open(tmp_path / f"out{ending}"))
        np.testing.assert_array_equal(read, array if array.ndim == 2 else np.moveaxis(array, 0, 2), ending)


@pytest.mark.parametrize(
    ("name", "type_name", "sizes", "message"),
    [
        ("out.jpg", "uint16", (7, 5), "JPEG does not hold uint16 with 1 channel exactly; .png, .tif, .tiff do"),
        ("out.bmp", "uint8", (7, 5, 4), "BMP does not hold uint8 with 4 channels exactly; .png, .tif, .tiff, .webp do"),
        ("out.webp", "uint8", (16384, 5, 3), "WEBP has at most 16383 pixels a side, and the output is 16384x5"),
        ("out.jpg", "uint8", (7, 65536), "JPEG has at most 65535 pixels a side, and the output is 7x65536"),
    ],
)
def test_formats_are_refused_what_they_do_not_hold(tmp_path, name, type_name, sizes, message):
    with pytest.raises(UsageError, match=f"^{re.escape(f'{tmp_path / name}: {message}')}$"):
        check_output(tmp_path / name, type_name, sizes)


def test_save_npy(tmp_path):
    array = np.arange(6, dtype=np.int64).reshape(1, 2, 3)
    save_image(tmp_path / "out.npy", array)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), array)


@pytest.mark.parametrize(
    ("array", "what"),
    [
        (np.zeros((2, 3), np.int16), "int16 and size 3x2"),
        (np.zeros((3, 2, 4), np.uint16), "uint16 and size 4x2x3"),
        (np.zeros((2, 2, 4), np.uint8), "uint8 and size 4x2x2"),
        (np.zeros(4, np.uint8), "uint8 and size 4"),
    ],
)
def test_save_refuses_what_no_image_is(tmp_path, array, what):
    message = (
        f"{tmp_path / 'out.png'}: an output of {what} is not an image; "
        "images are uint8 with 1, 3 or 4 channels, or uint16 with one; .npy holds anything"
    )
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        save_image(tmp_path / "out.png", array)


def test_paths_are_checked_before_there_is_an_image(tmp_path):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").touch()
    endings = "an output file ends in .png, .tif, .tiff, .jpg, .jpeg, .bmp, .webp, .pgm, .ppm or .npy"
    for name in ("out.png", "out.PNG", "out.npy", "out.jpg"):
        check_output(tmp_path / name, "uint8", (7, 5))
    for name, message in (
        ("missing/out.png", f"there is no folder {tmp_path / 'missing'}"),
        ("file/out.png", f"there is no folder {tmp_path / 'file'}"),
        ("folder.png", "is a folder"),
        ("out", endings),
        ("out.psd", endings),
        ("x" * 300 + ".png", "cannot be written: File name too long"),
    ):
        with pytest.raises(UsageError, match=f"^{re.escape(f'{tmp_path / name}: {message}')}$"):
            check_output(tmp_path / name, "uint8", (7, 5))
        with pytest.raises(UsageError, match=f"^{re.escape(f'{tmp_path / name}: {message}')}$"):
            save_image(tmp_path / name, GREY)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.png"]
