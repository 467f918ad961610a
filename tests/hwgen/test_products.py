"""Products that one multiplier does not take: exact, every part fits, no more parts than needed."""

import halide as hl
import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from fluorite.hwgen.family.delays import ECP5, FAMILIES, ZYNQ7000, ZYNQMP
from fluorite.hwgen.family.multiplier import Multiplier
from fluorite.hwgen.passes.adders import is_shift_add
from fluorite.hwgen.passes.division import expand_divisions
from fluorite.hwgen.passes.products import product_cost, split_products
from fluorite.hwgen.passes.sums import expand_sums
from fluorite.hwgen.streams.builder import Builder
from fluorite.hwgen.streams.graph import Graph, Output
from fluorite.hwgen.streams.interpreter import Interpreter
from fluorite.hwgen.streams.operations import wrapped
from tests.hwgen.operations import check, wide_pairs

TINY = Multiplier(5, 4), Multiplier(4, 4, unsigned=True)
BLOCKS = (*TINY, *(family.multiplier for family in FAMILIES.values()))


def unsigned(bits):
    return 0, (1 << bits) - 1


def signed(bits):
    return -(1 << (bits - 1)), (1 << (bits - 1)) - 1


def graph_of(ranges, value):
    """A graph of one output over inputs of these ranges, ``value(builder, *inputs)``."""
    graph = Graph(1)
    build = Builder(graph)
    inputs = [build.input(f"in{n}", 0, 0, lo, hi) for n, (lo, hi) in enumerate(ranges)]
    graph.outputs.append(Output("out", 0, build.stage(value(build, *inputs), "out", 0, 0)))
    return graph


def split(graph, block):
    """The graph with its sums expanded and its products split, every one of which fits."""
    result = split_products(expand_sums(graph, 1), block)
    assert all(block.takes(*(o.node for o in node.operands)) for node in result.walk() if node.op == "mul")
    return result


def value_of(graph, *inputs):
    sources = {f"in{n}": value for n, value in enumerate(inputs)}
    return Interpreter(lambda node, at: sources[node.attr.stream]).ref(graph.outputs[0].value, (0,))


def count(graph, *ops):
    return sum(node.op in ops for node in graph.walk())


def product(ranges, block, modulo=None):
    def value(build, a, b):
        total = build.mul(a, b)
        return total if modulo is None else build.wrap(total, *modulo)

    return split(graph_of(ranges, value), block)


@st.composite
def ranges_and_values(draw, most_bits=64):
    """A range, and values in it: its ends, what is next to them, any."""
    lo, hi = sorted(draw(st.one_of(*(st.integers(*signed(bits)) for bits in (6, 20, 36, most_bits)))) for _ in range(2))
    if draw(st.booleans()):
        lo, hi = draw(st.sampled_from([unsigned, signed]))(draw(st.integers(1, most_bits)))
    if lo == hi:
        hi += 1
    values = {lo, hi, min(lo + 1, hi), hi - 1, *draw(st.lists(st.integers(lo, hi), max_size=2))}
    values |= {value for value in (-1, 0, 1) if lo <= value <= hi}
    return (lo, hi), sorted(values)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(ranges_and_values(), ranges_and_values(), st.sampled_from(BLOCKS))
def test_products_of_streams_are_exact(first, second, block):
    graph = product([first[0], second[0]], block)
    for a in first[1]:
        for b in second[1]:
            assert value_of(graph, a, b) == a * b


@settings(max_examples=60, deadline=None, derandomize=True)
@given(ranges_and_values(), ranges_and_values(), st.integers(1, 70), st.booleans(), st.sampled_from(BLOCKS))
def test_wrapped_products_have_the_low_bits(first, second, bits, is_signed, block):
    graph = product([first[0], second[0]], block, (bits, is_signed))
    for a in first[1]:
        for b in second[1]:
            assert value_of(graph, a, b) == wrapped(a * b, bits, is_signed)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(ranges_and_values(), st.integers(-(1 << 40), 1 << 40).filter(bool), st.sampled_from(BLOCKS))
def test_products_by_constants_are_exact(first, factor, block):
    graph = split(graph_of([first[0]], lambda build, a: build.linear([(factor, a)], 7)), block)
    for a in first[1]:
        assert value_of(graph, a) == a * factor + 7


