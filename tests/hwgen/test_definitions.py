"""Definitions run on streams, each against Halide: reductions to a place, pixels without a first value, channels."""

import halide as hl
import pytest

x, y, c = hl.vars("x y c")
OUTERMOST = hl.Var.outermost()


def accelerated(value, source, name="hw"):
    """A pipeline whose Func ``hw`` has this value, or these as a Tuple."""
    hw, output = hl.Func(name), hl.Func("output")
    hw[x, y] = value
    hw.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 64).accelerate([source], x, OUTERMOST)
    output[x, y] = hw[x, y]
    return output


@pytest.mark.parametrize(("bits", "find"), [(1, hl.argmin), (8, hl.argmax)])
def test_place_of_an_extreme(image, exact, find, bits):
    # Bits tie nearly always, and where all are the worst value there is, nothing is ever better than the start.
    source = image(hl.UInt(bits))
    line, area = hl.RDom([(-2, 5)], "line"), hl.RDom([(-1, 3), (2, 2)], "area")
    column, value = find(line, source[x + line.x, y])
    at_x, at_y, worst = find(area, source[x + area.x, y + area.y], "best")
    exact(accelerated((column, value, at_x, at_y, worst), source), (37, 11))


def test_place_of_an_extreme_of_signed_differences_under_a_condition(image, exact):
    source, r = image(), hl.RDom([(0, 4), (0, 3)], "r")
    r.where(r.x != r.y)
    found = hl.argmax(r, hl.i16(source[x + r.x, y + r.y]) - hl.i16(source[x, y]))
    exact(accelerated(tuple(found), source), (23, 9))


def test_place_of_an_extreme_written_by_hand(image, exact):
    source, r, hw, output = image(), hl.RDom([(0, 3), (0, 3)], "r"), hl.Func("hw"), hl.Func("output")
    hw[x, y] = (hl.i16(-1), hl.i16(-1), hl.u8(0))
    pixel = source[x + r.x, y + r.y]
    last = pixel >= hw[x, y][2]  # of equals
    hw[x, y] = (
        hl.select(last, hl.i16(r.x), hw[x, y][0]),
        hl.select(last, hl.i16(r.y), hw[x, y][1]),
        hl.select(last, pixel, hw[x, y][2]),
    )
    hw.update().unroll(r.x).unroll(r.y)
    hw.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 64).accelerate([source], x, OUTERMOST)
    output[x, y] = tuple(hw[x, y][element] for element in range(3))
    exact(output, (23, 9))


def test_inline_reductions_that_the_user_named(image, exact):
    source, r = image(), hl.RDom([(-1, 3)], "r")
    total = hl.sum(r, hl.u16(source[x + r.x, y]), "mine") + hl.maximum(r, source[x, y + r.x], "greatest")
    exact(accelerated(total, source), (23, 9))


def test_undefined_pixels_that_updates_define(image, exact):
    source, hw, output = image(), hl.Func("hw"), hl.Func("output")
    hw[x, y] = hl.undef(hl.UInt(8))
    hw[x, y] = source[x, y]
    r = hl.RDom([(0, 3)], "r")
    hw[x, y] += source[x + r.x, y]
    hw.update(1).unroll(r.x)
    hw.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 64).accelerate([source], x, OUTERMOST)
    output[x, y] = hw[x, y]
    exact(output, (23, 9))


def test_an_element_of_a_tuple_that_an_update_leaves_as_it_is(image, exact):
    source, hw, output = image(), hl.Func("hw"), hl.Func("output")
    hw[x, y] = (source[x, y], hl.undef(hl.UInt(8)))
    hw[x, y] = (hl.undef(hl.UInt(8)), hw[x, y][0] + source[x + 1, y])
    hw.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 64).accelerate([source], x, OUTERMOST)
    output[x, y] = (hw[x, y][0], hw[x, y][1])
    exact(output, (23, 9))


def test_updates_of_channels(image, exact):
    source, hw, output = image(extents=(60, 50, 3), mins=(-16, -16, 0)), hl.Func("hw"), hl.Func("output")
    hw[x, y, c] = hl.undef(hl.UInt(8))
    hw[x, y, 0] = source[x, y, 0]
    hw[x, y, 2] = source[x + 1, y, 2] / 2
    hw[x, y, 1] = source[x, y, 1]
    r = hl.RDom([(1, 2)], "r")
    hw[x, y, r.x] += source[x - 1, y, r.x - 1]
    hw[x, y, 2] = hl.max(hw[x, y, 2], source[x, y, 1])
    hw.update(3).unroll(r.x)
    hw.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 64).bound(c, 0, 3).reorder(c, x, y).unroll(c)
    hw.accelerate([source], x, OUTERMOST)
    output[x, y, c] = hw[x, y, c]
    exact(output, (23, 9, 3))


def test_calls_that_change_nothing(image, exact):
    source = image()
    exact(accelerated(hl.memoize_tag(source[x, y]) + hl.strict_float(source[x + 1, y]), source), (23, 9))
