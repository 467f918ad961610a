"""The read and write masters: any alignment, width and shape, against numpy; throughput; errors; stopping."""

import math
import random

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.sim import Simulator

from fluorite.hwgen.shell.axi_ports import axi_read_master, axi_write_master
from fluorite.hwgen.shell.memory.read_master import ReadMaster
from fluorite.hwgen.shell.memory.rows import Block
from fluorite.hwgen.shell.memory.write_master import WriteMaster
from tests.hwgen.shell.axi_memory import DECERR, SLVERR, ReadPort, WritePort

SIZE = 1 << 16


class Shape:
    """A block of memory: base, bytes of a row, counts and strides of the outer dimensions."""

    def __init__(self, base, row_bytes, counts=(), strides=()):
        self.base, self.row_bytes, self.counts, self.strides = base, row_bytes, counts, strides

    def rows(self):
        for index in np.ndindex(*reversed(self.counts)):
            yield self.base + sum(i * s for i, s in zip(reversed(index), self.strides, strict=True))

    def words(self, memory, word_bytes):
        """What is read: each row cut into words, only the bytes that count of the last."""
        found = []
        starts = list(self.rows())
        for number, start in enumerate(starts):
            row = memory[start : start + self.row_bytes].tobytes()
            cuts = range(0, self.row_bytes, word_bytes)
            for cut in cuts:
                end = cut == cuts[-1]
                found.append((row[cut : cut + word_bytes], end, end and number == len(starts) - 1))
        return found


def random_shape(rng, dimensions, size=SIZE):
    row_bytes = rng.choice([1, 2, 3, rng.randrange(1, 40), rng.randrange(1, 300)])
    counts = [rng.randrange(1, 6) for _ in range(dimensions - 1)]
    strides, span = [], row_bytes
    for count in counts:
        stride = span + rng.choice([0, 1, rng.randrange(50), 2048 - span % 2048])
        strides.append(stride)
        span = stride * count
    base = rng.randrange(0, size - span)
    if counts and rng.random() < 0.3:  # upside down
        base += strides[0] * (counts[0] - 1)
        strides[0] = -strides[0]
    return Shape(base, row_bytes, tuple(counts), tuple(strides))


def block_of(dimensions):
    return Block.make(32, 16, [10] * (dimensions - 1), "block")


def set_block(ctx, block, shape):
    values = (shape.base, shape.row_bytes, *shape.counts, *shape.strides)
    for signal, value in zip(block.signals, values, strict=True):
        ctx.set(signal, value)


def run(master, testbench):
    m = Module()
    m.submodules.master = master
    simulator = Simulator(m)
    simulator.add_clock(1e-8)
    simulator.add_testbench(testbench)
    simulator.run()


def read_all(shapes, data_bits, word_bytes, *, seed=0, latency=5, stall=0.0, errors=None, ready=1.0):
    """Reads blocks; returns words, the port, cycles, and the errors reported."""
    rng = random.Random(seed)
    memory = np.random.default_rng(seed).integers(0, 256, SIZE, np.uint8)
    bus = axi_read_master("m", data_bits, 32, 32)
    block = block_of(len(shapes[0].counts) + 1)
    master = ReadMaster(bus, block, word_bytes, 4, 64, "reader")
    port = ReadPort(bus, memory, seed, latency, stall, errors)
    expected = [word for shape in shapes for word in shape.words(memory, word_bytes)]
    reported, cycles = [], []

    async def bench(ctx):
        position, done, started, time, waiting = 0, 0, 0, 0, None
        while position < len(expected) or done < len(shapes):
            assert time < 100_000, "hangs"
            start = started < len(shapes) and started - done < 4
            ctx.set(master.start, start)
            if start:
                set_block(ctx, block, shapes[started])
                started += 1
            port.drive(ctx)
            ctx.set(master.o_ready, rng.random() < ready)
            port.observe(ctx)
            word = None
            if ctx.get(master.o_valid):
                data, row_last, last = expected[position]
                found = ctx.get(master.o_data).to_bytes(word_bytes, "little")
                word = (found, ctx.get(master.o_row_last), ctx.get(master.o_last))
                assert waiting in (None, word)
                assert word == (data + found[len(data) :], row_last, last), f"word {position}"
                if ctx.get(master.o_ready):
                    position += 1
                    word = None
            waiting = word
            if ctx.get(master.done):
                done += 1
            if ctx.get(master.error):
                reported.append((2 + ctx.get(master.error_decode), ctx.get(master.error_address)))
            await ctx.tick()
            time += 1
        for _ in range(20):
            assert not ctx.get(master.o_valid)
            await ctx.tick()
        assert ctx.get(master.quiet) and port.idle
        cycles.append(time)

    run(master, bench)
    return port, cycles[0], reported


