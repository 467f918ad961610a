"""Borders of images whose edges are known when a launch is: of any size at any rate, around inner levels, in tiles."""

from __future__ import annotations

from functools import partial

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite import UsageError

BC = hl.BoundaryConditions
x, y, xo, yo, xi, yi = (hl.Var(name) for name in ("x", "y", "xo", "yo", "xi", "yi"))
SLOW = partial(pytest.param, marks=pytest.mark.system)
BORDERS = {
    "edge": BC.repeat_edge,
    "image": BC.mirror_image,
    "interior": BC.mirror_interior,
    "constant": lambda of, *where: BC.constant_exterior(of, 9, *where),
}
GUARD, ROUND_UP, SHIFT = (
    hl.TailStrategy.GuardWithIf,
    hl.TailStrategy.RoundUp,
    hl.TailStrategy.ShiftInwards,
)


def halved(image, border):
    """Half of an image with a border around it."""
    padded, out = border(image), hl.Func("out")
    taps = [(-1, 0), (0, 0), (2, 1), (1, -2)]
    out[x, y] = hl.u8(sum((hl.i32(padded[2 * x + i, 2 * y + j]) for i, j in taps), hl.i32(0)) % 251)
    return out, []


def level(image, border):
    """What a pyramid's level lacks: a border around the image, and another one around its half, which is rounded up."""
    padded, half, out = border(image), hl.Func("half"), hl.Func("out")
    half[x, y] = hl.u8((hl.u16(padded[2 * x - 1, 2 * y]) + padded[2 * x + 1, 2 * y + 1]) >> 1)
    again = border(half, [(0, (image.width() + 1) / 2), (0, (image.height() + 1) / 2)])
    out[x, y] = hl.i16(padded[x, y]) - hl.i16(again[x / 2 + 1, y / 2 - 1])
    return out, [half]


def larger(image, border):
    """Two pixels for each of an image, to and fro."""
    padded, out = border(image), hl.Func("out")
    out[x, y] = padded[x / 2 - 1 + 2 * (x % 2), y / 2 + 1] + padded[x / 2, y / 2]
    return out, []


def same(image, border):
    """As many pixels as an image has."""
    padded, out = border(image), hl.Func("out")
    out[x, y] = padded[x - 1, y + 1] + padded[x + 2, y - 2]
    return out, []


def built(make, border, *, tile=None, tail=GUARD, lanes=1, on_hardware=True):
    """A pipeline, and its image."""
    image = hl.ImageParam(hl.UInt(8), 2, "image")
    out, stages = make(image, BORDERS[border])
    out.compute_root().set_estimate(x, 0, 70).set_estimate(y, 0, 70)
    for stage in stages:
        stage.linebuffer() if on_hardware else stage.compute_root()
    if tile:
        out.tile(x, y, xo, yo, xi, yi, *tile, tail)
    if on_hardware:
        inner = xi if tile else x
        if lanes > 1:
            out.unroll(inner, lanes, GUARD)
        out.accelerate([image], inner, xo if tile else hl.Var.outermost())
    return out, image


def compared(make, border, sizes, **schedule):
    """Images of several sizes with outputs of several sizes, with and without stalls, beside Halide's."""
    plain, its_image = built(make, border, on_hardware=False)
    out, image = built(make, border, **schedule)
    design = fluorite.compile(out)
    for number, (shape, size) in enumerate(sizes):
        pixels = np.random.default_rng(number).integers(0, 256, shape[::-1], np.uint8)
        for param in (its_image, image):
            param.set(hl.Buffer(pixels))
        expected = np.array(plain.realize(list(size)))
        stalls = fluorite.Stalls(seed=number) if number == 0 else None
        np.testing.assert_array_equal(np.array(design.realize(list(size), stalls=stalls)), expected, f"{shape} {size}")
    return design, image


@pytest.mark.parametrize(("border", "lanes"), [("edge", 1), ("image", 2), SLOW("interior", 3), SLOW("constant", 1)])
def test_image_of_any_size_at_half_the_rate(border, lanes):
    sizes = [((9, 8), (5, 4)), ((9, 9), (4, 4)), ((16, 17), (8, 9)), ((31, 33), (16, 16)), ((64, 7), (32, 3))]
    compared(halved, border, sizes, lanes=lanes)


