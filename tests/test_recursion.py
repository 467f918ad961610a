"""Recursion along the scan: updates that go over the image, and read what they have written at earlier pixels."""

import halide as hl
import numpy as np
import pytest

import fluorite

x, y = hl.vars("x y")
OUTERMOST = hl.Var.outermost()
WIDTH, HEIGHT = 17, 9


def rows(f, source):
    r = hl.RDom([(1, source.width() - 1)], "r")
    f[x, y] = hl.u32(source[x, y])
    f[r.x, y] += f[r.x - 1, y]


def columns(f, source):
    r = hl.RDom([(1, source.height() - 1)], "r")
    f[x, y] = hl.u32(source[x, y])
    f[x, r.x] += f[x, r.x - 1]


def integral(f, source):
    rows(f, source)
    r = hl.RDom([(1, source.height() - 1)], "q")
    f[x, r.x] += f[x, r.x - 1]


def at_once(f, source):
    r = hl.RDom([(1, source.width() - 1), (1, source.height() - 1)], "r")
    f[x, y] = hl.u32(source[x, y])
    f[r.x, r.y] += f[r.x - 1, r.y] + f[r.x, r.y - 1] - f[r.x - 1, r.y - 1]


def filtered(f, source):
    r = hl.RDom([(2, source.width() - 2)], "r")
    f[x, y] = hl.i32(source[x, y]) << 8
    f[r.x, y] = (f[r.x, y] * 3 + f[r.x - 1, y] * 7 - f[r.x - 2, y] * 2) >> 3


def least_so_far(f, source):
    r = hl.RDom([(1, source.width() - 1)], "r")
    f[x, y] = hl.i32(source[x, y])
    f[r.x, y] = hl.min(f[r.x, y], f[r.x - 1, y] + 3)


def dithered(f, source):
    """Floyd and Steinberg's error diffusion: what is shown, and the error."""
    r = hl.RDom([(1, source.width() - 2), (1, source.height() - 1)], "r")
    f[x, y] = (hl.i32(source[x, y]), hl.i32(0))
    errors = f[r.x - 1, r.y][1] * 7 + f[r.x + 1, r.y - 1][1] * 3 + f[r.x, r.y - 1][1] * 5 + f[r.x - 1, r.y - 1][1]
    value = hl.i32(source[r.x, r.y]) + (errors >> 4)
    shown = hl.select(value > 127, 255, 0)
    f[r.x, r.y] = (shown, value - shown)


def aligned(f, source):
    """Smith and Waterman's scores."""
    r = hl.RDom([(1, source.width() - 1), (1, source.height() - 1)], "r")
    f[x, y] = hl.i32(0)
    score = hl.select(source[r.x, r.y] > 128, 2, -1)
    f[r.x, r.y] = hl.max(hl.max(0, f[r.x - 1, r.y - 1] + score), hl.max(f[r.x - 1, r.y], f[r.x, r.y - 1]) - 1)


def where_bright(f, source):
    r = hl.RDom([(1, source.width() - 1)], "r")
    f[x, y] = hl.u32(source[x, y])
    r.where(source[r.x, y] > 100)
    f[r.x, y] += f[r.x - 1, y]


def divided(f, source):
    r = hl.RDom([(1, source.width() - 1)], "r")
    f[x, y] = hl.i32(source[x, y]) * 256
    f[r.x, y] = (f[r.x, y] + f[r.x - 1, y] * 5) / 7


def from_nothing(f, source):
    """Sums that begin with the first pixel: before it there are none."""
    r = hl.RDom([(0, source.width())], "r")
    f[x, y] = hl.u32(0)
    f[r.x, y] = f[r.x - 1, y] + source[hl.clamp(r.x, 0, source.width() - 1), y]


def dithered_whole(f, source):
    """Error diffusion over all pixels: beyond the image there is no error."""
    edge, r = hl.BoundaryConditions.repeat_edge(source), hl.RDom([(0, source.width()), (0, source.height())], "r")
    f[x, y] = (hl.i32(0), hl.i32(0))
    errors = f[r.x - 1, r.y][1] * 7 + f[r.x + 1, r.y - 1][1] * 3 + f[r.x, r.y - 1][1] * 5 + f[r.x - 1, r.y - 1][1]
    value = hl.i32(edge[r.x, r.y]) + (errors >> 4)
    shown = hl.select(value > 127, 255, 0)
    f[r.x, r.y] = (shown, value - shown)


