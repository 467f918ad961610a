"""What the compiler refuses of types and operations: exact words, and that each way out leads somewhere."""

import halide as hl
import pytest

from fluorite.errors import ScheduleError, UnsupportedError
from tests.errors.refusals import OUTERMOST, Refusals, accelerated, image, software, through, whole, x, y

refused = Refusals()

_FLOAT = (
    "float32 arithmetic has no hardware; use integer or fixed-point arithmetic, or compute the integer that comes of "
    "it in software, as a Func of its own that is an input of accelerate()"
)


@refused(UnsupportedError, f"hw: float32(source(x, y)): {_FLOAT}", ways=2)
def float_arithmetic(way):
    source = image()
    value = source[x, y] / 2 if way == 1 else hl.u8(hl.f32(source[x, y]) * 0.5)
    return through(software(value)) if way == 2 else accelerated(value, [source])


@refused(UnsupportedError, f"hw: float32(source((x + r.x), (y + r.y))): {_FLOAT}", ways=2)
def float_mean(way):
    source, r = image(), hl.RDom([(-1, 3), (-1, 3)], "r")
    if way == 1:
        mean = hl.u8(hl.sum(r, hl.u16(source[x + r.x, y + r.y])) / 9)
    else:
        mean = hl.u8(hl.sum(r, hl.f32(source[x + r.x, y + r.y])) / 9)
    return through(software(mean)) if way == 2 else accelerated(mean, [source])


@refused(UnsupportedError, f"hw: float32(source(x, y)): {_FLOAT}", ways=1)
def float_result(way):
    source = image()
    return accelerated(source[x, y] if way else hl.f32(source[x, y]), [source])


@refused(UnsupportedError, f"hw: float32(source(x, y)): {_FLOAT}", ways=2)
def square_root(way):
    source = image()
    value = hl.u8(hl.sqrt(hl.f32(source[x, y])))
    root = hl.Func("root")
    root[y] = hl.u8(hl.sqrt(hl.f32(y)))  # a table of integers
    if way == 1:
        value = root[hl.i32(source[x, y])]
    return through(software(value)) if way == 2 else accelerated(value, [source])


@refused(
    UnsupportedError,
    "hw: a value of type float32: streams carry integers; convert to an integer type in the hardware's last Func",
)
def float_constant_result(way):
    source, hw = image(), hl.Func("hw")
    hw[x, y] = (hl.i32(hl.f32(1.5)) if way else hl.f32(1.5), source[x, y])
    whole(hw).accelerate([source], x, OUTERMOST)
    output = hl.Func("output")
    output[x, y] = hw[x, y][1]
    return output


@refused(
    UnsupportedError,
    "hw: table(int32(source(x, y))) of type float32: tables hold integers; convert to an integer type in table",
)
def float_table(way):
    source, table = image(), hl.Func("table")
    root = hl.sqrt(hl.f32(y))
    table[y] = hl.u8(root) if way else root
    return accelerated(hl.u8(table[hl.i32(source[x, y])]), [source])


@refused(
    ScheduleError,
    "hw: input source of type float32: streams carry integers; convert it to an integer type in software",
)
def float_input(way):
    source = image(type_=hl.Float(32))
    if way:
        return through(software(hl.u8(source[x, y])))
    return accelerated(hl.u8(source[x, y]), [source])


@refused(
    UnsupportedError,
    "hw: gain: only integer scalar Params reach the hardware; compute what depends on it in software",
)
def float_param(way):
    source, gain = image(), hl.Param(hl.Float(32), "gain", 1.5)
    if way:
        scaled = software(hl.u8(source[x, y] * gain))
        return accelerated(scaled[x, y], [scaled])
    return accelerated(source[x, y] * hl.u8(gain), [source])


@refused(
    UnsupportedError,
    "hw: print(source(x, y)): hardware has pixels and nothing else to put out; leave print() out",
)
def printed(way):
    source = image()
    return accelerated(source[x, y] if way else hl.print(source[x, y]), [source])


@refused(
    UnsupportedError,
    "hw: print(source(x, y)): hardware has pixels and nothing else to put out; leave print() out",
)
def printed_under_a_condition(way):
    source = image()
    return accelerated(source[x, y] if way else hl.print_when(source[x, y] > 200, source[x, y]), [source])


@refused(
    UnsupportedError,
    "hw: require((source(x, y) < 200), source(x, y)): hardware cannot stop a pipeline; leave require() out, or check "
    "it in software",
    ways=2,
)
def required(way):
    source = image()
    value = hl.require(source[x, y] < 200, source[x, y], hl.Expr(1))
    if way == 2:
        return through(software(value))
    return accelerated(source[x, y] if way else value, [source])


@refused(
    UnsupportedError,
    "hw: target_has_feature(7): this operation has no hardware; compute it in software, as a Func of its own that is "
    "an input of accelerate()",
)
def question_about_the_processor(way):
    source = image()
    has = hl.target_has_feature(hl.TargetFeature.AVX2)
    copy = software(hl.select(has, source[x, y], 0))
    return through(copy) if way else accelerated(hl.select(has, source[x, y], 0), [source])


@refused(
    UnsupportedError,
    "pick: float32(source(x, y)): float32 arithmetic has no hardware; use integer or fixed-point arithmetic, or "
    "compute the integer that comes of it in software, as a Func of its own that is an input of accelerate()",
)
def float_in_an_inlined_func(way):
    source, pick = image(), hl.Func("pick")
    half = software(hl.u8(hl.f32(source[x, y]) * 0.5))
    pick[x, y] = half[x, y] if way else hl.u8(hl.f32(source[x, y]) * 0.5)
    return accelerated(pick[x, y] + pick[x + 1, y], [half if way else source])


@pytest.mark.parametrize("name", refused.cases)
def test_refusal(name):
    refused.check(name)


@pytest.mark.parametrize("way", refused.ways)
def test_way_out(way):
    refused.follow(way)
