"""Streams at different rates against Halide, pixel for pixel: at small and odd sizes, from any origin, with stalls."""

import halide as hl
import numpy as np
import pytest

import fluorite

x, y = hl.Var("x"), hl.Var("y")
SIZES = ((1, 1), (2, 3), (7, 7), (16, 9), (33, 17))
ORIGINS = ((0, 0), (1, 0), (-3, -7))
PIXELS = np.random.default_rng(11).integers(0, 256, (300, 300)).astype(np.uint8)
BC = hl.BoundaryConditions


def two_by_two(image):
    """The mean of four."""
    four = [hl.u16(image[2 * x + i, 2 * y + j]) for j in (0, 1) for i in (0, 1)]
    return hl.u8((sum(four[1:], four[0]) + 2) >> 2), []


def bilinear(image):
    """Twice the size."""
    four = [hl.u16(image[(x + i) / 2, (y + j) / 2]) for j in (0, 1) for i in (0, 1)]
    return hl.u8((sum(four[1:], four[0]) + 2) >> 2), []


def thirds(image):
    """Two pixels become three."""
    return image[(2 * x) / 3, (2 * y + 1) / 3], []


def to_and_fro(image):
    """What Halide's own pyramids interpolate with: a position that goes to and fro."""
    return hl.u8((3 * hl.u16(image[x / 2, y]) + image[x / 2 - 1 + 2 * (x % 2), y] + 2) >> 2), []


def pyramid(image):
    """An image less what is left of it at half its size."""
    half, up = hl.Func("half"), hl.Func("up")
    half[x, y] = hl.u8((hl.u16(image[2 * x - 1, 2 * y]) + 2 * hl.u16(image[2 * x, 2 * y + 1])) / 3)
    up[x, y] = hl.u8((hl.u16(half[x / 2, y / 2]) + half[(x + 1) / 2, (y + 1) / 2]) / 2)
    return hl.i16(image[x, y]) - hl.i16(up[x, y]), [half, up]


def pipelines(made, lanes=1):
    """The pipeline in Halide and on hardware."""
    for on_hardware in (False, True):
        image, out = hl.ImageParam(hl.UInt(8), 2, "image"), hl.Func("out")
        out[x, y], stages = made(image)
        out.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 48)
        buffer = hl.Buffer(PIXELS)
        buffer.set_min([-100, -100])
        image.set(buffer)
        for stage in stages:
            stage.linebuffer() if on_hardware else stage.compute_root()
        if on_hardware:
            if lanes > 1:
                out.unroll(x, lanes, hl.TailStrategy.GuardWithIf)
            out.accelerate([image], x, hl.Var.outermost())
        yield out, image


HERE = [(two_by_two, 1), (bilinear, 2), (thirds, 3), (to_and_fro, 1), (pyramid, 2)]  # the others in the sweep
SWEEP = [(two_by_two, 2), (bilinear, 1), (thirds, 1), (to_and_fro, 2), (pyramid, 1)]


@pytest.mark.parametrize(("made", "lanes"), [*HERE, *(pytest.param(*case, marks=pytest.mark.system) for case in SWEEP)])
def test_rates_are_exact(made, lanes):
    (plain, _), (hardware, _) = pipelines(made, lanes)
    design = fluorite.compile(hardware)
    steps = design.accelerators[0].generated.steps
    for size in SIZES:
        for origin in ORIGINS:
            low = [start - start % step for start, step in zip(origin, steps, strict=True)]
            wanted, got = (hl.Buffer(plain.type(), list(size)) for _ in range(2))
            wanted.set_min(low)
            got.set_min(low)
            plain.realize(wanted)
            design.realize(got, stalls=fluorite.Stalls(seed=3))
            assert np.array_equal(np.array(wanted), np.array(got)), (size, low)


