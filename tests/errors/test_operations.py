"""What the compiler refuses of types and operations: exact words, each by a small pipeline."""

import halide as hl
import pytest

from fluorite.errors import ScheduleError, UnsupportedError
from tests.errors.refusals import OUTERMOST, Refusals, accelerated, image, whole, x, y

refused = Refusals()


@refused(
    UnsupportedError,
    "hw: float32(source_im(x, y)): float32 arithmetic has no hardware; use integer or fixed-point arithmetic, or "
    "leave it to software",
)
def float_arithmetic():
    source = image()
    return accelerated(hl.u8(hl.f32(source[x, y]) * 0.5), [source])


@refused(
    UnsupportedError,
    "hw: float32(source_im(x, y)): float32 arithmetic has no hardware; use integer or fixed-point arithmetic, or "
    "leave it to software",
)
def float_result():
    source = image()
    return accelerated(hl.f32(source[x, y]), [source])


@refused(
    UnsupportedError,
    "hw: a value of type float32: streams carry integers; convert to an integer type in the hardware's last Func",
)
def float_constant_result():
    source, hw = image(), hl.Func("hw")
    hw[x, y] = (hl.f32(1.5), source[x, y])
    whole(hw).accelerate([source], x, OUTERMOST)
    output = hl.Func("output")
    output[x, y] = hw[x, y][1]
    return output


@refused(
    ScheduleError,
    "hw: input source of type float32: streams carry integers; convert it to an integer type in software",
)
def float_input():
    source = image(type_=hl.Float(32))
    return accelerated(hl.u8(source[x, y]), [source])


@refused(
    UnsupportedError,
    "hw: gain: only integer scalar Params reach the hardware; compute what depends on it in software",
)
def float_param():
    source = image()
    return accelerated(source[x, y] * hl.u8(hl.Param(hl.Float(32), "gain")), [source])


@refused(
    UnsupportedError,
    "hw: float32(source_im(x, y)): float32 arithmetic has no hardware; use integer or fixed-point arithmetic, or "
    "leave it to software",
)
def square_root():
    source = image()
    return accelerated(hl.u8(hl.sqrt(hl.f32(source[x, y]))), [source])


@refused(
    UnsupportedError,
    "hw: stringify(source_im(x, y), '\\n'): handle64 arithmetic has no hardware; use integer or fixed-point "
    "arithmetic, or leave it to software",
)
def printed():
    source = image()
    return accelerated(hl.print(source[x, y]), [source])


@pytest.mark.parametrize("name", refused.cases)
def test_refusal(name):
    refused.check(name)
