"""Sizes of a launch: padding, and which lengths are numbers."""

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.hwgen.formula import constant
from fluorite.hwgen.plan.stream_plan import region_variables

x, y = hl.Var("x"), hl.Var("y")


def blurred(columns, rows):
    """Nine products and their sum, of which a row is shorter than it takes cycles."""
    image = hl.ImageParam(hl.UInt(8), 2, "image")
    hw = hl.Func("hw")
    hw[x, y] = sum((hl.u16(image[x + i, y + j]) * image[x + j, y + i] for i in range(3) for j in range(3)), hl.u16(0))
    hw.set_estimate(x, 0, columns).set_estimate(y, 0, rows)
    hw.accelerate([image], x, hl.Var.outermost())
    return image, hw


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_rows_that_are_always_padded_have_a_length_that_is_a_number(columns):
    image, hw = blurred(columns, 5)
    design = fluorite.compile(hw)
    extents = design.accelerators[0].generated.extents
    assert extents.groups == ((0,), (1,))
    assert extents.scan[0].is_constant
    pixels = np.random.default_rng(0).integers(0, 256, (7, columns + 2), np.uint8)
    image.set(hl.Buffer(pixels))
    for size in ([columns, 5], [1, 1], [columns, 2]):
        np.testing.assert_array_equal(design.realize(size), hw.realize(size))


def test_padding_goes_on_where_the_length_is_a_number():
    _, hw = blurred(4, 5)
    extents = fluorite.compile(hw).accelerators[0].generated.extents
    longer = extents.with_least((9,))
    assert (longer.scan[0], longer.groups) == (constant(9), extents.groups)
    assert longer.with_least((10,)).scan[0] == constant(10)
    assert longer.merge((1, 1)) == (1, 1)


def test_regions_and_variables():
    _, hw = blurred(8, 5)
    generated = fluorite.compile(hw).accelerators[0].generated
    assert generated.input("image").region((3, 4), (8, 5)) == ((3, 4), (10, 7))
    assert generated.outputs[0].region((3, 4), (8, 5)) == ((3, 4), (8, 5))
    values = region_variables(generated.loops, (3, 4), (8, 5))
    assert values == {"min_x": 3, "extent_x": 8, "min_y": 4, "extent_y": 5}
    for stream in generated.streams:
        mins, sizes = stream.region((3, 4), (8, 5))
        assert [axis.min.evaluate(values) for axis in stream.axes] == list(mins)
        assert [axis.extent.evaluate(values) for axis in stream.axes] == list(sizes)