def write_all(shapes, data_bits, word_bytes, *, seed=0, latency=5, stall=0.0, errors=None, valid=1.0):
    """Writes blocks that do not overlap; returns the port, cycles, and the errors reported."""
    rng = random.Random(seed)
    pixels = np.random.default_rng(seed)
    memory = pixels.integers(0, 256, SIZE, np.uint8)
    wanted = memory.copy()
    counts = np.zeros(SIZE, int)
    bus = axi_write_master("m", data_bits, 32, 32)
    block = block_of(len(shapes[0].counts) + 1)
    master = WriteMaster(bus, block, word_bytes, 4, "writer")
    port = WritePort(bus, memory, seed, latency, stall, errors)
    words = []
    for shape in shapes:
        starts = list(shape.rows())
        for number, start in enumerate(starts):
            wanted[start : start + shape.row_bytes] = pixels.integers(0, 256, shape.row_bytes, np.uint8)
            counts[start : start + shape.row_bytes] += 1
            cuts = range(0, shape.row_bytes, word_bytes)
            for cut in cuts:
                data = wanted[start + cut : start + min(cut + word_bytes, shape.row_bytes)].tobytes()
                data += rng.randbytes(word_bytes - len(data))
                end = cut == cuts[-1]
                words.append((data, end, end and number == len(starts) - 1))
    reported, cycles = [], []

    async def bench(ctx):
        position, done, started, time = 0, 0, 0, 0
        while done < len(shapes):
            assert time < 100_000, "hangs"
            start = started < len(shapes) and started - done < 4
            ctx.set(master.start, start)
            if start:
                set_block(ctx, block, shapes[started])
                started += 1
            port.drive(ctx)
            valid_now = position < len(words) and rng.random() < valid
            ctx.set(master.i_valid, valid_now)
            if valid_now:
                ctx.set(master.i_data, int.from_bytes(words[position][0], "little"))
            else:
                ctx.set(master.i_data, rng.getrandbits(8 * word_bytes))
            port.observe(ctx)
            if valid_now and ctx.get(master.i_ready):
                assert (ctx.get(master.i_row_last), ctx.get(master.i_last)) == words[position][1:]
                position += 1
            if ctx.get(master.done):
                done += 1
                assert done < len(shapes) or port.idle, "done before the last answer"
            if ctx.get(master.error):
                reported.append((2 + ctx.get(master.error_decode), ctx.get(master.error_address)))
            await ctx.tick()
            time += 1
        assert position == len(words)
        assert ctx.get(master.quiet)
        cycles.append(time)

    run(master, bench)
    np.testing.assert_array_equal(memory, wanted)
    np.testing.assert_array_equal(port.written, counts)
    return port, cycles[0], reported


def apart(shapes):
    """Those of some shapes that do not overlap an earlier one."""
    used, kept = np.zeros(SIZE, bool), []
    for shape in shapes:
        bytes_ = [slice(start, start + shape.row_bytes) for start in shape.rows()]
        if not any(used[part].any() for part in bytes_):
            kept.append(shape)
            for part in bytes_:
                used[part] = True
    return kept


WIDTHS = [(32, 1), (32, 3), (32, 8), (64, 1), (64, 2), (64, 3), (64, 8), (64, 12), (64, 40), (128, 6), (128, 16)]


@pytest.mark.parametrize(("data_bits", "word_bytes"), WIDTHS)
@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_reads_any_block(data_bits, word_bytes, stall):
    rng = random.Random(data_bits * word_bytes)
    shapes = [random_shape(rng, 1 + word_bytes % 3) for _ in range(10)]
    read_all(shapes, data_bits, word_bytes, seed=word_bytes, stall=stall, ready=1 - stall)


@pytest.mark.parametrize(("data_bits", "word_bytes"), WIDTHS)
@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_writes_any_block(data_bits, word_bytes, stall):
    rng = random.Random(data_bits * word_bytes)
    shapes = apart([random_shape(rng, 1 + word_bytes % 3) for _ in range(10)])
    write_all(shapes, data_bits, word_bytes, seed=word_bytes, stall=stall, valid=1 - stall)


@pytest.mark.parametrize("offset", [0, 5])
@pytest.mark.parametrize("row_bytes", [33, 64, 250])
def test_one_beat_a_cycle_behind_60_cycles_of_latency(offset, row_bytes):
    rows = 12000 // row_bytes
    shape = Shape(4096 - 64 + offset, row_bytes, (rows,), (row_bytes + 16,))
    beats = sum(-(-(start % 8 + row_bytes) // 8) for start in shape.rows())
    _, cycles, _ = read_all([shape], 64, 8, latency=60)
    assert cycles <= beats + 60 + 20
    _, cycles, _ = write_all([shape], 64, 8, latency=60)
    words = rows * math.ceil(row_bytes / 8)
    # A row whose beats are more than its words needs a cycle more.
    assert cycles <= max(beats, words) + 60 + 40


@pytest.mark.parametrize("response", [SLVERR, DECERR])
def test_errors_are_reported_with_the_address_of_their_burst(response):
    rng = random.Random(7)
    shapes = [random_shape(rng, 2) for _ in range(5)]
    port, _, reported = read_all(shapes, 64, 4, stall=0.2, errors={3: response, 40: response, 41: response})
    assert reported == port.failed and len(reported) == 3
    shapes = apart(shapes)
    port, _, reported = write_all(shapes, 64, 4, stall=0.2, errors={0: response, 5: response})
    assert reported == port.failed and len(reported) == 2
