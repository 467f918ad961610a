"""What the compiler refuses of definitions and updates: exact words, each by a small pipeline."""

import halide as hl
import pytest

from fluorite.errors import UnsupportedError
from tests.errors.refusals import OUTERMOST, Refusals, accelerated, copied, image, plain, reducing, whole, x, y

refused = Refusals()


@refused(
    UnsupportedError,
    "hw: other(x, y) reads the ImageParam other: an accelerator reads only its inputs; name other in the inputs "
    "of accelerate()",
)
def other_image():
    source, other = image(), image("other")
    return accelerated(source[x, y] + other[x, y], [source])


@refused(
    UnsupportedError,
    "blurred: define_extern(blur_in_c): hardware needs a definition to compile; compute it in software and pass "
    "it as an input of accelerate()",
)
def extern_stage():
    source = image()
    blurred = hl.Func("blurred")
    blurred.define_extern("blur_in_c", [source], hl.UInt(8), 2)
    return accelerated(blurred[x, y], [source])


@refused(
    UnsupportedError,
    "hw: update 0 of element (r$x, y): an update must write the element it is computed for; write hw[x, y] = ...",
)
def scatter():
    source = image()
    r = hl.RDom([(0, 4)], "r")
    hw = hl.Func("hw")
    hw[x, y] = hl.u8(0)
    hw[r.x, y] += source[r.x, y]
    whole(hw).accelerate([source], x, OUTERMOST)
    return copied(hw)


@refused(
    UnsupportedError,
    "hw: update 0 of element (r$x, y): an update must write the element it is computed for; write hw[x, y] = ...",
)
def recursion_along_the_scan():
    source = image()
    r = hl.RDom([(1, 30)], "r")
    hw = hl.Func("hw")
    hw[x, y] = source[x, y]
    hw[r.x, y] = hw[r.x - 1, y] + source[r.x, y]
    whole(hw).accelerate([source], x, OUTERMOST)
    return copied(hw)


@refused(UnsupportedError, "hw: specialize(): an accelerator has one schedule; remove the specialization")
def specialized():
    source, mode = image(), hl.Param(hl.Int(32), "mode")
    hw = plain(source)
    whole(hw).specialize(mode > 3)
    hw.accelerate([source], x, OUTERMOST)
    return copied(hw)


@refused(UnsupportedError, "hw: specialize(): an accelerator has one schedule; remove the specialization")
def specialized_update():
    source, mode = image(), hl.Param(hl.Int(32), "mode")
    hw = plain(source)
    hw[x, y] += source[x, y]
    hw.update().specialize(mode > 3)
    whole(hw).accelerate([source], x, OUTERMOST)
    return copied(hw)


@refused(
    UnsupportedError,
    "hw: update 0 reduces over r.x (4 values) in time: one pixel a cycle needs the whole reduction in space; add "
    "hw.update(0).unroll(r.x)",
)
def reduction_in_time():
    return reducing(image(), hl.RDom([(0, 4)], "r"))


@refused(
    UnsupportedError,
    "hw: update 0 reduces over r.x (4 values) in time: one pixel a cycle needs the whole reduction in space; add "
    "hw.update(0).unroll(r.x)",
)
def reduction_partly_in_time():
    r = hl.RDom([(0, 4)], "r")
    return reducing(image(), r, r.x, by=2)


@refused(UnsupportedError, "hw: bounds of r$x: a reduction domain needs constant bounds; use numbers")
def reduction_of_variable_extent():
    r = hl.RDom([(0, hl.Param(hl.Int(32), "radius"))], "r")
    return reducing(image(), r, r.x)


@refused(UnsupportedError, "hw: input source: nothing that is computed reads it; remove it from the inputs")
def reduction_over_nothing():
    r = hl.RDom([(0, 0)], "r")
    return reducing(image(), r, r.x)


@pytest.mark.parametrize("name", refused.cases)
def test_refusal(name):
    refused.check(name)
