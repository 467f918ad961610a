"""The AXI4-Stream shell: video in, video out, framing errors, continuous running."""

import random

import numpy as np
import pytest
from amaranth.sim import Simulator

from fluorite.hwgen.shell.axis import AxisShell
from fluorite.hwgen.shell.config import ShellConfig
from fluorite.hwgen.shell.registers import ErrorCode, register_map
from fluorite.hwgen.shell.top import shell_verilog
from fluorite.hwgen.verilog import emit
from fluorite.sim.lint import UNAVOIDABLE, lint
from tests.hwgen.shell.axi_memory import Held

WIDTH, HEIGHT = 9, 6


def expected(frame):
    wide = frame.astype(np.uint16)
    h, w = frame.shape
    return sum(wide[j : j + h - 2, i : i + w - 2] for i in range(3) for j in range(3)) // 9


class Bench:
    """Video in and out of one shell, and its registers, a cycle at a time."""

    def __init__(self, blur, seed=0, stall=0.0):
        self.shell = AxisShell(blur, register_map(blur, ShellConfig(kind="axis")), blur.core())
        self.source, self.sink = self.shell.streams["source"], self.shell.streams["shell_blur"]
        self.random, self.stall = random.Random(seed), stall
        self.words = []  # (data, first, last) to come
        self.held = Held(self.sink, "tvalid", "tready", ["tdata", "tuser", "tlast"])
        self.offered = False
        self.frames = []

    def video(self, frame, first=True):
        """Queue a frame; a list of rows may be of any lengths."""
        for y, row in enumerate(frame):
            for x, value in enumerate(row):
                self.words.append((int(value), first and x == y == 0, x == len(row) - 1))

    async def cycle(self, ctx):
        self.offered = bool(self.words) and (self.offered or self.random.random() >= self.stall)
        ctx.set(self.source.tvalid, self.offered)
        values = self.words[0] if self.offered else (self.random.getrandbits(8), 1, 1)
        for signal, value in zip((self.source.tdata, self.source.tuser, self.source.tlast), values, strict=True):
            ctx.set(signal, value)
        ctx.set(self.sink.tready, self.random.random() >= self.stall)
        if moved := self.held.transfer(ctx):
            data, first, last = moved
            if first:
                self.frames.append([[]])
            self.frames[-1][-1].append(data)
            if last:
                self.frames[-1].append([])
        if self.offered and ctx.get(self.source.tready):
            self.words.pop(0)
            self.offered = False
        await ctx.tick()

    async def run(self, ctx, frames, most=4000):
        for _ in range(most):
            if len(self.frames) == frames and len(self.frames[-1]) == HEIGHT + 1:
                return
            await self.cycle(ctx)
        raise AssertionError("hangs")

    async def write(self, ctx, name, value):
        bus = self.shell.control
        for signal, to in ((bus.awaddr, self.shell.registers[name].offset), (bus.wdata, value), (bus.wstrb, 15)):
            ctx.set(signal, to)
        ctx.set(bus.awvalid, 1)
        ctx.set(bus.wvalid, 1)
        ctx.set(bus.bready, 1)
        while not ctx.get(bus.awready):
            await self.cycle(ctx)
        await self.cycle(ctx)
        ctx.set(bus.awvalid, 0)
        ctx.set(bus.wvalid, 0)
        while not ctx.get(bus.bvalid):
            await self.cycle(ctx)
        await self.cycle(ctx)

    async def read(self, ctx, name):
        bus = self.shell.control
        ctx.set(bus.araddr, self.shell.registers[name].offset)
        ctx.set(bus.arvalid, 1)
        ctx.set(bus.rready, 1)
        while not ctx.get(bus.arready):
            await self.cycle(ctx)
        await self.cycle(ctx)
        ctx.set(bus.arvalid, 0)
        while not ctx.get(bus.rvalid):
            await self.cycle(ctx)
        value = ctx.get(bus.rdata)
        await self.cycle(ctx)
        return value

    async def settings(self, ctx):
        variables = {"extent_x": WIDTH, "extent_y": HEIGHT}
        for s in self.shell.registers.settings:
            await self.write(ctx, s.low.name, s.setting.formula.evaluate(variables))

    def simulate(self, testbench):
        simulator = Simulator(self.shell)
        simulator.add_clock(1e-8)
        simulator.add_testbench(testbench)
        simulator.run()


