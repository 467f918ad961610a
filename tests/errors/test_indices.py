"""What the compiler refuses of indices and borders: exact words, and that each way out leads somewhere."""

import halide as hl
import numpy as np
import pytest

from fluorite.errors import ScheduleError, UnsupportedError
from tests.errors.refusals import (
    OUTERMOST,
    Refusals,
    accelerated,
    c,
    copied,
    image,
    k,
    software,
    through,
    whole,
    x,
    xi,
    xo,
    y,
)  # fmt: skip

refused = Refusals()
BC = hl.BoundaryConditions

_AFFINE = (
    "a stream is read at a pure variable plus a constant, or at a border condition of that, in each of the 2 scanned "
    "dimensions"
)
_RATE = (
    "a stream is read at a rate that is known, floor((a * position + k) / b) with numbers a, b and k, and this is "
    "none; a border condition is one of a stream that is read at every pixel"
)
_DATA = "a stream comes in the order of the scan, so the position of a read cannot depend on data"


def _software(read):
    return f"compute {read} in software, as a Func of its own that is an input of accelerate()"


def one_read(value, source, way):
    """A pipeline of one read that hardware cannot do, or the same in software."""
    return through(software(value)) if way else accelerated(value, [source])


# --- rates --------------------------------------------------------------------------------------------------------


@refused(
    UnsupportedError,
    "half: source at two rates along x: a stream comes at one rate, and for a pixel of hw this is 1 on the path hw <- "
    "source and 2 on the path hw <- half <- source; name a second Func that copies source in the inputs of "
    "accelerate(), and read one of the two at each rate",
)
def two_rates(way):
    source, half = image(), hl.Func("half")
    copy = software(source[x, y])
    half[x, y] = (copy if way else source)[2 * x, y]
    half.linebuffer()
    return accelerated(source[x, y] + half[x, y], [source, copy] if way else [source])


@refused(
    ScheduleError,
    "hw: unroll(x, 3): source has 3/2 pixels for one of hw, which is no whole number of lanes; unroll x by a multiple "
    "of 2",
)
def lanes_that_are_no_whole_number(way):
    source, hw = image(), hl.Func("hw")
    hw[x, y] = source[3 * x / 2, y]
    whole(hw).split(x, xo, xi, 4 if way else 3).unroll(xi).accelerate([source], xo, OUTERMOST)
    return copied(hw)


@refused(
    UnsupportedError,
    "hw: another rate along c: rates are along the two innermost scanned dimensions, and c is further out; reorder "
    "hw's dimensions, or compute what is read at that rate in software, as an input",
    ways=2,
)
def rate_along_the_third_dimension(way):
    source = image(dimensions=3)
    even = software(source[x, y, 2 * c], (x, y, c))
    hw = hl.Func("hw")
    hw[x, y, c] = even[x, y, c] if way == 2 else source[x, y, 2 * c]
    whole(hw, x, y, c)
    if way == 1:
        hw.reorder(c, x, y)
    return copied(hw.accelerate([even if way == 2 else source], c if way == 1 else x, OUTERMOST), (x, y, c)), (
        19,
        14,
        5,
    )


@refused(
    UnsupportedError,
    "hw: border condition of source along x: streams come at different rates along x, and what begins at 1 is out of "
    "step; give a bound() that begins at a multiple of 2",
)
def border_out_of_step(way):
    source, hw = image(), hl.Func("hw")
    small, padded = software(source[2 * x, y], name="small"), BC.repeat_edge(source, [(0 if way else 1, 32), (0, 16)])
    hw[x, y] = padded[x + 1, y] + small[x / 2, y]
    hw.compute_root().bound(x, 0 if way else 1, 32).bound(y, 0, 16).accelerate([source, small], x, OUTERMOST)
    return (hw if way else copied(hw)), (32, 16)


@refused(
    UnsupportedError,
    "hw: a read of source at another c: streams come at different rates along y, and rows are held of them; compute "
    "what is read there in software, as an input of accelerate()",
)
def planes_beside_another_rate(way):
    source = image(dimensions=3)
    other = software(source[x, y, c + 1], (x, y, c))
    hw = hl.Func("hw")
    hw[x, y, c] = source[x, y / 2, c] + (other[x, y / 2, c] if way else source[x, y / 2, c + 1])
    whole(hw, x, y, c).accelerate([source, other] if way else [source], x, OUTERMOST)
    return copied(hw, (x, y, c)), (19, 14, 5)


_IN_SOFTWARE = "compute the padded Func in software as an input"
_AS_LARGE = "at another rate, hardware has borders of images as large as what is computed, and of numbers"


@refused(
    UnsupportedError,
    f"hw: border condition max(min(x * 2 + 1, ((0 + ...) - 1)), 0): {_AS_LARGE}; {_IN_SOFTWARE}",
)
def border_of_an_image_that_ends_somewhere(way):
    source = image()
    size = hl.cast(hl.Int(32), hl.abs(source.width() - 100))
    return one_read(BC.repeat_edge(source, [(0, size), (0, source.height())])[x * 2 + 1, y], source, way)


