"""Images made up, cut out and compared."""

import numpy as np
import pytest

from fluorite.errors import UsageError
from fluorite.run.images import crop, difference_image, random_image

RGB = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
GREY = np.arange(5 * 7, dtype=np.uint8).reshape(5, 7) * 7


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
