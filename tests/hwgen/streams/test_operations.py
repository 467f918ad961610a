"""Every record of an operation against its own evaluation: range, bits taken, low zeros; and what must be there."""

import itertools
import random

import pytest
from amaranth.hdl import Const, Elaboratable, Module, Shape, Signal, Value
from amaranth.sim import Simulator

from fluorite.hwgen.family.delays import ECP5, ZYNQ7000
from fluorite.hwgen.streams.graph import Graph
from fluorite.hwgen.streams.operation import Interval
from fluorite.hwgen.streams.operations import OPERATIONS, ROM, wrapped
from fluorite.hwgen.streams.table import Table

INTERVALS = [Interval(*ends) for ends in ((0, 1), (0, 5), (3, 7), (-4, 3), (-7, -2), (-1, 0), (0, 8))]
TABLE = Table.of("table", -7, [n * n % 19 - 4 for n in range(20)])
# Attributes to try, where an operation has any.
ATTRIBUTES = {
    "stage": [("s", 0, 0)],
    "state": [(0, 0, 1, False)],
    "within": [(-7, 9)],
    "shl": [(0,), (1,), (3,)],
    "shr": [(0,), (1,), (3,)],
    "wrap": [(1, False, 0), (3, False, 0), (3, True, 0), (2, True, 0)],
    "cat": [(4,), (3,)],
    "rom": [(TABLE,)],
}
COMPUTED = [name for name, record in OPERATIONS.items() if record.evaluate and name not in ("const", "state")]


def cases(name):
    """(record, operands' intervals, attributes) to try."""
    record = OPERATIONS[name]
    if name == "sum":
        for a, b in itertools.product(INTERVALS, INTERVALS):
            for attributes in ((0, (1, 1)), (5, (-3, 2)), (-2, (4, -4))):
                yield record, (a, b), attributes
        return
    ranges = [Interval(TABLE.first, TABLE.last)] if name == "rom" else INTERVALS
    for intervals in itertools.product(ranges, repeat=record.operands):
        for attributes in ATTRIBUTES.get(name, [()]):
            if record.takes(*intervals, *attributes):
                yield record, intervals, attributes


def values(name, intervals, attributes):
    ranges = [range(a.lo, a.hi + 1) for a in intervals]
    for operands in itertools.product(*ranges):
        if name != "within" or attributes[0] <= operands[0] <= attributes[1]:
            yield operands


@pytest.mark.parametrize("name", COMPUTED)
def test_range_holds_every_value_and_ends_in_one(name):
    tight = 0
    for record, intervals, attributes in cases(name):
        lo, hi = record.range(*intervals, *attributes)
        found = [record.evaluate(*operands, *attributes) for operands in values(name, intervals, attributes)]
        assert lo <= min(found) and max(found) <= hi, (intervals, attributes)
        tight += (lo, hi) == (min(found), max(found))
    assert tight  # no record gives away everything


@pytest.mark.parametrize("name", COMPUTED)
def test_a_range_of_numbers_is_a_number(name):
    for record, intervals, attributes in cases(name):
        for operands in itertools.islice(values(name, intervals, attributes), 5):
            single = [Interval(a, a) for a in operands]
            lo, hi = record.range(*single, *attributes)
            assert lo <= record.evaluate(*operands, *attributes) <= hi


@pytest.mark.parametrize("name", COMPUTED)
def test_bits_that_are_not_taken_do_not_matter(name):
    draw = random.Random(name)
    for record, intervals, attributes in cases(name):
        if record.operands is None:
            continue
        for _ in range(6):
            mask = draw.randrange(1, 256) & (1 << shape(record.range(*intervals, *attributes)).width) - 1
            operands = [draw.randint(a.lo, a.hi) for a in intervals]
            if name == "within":
                continue  # says of its operand what must stay true
            value = record.evaluate(*operands, *attributes)
            for position, interval in enumerate(intervals):
                taken = record.taken(position, mask, *attributes)
                for other in range(interval.lo, interval.hi + 1):
                    if (other ^ operands[position]) & taken:
                        continue
                    changed = [*operands[:position], other, *operands[position + 1 :]]
                    assert (record.evaluate(*changed, *attributes) ^ value) & mask == 0, (operands, changed, mask)


