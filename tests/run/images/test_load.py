"""Photographs in, images out."""

import re

import numpy as np
import pytest
from PIL import Image

from fluorite.errors import UsageError
from fluorite.run.images import load_image

RGB = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
GREY = np.arange(5 * 7, dtype=np.uint8).reshape(5, 7) * 7
READ = "PNG, JPEG, TIFF, BMP, GIF, WebP, TGA and PNM"


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


@pytest.mark.parametrize("dimensions", [1, 4])
def test_load_refuses_dimensions_that_no_photograph_has(grey, dimensions):
    message = f"{grey}: a photograph is no {dimensions}-D image; .npy holds anything"
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        load_image(grey, "uint8", dimensions)


def test_load_refuses_a_missing_file(tmp_path):
    for name in ("none.png", "none.npy"):
        with pytest.raises(UsageError, match=rf"^{re.escape(str(tmp_path / name))}: no such file$"):
            load_image(tmp_path / name, "uint8", 2)


def test_load_refuses_what_is_no_image(tmp_path):
    path = tmp_path / "text.png"
    path.write_text("not an image")
    message = f"{path}: is no image that is read exactly, which {READ} are; convert it to PNG or TIFF"
    with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
        load_image(path, "uint8", 2)


def test_load_refuses_a_broken_npy(tmp_path):
    path = tmp_path / "broken.npy"
    path.write_text("not an array")
    with pytest.raises(UsageError, match=rf"^{re.escape(str(path))}: is not a \.npy file of numbers: "):
        load_image(path, "uint8", 2)
