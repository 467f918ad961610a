"""What the compiler refuses of an accelerated Func's loops: exact words, and that each way out leads somewhere."""

import halide as hl
import pytest

from fluorite.errors import ScheduleError
from tests.errors.refusals import OUTERMOST, Refusals, copied, f, image, plain, whole, x, xi, xo, y, yi, yo

refused = Refusals()


@refused(ScheduleError, "hw: vectorize of x.v: hardware has lanes, not vectors; use unroll for more pixels a cycle")
def vectorized(way):
    source = image()
    hw = plain(source)
    hw = whole(hw).unroll(x, 8) if way else whole(hw).vectorize(x, 8)
    return copied(hw.accelerate([source], x, OUTERMOST))


@refused(
    ScheduleError,
    "hw: x.xi as a loop of a GPU: an accelerated Func is computed by the accelerator alone; leave the schedule for "
    "other devices out",
)
def on_a_gpu(way):
    source = image()
    hw = plain(source)
    whole(hw)
    if not way:
        hw.gpu_tile(x, y, xo, yo, xi, yi, 8, 8)
    return copied(hw.accelerate([source], x if way else xi, OUTERMOST))


@refused(
    ScheduleError,
    "hw: fuse into x.f: a launch scans the Func's own dimensions; leave the dimensions inside a launch unfused",
)
def fused(way):
    source = image()
    hw = plain(source)
    whole(hw)
    if not way:
        hw.fuse(x, y, f)
    return copied(hw.accelerate([source], x if way else f, OUTERMOST))


@refused(
    ScheduleError,
    "hw: compute_with(): the loops of an accelerated Func are hardware and cannot be shared with another Func; "
    "remove compute_with()",
)
def computed_with_another(way):
    source, other, output = image(), hl.Func("other"), hl.Func("output")
    hw = plain(source)
    other[x, y] = source[x, y] + 1
    whole(hw).accelerate([source], x, OUTERMOST)
    other.compute_root()
    if not way:
        other.compute_with(hw, y)
    output[x, y] = hw[x, y] + other[x, y]
    return output


@refused(ScheduleError, "hw: unroll of x.xo: lanes are neighbours; unroll the innermost loop over x")
def lanes_that_are_not_neighbours(way):
    source = image()
    hw = plain(source)
    hw.compute_root().bound(x, 0, 64).bound(y, 0, 9)
    if way:
        return copied(hw.unroll(x, 8).accelerate([source], x, OUTERMOST)), (64, 9)
    return copied(hw.split(x, xo, xi, 8).unroll(xo).accelerate([source], xi, OUTERMOST))


@refused(ScheduleError, "hw: unroll of x.xi: the number of lanes is not known; unroll(x, lanes)")
def lanes_by_a_param(way):
    source = image()
    hw = plain(source)
    hw.compute_root().bound(x, 0, 64).bound(y, 0, 9)
    if way:
        return copied(hw.unroll(x, 4).accelerate([source], x, OUTERMOST)), (64, 9)
    hw.split(x, xo, xi, hl.Param(hl.Int(32), "lanes", 4)).unroll(xi)
    return copied(hw.accelerate([source], xo, OUTERMOST))


@refused(
    ScheduleError,
    "hw: unroll of all of y: what every cycle computes whole needs a fixed extent; give hw.bound(y, min, extent), in "
    "numbers",
)
def unrolled_without_a_bound(way):
    source = image()
    hw = plain(source)
    whole(hw).unroll(y)
    if way:
        hw.reorder(y, x).bound(y, 0, 3)
    return copied(hw.accelerate([source], x, OUTERMOST)), (13, 3)


# --- extents ------------------------------------------------------------------------------------------------------

_EXTENT = (
    "hw: extent of x: a launch needs a greatest extent; tile hw, or give hw.bound(x, min, extent) or "
    "set_estimate(x, min, extent)"
)


def sized(hw, way):
    """A launch's greatest extent along x, by one of three means."""
    hw.set_estimate(y, 0, 64)
    if way == 2:
        hw.bound(x, 0, 13)
    if way == 3:
        hw.set_estimate(x, 0, 64)


@refused(ScheduleError, _EXTENT, ways=3)
def no_largest_extent(way):
    source = image()
    hw = plain(source)
    hw.compute_root()
    if way == 1:
        hw.tile(x, y, xo, yo, xi, yi, 16, 16, hl.TailStrategy.GuardWithIf)
        return copied(hw.accelerate([source], xi, xo))
    if way:
        sized(hw, way)
    return copied(hw.accelerate([source], x, OUTERMOST))


def _no_number(extent):
    return (
        f"hw: extent of x: a launch needs a greatest extent that is a number, and {extent} is none; add "
        "hw.set_estimate(x, min, extent) with the largest there will be, or tile hw"
    )


@refused(ScheduleError, _no_number("width"), ways=2)
def largest_extent_is_a_param(way):
    source, width = image(), hl.Param(hl.Int(32), "width", 64)
    hw = plain(source)
    hw.compute_root().set_estimate(y, 0, 64).set_estimate(x, 0, width)
    return _with_a_number(source, hw, way)


@refused(ScheduleError, _no_number("(width + 3)"), ways=2)
def bound_by_a_param(way):
    source, width = image(), hl.Param(hl.Int(32), "width", 13)
    hw = plain(source)
    hw.compute_root().set_estimate(y, 0, 64).bound(x, 0, width + 3)
    return _with_a_number(source, hw, way)


def _with_a_number(source, hw, way):
    if way == 1:
        hw.set_estimate(x, 0, 64)
    if way == 2:
        hw.tile(x, y, xo, yo, xi, yi, 8, 8, hl.TailStrategy.GuardWithIf)
        return copied(hw.accelerate([source], xi, xo))
    return copied(hw.accelerate([source], x, OUTERMOST))


@refused(
    ScheduleError,
    "hw: extent of x: a launch of 0 pixels computes nothing; give bound() or set_estimate() the largest extent "
    "there will be",
    ways=2,
)
def largest_extent_is_nothing(way):
    source = image()
    hw = plain(source)
    hw.compute_root()
    if way:
        sized(hw, way + 1)
    else:
        hw.set_estimate(x, 0, 0).set_estimate(y, 0, 64)
    return copied(hw.accelerate([source], x, OUTERMOST))


@refused(ScheduleError, "hw: split of x: the extent of a launch is not a number; split by constant factors")
def tile_of_variable_size(way):
    source = image()
    hw = plain(source)
    width = 8 if way else hl.Param(hl.Int(32), "tile", 8)
    hw.compute_root().tile(x, y, xo, yo, xi, yi, width, 8, hl.TailStrategy.GuardWithIf)
    return copied(hw.accelerate([source], xi, xo))


@refused(
    ScheduleError,
    "hw: bound_extent(x, ...): Halide moves each tile so that it ends where the extent does; leave it out, or give "
    "hw.bound(x, min, extent)",
    ways=2,
)
def bounded_extent_of_tiles(way):
    source = image()
    hw = plain(source)
    hw.compute_root().tile(x, y, xo, yo, xi, yi, 8, 8, hl.TailStrategy.GuardWithIf)
    if way == 2:
        hw.bound(x, 0, 13)
    elif not way:
        hw.bound_extent(x, 13)
    return copied(hw.accelerate([source], xi, xo))


@pytest.mark.parametrize("name", refused.cases)
def test_refusal(name):
    refused.check(name)


@pytest.mark.parametrize("way", refused.ways)
def test_way_out(way):
    refused.follow(way)
