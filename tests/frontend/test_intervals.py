"""Intervals of index expressions hold every value, and are as narrow as Halide's where an index is what users write."""

import itertools

import halide as hl
import pytest

from fluorite.frontend import halide_io
from fluorite.frontend.algorithm.evaluate import evaluate
from fluorite.frontend.algorithm.intervals import ANYWHERE, Interval, interval, offset
from fluorite.frontend.algorithm.visit import walk

x, y = hl.vars("x y")
KNOWN = {"x": Interval(-3, 5), "y": Interval(2, 4)}
NARROW, WIDE = hl.Param(hl.UInt(8), "narrow"), hl.Param(hl.Int(32), "wide")
DATA = hl.ImageParam(hl.UInt(8), 1, "data")


def index(expr):
    """The expression as a pipeline has it."""
    func, read = hl.Func("func"), hl.Func("read")
    func[x] = x
    read[x, y] = func[hl.i32(expr)]
    return halide_io.load(read).pipeline.funcs[read.name()].init.values[0].args[0]


def of(variable):
    return KNOWN.get(variable.name, ANYWHERE)


# An expression, and where it lies: None where that is not as narrow as the values are.
EXPRESSIONS = [
    (x + 3, (0, 8)),
    (2 - x, (-3, 5)),
    (x * 3 - y, (-13, 13)),
    (x * -2, (-10, 6)),
    (x * y, (-12, 20)),
    (x / 2, (-2, 2)),
    (x // 4, (-1, 1)),
    (x % 3, (0, 2)),
    (y % 8, (2, 4)),
    (hl.clamp(x, 0, 2), (0, 2)),
    (hl.min(x, y), (-3, 4)),
    (hl.max(x, y), (2, 5)),
    (hl.select(x < y, x, y + 7), None),
    (hl.i32(hl.abs(x)), (0, 5)),
    (hl.i32(hl.abs(y)), (2, 4)),
    (x << 2, (-12, 20)),
    (x >> 1, (-2, 2)),
    (hl.likely(x) + 1, (-2, 6)),
    (hl.select(x == 1, 7, 9), None),
]


@pytest.mark.parametrize(("expr", "narrowest"), EXPRESSIONS, ids=map(str, range(len(EXPRESSIONS))))
def test_interval_holds_every_value(expr, narrowest):
    expr = index(expr)
    found = interval(expr, of)
    points = itertools.product(*(range(one.lo, one.hi + 1) for one in KNOWN.values()))
    if any(getattr(node, "name", "").startswith("shift") for node in walk(expr)):
        assert (found.lo, found.hi) == narrowest
        return
    values = [int(evaluate(expr, dict(zip(KNOWN, point, strict=True)))) for point in points]
    assert found.lo <= min(values) and max(values) <= found.hi
    assert narrowest in (None, (found.lo, found.hi))


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (WIDE, ANYWHERE),
        (WIDE + x, ANYWHERE),
        (WIDE % 4, Interval(0, 3)),
        (hl.clamp(WIDE, 0, 9), Interval(0, 9)),
        (hl.min(WIDE, x), Interval(None, 5)),
        (hl.max(WIDE, x), Interval(-3, None)),
        (hl.i32(NARROW), ANYWHERE),
        (hl.i32(NARROW + hl.u8(1)), ANYWHERE),
        (hl.i32(NARROW) % 8, Interval(0, 7)),
        (hl.i32(DATA[x]), Interval(0, 255)),
        (hl.i32(DATA[x] + hl.u8(1)), Interval(0, 255)),
        (hl.i32(hl.u16(DATA[x]) + hl.u16(1)), Interval(1, 256)),
        (hl.i32(hl.absd(DATA[x], DATA[x + 1])), Interval(0, 255)),
        (hl.i32(hl.absd(DATA[x], NARROW)), ANYWHERE),
        (hl.i32(hl.u8(y)), Interval(2, 4)),
        (hl.i32(hl.u8(x)), Interval(0, 255)),
        (hl.i32(hl.u32(x)), ANYWHERE),
        (hl.i32(hl.u32(y) + 1), Interval(3, 5)),
        (hl.i32(hl.i64(x) * 2), Interval(-6, 10)),
        (hl.i32(hl.sqrt(hl.f32(x))), ANYWHERE),
        (WIDE * 0, Interval(0, 0)),
        (x / WIDE, ANYWHERE),
        (hl.unsafe_promise_clamped(x, 0, 3), Interval(0, 3)),
        (hl.cast(hl.Int(32), x < y), Interval(0, 1)),
    ],
)
def test_what_is_not_known(expr, expected):
    assert interval(index(expr), of) == expected


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (x, Interval(0, 0)),
        (x - 4, Interval(-4, -4)),
        (3 + (x - 1), Interval(2, 2)),
        (x + y - 2, Interval(0, 2)),
        (hl.likely(x) - 1, Interval(-1, -1)),
        (x + WIDE, ANYWHERE),
        (4 - x, None),
        (2 * x, None),
        (y, None),
        (hl.clamp(x, 0, 3), None),
    ],
)
def test_offset_from_a_variable(expr, expected):
    assert offset(index(expr), "x", of) == expected