@settings(max_examples=60, deadline=None, derandomize=True)
@given(ranges_and_values(40), st.integers(2, 1 << 20), st.sampled_from(BLOCKS))
def test_divisions_by_constants_are_exact(first, divisor, block):
    (lo, hi), values = first
    graph = graph_of([(lo, hi)], lambda build, a: build.divide(a, build.const(divisor)))
    graph = split(expand_divisions(graph, block), block)
    steps = {n * divisor + d for n in (lo // divisor, hi // divisor, (lo + hi) // 2 // divisor, 0) for d in (-1, 0, 1)}
    for a in {*values, *(step for step in steps if lo <= step <= hi)}:
        assert value_of(graph, a) == a // divisor


@pytest.mark.parametrize("top", [300, 1023])
@pytest.mark.parametrize("divisor", [3, 5, 7, 10, 11, 12, 100, 255])
@pytest.mark.parametrize("lift", [0, 77])
def test_divisions_of_every_dividend(top, divisor, lift):
    """With a block that takes hardly anything, so that every kind of reciprocal is tried."""
    graph = graph_of([(-lift, top)], lambda build, a: build.divide(a, build.const(divisor)))
    graph = split(expand_divisions(graph, TINY[0]), TINY[0])
    assert all(value_of(graph, a) == a // divisor for a in range(-lift, top + 1))


def test_what_fits_is_left_alone():
    for ranges, block in [
        ([unsigned(18), unsigned(18)], ECP5.multiplier),
        ([signed(18), unsigned(17)], ECP5.multiplier),
        ([signed(25), signed(18)], ZYNQ7000.multiplier),
        ([unsigned(17), unsigned(24)], ZYNQ7000.multiplier),
        ([unsigned(26), signed(18)], ZYNQMP.multiplier),
    ]:
        graph = expand_sums(graph_of(ranges, lambda build, a, b: build.mul(a, b)), 1)
        assert split_products(graph, block) is graph
        wider = expand_sums(graph_of([(lo * 2, hi * 2 + 1) for lo, hi in ranges], lambda g, a, b: g.mul(a, b)), 1)
        assert split_products(wider, block) is not wider


@pytest.mark.parametrize(
    "ranges,modulo,family,multipliers,adders",
    [
        ([unsigned(19), unsigned(18)], None, ECP5, 1, 1),  # the top bit is no multiplication
        ([unsigned(19), unsigned(19)], None, ECP5, 1, 2),
        ([signed(19), signed(18)], None, ECP5, 1, 1),  # nor is the lowest, below a sign
        ([unsigned(18), signed(18)], None, ECP5, 1, 1),  # beside a sign, one more bit is needed
        ([unsigned(37), unsigned(18)], None, ECP5, 2, 1),
        ([unsigned(36), unsigned(18)], None, ECP5, 2, 1),
        ([unsigned(32), unsigned(32)], None, ECP5, 4, 2),  # low and high part side by side
        ([unsigned(32), unsigned(32)], (32, False), ECP5, 3, 2),
        ([signed(32), signed(32)], (32, True), ECP5, 3, 2),
        ([unsigned(25), unsigned(17)], None, ZYNQ7000, 1, 1),
        ([unsigned(26), unsigned(17)], None, ZYNQ7000, 2, 1),
        ([unsigned(27), unsigned(17)], None, ZYNQMP, 1, 1),
        ([unsigned(18), unsigned(18)], None, ZYNQ7000, 1, 1),
        ([unsigned(32), unsigned(32)], None, ZYNQ7000, 4, 2),
        ([signed(64), signed(64)], None, ZYNQ7000, 16, None),
    ],
)
def test_how_many_parts(ranges, modulo, family, multipliers, adders):
    graph = product(ranges, family.multiplier, modulo)
    assert count(graph, "mul") == multipliers
    assert adders is None or count(graph, "add", "sub") == adders


def test_a_square_makes_its_mixed_product_once():
    graph = split(graph_of([unsigned(36)], lambda build, a: build.mul(a, a)), ECP5.multiplier)
    assert (count(graph, "mul"), count(graph, "add")) == (3, 1)
    assert all(value_of(graph, a) == a * a for a in (0, 1, (1 << 18) - 1, 1 << 18, (1 << 36) - 1, 0x9_8765_4321))


def test_a_product_read_whole_and_wrapped_shares_its_parts():
    def value(build, a, b):
        total = build.mul(a, b)
        return build.add(build.shift_right(total, 40), build.wrap(total, 32, False))

    graph = split(graph_of([unsigned(32), unsigned(32)], value), ECP5.multiplier)
    assert count(graph, "mul") == 4
    a, b = 0xFEDC_BA98, 0x8765_4321
    assert value_of(graph, a, b) == (a * b >> 40) + (a * b & 0xFFFF_FFFF)


def test_parts_of_constants_may_be_shifts_and_adders():
    a = Builder(Graph(1)).input("a", 0, 0, *unsigned(19)).node
    factor = 0x24001  # 18 bits in three digits
    assert is_shift_add(factor)
    assert product_cost(a.lo, a.hi, factor, ECP5.multiplier)[0] == 0
    assert product_cost(a.lo, a.hi, 0x33333, ECP5.multiplier) == (1, 19)
    assert product_cost(a.lo, a.hi, 0x33333, ZYNQ7000.multiplier)[0] == 1
    assert product_cost(a.lo, a.hi, 0x66667, ECP5.multiplier)[0] == 1


@pytest.mark.parametrize("family", [ECP5, ZYNQ7000], ids=["ecp5", "zynq-7000"])
def test_the_mean_of_five_pixels_takes_one_multiplier(family):
    """The least reciprocal that is rounded up has 19 bits, the one rounded down has 18."""
    graph = graph_of([(0, 5 * 65535)], lambda build, a: build.divide(a, build.const(5)))
    graph = split(expand_divisions(graph, family.multiplier), family.multiplier)
    assert (count(graph, "mul"), count(graph, "add", "sub")) == (1, 2)
    for a in (*range(30), *range(2**18 - 20, 2**18 + 20), *range(5 * 65535 - 30, 5 * 65535 + 1)):
        assert value_of(graph, a) == a // 5


@pytest.mark.parametrize("bits", [32, 64])
def test_against_halide(bits):
    """In Verilator, cut for ECP5's blocks; other tests of operations do it with those of Zynq-7000."""
    u, s = hl.UInt(bits), hl.Int(bits)
    operations = {
        "product": lambda a, b: a * b,
        "square": lambda a, b: a * a,
        "low part": lambda a, b: a * (b & 0x7FFFF),
        "signed": lambda a, b: hl.cast(hl.Int(64), hl.cast(hl.Int(32), a)) * hl.cast(hl.Int(16), b),
        "by a constant": lambda a, b: a * hl.cast(u, 0x9E3779B1),
        "a fifth": lambda a, b: a / 5,
        "a tenth": lambda a, b: a / 10,
        "a seventh": lambda a, b: hl.cast(s, a) / 7,
        "rest": lambda a, b: a % 1000003,
    }
    if bits == 32:
        operations["whole"] = lambda a, b: hl.cast(hl.UInt(64), a) * b
        operations["whole, signed"] = lambda a, b: hl.cast(hl.Int(64), hl.cast(s, a)) * hl.cast(s, b)
        operations["whole, mixed"] = lambda a, b: hl.cast(hl.Int(64), hl.cast(s, a)) * hl.cast(hl.Int(64), b >> 1)
    a, b = wide_pairs(f"uint{bits}", f"uint{bits}", seed=7)
    check({"a": u, "b": u}, operations, {"a": a, "b": b}, board="ulx3s-85f")


def test_phases_stay_where_they_are_beside_a_split_product():
    """A resampling node reads by the scan's position, so it does not move with an operand that comes early."""
    graph = Graph(1)
    build = Builder(graph)
    a, b = build.input("a", 0, 0, *unsigned(40)), build.input("b", 0, 0, *unsigned(40))
    late = build.resample(a.shifted((-3,)), (2,), ((0, 1),))
    graph.outputs.append(Output("out", 0, build.linear([(1, build.mul(a, b)), (1, late)])))
    parts = split(graph, ZYNQ7000.multiplier)
    for position in range(0, 8, 2):
        one, other = (
            Interpreter(lambda node, at: 1000 + 7 * at[0]).ref(g.outputs[0].value, (position,)) for g in (graph, parts)
        )
        assert one == other
