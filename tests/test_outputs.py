"""Several output Funcs of one accelerator, at their own rates and extents, against Halide: whole images and tiles."""

from itertools import pairwise

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.errors import UsageError
from fluorite.frontend import halide_io
from tests.conftest import arrays

x, y, c, xo, yo, xi, yi = hl.vars("x y c xo yo xi yi")
OUTERMOST = hl.Var.outermost()
PIXELS = np.random.default_rng(12).integers(0, 256, (3, 120, 160)).astype(np.uint8)
STALLS = fluorite.Stalls(seed=4)


def half(name, source):
    """An image at half the size: the mean of four pixels."""
    made = hl.Func(name)
    four = [hl.u16(source[2 * x + i, 2 * y + j]) for j in (0, 1) for i in (0, 1)]
    made[x, y] = hl.u8((sum(four[1:], four[0]) + 2) >> 2)
    return made


def image(dimensions=2):
    """An image, and the Func that repeats its edge."""
    source, padded = hl.ImageParam(hl.UInt(8), dimensions, "source"), hl.Func("padded")
    channels = [c][: dimensions - 2]
    padded[x, y, *channels] = hl.BoundaryConditions.repeat_edge(source, [(0, source.width()), (0, source.height())])[
        x, y, *channels
    ]
    return source, padded


def give(source, width, height):
    """Set an image of this size; what is returned must be kept."""
    pixels = np.ascontiguousarray(PIXELS[: source.dimensions() + 1, :height, :width])
    pixels = pixels if source.dimensions() == 3 else np.ascontiguousarray(pixels[0])
    source.set(hl.Buffer(pixels))
    return pixels


def check(design, types, sizes, mins=None):
    """The design's outputs of these sizes are Halide's."""
    got, wanted = ([hl.Buffer(t, list(size)) for t, size in zip(types, sizes, strict=True)] for _ in range(2))
    for buffers in (got, wanted):
        for buffer, least in zip(buffers, mins or [[0] * len(size) for size in sizes], strict=True):
            buffer.set_min(list(least))
    design.realize(got, stalls=STALLS)
    design.reference.realize(wanted)
    for number, (one, other) in enumerate(zip(arrays(got), arrays(wanted), strict=True)):
        np.testing.assert_array_equal(one, other, err_msg=f"output {number} of {sizes}")


def accelerated(main, inputs, outputs, sizes=(80, 48), lanes=1):
    main.set_estimate(x, 0, sizes[0]).set_estimate(y, 0, sizes[1])
    if lanes > 1:
        main.unroll(x, lanes, hl.TailStrategy.GuardWithIf)
    return main.accelerate(inputs, x, OUTERMOST, outputs=outputs)


@pytest.mark.parametrize("lanes", [pytest.param(1, marks=pytest.mark.system), 4])
def test_all_levels_of_a_pyramid(lanes):
    source, padded = image()
    levels = [hl.Func("level0")]
    levels[0][x, y] = hl.u8((hl.u16(padded[x - 1, y]) + padded[x + 1, y]) / 2)
    for number in (1, 2, 3):
        levels.append(half(f"level{number}", levels[-1]))
    accelerated(levels[0], [source], levels[1:], lanes=lanes)
    design = fluorite.compile(hl.Pipeline(levels))
    for width, height in ((80, 48), (37, 29), (9, 8), (64, 33)):
        kept = give(source, width, height)
        check(design, [hl.UInt(8)] * 4, [(width >> k, height >> k) for k in range(4)])
        assert kept.shape == (height, width)


def test_laplacian_levels_read_no_other_output():
    source, padded = image()
    g = [hl.Func(f"g{k}") for k in range(3)]
    details = [hl.Func(f"detail{k}") for k in range(2)]
    g[0][x, y] = hl.i16(padded[x, y])
    for fine, coarse in pairwise(g):
        coarse[x, y] = (fine[2 * x, 2 * y] + fine[2 * x + 1, 2 * y + 1] + 1) >> 1
    for level in (0, 1):
        details[level][x, y] = g[level][x, y] - g[level + 1][x / 2, y / 2]
    for func in g:
        func.linebuffer()
    accelerated(details[0], [source], [details[1], g[2]])
    design = fluorite.compile(hl.Pipeline([*details, g[2]]))
    for width, height in ((64, 48), (37, 29), (8, 4)):
        kept = give(source, width, height)
        check(design, [hl.Int(16)] * 3, [(width >> k, height >> k) for k in range(3)])
        assert kept.size