def test_launches_of_several_lanes_begin_in_step():
    _, (hardware, _) = pipelines(bilinear, 2)
    design = fluorite.compile(hardware)
    got = hl.Buffer(hl.UInt(8), [8, 8])
    got.set_min([1, 0])
    with pytest.raises(fluorite.UsageError, match=r"begins at x = 1, and with 2 lanes .* begin at a multiple of 2"):
        design.realize(got)


def bordered(border, odd, *, on_hardware, lanes=1):
    """A pyramid whose levels have a border each: the image's from its own size, the half's from numbers."""
    width, height = (33, 17) if odd else (32, 16)
    image, half, up, out = hl.ImageParam(hl.UInt(8), 2, "image"), *(hl.Func(name) for name in ("half", "up", "out"))
    padded = border(image)
    taps = padded[2 * x - 1, 2 * y], padded[2 * x, 2 * y - 1], padded[2 * x + 1, 2 * y + 1], padded[2 * x, 2 * y + 2]
    half[x, y] = hl.u8(sum((hl.u16(tap) for tap in taps[1:]), 2 + hl.u16(taps[0])) >> 2)
    level = border(half, [(0, (width + 1) // 2), (0, (height + 1) // 2)])
    further = level[x / 2 - 1 + 2 * (x % 2), y / 2 - 1 + 2 * (y % 2)]
    up[x, y] = hl.u8((3 * hl.u16(level[x / 2, y / 2]) + further + 2) >> 2)
    out[x, y] = hl.i16(image[x, y]) - hl.i16(up[x, y])
    out.compute_root().bound(x, 0, width).bound(y, 0, height)
    image.set(hl.Buffer(np.ascontiguousarray(PIXELS[:height, :width])))
    for stage in (half, up):
        stage.linebuffer() if on_hardware else stage.compute_root()
    if on_hardware:
        if lanes > 1:
            out.unroll(x, lanes, hl.TailStrategy.GuardWithIf)
        out.accelerate([image], x, hl.Var.outermost())
    return out, (width, height)


@pytest.mark.parametrize(
    ("border", "odd", "lanes"),
    [(BC.repeat_edge, True, 1), (BC.mirror_interior, False, 2), (BC.mirror_image, True, 1), (BC.repeat_edge, False, 4)],
)
def test_every_level_has_a_border(border, odd, lanes):
    plain, size = bordered(border, odd, on_hardware=False)
    design = fluorite.compile(bordered(border, odd, on_hardware=True, lanes=lanes)[0])
    wanted, got = np.array(plain.realize(size)), np.array(design.realize(size, stalls=fluorite.Stalls(seed=5)))
    assert np.array_equal(wanted, got)


def test_border_of_an_image_of_any_size_at_two_rates():
    def made(image):
        half, padded = hl.Func("half"), BC.repeat_edge(image)
        half[x, y] = hl.u8((hl.u16(padded[2 * x - 1, 2 * y]) + 2 * hl.u16(padded[2 * x + 1, 2 * y + 1])) / 3)
        return hl.i16(padded[x, y + 1]) - half[x / 2, y / 2], [half]

    (plain, plain_image), (hardware, image) = pipelines(made)
    design = fluorite.compile(hardware)
    for width, height in SIZES:
        pixels = hl.Buffer(np.ascontiguousarray(PIXELS[:height, :width]))
        plain_image.set(pixels)
        image.set(pixels)
        wanted = np.array(plain.realize([width, height]))
        got = np.array(design.realize([width, height], stalls=fluorite.Stalls(seed=7)))
        assert np.array_equal(wanted, got), (width, height)


def test_positions_that_only_look_scaled():
    def made(image):
        padded = BC.mirror_interior(image)
        return hl.i16(padded[1 * x - 2, y / 1 + 1]) - padded[(2 * x) / 2 + 1, y], []

    (plain, plain_image), (hardware, image) = pipelines(made)
    design = fluorite.compile(hardware)
    pixels = hl.Buffer(np.ascontiguousarray(PIXELS[:9, :14]))
    plain_image.set(pixels)
    image.set(pixels)
    assert np.array_equal(np.array(plain.realize([14, 9])), np.array(design.realize([14, 9])))
