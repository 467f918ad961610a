"""Reductions that run over time: what is not unrolled is taken in steps, by operators that are there once."""

from collections import Counter

import halide as hl
import numpy as np
import pytest

import fluorite

x, y, c = hl.vars("x y c")
OUTERMOST = hl.Var.outermost()
WEIGHTS = np.array([[1, -2, 3], [4, 5, 0], [7, -8, 9]], np.int16)  # kept: Halide holds no reference to it
SQUARES = np.array([n * n % 251 for n in range(256)], np.uint16)


def window(source, r):
    return hl.i32(source[x + r.x, y + r.y])


def convolved(f, r, source):
    f[x, y] += hl.i32(hl.Buffer(WEIGHTS, "weights")[r.x, r.y]) * window(source, r)


def differences(f, r, source):
    f[x, y] += hl.i32(hl.absd(source[x + r.x, y + r.y], source[x + 1, y + 1]))


def greatest(f, r, source):
    f[x, y] = hl.max(f[x, y], window(source, r) - r.x)


def even(f, r, source):
    r.where((r.x + r.y) % 2 == 0)
    f[x, y] += window(source, r) * 3


def bright(f, r, source):
    r.where(source[x + r.x, y + r.y] > 100)
    f[x, y] += window(source, r)


def bits(f, r, source):
    f[x, y] = hl.select(source[x + r.x, y + r.y] > source[x + 1, y + 1], f[x, y] | (1 << (r.x + 3 * r.y)), f[x, y])


def in_order(f, r, source):
    f[x, y] = f[x, y] * 3 + window(source, r)


def by_place(f, r, source):
    f[x, y] += window(source, r) * (x + r.y)


def twice(f, r, source):
    f[x, y] += window(source, r)
    f[x, y] = f[x, y] // 3 + 1
    f[x, y] = f[x, y] ^ (window(source, r) * r.y)


def multiplied(f, r, source):
    f[x, y] = (f[x, y] * hl.i32(source[x, y]) + window(source, r)) & 0xFFFF


def without_pixels_at_first(f, r, source):
    f[x, y] = f[x, y] * 2 + r.x * hl.i32(source[x, y])


def reduced(image, update, *, initial=0, schedule=None, lanes=1, extents=(10, 7)):
    """A stage with an update over a window of 3x3, and its values as bytes."""
    source, r = image(), hl.RDom([(0, 3), (0, 3)], "r")
    stage, hw = hl.Func("stage"), hl.Func("hw")
    stage[x, y] = hl.i32(initial)
    update(stage, r, source)
    hw[x, y] = hl.u8((stage[x, y] + (stage[x, y + 1] >> 3)) & 255)
    stage.compute_root()
    for variable, extent in zip((x, y), extents, strict=True):
        hw.set_estimate(variable, 0, extent)
    stage.linebuffer()
    if schedule:
        schedule(stage, r)
    if lanes > 1:
        hw.unroll(x, lanes)
    return hw.accelerate([source], x, OUTERMOST)


def split(inner, *, unrolled):
    def schedule(stage, r):
        ro, ri = hl.RVar("ro"), hl.RVar("ri")
        stage.update().split(r.x, ro, ri, inner, hl.TailStrategy.GuardWithIf)
        if unrolled:
            stage.update().unroll(ri)

    return schedule


@pytest.fixture
def right(exact):
    """Compares a pipeline with Halide's run of it over regions of several sizes; returns the Design."""

    def check(output, design=None, sizes=((10, 7), (9, 1), (1, 2), (8, 4))):
        design = design or fluorite.compile(output)
        for size in sizes:
            exact(output, size, design=design)
        return design

    return check


@pytest.mark.parametrize(
    "update",
    [differences, greatest, even, bright, bits, in_order, by_place, twice, multiplied, without_pixels_at_first],
    ids=lambda update: update.__name__,
)
def test_updates(image, right, update):
    right(reduced(image, update, initial=3))


@pytest.mark.parametrize(
    ("schedule", "cycles", "multipliers"),
    [
        (None, 9, 1),
        (lambda stage, r: stage.update().unroll(r.x), 3, 3),
        (split(2, unrolled=True), 6, 2),
        (split(2, unrolled=False), 9, 1),
    ],
    ids=["in time", "rows in space", "pairs in space", "split"],
)
def test_cycles_and_multipliers_follow_the_schedule(image, right, schedule, cycles, multipliers):
    hw = reduced(image, convolved, schedule=schedule)
    design = fluorite.compile(hw)
    (report,) = design.report.accelerators
    assert report.cycles_per_word == cycles
    operators = Counter(node.op for node in design.accelerator("hw").generated.plan.nodes)
    assert operators["mul"] <= multipliers  # less where a column's weights need none
    right(hw, design)


