"""Recursions that hardware does not do, refused in so many words, and the ways out followed."""

import halide as hl
import pytest

from fluorite.errors import UnsupportedError
from tests.errors.refusals import OUTERMOST, Refusals, copied, image, through, whole, x, y

refused = Refusals()
SIZE = (64, 48)


def source_image():
    return image(extents=(SIZE[0] + 1, SIZE[1]), mins=(0, 0))


def running(source, hw=None, lo=1, extent=SIZE[0] - 1):
    """Func ``hw``, which has the sums of rows."""
    hw, r = hw or hl.Func("hw"), hl.RDom([(lo, extent)], "r")
    hw[x, y] = source[x, y]
    hw[r.x, y] += hw[r.x - 1, y]
    return hw


_INPUT = "as a Func of its own that is an input of accelerate()"


@refused(
    UnsupportedError,
    "hw: hw((r.x + 1), y) in its own update: it is a pixel that the scan comes to later; read what is there before the "
    f"update from a Func of its own, or compute it in software, {_INPUT}",
    ways=2,
)
def a_later_pixel(way):
    source, hw, r = source_image(), hl.Func("hw"), hl.RDom([(1, SIZE[0] - 1)], "r")
    hw[x, y] = source[x, y]
    if way == 1:
        hw[r.x, y] = hw[r.x - 1, y] + source[r.x + 1, y]
    else:
        hw[r.x, y] = hw[r.x - 1, y] + hw[r.x + 1, y]
    if way == 2:
        return through(hw.compute_root()), SIZE
    return copied(whole(hw).accelerate([source], x, OUTERMOST)), SIZE


@refused(
    UnsupportedError,
    "hw: update 0 of element (r.x, y, max(min(int32(source(r.x, y)), 1), 0)): an update must write the pixel it is "
    f"computed for; write hw[x, y, c] = ..., or compute it in software, {_INPUT}",
)
def a_channel_by_data(way):
    source, hw, c = source_image(), hl.Func("hw"), hl.Var("c")
    r = hl.RDom([(1, SIZE[0] - 1)], "r")
    channel = hl.clamp(hl.i32(source[r.x, y]), 0, 1)
    hw[x, y, c] = source[x, y]
    if way:
        hw[r.x, y, c] += hl.select(channel == c, source[r.x, y], 0)
    else:
        hw[r.x, y, channel] += source[r.x, y]
    whole(hw).bound(c, 0, 2).reorder(c, x, y).unroll(c).accelerate([source], x, OUTERMOST)
    return copied(hw, (x, y, c)), (*SIZE, 2)


@refused(
    UnsupportedError,
    "hw: update 0 in another order of loops than the scan's: it reads a pixel that only the scan has come to before; "
    "let the RVars be in the order of the Func's arguments",
)
def columns_before_rows(way):
    source, hw = source_image(), hl.Func("hw")
    sides = [(1, SIZE[0] - 2), (1, SIZE[1] - 1)]
    r = hl.RDom(sides if way else sides[::-1], "r")
    u, v = (r.x, r.y) if way else (r.y, r.x)
    hw[x, y] = source[x, y]
    hw[u, v] += hw[u - 1, v - 1] + hw[u + 1, v - 1]
    return copied(whole(hw).accelerate([source], x, OUTERMOST)), SIZE


@refused(
    UnsupportedError,
    "hw: update 0 goes over the image, and over r.y at each pixel: recursion along the scan and a reduction are two "
    "updates; reduce in a Func of its own, and read that in the recursion",
)
def a_recursion_with_a_window(way):
    source, hw, sums = source_image(), hl.Func("hw"), hl.Func("sums")
    r, q = hl.RDom([(1, SIZE[0] - 1), (0, 3)], "r"), hl.RDom([(1, SIZE[0] - 1)], "q")
    hw[x, y] = source[x, y]
    if way:
        s = hl.RDom([(0, 3)], "s")
        sums[x, y] = hl.u8(0)
        sums[x, y] += source[x, hl.clamp(y - s.x, 0, SIZE[1] - 1)]
        sums.compute_root()
        hw[q.x, y] += hw[q.x - 1, y] / 2 + sums[q.x, y]
        return copied(whole(hw).accelerate([source, sums], x, OUTERMOST)), SIZE
    hw[r.x, y] += hw[r.x - 1, y] / 2 + source[r.x, y - r.y]
    return copied(whole(hw).accelerate([source], x, OUTERMOST)), SIZE


@refused(
    UnsupportedError,
    "hw: bounds of r.x: where a recursion begins and ends follows from numbers and from extents of images; use numbers",
)
def a_recursion_of_variable_length(way):
    source, first = source_image(), hl.Param(hl.Int(32), "first", 1)
    hw = running(source) if way else running(source, lo=first, extent=SIZE[0] - first)
    return copied(whole(hw).accelerate([source], x, OUTERMOST)), SIZE


@refused(
    UnsupportedError,
    "sums: recursion along x: it begins with the image, and x is tiled; accelerate with all of x in a launch, or "
    "compute sums in software as an input",
    ways=2,
)
def a_recursion_in_tiles(way):
    source, hw, sums = source_image(), hl.Func("hw"), hl.Func("sums")
    running(source, sums)
    hw[x, y] = sums[x, y]
    xo, yo, xi, yi = hl.vars("xo yo xi yi")
    output = copied(hw)
    if way == 1:
        whole(hw).accelerate([source], x, OUTERMOST)
        sums.linebuffer()
    elif way == 2:
        whole(hw).tile(x, y, xo, yo, xi, yi, 16, 16).accelerate([sums.compute_root()], xi, xo)
    else:
        whole(hw).tile(x, y, xo, yo, xi, yi, 16, 16).accelerate([source], xi, xo)
        sums.compute_root().linebuffer()
    return output, SIZE


@refused(
    UnsupportedError,
    "sums: recursion along x: sums has 2 pixels for one of hw, which a launch begins with; accelerate the two apart",
)
def a_recursion_at_another_rate(way):
    source, hw, sums = source_image(), hl.Func("hw"), hl.Func("sums")
    running(source, sums)
    hw[x, y] = sums[2 * x, y]
    sums.compute_root()
    if way:
        whole(sums).accelerate([source], x, OUTERMOST)
        return copied(hw.compute_root()), (32, 48)
    sums.linebuffer()
    return copied(whole(hw).accelerate([source], x, OUTERMOST)), (32, 48)


@pytest.mark.parametrize("name", refused.cases)
def test_refusal(name):
    refused.check(name)


@pytest.mark.parametrize("way", refused.ways)
def test_way_out(way):
    refused.follow(way)
