"""Inputs that lack dimensions of the scan against Halide, pixel for pixel: profiles, values, in launches back to back."""

import halide as hl
import numpy as np
import pytest

import fluorite

x, y, c = hl.vars("x y c")
SIZES = ((1, 1), (2, 3), (7, 7), (16, 9), (33, 17))
ORIGINS = ((0, 0), (1, 0), (-3, -7))
OUTERMOST = hl.Var.outermost()
SHAPES = {"picture": (300, 300), "gain": (300,), "row_offset": (300,), "level": ()}
PIXELS = {
    name: np.asarray(np.random.default_rng(len(name)).integers(0, 256, shape, np.uint8))
    for name, shape in SHAPES.items()
}


def value(image):
    """As data that wrap nowhere."""
    return hl.i32(image)


def flat_field(picture, gain, row_offset, level):
    """Plain reads: a factor by column, a number by row, one by launch."""
    return (value(picture[x, y]) - level[()]) * gain[x] + row_offset[y], []


def windows(picture, gain, row_offset, level):
    """Windows over all, around a window of the picture."""
    blur = value(picture[x - 1, y - 2]) + picture[x + 1, y + 2]
    across = value(gain[x - 1]) + 3 * value(gain[x + 2])
    along = value(row_offset[y - 1]) + 5 * value(row_offset[y + 2]) + value(row_offset[y])
    return blur * 7 + across * along + level[()], []


def stages(picture, gain, row_offset, level):
    """Stages that lack dimensions, too, and several readers of one input, rows apart."""
    slope, corner, first, second = (hl.Func(name) for name in ("slope", "corner", "first", "second"))
    slope[x] = value(gain[x]) - gain[x + 1] + level[()]
    corner[y] = value(row_offset[y]) * level[()]
    first[x, y] = value(picture[x, y]) * slope[x] + corner[y + 1] + gain[x]
    second[x, y] = first[x, y - 3] + 3 * first[x, y + 2] + gain[x - 2] * corner[y - 1]
    return second[x + 1, y] - second[x, y] + slope[x] * level[()] + row_offset[y], [slope, corner, first, second]


def rates(picture, gain, row_offset, level):
    """At rates of their own."""
    half = hl.Func("half")
    half[x, y] = value(picture[2 * x, 2 * y + 1]) + gain[x / 2] + row_offset[(y + 1) / 4]
    near = half[x / 2, y / 2] * gain[x / 4] + gain[x / 4 + 1]
    return near + picture[x, y] * level[()] + row_offset[y / 8] * 3 + row_offset[(y + 3) / 8 + 1], [half]


def inlined(picture, gain, row_offset, level):
    """Behind Funcs that are inlined, with positions as data."""
    shifted, both = hl.Func("shifted"), hl.Func("both")
    shifted[x] = value(gain[x + 1]) + x
    both[x, y] = shifted[x - 1] * row_offset[y] + y
    return both[x, y + 1] + both[x + 2, y] + value(picture[x, y]) * level[()], []


def nothing_else(picture, gain, row_offset, level):
    """No image at all."""
    return value(gain[x]) * row_offset[y - 1] + level[()], None


ALL = [flat_field, windows, stages, rates, inlined, nothing_else]


def inputs():
    """Parameters and what is in them."""
    for name, pixels in PIXELS.items():
        image, buffer = hl.ImageParam(hl.UInt(8), pixels.ndim, name), hl.Buffer(pixels)
        buffer.set_min([-100] * pixels.ndim)
        image.set(buffer)
        yield image


def pipelines(made, lanes=1, fixed=None):
    """The pipeline in Halide and on hardware."""
    for on_hardware in (False, True):
        images, out = list(inputs()), hl.Func("out")
        out[x, y], between = made(*images)
        out.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 48)
        if fixed:
            out.bound(x, 0, fixed[0]).bound(y, 0, fixed[1])
        if between is None:
            images, between = images[1:], []
        for stage in between:
            stage.linebuffer() if on_hardware else stage.compute_root()
        if on_hardware:
            if lanes > 1:
                out.unroll(x, lanes, hl.TailStrategy.GuardWithIf)
            out.accelerate(images, x, OUTERMOST)
        yield out


def check(plain, design, sizes, origins):
    steps = design.accelerators[0].generated.steps
    for size in sizes:
        for origin in origins:
            low = [start - start % step for start, step in zip(origin, steps, strict=True)]
            wanted, got = (hl.Buffer(plain.type(), list(size)) for _ in range(2))
            wanted.set_min(low)
            got.set_min(low)
            plain.realize(wanted)
            design.realize(got, stalls=fluorite.Stalls(seed=3))
            assert np.array_equal(np.array(wanted), np.array(got)), (size, low)


@pytest.mark.parametrize(("made", "lanes"), [(made, 1) for made in ALL] + [(stages, 3), (rates, 4), (flat_field, 2)])
def test_lacking_dimensions(made, lanes):
    plain, hardware = pipelines(made, lanes)
    check(plain, fluorite.compile(hardware), SIZES, ORIGINS)