@pytest.mark.parametrize("lanes", [2, 3])
def test_lanes(image, right, lanes):
    right(reduced(image, convolved, lanes=lanes, schedule=lambda stage, r: stage.update().unroll(r.y)))


def accelerated(hw, stages, inputs, *, lanes=1):
    for variable, extent in ((x, 10), (y, 7)):
        hw.set_estimate(variable, 0, extent)
    for stage in stages:
        stage.compute_root().linebuffer()
    if lanes > 1:
        hw.unroll(x, lanes)
    return hw.accelerate(inputs, x, OUTERMOST)


def test_a_tuple_in_time(image, right):
    source, r, least, hw = image(), hl.RDom([(0, 5)], "r"), hl.Func("least"), hl.Func("hw")
    least[x, y] = (hl.u8(255), hl.u8(0))
    value = source[x + r.x, y]
    nearer = value < least[x, y][0]
    least[x, y] = (hl.select(nearer, value, least[x, y][0]), hl.select(nearer, hl.u8(r.x), least[x, y][1]))
    hw[x, y] = least[x, y][0] + 16 * least[x, y][1]
    right(accelerated(hw, [least], [source]))


def test_tuple_elements_that_are_computed_from_each_other(image, right):
    source, r, pair, hw = image(), hl.RDom([(0, 5)], "r"), hl.Func("pair"), hl.Func("hw")
    pair[x, y] = (hl.u16(1), hl.u16(2))
    value = hl.u16(source[x + r.x, y])
    pair[x, y] = (pair[x, y][1] * hl.u16(source[x, y]) + 3, (pair[x, y][0] / 7) * value)
    hw[x, y] = pair[x, y][0] + pair[x, y][1]
    design = right(accelerated(hw, [pair], [source]))
    (report,) = design.report.accelerators
    (stage,) = (stage for stage in report.stages if stage.name == "pair")
    assert (stage.steps, stage.interval_cycles) == (5, 2)


def test_steps_that_take_no_notice_of_those_before(image, right):
    source, r, last, hw = image(), hl.RDom([(-1, 3)], "r"), hl.Func("last"), hl.Func("hw")
    last[x, y] = hl.u8(7)
    last[x, y] = hl.select(r.x == 1, source[x + r.x, y], last[x, y])
    hw[x, y] = last[x, y]
    right(accelerated(hw, [last], [source]))


def test_a_value_that_no_step_changes(image, right):
    source, r, least, hw = image(), hl.RDom([(1, 3)], "r"), hl.Func("least"), hl.Func("hw")
    least[x, y] = hl.u8(0)
    least[x, y] = hl.min(least[x, y], source[x - r.x, y])
    hw[x, y] = least[x, y + 1] + source[x, y]
    right(accelerated(hw, [least], [source]))


def test_what_belongs_to_the_word_is_outside_of_the_steps(image, right):
    """Columns are added, and their greatest found, once; absolute differences are those of the word before."""
    left, other = image(name="left"), image(name="other", seed=1)
    r, d = hl.RDom([(-1, 3), (-1, 3)], "r"), hl.RDom([(0, 6)], "d")
    total, greatest, best, sad, hw = (hl.Func(name) for name in ("total", "greatest", "best", "sad", "hw"))
    total[x, y] = hl.u16(0)
    total[x, y] += hl.u16(left[x + r.x, y + r.y])
    greatest[x, y] = hl.u8(0)
    greatest[x, y] = hl.max(greatest[x, y], left[x + r.x, y + r.y])
    sad[x, y, c] = hl.sum(r, hl.u16(hl.absd(left[x + r.x, y + r.y], other[x + r.x - c, y + r.y])))
    best[x, y] = hl.u16(0xFFFF)
    best[x, y] = hl.min(best[x, y], sad[x, y, d.x])
    hw[x, y] = total[x, y] + greatest[x, y] + best[x, y]
    for stage in (total, greatest):
        stage.update().reorder(r.y, r.x).unroll(r.y)
    design = right(accelerated(hw, [total, greatest, best], [left, other]))
    operators = Counter(node.op for node in design.accelerator("hw").generated.plan.nodes)
    assert operators["max"] == 3
    assert operators["abs"] == 3  # those of a column; of the two beside it they are the ones before
    assert operators["add"] <= 2 + 1 + 2 + 2 + 2


def test_the_accelerated_func_itself(image, right):
    source, r, hw = image(), hl.RDom([(-1, 3), (0, 2)], "r"), hl.Func("hw")
    hw[x, y] = hl.u16(7)
    hw[x, y] += hl.u16(source[x + r.x, y - r.y])
    right(accelerated(hw, [], [source]))


