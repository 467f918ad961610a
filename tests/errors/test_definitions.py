"""What the compiler refuses of definitions and updates: exact words, and that each way out leads somewhere."""

import halide as hl
import pytest

from fluorite.errors import UnsupportedError
from tests.errors.refusals import (
    OUTERMOST,
    SIZE,
    Refusals,
    accelerated,
    c,
    copied,
    image,
    plain,
    reducing,
    software,
    through,
    whole,
    x,
    y,
)

refused = Refusals()

_ELEMENT = (
    "an update must write the pixel it is computed for; write hw[x, y] = ..., or compute it in software, as a Func of "
    "its own that is an input of accelerate()"
)


@refused(
    UnsupportedError,
    "hw: other(x, y) reads the ImageParam other: an accelerator reads only its inputs; name other in the inputs "
    "of accelerate()",
)
def other_image(way):
    source, other = image(), image("other")
    return accelerated(source[x, y] + other[x, y], [source, other] if way else [source])


@refused(
    UnsupportedError,
    "blurred: define_extern(blur_in_c): hardware needs a definition to compile; compute it in software and pass "
    "it as an input of accelerate()",
)
def inlined_extern_stage():
    source, blurred = image(), hl.Func("blurred")
    blurred.define_extern("blur_in_c", [source], hl.UInt(8), 2)
    return accelerated(blurred[x, y], [source])


@refused(
    UnsupportedError,
    "hw: define_extern(blur_in_c): an extern stage has no algorithm that could become hardware; accelerate a Func that "
    "is defined in Halide",
)
def accelerated_extern_stage():
    source, hw = image(), hl.Func("hw")
    hw.define_extern("blur_in_c", [source], hl.UInt(8), 2)
    return copied(hw.compute_root().accelerate([source], x, OUTERMOST))


@refused(UnsupportedError, f"hw: update 0 of element ((r.x + 1), y): {_ELEMENT}", ways=2)
def scatter(way):
    source, r = image(), hl.RDom([(0, 4)], "r")
    hw = hl.Func("hw")
    hw[x, y] = hl.u8(0)
    if way == 1:
        hw[x, y] += hl.select(x < 4, source[x, y], 0)
    else:
        hw[r.x + 1, y] += source[r.x, y]
    if way == 2:
        return through(hw.compute_root())
    whole(hw).accelerate([source], x, OUTERMOST)
    return copied(hw)


@refused(
    UnsupportedError,
    "hw: update 0 of element (x, y, max(min(int32(source(x, y)), 2), 0)): an update must write the pixel it is "
    "computed for; write hw[x, y, c] = ..., or compute it in software, as a Func of its own that is an input of "
    "accelerate()",
    ways=2,
)
def channel_by_data(way):
    source, hw = image(), hl.Func("hw")
    channel = hl.clamp(hl.i32(source[x, y]), 0, 2)
    hw[x, y, c] = hl.u8(0)
    if way == 1:
        hw[x, y, c] = hl.select(channel == c, source[x, y], hw[x, y, c])
    else:
        hw[x, y, channel] = source[x, y]
    if way == 2:
        source, hw = hw.compute_root(), hl.Func("hw")
        hw[x, y, c] = source[x, y, c]
    whole(hw).bound(c, 0, 3).reorder(c, x, y).unroll(c).accelerate([source], x, OUTERMOST)
    return copied(hw, (x, y, c)), (*SIZE, 3)


@refused(
    UnsupportedError,
    "hw: hw(x, y, (r.x - 1)) in its own update: an update may read only the element it writes (neither another channel "
    "nor another pixel); write it as separate Funcs, or compute it in software, as a Func of its own that is an input "
    "of accelerate()",
    ways=2,
)
def own_other_channel(way):
    source, r = image(dimensions=3), hl.RDom([(1, 2)], "r")
    hw, first = hl.Func("hw"), hl.Func("first")
    first[x, y] = source[x, y, 0] + source[x, y, 1]
    if way == 1:
        hw[x, y, c] = hl.mux(c, [source[x, y, 0], first[x, y], first[x, y] + source[x, y, 2]])
    else:
        hw[x, y, c] = source[x, y, c]
        hw[x, y, r.x] += hw[x, y, r.x - 1]
        hw.update().unroll(r.x)
    if way == 2:
        copy, hw = hw.compute_root(), hl.Func("hw")
        hw[x, y, c] = copy[x, y, c]
        source = copy
    whole(hw).bound(c, 0, 3).reorder(c, x, y).unroll(c).accelerate([source], x, OUTERMOST)
    return copied(hw, (x, y, c)), (*SIZE, 3)