def test_the_accelerated_func_may_be_the_small_one_and_have_no_border():
    source, picture = hl.ImageParam(hl.UInt(8), 2, "source"), hl.Func("picture")
    picture[x, y] = hl.u8(255) - source[x, y]
    thumb = half("thumb", picture)
    accelerated(thumb, [source], [picture], (20, 11))
    design = fluorite.compile(hl.Pipeline([picture, thumb]))
    kept = give(source, 160, 120)
    # In several launches, and from other places than 0: what lies at the ends of two is computed twice.
    check(design, [hl.UInt(8)] * 2, [(64, 48), (32, 24)])
    check(design, [hl.UInt(8)] * 2, [(30, 20), (15, 10)], [(4, 6), (2, 3)])
    large, small = (hl.Buffer(hl.UInt(8), list(size)) for size in ((64, 48), (32, 20)))
    with pytest.raises(UsageError) as refused:
        design.realize([large, small])
    assert str(refused.value) == (
        "picture: 0 to 47 is asked for along dimension 1, and with thumb, which is computed as large as its buffer, "
        "comes 0 to 39; give thumb a larger buffer"
    )
    assert kept.size


@pytest.mark.parametrize("lanes", [pytest.param(1, marks=pytest.mark.system), 2])
def test_in_tiles_software_reads_both(lanes):
    source, padded = image()
    padded_tile, picture, out = hl.Func("padded_tile"), hl.Func("picture"), hl.Func("out")
    padded_tile[x, y] = padded[x, y]
    picture[x, y] = hl.u8(hl.u16(padded_tile[x - 1, y]) + padded_tile[x + 1, y])
    thumb = half("thumb", picture)
    out[x, y] = hl.u8(picture[x, y] + 3 * thumb[x / 2, y / 2])
    out.tile(x, y, xo, yo, xi, yi, 32, 16).parallel(yo)
    padded_tile.compute_at(out, xo)
    picture.compute_at(out, xo).tile(x, y, xo, yo, xi, yi, 32, 16, hl.TailStrategy.GuardWithIf)
    if lanes > 1:
        picture.unroll(xi, lanes, hl.TailStrategy.GuardWithIf)
    picture.accelerate([padded_tile], xi, xo, outputs=[thumb])
    design = fluorite.compile(out)
    for width, height in ((64, 48), (67, 35), (33, 17)):
        kept = give(source, width, height)
        check(design, [hl.UInt(8)], [(width, height)])
        assert kept.size


def test_channels_and_tuples():
    source, padded = image(3)
    picture, luma, thumb = hl.Func("picture"), hl.Func("luma"), hl.Func("thumb")
    picture[x, y, c] = hl.u8(255) - padded[x, y, c]
    bright = hl.u16(picture[x, y, 0]) + 2 * picture[x, y, 1] + picture[x, y, 2]
    luma[x, y] = hl.Tuple([hl.u8(bright >> 2), bright])
    thumb[x, y, c] = hl.u8((hl.u16(picture[2 * x, 2 * y, c]) + picture[2 * x + 1, 2 * y + 1, c]) >> 1)
    picture.bound(c, 0, 3).reorder(c, x, y).unroll(c)
    accelerated(picture, [source], [luma, thumb])
    design = fluorite.compile(hl.Pipeline([picture, luma, thumb]))
    kept = give(source, 37, 29)
    check(
        design,
        [hl.UInt(8), hl.UInt(8), hl.UInt(16), hl.UInt(8)],
        [(37, 29, 3), (37, 29), (37, 29), (18, 14, 3)],
    )
    assert kept.size


def test_rational_rates_beside_a_func_that_shares_the_input():
    source, padded = image()
    picture, less, more = hl.Func("picture"), hl.Func("less"), hl.Func("more")
    picture[x, y] = hl.u8(hl.u16(padded[x, y]) + padded[x + 1, y + 1])
    less[x, y] = hl.u8((hl.u16(padded[(3 * x) / 2, (3 * y) / 2]) + padded[(3 * x + 1) / 2, (3 * y + 1) / 2]) / 2)
    more[x, y] = hl.u8((hl.u16(padded[x / 2, y / 2]) + padded[x / 2 + x % 2, y / 2]) / 2)
    padded.compute_root()
    accelerated(picture, [padded], [less, more])
    design = fluorite.compile(hl.Pipeline([picture, less, more]))
    for width, height in ((64, 48), (37, 29), (6, 5)):
        kept = give(source, width, height)
        sizes = [(width, height), (width * 2 // 3, height * 2 // 3), (2 * width, 2 * height)]
        check(design, [hl.UInt(8)] * 3, sizes)
        assert kept.size


def test_annotations_follow_the_outputs_names():
    for _ in range(2):  # the second time Halide numbers them
        source, padded = image()
        picture = hl.Func("picture")
        picture[x, y] = padded[x, y]
        thumb = half("thumb", picture)
        accelerated(picture, [source], [thumb])
    loaded = halide_io.plainly_named(halide_io.load(hl.Pipeline([picture, thumb])))
    assert loaded.pipeline.outputs == ("picture", "thumb")
    design = fluorite.compile(hl.Pipeline([picture, thumb]))
    ports = [stream.port.name for stream in design.accelerators[0].generated.outputs]
    assert ports == ["picture", "thumb"]