@pytest.mark.parametrize("name", [n for n in COMPUTED if OPERATIONS[n].low_zeros])
def test_low_bits_that_are_always_zero(name):
    for record, intervals, attributes in cases(name):
        for zeros in (0, 1, 2):
            operands = [a << zeros for a in range(max(intervals[0].lo, 0), intervals[0].hi + 1)]
            found = record.low_zeros(zeros, *attributes)
            for a in operands:
                if name != "within" or a <= attributes[1]:
                    value = record.evaluate(a, *attributes)
                    assert value % (1 << min(found, 8)) == 0 or name == "wrap"


class _Alone(Elaboratable):
    """One operation between an input and an output."""

    def __init__(self, record, intervals, attributes):
        self.record, self.attributes = record, attributes
        self.operands = [Signal(shape(a)) for a in intervals]
        self.result = Signal(shape(record.range(*intervals, *attributes)))

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.result.eq(self.record.rtl(*self.operands, *self.attributes))
        return m


def shape(interval):
    signed = interval[0] < 0
    bits = max((-interval[0] - 1).bit_length() if signed else 0, interval[1].bit_length() if interval[1] > 0 else 0)
    return Shape(max(bits + signed, 1), signed=signed)


@pytest.mark.parametrize("name", [n for n in COMPUTED if OPERATIONS[n].rtl])
def test_hardware_computes_what_the_interpreter_does(name):
    draw = random.Random(name)
    every = list(cases(name))
    for record, intervals, attributes in draw.sample(every, min(len(every), 12)):
        alone = _Alone(record, intervals, attributes)

        async def bench(ctx, alone=alone, record=record, intervals=intervals, attributes=attributes):
            for operands in values(name, intervals, attributes):
                for signal, value in zip(alone.operands, operands, strict=True):
                    ctx.set(signal, value)
                assert ctx.get(alone.result) == record.evaluate(*operands, *attributes), (operands, attributes)

        simulator = Simulator(alone)
        simulator.add_testbench(bench)
        simulator.run()


def test_every_record_is_whole():
    for name, record in OPERATIONS.items():
        assert record.name == name and record.value
        assert record.is_source == (record.evaluate is None and name not in ("table", "choose")), name
        built = record.rtl is not None or name in ("const", "rom", "choose")
        assert built == (not record.is_source and not record.is_notation), name


def test_times_are_of_the_family_and_wiring_costs_none():
    graph = Graph(1)
    for name, record in OPERATIONS.items():
        if record.is_wiring and not record.is_source and name not in ("const",):
            node = graph.intern(name, (), record.attributes(*ATTRIBUTES[name][0]), 0, 1, static=False).node
            assert record.time(node, ZYNQ7000) == record.time(node, ECP5) == 0.0
            assert record.cells(node, 8, 8) == {}


def test_roms_become_memories_where_they_are_large():
    def rom(words):
        table = Table.of("t", 0, words)
        graph = Graph(1)
        index = graph.intern("input", (), OPERATIONS["input"].attributes("i", 0, 0), 0, table.last, static=False)
        return graph.intern("rom", (index,), ROM.attributes(table), table.lo, table.hi).node

    assert [ROM.latency(rom(range(n))) for n in (256, 257)] == [0, 1]
    assert [ROM.latency(rom([0, *range(1 << 15, (1 << 15) + n - 1)])) for n in (256,)] == [0]
    assert ROM.latency(rom([1 << 40, *range(200)])) == 1


def test_wrapped_is_twos_complement():
    assert [wrapped(n, 3, True) for n in range(-5, 9)] == [3, -4, -3, -2, -1, 0, 1, 2, 3, -4, -3, -2, -1, 0]
    assert isinstance(OPERATIONS["cat"].rtl(Value.cast(Const(1)), Value.cast(Const(1)), 4), Value)
