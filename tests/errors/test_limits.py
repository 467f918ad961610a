"""Numbers that no hardware has: refused with the number that is possible, which then is."""

import halide as hl
import pytest

import fluorite
from fluorite.errors import ScheduleError
from tests.errors.refusals import OUTERMOST, Refusals, copied, image, x, xi, xo, y, yi, yo

refused = Refusals()


def launched(extent=64, height=48, lanes=1, by="set_estimate"):
    """A window of two rows over images of this greatest size."""
    source, hw = image(), hl.Func("hw")
    hw[x, y] = source[x, y] + source[x + 1, y + 1]
    hw.compute_root()
    getattr(hw, by)(x, 0, extent)
    hw.set_estimate(y, 0, height).unroll(x, lanes)
    return copied(hw.accelerate([source], x, OUTERMOST))


@refused(ScheduleError, "hw: 1000 lanes along x: a launch has at most 20 pixels there; unroll by 20 or less")
def more_lanes_than_pixels(way):
    return launched(20, lanes=20 if way else 1000)


@refused(ScheduleError, "hw: 2048 values a cycle: a word holds at most 1024; unroll x by 1024 or less")
def more_lanes_than_a_word_has():
    return launched(4096, lanes=2048)


@refused(ScheduleError, "hw: 100000 values a cycle: a word holds at most 1024; leave c a loop, not unrolled")
def all_of_a_long_dimension(way):
    source, hw, c = image(dimensions=3), hl.Func("hw"), hl.Var("c")
    hw[x, y, c] = source[x, y, c] + 1
    hw.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 48).bound(c, 0, 4 if way else 100000)
    if way:
        hw.accelerate([source], x, OUTERMOST)
    else:
        hw.reorder(c, x, y).unroll(c).accelerate([source], x, OUTERMOST)
    return copied(hw, (x, y, c)), (5, 4, 4)


@refused(
    ScheduleError,
    "hw: extent of x: a launch has at most 1073741824 pixels along a dimension, not 2147483647; give bound(), "
    "set_estimate() or the tile that many or fewer: larger images take several launches",
)
def estimate_of_all_integers():
    return launched(2**31 - 1)


_ROWS = (
    "hw: line buffers of {} bits: no device has memories of more than 1073741824; give x an extent of at most {}, by "
    "bound(), set_estimate() or a tile"
)


@refused(ScheduleError, _ROWS.format(8589934600, 125829119))
def rows_longer_than_any_memory():
    return launched(1 << 30)


@refused(ScheduleError, _ROWS.format(8589934600, 125829119))
def tiles_longer_than_any_memory():
    source, hw = image(), hl.Func("hw")
    hw[x, y] = source[x, y] + source[x + 1, y + 1]
    hw.compute_root().tile(x, y, xo, yo, xi, yi, 1 << 30, 8)
    return copied(hw.accelerate([source], xi, xo))


@refused(
    ScheduleError,
    "soft: fifo_depth(other, 64): other does not read soft; name a Func that does, or leave the call out: depths "
    "follow from the schedule",
    ways=2,
)
def depth_to_a_func_that_does_not_read(way):
    source, soft, inlined, other, hw = image(), *(hl.Func(name) for name in ("soft", "inlined", "other", "hw"))
    soft[x, y] = source[x, y] / 2
    other[x, y] = source[x, y + 1] + 3
    inlined[x, y] = soft[x, y] + 1
    hw[x, y] = inlined[x, y] + other[x, y]
    soft.linebuffer()
    if way != 2:
        soft.fifo_depth(hw if way else other, 64)
    hw.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 48).accelerate([source], x, OUTERMOST)
    return copied(hw)


@pytest.mark.parametrize("name", refused.cases)
def test_refusal(name):
    refused.check(name)


@pytest.mark.parametrize("way", refused.ways)
def test_way_out(way):
    refused.follow(way)


def test_words_and_extents_as_large_as_they_may_be():
    """Not run: seconds of compiling C++."""
    assert fluorite.compile(launched(4096, lanes=256)).report.accelerators[0].lanes == 256
    assert fluorite.compile(launched(125829119)).report.accelerators[0].memory_bits > 1 << 29
    source, hw = image(dimensions=1), hl.Func("hw")
    hw[x] = source[x] + source[x + 1]
    hw.compute_root().set_estimate(x, 0, 1 << 30).accelerate([source], x, OUTERMOST)
    assert fluorite.compile(copied(hw, (x,))).report.accelerators[0].cycles_per_largest_launch == (1 << 30) + 1


def test_the_last_estimate_holds():
    source, hw = image(dimensions=1), hl.Func("hw")
    hw[x] = source[x] + source[x + 1]
    hw.compute_root().set_estimate(x, 0, 64).set_estimate(x, 0, 99).accelerate([source], x, OUTERMOST)
    assert fluorite.compile(copied(hw, (x,))).report.accelerators[0].cycles_per_largest_launch == 100
