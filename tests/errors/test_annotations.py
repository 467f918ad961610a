"""What the compiler refuses of annotations and schedules: exact words, each by a small pipeline."""

import halide as hl
import pytest

from fluorite.errors import ScheduleError
from tests.errors.refusals import (
    OUTERMOST,
    Refusals,
    accelerated,
    c,
    copied,
    f,
    image,
    k,
    plain,
    v,
    whole,
    x,
    xi,
    xo,
    y,
    yi,
    yo,
)

refused = Refusals()


@refused(
    ScheduleError,
    "output: no accelerate(): a design has at least one accelerator; call accelerate() on the Func to put into "
    "hardware",
)
def no_accelerator():
    return copied(plain(image()))


@refused(
    ScheduleError,
    "hw: taps=[weights]: coefficient memories are not supported; make it an input or a constant Func",
)
def taps():
    source, weights = image(), image("weights")
    hw = plain(source)
    whole(hw).accelerate([source], x, OUTERMOST, taps=[weights])
    return copied(hw)


@refused(ScheduleError, "hw: input other: the accelerated Func does not read it; remove it from the inputs")
def input_that_is_not_read():
    source, other = image(), hl.Func("other")
    other[x, y] = source[x, y]
    hw = plain(source)
    whole(hw).accelerate([source, other], x, OUTERMOST)
    output = hl.Func("output")
    output[x, y] = hw[x, y] + other[x, y]
    return output


@refused(
    ScheduleError,
    "hw: input other: it is not part of the pipeline; name a Func or ImageParam that the accelerated Func reads",
)
def input_of_another_pipeline():
    source = image()
    hw = plain(source)
    whole(hw).accelerate([source, image("other")], x, OUTERMOST)
    return copied(hw)


@refused(ScheduleError, "hw: input pair: a Tuple cannot be streamed in; pass its elements as separate Funcs")
def tuple_input():
    source, pair = image(), hl.Func("pair")
    pair[x, y] = (source[x, y], source[x + 1, y])
    pair.compute_root()
    return accelerated(pair[x, y][0] + pair[x, y][1], [pair])


@refused(
    ScheduleError,
    "hw: accelerate(): it is accelerated twice, in different ways; call accelerate() once per Func",
)
def accelerated_twice():
    source = image()
    hw = plain(source)
    whole(hw).accelerate([source], x, OUTERMOST)
    hw.accelerate([source], y, OUTERMOST)
    return copied(hw)


@refused(
    ScheduleError,
    "hw: accelerate(): it has no pure dimension to scan; accelerate a Func of one dimension or more",
)
def no_dimension():
    source, hw, output = image(), hl.Func("hw"), hl.Func("output")
    hw[()] = source[0, 0]
    hw.compute_root().accelerate([source], x, OUTERMOST)
    output[()] = hw[()]
    return output


@refused(
    ScheduleError,
    "hw: a launch of 5 dimensions: streams have at most 4; choose an inner store_var, or unroll a dimension whole",
)
def five_dimensions():
    source = image(dimensions=5)
    return accelerated(source[x, y, c, k, v], [source], (x, y, c, k, v))


@refused(ScheduleError, "hw: vectorize of x.v: hardware has lanes, not vectors; use unroll for more pixels a cycle")
def vectorized():
    source = image()
    hw = plain(source)
    whole(hw).vectorize(x, 8).accelerate([source], x, OUTERMOST)
    return copied(hw)


@refused(
    ScheduleError,
    "hw: fuse into x.f: a launch scans the Func's own dimensions; leave the dimensions inside a launch unfused",
)
def fused():
    source = image()
    hw = plain(source)
    whole(hw).fuse(x, y, f).accelerate([source], f, OUTERMOST)
    return copied(hw)


@refused(
    ScheduleError,
    "hw: compute_with(): the loops of an accelerated Func are hardware and cannot be shared with another Func; "
    "remove compute_with()",
)
def computed_with_another():
    source, other, output = image(), hl.Func("other"), hl.Func("output")
    hw = plain(source)
    other[x, y] = source[x, y] + 1
    whole(hw).accelerate([source], x, OUTERMOST)
    other.compute_root().compute_with(hw, y)
    output[x, y] = hw[x, y] + other[x, y]
    return output