def recursive(source, update, *, lanes=1, fixed=False):
    f, hw = hl.Func("f"), hl.Func("hw")
    update(f, source)
    value = f[x, y][0] + f[x, y][1] if update in (dithered, dithered_whole) else f[x, y]
    hw[x, y] = hl.u16(value & 0xFFFF)
    f.compute_root().linebuffer()
    for variable, extent in ((x, WIDTH), (y, HEIGHT)):
        (hw.bound if fixed else hw.set_estimate)(variable, 0, extent)
    if lanes > 1:
        hw.unroll(x, lanes, hl.TailStrategy.GuardWithIf)
    return hw.accelerate([source], x, OUTERMOST)


@pytest.mark.parametrize(
    ("update", "lanes", "fixed", "cycles"),
    [
        (rows, 1, False, 1), (columns, 1, False, 1), (integral, 1, True, 1), (integral, 2, False, 1),
        (at_once, 1, False, 2), (at_once, 1, True, 2), (filtered, 1, False, 2), (least_so_far, 1, False, 2),
        (dithered, 1, False, 4), (dithered, 3, False, None), (aligned, 1, False, 3), (where_bright, 2, False, 2),
        (divided, 1, False, None), (from_nothing, 1, False, None), (from_nothing, 1, True, None),
        (dithered_whole, 2, False, None),
    ],
)  # fmt: skip
def test_recursion(image, exact, update, lanes, fixed, cycles):
    source = image(extents=(WIDTH, HEIGHT), mins=(0, 0))
    hw = recursive(source, update, lanes=lanes, fixed=fixed)
    design = fluorite.compile(hw)
    if cycles is not None:
        assert design.report.accelerators[0].cycles_per_word == cycles
    for size in ((WIDTH, HEIGHT),) if fixed else ((WIDTH, HEIGHT), (1, 1), (2, 1), (1, 3), (16, 8)):
        source.set(image(extents=size, mins=(0, 0), seed=size[0]).get())
        exact(hw, size, design=design)


def test_an_image_that_begins_elsewhere_and_is_read_by_a_window(image, exact):
    source = image(extents=(WIDTH, HEIGHT), mins=(-3, 5))
    f, hw, r = hl.Func("f"), hl.Func("hw"), hl.RDom([(source.dim(0).min() + 1, source.dim(0).extent() - 1)], "r")
    f[x, y] = hl.i32(source[x, y])
    f[r.x, y] += f[r.x - 1, y]
    hw[x, y] = f[x + 4, y] - f[x, y]  # a box of four
    f.compute_root().linebuffer()
    hw.set_estimate(x, 0, WIDTH - 4).set_estimate(y, 0, HEIGHT).accelerate([source], x, OUTERMOST)
    out = hl.Buffer(hl.Int(32), [WIDTH - 4, HEIGHT])
    out.set_min([-3, 5])
    expected = hl.Buffer(hl.Int(32), [WIDTH - 4, HEIGHT])
    expected.set_min([-3, 5])
    fluorite.compile(hw).realize(out)
    hw.realize(expected)
    np.testing.assert_array_equal(np.array(out), np.array(expected))


def test_what_the_report_says_of_a_recurrence(image):
    text = fluorite.compile(recursive(image(), filtered)).report.to_text()
    assert "  stage f: its recurrence (sub, add, select) takes 2 cycles a word\n" in text
    assert "recurrence" not in fluorite.compile(recursive(image(), rows)).report.to_text()


def test_an_update_of_a_part_of_the_image_in_tiles(image, exact):
    source, hw, out = image(), hl.Func("hw"), hl.Func("out")
    r = hl.RDom([(3, 7), (-2, 6)], "r")
    hw[x, y] = source[x, y]
    hw[r.x, r.y] += source[r.x + 1, r.y] + hl.u8(r.x)
    out[x, y] = hw[x, y]
    xo, yo, xi, yi = hl.vars("xo yo xi yi")
    hw.compute_root().tile(x, y, xo, yo, xi, yi, 8, 4, hl.TailStrategy.GuardWithIf).accelerate([source], xi, xo)
    exact(out, (19, 9))


def test_channels(image, exact):
    source, hw, r, c = image(extents=(12, 6), mins=(0, 0)), hl.Func("hw"), hl.RDom([(1, 11)], "r"), hl.Var("c")
    out = hl.Func("out")
    hw[x, y, c] = source[x, y] + hl.u8(c)
    hw[r.x, y, c] += hw[r.x - 1, y, c]
    hw[r.x, y, 1] = hw[r.x, y, 1] ^ hw[r.x - 1, y, 1]
    out[x, y, c] = hw[x, y, c]
    hw.compute_root().bound(c, 0, 2).reorder(c, x, y).unroll(c).set_estimate(x, 0, 12).set_estimate(y, 0, 6)
    hw.accelerate([source], x, OUTERMOST)
    exact(out, (12, 6, 2))
