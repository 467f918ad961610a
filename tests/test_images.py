"""Photographs in, images out."""

import re

import numpy as np
import pytest
from PIL import Image

from fluorite.errors import UsageError
from fluorite.images import check_writable, crop, difference_image, load_image, random_image, save_image

RGB = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
GREY = np.arange(5 * 7, dtype=np.uint8).reshape(5, 7) * 7


@pytest.fixture
def rgb(tmp_path):
    path = tmp_path / "rgb.png"
    Image.fromarray(RGB).save(path)
    return path


@pytest.fixture
def grey(tmp_path):
    path = tmp_path / "grey.png"
    Image.fromarray(GREY).save(path)
    return path


def test_grey_photograph_is_taken_as_it_is(grey):
    loaded = load_image(grey, "uint8", 2)
    assert loaded.dtype == np.uint8
    np.testing.assert_array_equal(loaded, GREY)


def test_colour_photograph_becomes_planar(rgb):
    loaded = load_image(rgb, "uint8", 3)
    assert loaded.shape == (3, 5, 7)
    np.testing.assert_array_equal(loaded, np.moveaxis(RGB, 2, 0))
    assert loaded.flags.c_contiguous


def test_colour_photograph_becomes_luma(rgb):
    loaded = load_image(rgb, "uint8", 2).astype(int)
    luma = RGB @ np.array([0.299, 0.587, 0.114])
    assert loaded.shape == (5, 7)
    assert np.abs(loaded - luma).max() <= 1


def test_grey_photograph_fills_three_channels(grey):
    loaded = load_image(grey, "uint8", 3)
    np.testing.assert_array_equal(loaded, np.stack([GREY] * 3))


def test_transparency_is_dropped(tmp_path):
    path = tmp_path / "rgba.png"
    Image.fromarray(np.concatenate([RGB, np.full((5, 7, 1), 9, np.uint8)], axis=2)).save(path)
    np.testing.assert_array_equal(load_image(path, "uint8", 3), np.moveaxis(RGB, 2, 0))


def test_palette_is_resolved(tmp_path):
    path = tmp_path / "palette.png"
    Image.fromarray(np.repeat(GREY[:, :, None], 3, axis=2)).convert("P").save(path)
    expected = np.asarray(Image.open(path).convert("RGB"))
    np.testing.assert_array_equal(load_image(path, "uint8", 3), np.moveaxis(expected, 2, 0))


def test_8_bits_fill_the_scale_of_16(grey):
    np.testing.assert_array_equal(load_image(grey, "uint16", 2), GREY.astype(np.uint16) * 257)


def test_16_bits_are_kept_and_reduced(tmp_path):
    wide = np.array([[0, 127, 128, 257], [32767, 32768, 65406, 65535]], np.uint16)
    path = tmp_path / "wide.png"
    Image.fromarray(wide).save(path)
    np.testing.assert_array_equal(load_image(path, "uint16", 2), wide)
    np.testing.assert_array_equal(load_image(path, "uint8", 2), np.rint(wide / 257).astype(np.uint8))
    assert load_image(path, "uint16", 3).shape == (3, 2, 4)


def test_float_is_zero_to_one(grey):
    loaded = load_image(grey, "float32", 2)
    assert loaded.dtype == np.float32
    np.testing.assert_allclose(loaded, GREY / 255, rtol=1e-6)


def test_npy_is_taken_as_it_is(tmp_path):
    path = tmp_path / "data.npy"
    np.save(path, np.arange(24, dtype=np.int32).reshape(2, 3, 4))
    loaded = load_image(path, "int32", 3)
    assert loaded.dtype == np.int32
    assert loaded.shape == (2, 3, 4)


@pytest.mark.parametrize(("type_name", "dimensions"), [("int16", 2), ("uint32", 3), ("uint8", 1), ("uint8", 4)])
def test_load_refuses_what_no_photograph_is(grey, type_name, dimensions):
    message = (
        f"{grey}: a photograph cannot be a {dimensions}-D image of {type_name}; "
        "photographs become 2-D or 3-D images of uint8, uint16, float32, and .npy holds anything"
    )
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        load_image(grey, type_name, dimensions)


def test_load_refuses_a_missing_file(tmp_path):
    for name in ("none.png", "none.npy"):
        with pytest.raises(UsageError, match=rf"^{re.escape(str(tmp_path / name))}: no such file$"):
            load_image(tmp_path / name, "uint8", 2)


def test_load_refuses_what_is_no_image(tmp_path):
    path = tmp_path / "text.png"
    path.write_text("not an image")
    with pytest.raises(UsageError, match=rf"^{re.escape(str(path))}: is not an image that Pillow can read$"):
        load_image(path, "uint8", 2)


def test_load_refuses_a_broken_npy(tmp_path):
    path = tmp_path / "broken.npy"
    path.write_text("not an array")
    with pytest.raises(UsageError, match=rf"^{re.escape(str(path))}: is not a \.npy file of numbers: "):
        load_image(path, "uint8", 2)


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
    message = f"{tmp_path / 'out.jpg'}: a 16-bit image is written as .png or .tiff"
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        save_image(tmp_path / "out.jpg", array)


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


def test_save_reports_what_the_system_says(tmp_path):
    for name in ("missing/out.png", "out.unheard-of", "missing/out.npy"):
        with pytest.raises(UsageError, match=rf"^{re.escape(str(tmp_path / name))}: cannot be written: "):
            save_image(tmp_path / name, GREY)


def test_paths_are_checked_before_there_is_an_image(tmp_path):
    for name in ("out.png", "out.PNG", "out.npy", "out.jpg"):
        check_writable(tmp_path / name)
    for name, message in (
        ("missing/out.png", f"there is no folder {tmp_path / 'missing'}"),
        ("out", "an image file ends in .png, .npy or another ending that Pillow knows"),
    ):
        with pytest.raises(UsageError, match=f"^{re.escape(f'{tmp_path / name}: {message}')}$"):
            check_writable(tmp_path / name)


def test_crop_takes_the_middle():
    np.testing.assert_array_equal(crop(GREY, [3, 1]), GREY[2:3, 2:5])
    planar = np.moveaxis(RGB, 2, 0)
    np.testing.assert_array_equal(crop(planar, [7, 3]), planar[:, 1:4])
    with pytest.raises(UsageError, match=r"^the photograph is 7x5, too small for 8x5$"):
        crop(GREY, [8, 5])


@pytest.mark.parametrize(
    "type_name", ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
)
def test_random_image_meets_the_whole_range(type_name):
    image = random_image((65, 97), type_name, np.random.default_rng(1))
    assert image.dtype == np.dtype(type_name)
    assert image.shape == (65, 97)
    limits = (0, 1) if type_name == "bool" else (np.iinfo(type_name).min, np.iinfo(type_name).max)
    assert (image.min(), image.max()) == limits
    np.testing.assert_array_equal(image, random_image((65, 97), type_name, np.random.default_rng(1)))
    assert (image != random_image((65, 97), type_name, np.random.default_rng(2))).any()


@pytest.mark.parametrize("type_name", ["float32", "float64"])
def test_random_floats_are_zero_to_one(type_name):
    image = random_image((3, 33, 9), type_name, np.random.default_rng(1))
    assert image.dtype == np.dtype(type_name)
    assert (image.min(), image.max()) == (0, 1)


def test_difference_shows_every_change():
    other = GREY.copy()
    other[2, 3] ^= 1
    expected = np.zeros_like(GREY)
    expected[2, 3] = 255
    np.testing.assert_array_equal(difference_image(GREY, other), expected)