@refused(UnsupportedError, "hw: specialize(): an accelerator has one schedule; remove the specialization")
def specialized(way):
    source, mode = image(), hl.Param(hl.Int(32), "mode", 3)
    hw = plain(source)
    whole(hw)
    if not way:
        hw.specialize(mode > 3)
    hw.accelerate([source], x, OUTERMOST)
    return copied(hw)


@refused(UnsupportedError, "hw: specialize(): an accelerator has one schedule; remove the specialization")
def specialized_update(way):
    source, mode = image(), hl.Param(hl.Int(32), "mode", 3)
    hw = plain(source)
    hw[x, y] += source[x, y]
    if not way:
        hw.update().specialize(mode > 3)
    whole(hw).accelerate([source], x, OUTERMOST)
    return copied(hw)


# --- reductions ---------------------------------------------------------------------------------------------------


@refused(
    UnsupportedError,
    "hw: update 0 reduces over r.x (8 values) in a loop that is vectorized: hardware unrolls a loop, or takes a step "
    "for each of its values; call hw.update(0).unroll(r.x) in its place, or leave the loop serial",
    ways=2,
)
def reduction_in_vectors(way):
    source, hw, r = image(), hl.Func("hw"), hl.RDom([(0, 8)], "r")
    hw[x, y] = hl.u8(0)
    hw[x, y] += source[x + r.x, y]
    if way == 1:
        hw.update().unroll(r.x)
    elif not way:
        hw.update().atomic().vectorize(r.x, 4)
    return copied(whole(hw).accelerate([source], x, OUTERMOST))


@refused(
    UnsupportedError,
    "summed: update 0 reduces over r.x (4 values) in time: an inlined Func is computed whole wherever it is read; add "
    "summed.update(0).unroll(r.x), or call summed.linebuffer()",
    ways=2,
)
def reduction_of_an_inlined_func_in_time(way):
    source, summed, r = image(), hl.Func("summed"), hl.RDom([(0, 4)], "r")
    summed[x, y] = source[x, y] / 2
    summed[x, y] += source[x + r.x, y]
    if way == 1:
        summed.update().unroll(r.x)
    elif way == 2:
        summed.linebuffer()
    return accelerated(summed[x, y] + 1, [source])


@refused(
    UnsupportedError,
    "summed: update 0 reduces over r.x (8 values), by so and si, in time: an inlined Func is computed whole wherever "
    "it is read; add summed.update(0).unroll(so).unroll(si), or call summed.linebuffer()",
    ways=2,
)
def split_reduction_of_an_inlined_func(way):
    source, summed, r = image(), hl.Func("summed"), hl.RDom([(0, 8)], "r")
    so, si = hl.RVar("so"), hl.RVar("si")
    summed[x, y] = source[x, y] / 2
    summed[x, y] += source[x + r.x, y]
    summed.update().split(r.x, so, si, 4)
    if way == 1:
        summed.update().unroll(so).unroll(si)
    elif way == 2:
        summed.linebuffer()
    return accelerated(summed[x, y] + 1, [source])


@refused(
    UnsupportedError,
    "hw: undef(): a reduction in time begins with a value; give the pure definition a value",
)
def reduction_in_time_of_nothing(way):
    source, hw, r = image(), hl.Func("hw"), hl.RDom([(0, 4)], "r")
    hw[x, y] = hl.u8(0) if way else hl.undef(hl.UInt(8))
    hw[x, y] = source[x + r.x, y]
    return copied(whole(hw).accelerate([source], x, OUTERMOST))