def pictures(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, HEIGHT + 2, WIDTH + 2), np.uint8)


def check(frame, pixels):
    assert [row for row in frame if row] == expected(pixels).tolist()


def test_lint(blur):
    registers = register_map(blur, ShellConfig(kind="axis"))
    lint(shell_verilog(blur, registers, emit(blur)), "shell_blur_axis", allow=UNAVOIDABLE)


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_frames_in_frames_out(blur, stall):
    bench = Bench(blur, stall=stall)
    frames = pictures(4)

    async def testbench(ctx):
        await bench.settings(ctx)
        bench.words += [(7, False, True), (8, False, False)]  # the end of a frame that had begun before
        for frame in frames:
            bench.video(frame)
        await bench.write(ctx, "control", 1)
        await bench.run(ctx, 1)
        for _ in range(60):  # not started: the camera waits
            await bench.cycle(ctx)
        assert len(bench.frames) == 1
        await bench.write(ctx, "interrupt_enable", 3)
        assert ctx.get(bench.shell.interrupt)
        await bench.write(ctx, "interrupt_status", 1)
        assert not ctx.get(bench.shell.interrupt)
        await bench.write(ctx, "control", 8)  # continuous
        await bench.run(ctx, 4)
        assert await bench.read(ctx, "launches_completed") == 4
        assert await bench.read(ctx, "error") == 0
        for frame, pixels in zip(bench.frames, frames, strict=True):
            check(frame, pixels)

    bench.simulate(testbench)


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda rows: [r[:-2] if y == 3 else r for y, r in enumerate(rows)], ErrorCode.STREAM_SHORT),
        (lambda rows: [[*r, 1, 2] if y == 3 else r for y, r in enumerate(rows)], ErrorCode.STREAM_LONG),
        (lambda rows: [[*r, 1, 2] if y == HEIGHT + 1 else r for y, r in enumerate(rows)], ErrorCode.STREAM_LONG),
        (lambda rows: rows[:-1], ErrorCode.STREAM_SHORT),
        (lambda rows: rows[:1], ErrorCode.STREAM_SHORT),
        (lambda rows: [*rows, rows[0]], ErrorCode.STREAM_LONG),
    ],
)
def test_damaged_frames_are_reported_and_the_next_is_right(blur, damage, code, stall):
    bench = Bench(blur, stall=stall)
    frames = pictures(3)

    async def testbench(ctx):
        await bench.settings(ctx)
        bench.video(frames[0])
        bench.video(damage([list(row) for row in frames[1]]))
        bench.video(frames[2])
        await bench.write(ctx, "control", 8)
        await bench.run(ctx, 3)
        check(bench.frames[0], frames[0])
        check(bench.frames[2], frames[2])
        assert await bench.read(ctx, "error") == code
        if code is ErrorCode.STREAM_SHORT:
            assert await bench.read(ctx, "launch_errors") == 2

    bench.simulate(testbench)


def test_soft_reset_in_the_middle_of_a_frame(blur):
    bench = Bench(blur, stall=0.3)
    frames = pictures(6)

    async def testbench(ctx):
        await bench.settings(ctx)
        for number in range(5):
            bench.video(frames[number])
            await bench.write(ctx, "control", 1)
            for _ in range(bench.random.randrange(150)):
                await bench.cycle(ctx)
            await bench.write(ctx, "control", 2)
            while not await bench.read(ctx, "status") & 2:
                pass
            assert await bench.read(ctx, "launches_started") == 0
        bench.video(frames[5])
        await bench.write(ctx, "control", 8)
        for _ in range(2500):
            await bench.cycle(ctx)
        assert not bench.words
        check(bench.frames[-1], frames[5])

    bench.simulate(testbench)