@refused(
    UnsupportedError,
    "soft: index (x + 1) in repeat_edge((x + 1), y): soft is inlined where it is read at a border condition, which "
    "makes this a border condition of one, and hardware has one between two streams; call soft.linebuffer(), or "
    + _software("repeat_edge((x + 1), y)"),
    ways=2,
)
def border_of_an_inlined_func_with_a_border(way):
    source, soft, hw = image(), hl.Func("soft"), hl.Func("hw")
    padded = BC.repeat_edge(source, [(0, 32), (0, 16)])
    shifted = software(padded[x + 1, y])
    soft[x, y] = (shifted[x, y] if way == 2 else padded[x + 1, y]) + 1
    hw[x, y] = BC.mirror_interior(soft, [(0, 32), (0, 16)])[x - 1, y]
    if way == 1:
        soft.linebuffer()
    hw.compute_root().bound(x, 0, 32).bound(y, 0, 16).accelerate([shifted if way == 2 else source], x, OUTERMOST)
    return copied(hw)


# --- other indices ------------------------------------------------------------------------------------------------


@refused(UnsupportedError, f"hw: index (0 - x) in source((0 - x), y): {_AFFINE}; {_software('source((0 - x), y)')}")
def mirrored(way):
    source = image()
    return one_read(source[-x, y], source, way)


@refused(UnsupportedError, f"hw: index x in source(x, x): {_AFFINE}; {_software('source(x, x)')}")
def diagonal(way):
    source = image()
    return one_read(source[x, x], source, way)


@refused(UnsupportedError, f"hw: index (x + y) in source((x + y), y): {_AFFINE}; {_software('source((x + y), y)')}")
def skewed(way):
    source = image()
    return one_read(source[x + y, y], source, way)


@refused(
    UnsupportedError,
    f"hw: index int32(source(x, y)) in source(int32(source(x, y)), y): {_DATA}; "
    f"{_software('source(int32(source(x, y)), y)')}",
)
def index_by_data(way):
    source = image(mins=(0, 0), extents=(256, 70))
    return one_read(source[hl.i32(source[x, y]), y], source, way)


@refused(
    UnsupportedError,
    "warped: index (x + int32(shift(x, y))) in soft((x + int32(shift(x, y))), y): "
    f"{_DATA}; {_software('soft((x + int32(shift(x, y))), y)')}",
)
def index_by_data_into_an_inlined_func(way):
    source, shift = image(extents=(300, 80)), image("shift")
    soft, warped = hl.Func("soft"), hl.Func("warped")
    soft[x, y] = source[x, y] / 2
    moved = soft[x + hl.i32(shift[x, y]), y]
    copy = software(moved)
    warped[x, y] = copy[x, y] if way else moved
    return accelerated(warped[x, y] + 1, [copy] if way else [source, shift])


@refused(
    UnsupportedError,
    "hw: index (x + offset) in source((x + offset), y): a stream comes in the order of the scan, so the position of "
    f"a read cannot depend on a Param; {_software('source((x + offset), y)')}",
)
def index_by_a_param(way):
    source = image()
    return one_read(source[x + hl.Param(hl.Int(32), "offset", 3), y], source, way)


@refused(
    UnsupportedError,
    "hw: source(y, x) scans source in another way than elsewhere: a stream has one raster order, and an argument "
    f"is a number in all reads or in none; {_software('source(y, x)')}",
)
def transposed_and_not(way):
    source = image()
    copy = software(source[y, x])
    other = copy[x, y] if way else source[y, x]
    return accelerated(source[x, y] + other, [source, copy] if way else [source])


@refused(
    UnsupportedError,
    "hw: index max(min((x - 1), (width - 1)), 0) in source(max(min((x - 1), (width - 1)), 0), y): a stream comes in "
    "the order of the scan, so the position of a read cannot depend on a Param; "
    f"{_software('source(max(min((x - 1), (width - 1)), 0), y)')}",
)
def border_by_a_param(way):
    source = image()
    return one_read(source[hl.clamp(x - 1, 0, hl.Param(hl.Int(32), "width", 20) - 1), y], source, way)


# --- fewer dimensions than the scan -------------------------------------------------------------------------------


def _no_input(read, name="weight"):
    rule = "an accelerator reads only its inputs; name weight in the inputs of accelerate()"
    return f"hw: {read} reads the ImageParam {name}: {rule}"


@refused(UnsupportedError, _no_input("weight(x)"))
def image_of_fewer_dimensions_that_is_no_input(way):
    source, weight = image(), image("weight", dimensions=1)
    return accelerated(source[x, y] * weight[x], [source, weight] if way else [source])


@refused(UnsupportedError, _no_input("weight(1)"), ways=2)
def weight_that_is_no_input(way):
    source, weight = image(), image("weight", dimensions=1)
    value = (weight[1], hl.Param(hl.UInt(8), "gain", 3), weight[1])[way]
    return accelerated(source[x, y] * value, [source, weight] if way == 2 else [source])


