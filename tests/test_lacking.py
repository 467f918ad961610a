"""Inputs that lack dimensions of the scan against Halide, pixel for pixel: profiles along x or y, single values."""

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


def realized(made, shape, launch=None):
    """What a pipeline gives in Halide, and what on hardware, of one size."""
    wanted, got = (made(on_hardware=on_hardware) for on_hardware in (False, True))
    design = fluorite.compile(got)
    right = np.array(wanted.realize(list(shape)))
    for seed in (3, 4):
        assert np.array_equal(right, np.array(design.realize(list(shape), stalls=fluorite.Stalls(seed=seed))))
    return design


def test_numbers_for_indices():
    """A few values of each row, or of a launch, side by side in a word; an input Func without dimensions."""

    def made(*, on_hardware):
        picture, _, row_offset, _ = inputs()
        samples, coefficients = hl.ImageParam(hl.UInt(8), 2, "samples"), hl.ImageParam(hl.UInt(8), 1, "coefficients")
        samples.set(hl.Buffer(PIXELS["picture"]))
        coefficients.set(hl.Buffer(PIXELS["gain"]))
        total, out, r = hl.Func("total"), hl.Func("out"), hl.RDom([(0, 9)])
        total[()] = hl.u32(0)
        total[()] += hl.u32(picture[r.x, 3])
        total.compute_root()
        columns = value(samples[3, y + 1]) + 3 * value(samples[5, y])
        out[x, y] = (
            value(picture[x, y]) * coefficients[0] + columns * coefficients[2] + value(total[()]) + row_offset[2]
        )
        out.compute_root().set_estimate(x, 0, 40).set_estimate(y, 0, 30)
        if on_hardware:
            out.accelerate([picture, samples, coefficients, total, row_offset], x, OUTERMOST)
        return out

    design = realized(made, (19, 11))
    words = {stream.port.name: stream.port.channels for stream in design.accelerators[0].generated.inputs}
    assert words == {"picture": 1, "samples": 3, "coefficients": 3, "total": 1, "row_offset": 1}


@pytest.mark.parametrize("order", ["cxy", "xyc", "xcy"])
@pytest.mark.parametrize("fixed", [False, True])
def test_channels_that_are_scanned(order, fixed):
    """One picture for all channels, profiles along one or two of three dimensions; tiles of one size."""

    def made(*, on_hardware):
        picture, gain, row_offset, level = inputs()
        of_channel, vignette, out = hl.ImageParam(hl.UInt(8), 1, "of_channel"), hl.Func("vignette"), hl.Func("out")
        of_channel.set(hl.Buffer(PIXELS["gain"]))
        vignette[x, c] = value(gain[x + 1]) * of_channel[c] + level[()]
        out[x, y, c] = (value(picture[x, y - 1]) + picture[x + 1, y]) * of_channel[c] + vignette[x, c] * row_offset[y]
        out.compute_root().reorder(*({"x": x, "y": y, "c": c}[name] for name in order))
        for var, extent in ((x, 9), (y, 7), (c, 3)):
            out.bound(var, 0, extent) if fixed or var is c else out.set_estimate(var, 0, extent)
        if on_hardware:
            vignette.linebuffer()
            out.accelerate(
                [picture, gain, row_offset, level, of_channel], {"x": x, "y": y, "c": c}[order[0]], OUTERMOST
            )
        return out

    realized(made, (9, 7, 3))


def test_channels_side_by_side_and_tiles():
    """Channels in a word, a factor for each; in tiles of one size, each with the part of a profile that it needs."""

    def made(*, on_hardware):
        picture, gain, row_offset, level = inputs()
        matrix, out, xo, yo = hl.ImageParam(hl.UInt(8), 1, "matrix"), hl.Func("out"), hl.Var("xo"), hl.Var("yo")
        matrix.set(hl.Buffer(PIXELS["row_offset"]))
        out[x, y, c] = value(picture[x + 1, y]) * matrix[c] + gain[x - 1] * value(row_offset[y + 1]) + level[()]
        out.compute_root().bound(c, 0, 3).reorder(c, x, y).unroll(c)
        if on_hardware:
            out.tile(x, y, xo, yo, x, y, 8, 4, hl.TailStrategy.ShiftInwards).reorder(c, x, y, xo, yo)
            out.accelerate([picture, matrix, gain, row_offset, level], x, xo)
        return out

    realized(made, (21, 11, 3))