def test_stages_of_several_lengths(image, right):
    source, r, q = image(), hl.RDom([(0, 4)], "r"), hl.RDom([(0, 3), (0, 2)], "q")
    sums, mixed, high, hw = hl.Func("sums"), hl.Func("mixed"), hl.Func("high"), hl.Func("hw")
    sums[x, y] = hl.u16(0)
    sums[x, y] += hl.u16(source[x + r.x, y])
    mixed[x, y] = sums[x, y] + sums[x, y + 1] * 2
    high[x, y] = hl.u16(7)
    high[x, y] = hl.max(high[x, y], mixed[x + q.x, y + q.y])
    hw[x, y] = high[x, y] - hl.u16(source[x, y])
    design = right(accelerated(hw, [sums, mixed, high], [source], lanes=2))
    assert design.report.accelerators[0].cycles_per_word == 6


def test_two_inputs_against_each_other(image, right):
    left, other = image(name="left"), image(name="other", seed=1)
    r, cost, hw = hl.RDom([(0, 3), (0, 2)], "r"), hl.Func("cost"), hl.Func("hw")
    cost[x, y] = hl.u16(0)
    cost[x, y] += hl.u16(hl.absd(left[x + r.x, y + r.y], other[x + 2 - r.x, y + r.y]))
    hw[x, y] = cost[x, y] + cost[x - 1, y]
    design = right(accelerated(hw, [cost], [left, other]))
    assert Counter(node.op for node in design.accelerator("hw").generated.plan.nodes)["abs"] == 1


@pytest.mark.parametrize("rate", ["half", "twice"])
def test_at_another_rate(image, right, rate):
    source, r, stage, hw = image(), hl.RDom([(0, 3), (0, 2)], "r"), hl.Func("stage"), hl.Func("hw")
    at = (2 * x + r.x, 2 * y + r.y) if rate == "half" else (x // 2 + r.x, y // 2 + r.y)
    stage[x, y] = hl.u16(0)
    stage[x, y] += hl.u16(source[at]) * hl.u16(x % 2 + 1)
    hw[x, y] = stage[x, y] + stage[x + 1, y + 1]
    right(accelerated(hw, [stage], [source]))


def test_channels_side_by_side(image, right):
    source, r, stage, hw = image(), hl.RDom([(0, 3)], "r"), hl.Func("stage"), hl.Func("hw")
    stage[x, y, c] = hl.u16(0)
    stage[x, y, c] += hl.u16(source[x + r.x, y]) * hl.u16(c + 1)
    hw[x, y] = stage[x, y, 0] + stage[x, y, 1] * 3 + stage[x + 1, y, 2]
    stage.bound(c, 0, 3).unroll(c).update().unroll(c)
    right(accelerated(hw, [stage], [source]))


@pytest.mark.parametrize("kind", ["repeat_edge", "mirror_interior", "constant_exterior"])
def test_borders(image, right, kind):
    source = image(extents=(10, 7), mins=[0, 0])
    border = getattr(hl.BoundaryConditions, kind)
    edge = border(source, hl.u8(9)) if kind == "constant_exterior" else border(source)
    r, stage, hw = hl.RDom([(-1, 3), (-1, 3)], "r"), hl.Func("stage"), hl.Func("hw")
    stage[x, y] = hl.u16(0)
    stage[x, y] += hl.u16(edge[x + r.x, y + r.y]) * hl.u16(r.x + 2)
    hw[x, y] = stage[x, y]
    right(accelerated(hw, [stage], [source]), sizes=[(10, 7)])


def test_tables(image, right):
    source, r = image(), hl.RDom([(0, 3)], "r")
    table = hl.Buffer(SQUARES, "table")
    stage, hw = hl.Func("stage"), hl.Func("hw")
    stage[x, y] = hl.u16(0)
    stage[x, y] += table[hl.i32(source[x + r.x, y])] + hl.u16(r.x)
    hw[x, y] = stage[x, y]
    design = right(accelerated(hw, [stage], [source]))
    assert Counter(node.op for node in design.accelerator("hw").generated.plan.nodes)["rom"] == 1


def test_a_recurrence_that_takes_longer_than_a_cycle(image, right):
    design = right(reduced(image, multiplied))
    (report,) = design.report.accelerators
    (stage,) = (stage for stage in report.stages if stage.name == "stage")
    assert (stage.steps, stage.interval_cycles) == (9, 2)
    assert report.cycles_per_word == 8 * 2 + 1