@refused(
    UnsupportedError,
    "summed: update 0 reduces over r.x (4 values) in time: an inlined Func is computed whole wherever it is read; add "
    "summed.update(0).unroll(r.x), or call summed.linebuffer(), or name summed in the inputs of accelerate()",
    ways=3,
)
def reduction_that_software_was_to_do(way):
    source, summed, r = image(), hl.Func("summed"), hl.RDom([(0, 4)], "r")
    summed[x, y] = source[x, y] / 2
    summed[x, y] += source[x + r.x, y]
    summed.compute_root()
    if way == 1:
        summed.update().unroll(r.x)
    elif way == 2:
        summed.linebuffer()
    return accelerated(summed[x, y] + 1, [summed if way == 3 else source])


@refused(UnsupportedError, "hw: bounds of r.x: a reduction domain needs constant bounds; use numbers")
def reduction_of_variable_extent(way):
    r = hl.RDom([(0, 3 if way else hl.Param(hl.Int(32), "radius", 3))], "r")
    return reducing(image(), r, r.x)


@refused(UnsupportedError, "hw: input source: nothing that is computed reads it; remove it from the inputs")
def reduction_over_nothing(way):
    source, other, r = image(), image("other"), hl.RDom([(0, 0)], "r")
    hw = hl.Func("hw")
    hw[x, y] = other[x, y]
    hw[x, y] += source[x + r.x, y]
    hw.update().unroll(r.x)
    whole(hw).accelerate([other] if way else [other, source], x, OUTERMOST)
    return copied(hw)


@refused(
    UnsupportedError,
    "hw: update 0 reduces over 4225 values: one pixel a cycle needs an operator for each, and an update has 4096 at "
    "most; reduce over less, or compute it in software, as a Func of its own that is an input of accelerate()",
    ways=2,
)
def reduction_over_too_much(way):
    source, r = image(extents=(120, 110)), hl.RDom([(0, 5 if way == 1 else 65), (0, 5 if way == 1 else 65)], "r")
    mean = hl.u8(hl.sum(r, hl.u32(source[x + r.x, y + r.y])) / (25 if way == 1 else 4225))
    return through(software(mean)) if way == 2 else accelerated(mean, [source])


# --- undefined values ---------------------------------------------------------------------------------------------


@refused(
    UnsupportedError,
    "hw: undef(): an update under a condition leaves pixels that nothing defines; give the pure definition a value",
)
def undefined_under_a_condition(way):
    source, r = image(), hl.RDom([(0, 3)], "r")
    r.where(source[x, y] > 100)
    hw = hl.Func("hw")
    hw[x, y] = hl.u8(7) if way else hl.undef(hl.UInt(8))
    hw[x, y] = source[x + r.x, y]
    hw.update().unroll(r.x)
    whole(hw).accelerate([source], x, OUTERMOST)
    return copied(hw)


@refused(
    UnsupportedError,
    "hw: undef(): no update defines the value at all pixels; give the pure definition a value",
)
def undefined_for_ever(way):
    source = image()
    hw, output = hl.Func("hw"), hl.Func("output")
    hw[x, y] = (source[x, y], hl.u8(7) if way else hl.undef(hl.UInt(8)))
    whole(hw).accelerate([source], x, OUTERMOST)
    output[x, y] = hw[x, y][0]
    return output


@refused(
    UnsupportedError,
    "hw: hw(x, y) in its own update: it is undef() there; give the pure definition a value",
)
def undefined_and_read(way):
    source, r = image(), hl.RDom([(0, 3)], "r")
    hw = hl.Func("hw")
    hw[x, y] = hl.u8(0) if way else hl.undef(hl.UInt(8))
    hw[x, y] += source[x + r.x, y]
    hw.update().unroll(r.x)
    whole(hw).accelerate([source], x, OUTERMOST)
    return copied(hw)


@refused(
    UnsupportedError,
    "hw: undef(): every value has bits in hardware; write the value; in an update, what stays is the Func itself at "
    "these indices",
)
def undefined_in_an_expression(way):
    source, hw = image(), hl.Func("hw")
    hw[x, y] = source[x, y]
    hw[x, y] = hl.select(source[x + 1, y] > 60, source[x + 1, y], hw[x, y] if way else hl.undef(hl.UInt(8)))
    whole(hw).accelerate([source], x, OUTERMOST)
    return copied(hw)


@pytest.mark.parametrize("name", refused.cases)
def test_refusal(name):
    refused.check(name)


@pytest.mark.parametrize("way", refused.ways)
def test_way_out(way):
    refused.follow(way)