@refused(ScheduleError, "hw: compute_var y: the innermost loop that is not unrolled is x; accelerate at x, or reorder")
def compute_var_that_is_not_innermost():
    source = image()
    hw = plain(source)
    whole(hw).accelerate([source], y, OUTERMOST)
    return copied(hw)


@refused(ScheduleError, "hw: store_var xo: the Func has no such loop; use one of x, y, or hl.Var.outermost()")
def store_var_that_is_no_loop():
    source = image()
    hw = plain(source)
    whole(hw).accelerate([source], x, xo)
    return copied(hw)


@refused(ScheduleError, "hw: accelerate(..., x, x): no loop is left inside a launch; choose an outer store_var")
def store_var_that_is_innermost():
    source = image()
    hw = plain(source)
    whole(hw).accelerate([source], x, x)
    return copied(hw)


@refused(ScheduleError, "hw: dimension y: no loop inside a launch scans it; choose an outer store_var")
def dimension_outside_the_launch():
    source = image()
    hw = plain(source)
    whole(hw).accelerate([source], x, y)
    return copied(hw)


@refused(
    ScheduleError,
    "hw: two loops over x inside a launch: a launch scans each dimension once; put the outer one outside store_var",
)
def two_loops_over_one_dimension():
    source = image()
    hw = plain(source)
    whole(hw).split(x, xo, xi, 8).accelerate([source], xi, OUTERMOST)
    return copied(hw)


@refused(ScheduleError, "hw: unroll of x.xo: lanes are neighbours; unroll the innermost loop over x")
def lanes_that_are_not_neighbours():
    source = image()
    hw = plain(source)
    hw.compute_root().bound(x, 0, 64).bound(y, 0, 64).split(x, xo, xi, 8).unroll(xo).accelerate([source], xi, OUTERMOST)
    return copied(hw)


@refused(
    ScheduleError,
    "hw: unroll of all of y: what every cycle computes whole needs a fixed extent; give hw.bound(y, min, extent)",
)
def unrolled_without_a_bound():
    source = image()
    hw = plain(source)
    whole(hw).unroll(y).accelerate([source], x, OUTERMOST)
    return copied(hw)


@refused(
    ScheduleError,
    "hw: extent of x: a launch needs a greatest extent; tile hw, or give hw.bound(x, min, extent) or "
    "set_estimate(x, min, extent)",
)
def no_largest_extent():
    source = image()
    hw = plain(source)
    hw.compute_root().accelerate([source], x, OUTERMOST)
    return copied(hw)


@refused(
    ScheduleError,
    "hw: extent of x: a launch needs a greatest extent; tile hw, or give hw.bound(x, min, extent) or "
    "set_estimate(x, min, extent)",
)
def largest_extent_is_a_param():
    source = image()
    hw = plain(source)
    hw.compute_root().set_estimate(x, 0, hl.Param(hl.Int(32), "width")).set_estimate(y, 0, 64)
    hw.accelerate([source], x, OUTERMOST)
    return copied(hw)


@refused(
    ScheduleError,
    "hw: extent of x: a launch of 0 pixels computes nothing; give bound() or set_estimate() the largest extent "
    "there will be",
)
def largest_extent_is_nothing():
    source = image()
    hw = plain(source)
    hw.compute_root().set_estimate(x, 0, 0).set_estimate(y, 0, 64).accelerate([source], x, OUTERMOST)
    return copied(hw)


@refused(ScheduleError, "hw: split of x: the extent of a launch is not a number; split by constant factors")
def tile_of_variable_size():
    source = image()
    hw = plain(source)
    hw.compute_root().tile(x, y, xo, yo, xi, yi, hl.Param(hl.Int(32), "tile"), 8).accelerate([source], xi, xo)
    return copied(hw)


@pytest.mark.parametrize("name", refused.cases)
def test_refusal(name):
    refused.check(name)
