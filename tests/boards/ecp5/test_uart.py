"""The serial port's two ends: bytes through a line, clocks that differ, noise, and proofs."""

import random

import pytest
from amaranth.hdl import Assert, Module, Mux, Signal
from amaranth.hdl._ast import Initial
from amaranth.sim import Simulator

from fluorite.boards.ecp5.uart import UartReceiver, UartTransmitter
from tests.hwgen.shell.formal import Proof, prove

BYTES = bytes(random.Random(0).randbytes(40)) + b"\x00\xff\x55\xaa"


def received(bit_cycles, line):
    """What a receiver makes of the levels of a line, a cycle each."""
    dut = UartReceiver(bit_cycles)
    found = bytearray()

    async def testbench(ctx):
        for level in [*line, *[1] * 3 * bit_cycles]:
            ctx.set(dut.line, level)
            await ctx.tick()
            if ctx.get(dut.valid):
                found.append(ctx.get(dut.data))

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(testbench)
    simulator.run()
    return bytes(found)


def levels(data, bit_cycles, stop=1):
    """A line, with bits of any length in cycles, whole or not."""
    bits = [bit for byte in data for bit in (0, *(byte >> n & 1 for n in range(8)), stop)]
    ends = [round((n + 1) * bit_cycles) for n in range(len(bits))]
    return [bit for bit, start, end in zip(bits, [0, *ends], ends, strict=False) for _ in range(end - start)]


@pytest.mark.parametrize("bit_cycles", [8, 9, 33])
def test_receiver_takes_bytes_without_a_pause(bit_cycles):
    assert received(bit_cycles, levels(BYTES, bit_cycles)) == BYTES


@pytest.mark.parametrize("factor", [0.97, 1.03])
def test_receiver_bears_a_clock_that_differs(factor):
    assert received(32, levels(BYTES, 32 * factor)) == BYTES


def test_receiver_ignores_noise_shorter_than_half_a_bit():
    glitch = [1] * 20 + [0] * 6 + [1] * 40
    assert received(16, glitch + levels(b"a", 16) + glitch) == b"a"


def test_receiver_drops_a_byte_without_stop_bit():
    """As a line that is held low, or one of another baud rate."""
    line = levels(b"a", 16) + levels(b"\x0f", 16, stop=0) + [1] * 200 + levels(b"b", 16)
    assert received(16, line) == b"ab"


def test_transmitter_sends_what_a_receiver_takes():
    dut = UartTransmitter(8)
    line = []

    async def watch(ctx):
        async for _, _, level in ctx.tick().sample(dut.line):
            line.append(level)

    async def testbench(ctx):
        for byte in BYTES:
            ctx.set(dut.data, byte)
            ctx.set(dut.valid, 1)
            await ctx.tick().until(dut.ready)
            ctx.set(dut.valid, 0)
            if byte & 1:
                await ctx.tick().repeat(byte)
        await ctx.tick().repeat(100)

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(testbench)
    simulator.add_process(watch)
    simulator.run()
    assert received(8, line) == BYTES


def test_every_byte_sent_is_received_as_it_was(tmp_path):
    sender, receiver = UartTransmitter(4), UartReceiver(4)
    both = Module()
    both.submodules.sender, both.submodules.receiver = sender, receiver

    def claims(m):
        sent, count, last = Signal(8), Signal(4), Signal(8)
        m.d.comb += receiver.line.eq(sender.line)
        taken = sender.valid & sender.ready
        m.d.sync += count.eq(count + taken - receiver.valid)
        with m.If(taken):
            m.d.sync += [sent.eq(sender.data), last.eq(sent)]
        # The receiver is done with a byte when the next one may have been taken, not the one after.
        m.d.comb += Assert(Initial() | (count <= 2))
        right = Mux(count == 2, receiver.data == last, receiver.data == sent)
        m.d.comb += Assert(Initial() | ~receiver.valid | right)
        m.d.comb += Assert(Initial() | ~receiver.valid | count.any())

    def never(m):
        claims(m)
        m.d.comb += Assert(Initial() | ~receiver.valid)

    free = [sender.valid, sender.data]
    prove(tmp_path, Proof(both, claims, free), steps=60)
    with pytest.raises(AssertionError, match="BMC failed"):  # so many steps are enough for a byte
        prove(tmp_path, Proof(both, never, free), steps=60)