@refused(
    UnsupportedError,
    "hw: 5001 values of weight at once: all values are held from the least number that is an index to the greatest, "
    "and a word holds at most 1024; read weight at numbers that are closer together, or make a Func of those that are "
    "read an input",
    ways=2,
)
def numbers_far_apart(way):
    source, weight, few, i = image(), image("weight", dimensions=1), hl.Func("few"), hl.Var("i")
    few[i] = weight[50 * i]
    few.compute_root()
    first, last = ((weight[0], weight[5000]), (weight[0], weight[70]), (few[0], few[1]))[way]
    return accelerated(source[x, y] * first + last, [source, few if way == 2 else weight])


@refused(
    UnsupportedError,
    "hw: source(0, y) scans source in another way than elsewhere: a stream has one raster order, and an argument is a "
    f"number in all reads or in none; {_software('source(0, y)')}",
)
def constant_index_of_what_is_scanned_too(way):
    source = image()
    copy = software(source[0, y])
    return accelerated(source[x, y] + (copy[x, y] if way else source[0, y]), [source, copy] if way else [source])


# --- tables -------------------------------------------------------------------------------------------------------


@refused(
    UnsupportedError,
    "hw: table(int32(source(x, y))): index 0 ranges over 0..255, but table over 0..199; clamp the index",
)
def table_shorter_than_its_index(way):
    source = image()
    table = hl.Buffer(np.arange(200, dtype=np.uint8), "table")
    index = hl.i32(source[x, y])
    return accelerated(table[hl.clamp(index, 0, 199) if way else index], [source])


@refused(
    UnsupportedError,
    "hw: table(int32(source(x, y))): its index ranges over 0..255, where Halide cannot compute table: Input buffer "
    "contents is accessed at 255, which is beyond the max (99) in dimension 0; clamp the index",
)
def table_of_a_buffer_shorter_than_its_index(way):
    source, table = image(), hl.Func("table")
    contents = hl.Buffer(np.arange(100, dtype=np.uint8), "contents")
    index = hl.i32(source[x, y])
    table[x] = contents[x] * 2
    return accelerated(table[hl.clamp(index, 0, 99) if way else index], [source])


@refused(
    UnsupportedError,
    "gains: a value that depends on no input: Halide cannot compute gains: Requirement Failed: (false) 4; make it one "
    "that Halide can, or leave what reads it to software",
    ways=2,
)
def constant_that_halide_cannot_compute(way):
    source, gains = image(), hl.Func("gains")
    gains[x] = hl.u8(hl.require(x < 3, x))
    scaled = hl.Func("scaled")
    scaled[x, y] = source[x, y] * gains[2 if way else 4]
    return through(scaled.compute_root()) if way == 2 else accelerated(scaled[x, y], [source])


@refused(
    UnsupportedError,
    "hw: lut(int32(source(x, y))) reads the ImageParam lut: what is read at an index by data is a table, and a table "
    f"is constant; make lut a constant hl.Buffer, or {_software('lut(int32(source(x, y)))')}",
    ways=2,
)
def table_that_is_filled_at_run_time(way):
    source, lut = image(), image("lut", dimensions=1, extents=(256,), mins=(0,))
    index = hl.i32(source[x, y])
    if way == 2:
        return through(software(lut[index]))
    table = hl.Buffer(np.arange(256, dtype=np.uint8)[::-1].copy(), "lut") if way else lut
    return accelerated(table[index], [source])


@refused(
    UnsupportedError,
    "hw: table(((int32(...) * int32(...)) * int32(source(..., y)))): its index ranges over 0..16581375, and a table "
    "holds 65536 values at most; clamp the index",
)
def table_of_too_many_values(way):
    source, table = image(), hl.Func("table")
    table[k] = hl.u8(hl.sqrt(hl.f32(k)))
    index = hl.i32(source[x, y]) * hl.i32(source[x, y]) * hl.i32(source[x + 1, y])
    return accelerated(table[hl.clamp(index, 0, 1000) if way else index], [source])


# --- borders ------------------------------------------------------------------------------------------------------


@refused(
    UnsupportedError,
    "hw: index max(min(0, ((0 + source.extent.2) - 1)), 0) of source: which channel is read must be known before there "
    "is an image; give it, or the bounds of its border condition, as numbers",
)
def border_of_channels_that_the_image_says(way):
    source, hw = image(dimensions=3, extents=(64, 9, 3), mins=(0, 0, 0)), hl.Func("hw")
    bounds = [(0, source.width()), (0, source.height()), (0, 3 if way else source.channels())]
    hw[x, y, c] = BC.repeat_edge(source, bounds)[x - 1, y, c]
    whole(hw).bound(c, 0, 3).reorder(c, x, y).unroll(c).accelerate([source], x, OUTERMOST)
    return copied(hw, (x, y, c)), (64, 9, 3)


@pytest.mark.parametrize("name", refused.cases)
def test_refusal(name):
    refused.check(name)


@pytest.mark.parametrize("way", refused.ways)
def test_way_out(way):
    refused.follow(way)
