"""`Design.realize` into buffers of the user's, which begin where the user wants."""

import re

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.errors import UsageError

x, y = hl.vars("x y")
BC = hl.BoundaryConditions


def accelerated(source, value, largest=(24, 16)):
    """An output that reads ``hw = value``, an accelerator for images of this size at most."""
    hw, output = hl.Func("hw"), hl.Func("output")
    hw[x, y] = value
    hw.compute_root().set_estimate(x, 0, largest[0]).set_estimate(y, 0, largest[1])
    hw.accelerate([source], x, hl.Var.outermost())
    if hw.outputs() == 1:
        output[x, y] = hw[x, y]
    else:
        output[x, y] = (hw[x, y][0], hw[x, y][1])
    return output


def pixels(*size):
    return np.random.default_rng(3).integers(0, 256, size[::-1], np.uint8)


def there(types, mins, extents):
    """Buffers that begin at mins."""
    buffers = [hl.Buffer(type_, list(extents)) for type_ in types]
    for buffer in buffers:
        buffer.fill(99)
        buffer.set_min(list(mins))
    return buffers


def compare(output, design, types, mins, extents):
    expected, actual = there(types, mins, extents), there(types, mins, extents)
    output.realize(expected)
    assert design.realize(actual if len(actual) > 1 else actual[0]) is None
    for ours, halides in zip(actual, expected, strict=True):
        assert [ours.dim(d).min() for d in range(2)] == list(mins)
        np.testing.assert_array_equal(np.array(ours), np.array(halides))


def test_an_output_that_begins_where_its_window_is_inside_the_image():
    source = hl.ImageParam(hl.UInt(8), 2, "source")
    r = hl.RDom([(-7, 15)], "r")
    total = hl.Func("total")
    total[x, y] = hl.u16(0)
    total[x, y] += hl.u16(source[x + r.x, y])
    total.update().unroll(r.x)
    output = accelerated(source, total[x, y])
    image = pixels(30, 5)
    source.set(hl.Buffer(image))
    design = fluorite.compile(output)
    compare(output, design, [hl.UInt(16)], (7, 0), (16, 5))
    compare(output, design, [hl.UInt(16)], (9, 2), (4, 3))
    with pytest.raises(UsageError) as caught:
        design.realize([16, 5])
    assert str(caught.value) == (
        "hw: source is read from -7 to 22 along dimension 0, and is there from 0 to 29; give source an image that "
        "holds that, or read it through a hl.BoundaryConditions"
    )


def test_borders_of_images_that_begin_anywhere():
    source = hl.ImageParam(hl.UInt(8), 2, "source")
    helpers = (BC.repeat_edge(source), BC.mirror_image(source), BC.mirror_interior(source))
    value = BC.constant_exterior(source, hl.u8(9))[x + 1, y - 1]
    for n, around in enumerate(helpers):
        value = value * 3 + around[x - 2, y + n - 1] + around[x + n, y]
    output = accelerated(source, value)
    design = fluorite.compile(output)
    for mins, extents in (((-4, 3), (13, 9)), ((5, -7), (1, 4)), ((100, 1000), (3, 2))):
        image = pixels(*extents)
        buffer = hl.Buffer(image)
        buffer.set_min(list(mins))
        source.set(buffer)
        compare(output, design, [hl.UInt(8)], mins, extents)
    with pytest.raises(UsageError) as caught:
        design.realize(there([hl.UInt(8)], (101, 1000), (2, 2))[0])
    assert str(caught.value) == (
        "hw: x from 101 over 2 pixels is asked for, which is not the image that the border condition is for; realize "
        "the whole image, or pad in software"
    )


def test_several_outputs_and_translated_buffers():
    source = hl.ImageParam(hl.UInt(8), 2, "source")
    output = accelerated(source, (source[x + 1, y], hl.u16(source[x, y]) * 3 + hl.u16(x)))
    image = pixels(12, 6)
    source.set(hl.Buffer(image))
    design = fluorite.compile(output)
    compare(output, design, [hl.UInt(8), hl.UInt(16)], (2, 1), (9, 5))
    buffers = there([hl.UInt(8), hl.UInt(16)], (0, 0), (3, 2))
    for buffer in buffers:
        buffer.translate([4, 3])
    design.realize(tuple(buffers))
    np.testing.assert_array_equal(np.array(buffers[0]), image[3:5, 5:8])


@pytest.fixture(scope="module")
def plain():
    source = hl.ImageParam(hl.UInt(8), 2, "source")
    output = accelerated(source, source[x, y] + 1)
    source.set(hl.Buffer(pixels(4, 4)))
    return fluorite.compile(output)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (lambda: hl.Buffer(hl.UInt(16), [4, 4]), "type of the buffer passed in is uint16"),
        (lambda: hl.Buffer(hl.UInt(8), [4]), "requires a buffer of exactly 2 dimensions"),
        (lambda: [hl.Buffer(hl.UInt(8), [4, 4])] * 2, "Realization requires 2 output"),
    ],
)
def test_buffers_that_do_not_suit(plain, given, text):
    with pytest.raises(UsageError, match=text):
        plain.realize(given())


@pytest.mark.parametrize("given", [5, None, [4], [4, 4.0], "44", [hl.Buffer(hl.UInt(8), [1]), 4]])
def test_neither_sizes_nor_buffers(plain, given):
    name = plain.loaded.pipeline.outputs[0]
    text = f"{name} takes 2 sizes of 0 to 2147483647, or hl.Buffers to write to, not {given!r}"
    with pytest.raises(UsageError, match=f"^{re.escape(text)}$"):
        plain.realize(given)
