"""RTL components in Amaranth's simulator: skid buffer, scan counter, line buffer."""

import itertools
import random

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from fluorite.hwgen.rtl.linebuffer import AddressCounter, LineBuffer
from fluorite.hwgen.rtl.scan import ScanCounter
from fluorite.hwgen.rtl.skid import SkidBuffer


def simulate(module, testbench):
    simulator = Simulator(module)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()


# --- skid buffer --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("valid,ready", [(1.0, 1.0), (0.5, 0.5), (1.0, 0.3), (0.3, 1.0), (0.8, 0.8)])
def test_skid_buffer_keeps_every_word_in_order(valid, ready):
    skid = SkidBuffer(8)
    chance = random.Random(f"{valid} {ready}")
    sent, received = [], []

    async def run(context):
        offering, words, held = False, iter(range(10**6)), None
        for _ in range(600):
            if not offering and chance.random() < valid:
                offering = True
                context.set(skid.i_data, next(words) % 256)
            context.set(skid.i_valid, offering)
            context.set(skid.o_ready, chance.random() < ready)
            if not offering:
                context.set(skid.i_data, chance.randrange(256))  # garbage
            o_valid, data = context.get(skid.o_valid), context.get(skid.o_data)
            if held is not None:  # valid and data stay until taken
                assert (o_valid, data) == (1, held)
            held = data if o_valid and not context.get(skid.o_ready) else None
            if o_valid and context.get(skid.o_ready):
                received.append(data)
            if offering and context.get(skid.i_ready):
                sent.append(context.get(skid.i_data))
                offering = False
            await context.tick()

    simulate(skid, run)
    assert received == sent[: len(received)]
    assert 0 <= len(sent) - len(received) <= 2
    assert len(received) > 100


def test_skid_buffer_passes_a_word_in_every_cycle():
    skid = SkidBuffer(8)

    async def run(context):
        context.set(skid.o_ready, 1)
        context.set(skid.i_valid, 1)
        for cycle in range(20):
            context.set(skid.i_data, cycle)
            assert context.get(skid.i_ready)
            if cycle:
                assert (context.get(skid.o_valid), context.get(skid.o_data)) == (1, cycle - 1)
            await context.tick()

    simulate(skid, run)


def test_skid_buffer_cuts_both_combinational_paths():
    skid = SkidBuffer(8)

    async def run(context):
        seen = set()
        for i_valid, o_ready, i_data in itertools.product((0, 1), (0, 1), (0, 77)):
            context.set(skid.i_valid, i_valid)
            context.set(skid.o_ready, o_ready)
            context.set(skid.i_data, i_data)
            seen.add((context.get(skid.i_ready), context.get(skid.o_valid), context.get(skid.o_data)))
        assert len(seen) == 1  # outputs are registers: inputs of the same cycle do not show

    simulate(skid, run)


# --- scan counter -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lag", [(0, 0), (3, 0), (1, 2), (-2, 1), (7, 1), (-4, 3)])
@pytest.mark.parametrize("columns,rows", [(5, 4), (8, 1)])
def test_scan_counter_is_so_many_cycles_late(lag, columns, rows):
    load, advance = Signal(), Signal()
    counter = ScanCounter(lag, (columns - 1, rows - 1), (columns, rows), load, advance, "scan")
    chance = random.Random(str((lag, columns, rows)))
    late = lag[1] * columns + lag[0]

    async def run(context):
        context.set(load, 1)
        await context.tick()
        context.set(load, 0)
        moved = 0
        while moved < late + 3 * columns * rows:
            moving = chance.random() < 0.7
            context.set(advance, moving)
            position = [context.get(p) for p in counter.positions]
            word = moved - late
            if word >= 0:
                assert position == [word % columns, word // columns % rows]
                assert context.get(counter.wrap) == (word % (columns * rows) == columns * rows - 1)
            else:
                assert min(position) < 0
            moved += moving
            await context.tick()

    simulate(counter, run)


# --- line buffer --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cycles", [2, 3, 4, 5, 8, 17])
@pytest.mark.parametrize("spare", [0, 3])
def test_line_buffer_is_a_delay(cycles, spare):
    load, advance, last = Signal(), Signal(), Signal(8)
    module = Module()
    depth = cycles - 1 + spare  # of the longest delay it can be set to
    module.submodules.address = counter = AddressCounter(last, depth, load, advance, "line")
    module.submodules.line = line = LineBuffer(8, depth, counter.address, advance, "line")
    chance = random.Random(cycles)

    async def run(context):
        context.set(last, cycles - 2)
        context.set(load, 1)
        await context.tick()
        context.set(load, 0)
        entered = []
        for _ in range(8 * cycles + 20):
            moving = chance.random() < 0.6
            word = chance.randrange(256)
            context.set(advance, moving)
            context.set(line.data, word)
            if len(entered) >= cycles:
                assert context.get(line.q) == entered[-cycles]
            if moving:
                entered.append(word)
            await context.tick()

    simulate(module, run)