@pytest.mark.parametrize("border", [SLOW("edge"), "interior"])
def test_levels_of_any_size(border):
    compared(level, border, [(size, size) for size in ((15, 16), (16, 15), (33, 9), (64, 31), (7, 65))])


def test_pixels_to_and_fro_of_an_image_of_any_size():
    sizes = [((9, 5), (18, 10)), ((9, 5), (17, 9)), ((8, 4), (17, 9)), ((32, 31), (64, 62))]
    compared(larger, "image", sizes)


@pytest.mark.parametrize(
    ("make", "border", "tail", "tile", "lanes"),
    [
        (same, "interior", GUARD, (16, 8), 1),
        SLOW(same, "edge", SHIFT, (9, 7), 2),
        (halved, "edge", SHIFT, (9, 7), 2),
        (level, "interior", SHIFT, (13, 6), 1),
        SLOW(halved, "image", GUARD, (8, 5), 1),
        SLOW(level, "edge", GUARD, (16, 8), 2),
        SLOW(larger, "constant", SHIFT, (11, 7), 1),
        SLOW(halved, "constant", ROUND_UP, (5, 4), 1),
    ],
)
def test_tiles_at_the_edges_of_an_image(make, border, tail, tile, lanes):
    sizes = [(33, 17), (40, 31), (64, 9)]
    scale = {same: (1, 1), halved: (2, 1), level: (1, 1), larger: (1, 2)}[make]
    found = []
    for width, height in sizes:
        if tail is ROUND_UP:  # tiles that end with the image
            width, height = -(-width // tile[0]) * tile[0], -(-height // tile[1]) * tile[1]
        shape = (width * scale[0] // scale[1], height * scale[0] // scale[1])
        found.append((shape, (shape[0] * scale[1] // scale[0], shape[1] * scale[1] // scale[0])))
    compared(make, border, found, tile=tile, tail=tail, lanes=lanes)


PIXELS = np.random.default_rng(5).integers(0, 256, (96, 96), np.uint8)


def read_of(make):
    """A Func that is one read of an image, in hardware and not, of an image that begins at -16."""
    results = []
    for _ in range(2):
        image = hl.ImageParam(hl.UInt(8), 2, "image")
        buffer = hl.Buffer(PIXELS)
        buffer.set_min([-16, -16])
        image.set(buffer)
        out = hl.Func("out")
        out[x, y] = make(image)
        out.compute_root()
        results.append((out, image))
    return results


@pytest.mark.parametrize(
    ("make", "tile", "size"),
    [
        (lambda image: image[hl.max(2 * x - 1, 0), y], None, (19, 14)),
        SLOW(lambda image: image[hl.clamp(2 * x - 1, 0, 40), y], (8, 4), (20, 14)),
        SLOW(lambda image: image[hl.clamp(x - 1, 0, 63), y], (16, 16), (64, 33)),
        (lambda image: image[hl.min(x + 1, 63), hl.max(2 * y - 1, 0)], (16, 16), (64, 33)),
    ],
)
def test_edges_that_are_numbers_in_launches_of_any_size(make, tile, size):
    (plain, _), (out, image) = read_of(make)
    out.set_estimate(x, 0, 70).set_estimate(y, 0, 70)
    if tile:
        out.tile(x, y, xo, yo, xi, yi, *tile, GUARD)
    out.accelerate([image], xi if tile else x, xo if tile else hl.Var.outermost())
    found = np.array(fluorite.compile(out).realize(list(size)))
    np.testing.assert_array_equal(found, np.array(plain.realize(list(size))))


def test_image_that_lies_elsewhere():
    design, image = compared(halved, "edge", [((9, 8), (5, 4))])
    pixels = np.zeros((8, 12), np.uint8)
    image.set(hl.Buffer(pixels))
    with pytest.raises(UsageError) as caught:
        design.realize([5, 4])
    assert str(caught.value) == (
        "out: x from 0 over 5 pixels is asked for, and the image of image that the border condition is for lies from 0 "
        "to 11, where hardware does it for images that begin at 0 to 0 and end at 8 to 10; realize what the image is "
        "for, or pad in software"
    )
    fewer = np.zeros((8, 11), np.uint8)
    image.set(hl.Buffer(fewer))
    design.realize([5, 4])  # the way out
