"""What a region of the output needs of a stream, at any rate."""

from dataclasses import replace
from fractions import Fraction

import halide as hl
import pytest

import fluorite
from fluorite.hwgen.formula import constant, floor_div, maximum, minimum, variable

x, y, c = hl.Var("x"), hl.Var("y"), hl.Var("c")
MIN_X, EXTENT_X = variable("min_x"), variable("extent_x")
LAST_X = MIN_X + EXTENT_X - 1


def compiled():
    image, hw = hl.ImageParam(hl.UInt(8), 3, "image"), hl.Func("hw")
    hw[x, y, c] = image[x - 1, y, c] + image[x, y + 2, c]
    hw.set_estimate(x, 0, 64).set_estimate(y, 0, 32).bound(c, 2, 3).unroll(c)
    hw.reorder(c, x, y).accelerate([image], x, hl.Var.outermost())
    return fluorite.compile(hw).accelerators[0].generated


@pytest.fixture(scope="module")
def image():
    return compiled().input("image")


def along_x(stream, first, last):
    """The stream with another x."""
    axis, *others = stream.axes
    return replace(stream, axes=(replace(axis, first=first, last=last, min=first, extent=last - first + 1), *others))


def test_one_rate(image):
    assert image.region((3, -4, 2), (8, 5, 3)) == ((2, -4, 2), (9, 7, 3))
    assert image.region((3, -4, 2), (0, 0, 3)) == ((2, -4, 2), (1, 2, 3))
    assert [image.around(axis) for axis in image.scanned] == [(-1, 0), (0, 2)]
    assert [axis.numbers for axis in image.channels] == [(2, 4)]


def test_channels_and_loops_are_not_taken_for_each_other(image):
    with pytest.raises(AssertionError, match="x is no channel"):
        _ = image.axes[0].numbers
    with pytest.raises(AssertionError, match="channel is a channel"):
        image.around(image.axes[2])


@pytest.mark.parametrize("least", range(-5, 6))
@pytest.mark.parametrize("extent", [1, 2, 7])
def test_half_rate(image, least, extent):
    half = along_x(image, floor_div(MIN_X, 2), floor_div(LAST_X, 2))
    read = [position // 2 for position in range(least, least + extent)]
    assert half.region((least, 0, 2), (extent, 1, 3)) == ((read[0], 0, 2), (len(set(read)), 3, 3))
    assert half.around(half.axes[0]) is None


@pytest.mark.parametrize("least", range(-5, 6))
@pytest.mark.parametrize("extent", [1, 2, 7])
def test_several_readers_at_three_halves(image, least, extent):
    first = minimum([floor_div(MIN_X * 3 - 1, 2), floor_div(MIN_X * 3 + 4, 2)], {})
    last = maximum([floor_div(LAST_X * 3 - 1, 2), floor_div(LAST_X * 3 + 4, 2)], {})
    read = {(3 * p + k) // 2 for p in range(least, least + extent) for k in (-1, 4)}
    mins, extents = along_x(image, first, last).region((least, 0, 2), (extent, 1, 3))
    assert (mins[0], extents[0]) == (min(read), max(read) - min(read) + 1)


def test_nothing_is_needed_for_nothing(image):
    twice = along_x(image, MIN_X * 2, LAST_X * 2)
    assert twice.region((3, 0, 2), (0, 1, 3)) == ((6, 0, 2), (0, 3, 3))
    assert twice.region((3, 0, 2), (2, 1, 3))[1][0] == 3


def test_formulas_are_of_any_region_where_launches_are_fixed():
    image, hw = hl.ImageParam(hl.UInt(8), 2, "image"), hl.Func("hw")
    hw[x, y] = image[x - 1, y] + image[x + 1, y]
    hw.bound(x, 5, 16).set_estimate(y, 0, 8).accelerate([image], x, hl.Var.outermost())
    stream = fluorite.compile(hw).accelerators[0].generated.input("image")
    axis = stream.axes[0]
    assert (axis.first, axis.last) == (MIN_X - 1, LAST_X + 1)
    assert (axis.min, axis.extent) == (constant(4), constant(18))
    assert stream.region((0, 0), (4, 4)) == ((-1, 0), (6, 4))


def test_rates(image):
    """Pixels of an image per pixel of the output, whatever is read around and however often."""
    assert [axis.rate for axis in image.scanned] == [1, 1]
    x, y = hl.vars("x y")
    source, coarse, hw = hl.ImageParam(hl.UInt(8), 2, "source"), hl.ImageParam(hl.UInt(8), 2, "coarse"), hl.Func("hw")
    hw[x, y] = source[2 * x, y] + source[2 * x + 5, y - 3] + coarse[x / 2, (3 * y) / 2]
    hw.compute_root().set_estimate(x, 0, 30).set_estimate(y, 0, 30).accelerate([source, coarse], x, hl.Var.outermost())
    (core,) = fluorite.compile(hw).accelerators
    rates = {stream.port.name: [axis.rate for axis in stream.scanned] for stream in core.generated.streams}
    assert rates == {"source": [2, 1], "coarse": [Fraction(1, 2), Fraction(3, 2)], "hw": [1, 1]}
