"""Tests of accelerators with AXI4-Stream video ports. Yours to change and extend."""

import cocotb
from axis_bench import AxisBench
from cocotb.triggers import ClockCycles


@cocotb.test()
async def registers(dut):
    """The hardware is the one that this folder was written with, and at rest."""
    bench = await AxisBench.start(dut)
    for name, value in bench.registers.CONSTANTS.items():
        assert await bench.read(name) == value, name
    assert await bench.read("status", "idle")
    assert await bench.read("status", "queue_space") == await bench.read("capabilities", "queue_depth")


@cocotb.test()
async def frames(dut):
    """Frames come out as Halide computed them, with TUSER and TLAST in their places; video waits for a launch."""
    bench = await AxisBench.start(dut)
    sequence = (*bench.frames, bench.frames[0])
    for frame in sequence:
        await bench.send_frame(frame)
    await ClockCycles(dut.aclk, 100)
    assert all(sink.empty() for sink in bench.sinks.values())
    for frame in sequence:
        await bench.launch(frame)
    for frame in sequence:
        await bench.check(frame)
    await bench.finish()
    assert await bench.error() == ("NONE", 0)
    assert not await bench.read("launch_errors")
    await bench.command("snapshot")
    assert 0 < await bench.read("cycles") <= bench.cycles()


@cocotb.test()
async def interrupt(dut):
    """It is raised when a frame is done, if that is enabled, and falls when it is cleared."""
    bench = await AxisBench.start(dut)
    await bench.write("interrupt_enable", 0)
    await bench.send_frame(bench.frames[-1])
    await bench.launch(bench.frames[-1])
    await bench.check(bench.frames[-1])
    await ClockCycles(dut.aclk, 10)
    assert not dut.interrupt.value
    assert await bench.read("interrupt_status") == 1  # done, no error
    await bench.write("interrupt_enable", 1)
    await ClockCycles(dut.aclk, 2)
    assert dut.interrupt.value
    await bench.write("interrupt_status", 1)
    await ClockCycles(dut.aclk, 2)
    assert not dut.interrupt.value


@cocotb.test()
async def long_line(dut):
    """A line that is too long is reported and cut off; the frame and the next are right."""
    bench = await AxisBench.start(dut)
    frame, damaged = bench.frames[-1], bench.table.STREAMS[0][0]
    for name in bench.sources:
        lines = bench.lines(frame, name)
        if name == damaged:
            lines[0] += lines[0][:1] * 3
        await bench.send(name, lines)
    await bench.send_frame(frame)
    for _ in range(2):
        await bench.launch(frame)
    for _ in range(2):
        await bench.check(frame)
    await bench.finish()
    assert await bench.error() == ("STREAM_LONG", 0)
    await bench.write("error", 0)
    assert await bench.error() == ("NONE", 0)


@cocotb.test()
async def soft_reset(dut):
    """In the middle of a frame it forgets all launches; the next whole frame is right."""
    bench = await AxisBench.start(dut)
    await bench.launch(bench.frames[0])
    await bench.send_frame(bench.frames[0])
    for name, sink in bench.sinks.items():
        await bench.soon(sink.recv(), f"line of {name}")
    await bench.command("soft_reset")
    while await bench.read("status", "resetting"):
        pass
    bench.started = 0
    assert await bench.read("status", "idle") and not await bench.read("launches_started")
    await bench.write("interrupt_status", 3)
    bench.clear()
    await bench.send_frame(bench.frames[0])
    await bench.launch(bench.frames[0])
    await bench.check(bench.frames[0], resync=True)
