"""Balanced trees: exact, shallow, and shared across taps and lanes."""

from functools import reduce

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.hwgen.passes.columns import Columns
from fluorite.hwgen.passes.trees import balance_trees
from fluorite.hwgen.streams.builder import Builder
from fluorite.hwgen.streams.graph import Graph, Output, topological
from fluorite.run.launch import launches
from tests.hwgen.operations import all_pairs, check

U8, U16 = hl.UInt(8), hl.UInt(16)
x, y = hl.vars("x y")


def window(kind, width, height, lanes, type_=U8):
    """A filter over a window, as a reduction unrolled whole: the left fold that users write."""
    image, hw, out = hl.ImageParam(type_, 2, "image"), hl.Func("hw"), hl.Func("out")
    r = hl.RDom([(0, width), (0, height)])
    tap = image[x + r.x, y + r.y]
    start, step = {
        "max": (0, lambda old: hl.max(old, tap)),
        "min": (255, lambda old: hl.min(old, tap)),
        "or": (0, lambda old: old | tap),
        "and": (255, lambda old: old & tap),
        "xor": (0, lambda old: old ^ tap),
        "mul": (1, lambda old: old * tap),
    }[kind]
    hw[x, y] = hl.cast(type_, start)
    hw[x, y] = step(hw[x, y])
    hw.compute_root().bound(x, 0, 24).bound(y, 0, 6)
    hw.update().unroll(r.x).unroll(r.y)
    if lanes > 1:
        hw.unroll(x, lanes)
    hw.accelerate([image], x, hl.Var.outermost())
    out[x, y] = hw[x, y]
    return fluorite.compile(out), image


def operators(design, op):
    (accelerator,) = design.accelerators
    return [node for node in accelerator.generated.plan.nodes if node.op == op]


@pytest.mark.parametrize(
    ("kind", "width", "height", "lanes", "count"),
    [
        ("max", 3, 3, 1, 2 + 2),  # a column, then three columns of it
        ("min", 3, 3, 2, 2 * 2 + 2 * 2),
        ("max", 7, 3, 1, 2 + 3),  # seven columns as runs of two, four and four
        ("or", 5, 1, 1, 3),
        ("and", 8, 2, 4, 4 * 1 + 4 * 3),
        ("xor", 3, 3, 1, 2 + 2),
        ("mul", 3, 3, 1, 2 + 2),
        ("mul", 4, 1, 1, 2),  # the second pair is the first one, two cycles ago
    ],
)
def test_windows_share_their_columns(kind, width, height, lanes, count):
    design, _ = window(kind, width, height, lanes)
    assert len(operators(design, kind)) == count


@pytest.mark.parametrize(("kind", "lanes"), [("max", 1), ("min", 3), ("mul", 2), ("xor", 1)])
def test_windows_are_exact(kind, lanes):
    design, _ = window(kind, 5, 3, lanes)
    (accelerator,) = design.accelerators
    mins, extents = (0, 0), (24, 6)
    _, size = accelerator.generated.input("image").region(mins, extents)
    pixels = np.random.default_rng(3).integers(0, 256, size[::-1], dtype=np.uint8)
    (expected,) = accelerator.golden({"image": pixels}, mins, extents)
    actual = np.zeros_like(expected)
    (launch,) = launches(accelerator.generated, mins, extents, {})
    accelerator.run([pixels], [actual], launch)
    np.testing.assert_array_equal(actual, expected)


def fold(op, values):
    return reduce(op, values)


def test_chains_of_data_are_exact():
    """Mixed with constants, equal leaves, and inner values that something else reads."""

    def leaves(a, b):
        return [a, b, a + b, a - b, a ^ b, a, b + 3]

    def read_elsewhere(a, b):
        inner = hl.max(hl.max(a, b), a + b)
        return hl.max(hl.max(inner, a ^ b), b + 3) - inner

    operations = {
        "max": lambda a, b: fold(hl.max, leaves(a, b)),
        "min and a constant": lambda a, b: fold(hl.min, [*leaves(a, b), hl.u8(200)]),
        "or": lambda a, b: fold(lambda p, q: p | q, leaves(a, b)),
        "xor": lambda a, b: fold(lambda p, q: p ^ q, leaves(a, b)),
        "and": lambda a, b: fold(lambda p, q: p & q, [v | 129 for v in leaves(a, b)]),
        "product modulo 256": lambda a, b: fold(lambda p, q: p * q, leaves(a, b)),
        "product modulo 2^16": lambda a, b: fold(lambda p, q: p * q, [hl.u16(v) for v in leaves(a, b)]),
        "signed product": lambda a, b: fold(lambda p, q: p * q, [hl.i16(hl.i8(v)) for v in leaves(a, b)]),
        "exact product": lambda a, b: fold(lambda p, q: p * q, [hl.i32(v) for v in leaves(a, b)[:3]]),
        "read elsewhere": read_elsewhere,
        "conditions": lambda a, b: hl.select((a > 3) & (b > 3) & (a < b) & (a != 77) & (b != 9), a, b),
    }
    a, b = all_pairs()
    check({"a": U8, "b": U8}, operations, {"a": a, "b": b})


def chain(*, tapped):
    """``max`` over eight inputs as a left fold; the value of five of them is an output too if tapped."""
    graph = Graph(1)
    build = Builder(graph)
    inputs = [build.input(f"i{n}", 0, 0, 0, 255) for n in range(8)]
    folded = inputs[0]
    for n, value in enumerate(inputs[1:], 1):
        folded = build.maximum(folded, value)
        if n == 4 and tapped:
            graph.outputs.append(Output("tapped", 0, folded))
    graph.outputs.append(Output("out", 0, folded))
    return graph


def depth(node):
    return max((depth(o.node) + (node.op == "max") for o in node.operands), default=0)


@pytest.mark.parametrize("tapped", [False, True])
def test_balanced_and_no_work_twice(tapped):
    balanced = balance_trees(chain(tapped=tapped), lanes=1)
    nodes = [node for node in topological(o.value.node for o in balanced.outputs) if node.op == "max"]
    assert len(nodes) == 7
    assert depth(balanced.outputs[-1].value.node) == (5 if tapped else 3)


def test_columns_of_lanes():
    graph = Graph(2)
    lane = Builder(graph).input("i", 1, 0, 0, 255)
    columns = Columns(lanes=4)
    assert columns.of(lane) == 1
    assert columns.of(lane.shifted((2, 1))) == 1 - 8
