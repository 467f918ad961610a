"""What the compiler refuses of accelerate()'s arguments: exact words, and that each way out leads somewhere."""

import halide as hl
import pytest

from fluorite.errors import ScheduleError
from tests.errors.refusals import (
    OUTERMOST,
    Refusals,
    accelerated,
    c,
    copied,
    image,
    k,
    plain,
    software,
    v,
    whole,
    x,
    xi,
    xo,
    y,
)

refused = Refusals()


@refused(
    ScheduleError,
    "output: no accelerate(): a design has at least one accelerator; call accelerate() on the Func to put into "
    "hardware",
)
def no_accelerator(way):
    source = image()
    hw = plain(source)
    return copied(whole(hw).accelerate([source], x, OUTERMOST) if way else hw)


@refused(
    ScheduleError,
    "hw: accelerate(): it is accelerated twice, in different ways; call accelerate() once per Func",
)
def accelerated_twice(way):
    source = image()
    hw = plain(source)
    whole(hw).accelerate([source], x, OUTERMOST)
    if not way:
        hw.accelerate([source], y, OUTERMOST)
    return copied(hw)


# --- inputs -------------------------------------------------------------------------------------------------------


@refused(ScheduleError, "hw: input other: the accelerated Func does not read it; remove it from the inputs")
def input_that_is_not_read(way):
    source, other = image(), hl.Func("other")
    other[x, y] = source[x, y]
    hw = plain(source)
    whole(hw).accelerate([source] if way else [source, other], x, OUTERMOST)
    output = hl.Func("output")
    output[x, y] = hw[x, y] + other[x, y]
    return output


@refused(
    ScheduleError,
    "hw: input other: it is not part of the pipeline; name a Func or ImageParam that the accelerated Func reads",
)
def input_of_another_pipeline(way):
    source = image()
    hw = plain(source)
    whole(hw).accelerate([source] if way else [source, image("other")], x, OUTERMOST)
    return copied(hw)


@refused(ScheduleError, "hw: input pair: a Tuple cannot be streamed in; pass its elements as separate Funcs")
def tuple_input(way):
    source, pair = image(), hl.Func("pair")
    pair[x, y] = (source[x, y], source[x + 1, y])
    pair.compute_root()
    if way:
        one, other = software(pair[x, y][0], name="one"), software(pair[x, y][1], name="other")
        return accelerated(one[x, y] + other[x, y], [one, other])
    return accelerated(pair[x, y][0] + pair[x, y][1], [pair])


# --- taps ---------------------------------------------------------------------------------------------------------

_FILLED = (
    "its values are there only in a run, and memories that software fills are not supported; pass each value as a "
    "scalar hl.Param, or make it a Func of constants or an hl.Buffer"
)


def weighted(source, weights, taps):
    hw = hl.Func("hw")
    hw[x, y] = source[x, y] * weights[0] + source[x + 1, y] * weights[1]
    return copied(whole(hw).accelerate([source], x, OUTERMOST, taps=taps))


def constant_weights(way):
    """Weights as the ways out have them: Params, a Func of constants, a Buffer; with what to name as taps."""
    if way == 1:
        params = [hl.Param(hl.UInt(8), f"weight_{n}", n + 3) for n in range(2)]
        return params, params
    if way == 2:
        func = hl.Func("weights")
        func[x] = hl.u8(x + 3)
        return func, [func]
    buffer = hl.Buffer(hl.UInt(8), [2], "weights")
    buffer[0], buffer[1] = 3, 5
    return buffer, []


@refused(ScheduleError, f"hw: tap weights: {_FILLED}", ways=3)
def tap_that_is_an_image(way):
    source, weights = image(), image("weights", dimensions=1)
    return weighted(source, *(constant_weights(way) if way else (weights, [weights])))


@refused(ScheduleError, f"hw: tap weights: {_FILLED}", ways=3)
def tap_that_is_computed_from_an_image(way):
    source, table, weights = image(), image("table", dimensions=1), hl.Func("weights")
    weights[x] = table[x] + 1
    weights.compute_root()
    return weighted(source, *(constant_weights(way) if way else (weights, [weights])))


@refused(ScheduleError, "hw: tap weights: the accelerated Func does not read it; remove it from the taps")
def tap_that_is_not_read(way):
    source, weights = image(), image("weights")
    hw = plain(source)
    return copied(whole(hw).accelerate([source], x, OUTERMOST, taps=[] if way else [weights]))


# --- what a launch covers -----------------------------------------------------------------------------------------


@refused(
    ScheduleError,
    "hw: accelerate(): it has no pure dimension to scan; accelerate a Func of one dimension or more",
)
def no_dimension(way):
    source, hw, output = image(), hl.Func("hw"), hl.Func("output")
    if way:
        row = software(source[x, 0], (x,))
        hw[x] = row[x]
        output[()] = hw[0]
        whole(hw, x).accelerate([row], x, OUTERMOST)
        return output, ()
    hw[()] = source[0, 0]
    hw.compute_root().accelerate([source], x, OUTERMOST)
    output[()] = hw[()]
    return output


@refused(
    ScheduleError,
    "hw: a launch of 5 dimensions: streams have at most 4; unroll a dimension whole",
)
def five_dimensions(way):
    source, hw = image(dimensions=5), hl.Func("hw")
    hw[x, y, c, k, v] = source[x, y, c, k, v]
    output = copied(hw, (x, y, c, k, v))
    whole(hw, x, y, c, k, v)
    if way:
        hw.bound(v, 0, 2).reorder(v, x, y, c, k).unroll(v).accelerate([source], x, OUTERMOST)
    else:
        hw.accelerate([source], x, OUTERMOST)
    return output, (5, 4, 3, 2, 2)


@refused(ScheduleError, "hw: compute_var y: the innermost loop that is not unrolled is x; accelerate at x, or reorder")
def compute_var_that_is_not_innermost(way):
    source = image()
    hw = plain(source)
    whole(hw)
    if way == 2:
        hw.reorder(y, x)
    return copied(hw.accelerate([source], x if way == 1 else y, OUTERMOST))


@refused(ScheduleError, "hw: store_var xo: the Func has no such loop; use one of x, y, or hl.Var.outermost()")
def store_var_that_is_no_loop(way):
    source = image()
    hw = plain(source)
    return copied(whole(hw).accelerate([source], x, OUTERMOST if way else xo))


@refused(ScheduleError, "hw: accelerate(..., x, x): no loop is left inside a launch; choose an outer store_var")
def store_var_that_is_innermost(way):
    source = image()
    hw = plain(source)
    return copied(whole(hw).accelerate([source], x, OUTERMOST if way else x))


@refused(ScheduleError, "hw: dimension y: no loop inside a launch scans it; choose an outer store_var")
def dimension_outside_the_launch(way):
    source = image()
    hw = plain(source)
    return copied(whole(hw).accelerate([source], x, OUTERMOST if way else y))


@refused(
    ScheduleError,
    "hw: two loops over x inside a launch: a launch scans each dimension once; put the outer one outside store_var",
)
def two_loops_over_one_dimension(way):
    source = image()
    hw = plain(source)
    whole(hw).split(x, xo, xi, 8)
    if way:
        hw.reorder(xi, y, xo)
    return copied(hw.accelerate([source], xi, xo if way else OUTERMOST))


@pytest.mark.parametrize("name", refused.cases)
def test_refusal(name):
    refused.check(name)


@pytest.mark.parametrize("way", refused.ways)
def test_way_out(way):
    refused.follow(way)
