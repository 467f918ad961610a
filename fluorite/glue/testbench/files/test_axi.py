"""Tests of accelerators in their AXI shell. Yours to change and extend."""

import cocotb
from axi_bench import AxiBench
from cocotb.triggers import ClockCycles


@cocotb.test()
async def registers(dut):
    """The hardware is the one that this folder was written with, at rest, and its registers hold what is written."""
    bench = await AxiBench.start(dut)
    for name, value in bench.registers.CONSTANTS.items():
        assert await bench.read(name) == value, name
    assert await bench.read("status", "idle")
    assert await bench.read("status", "queue_space") == await bench.read("capabilities", "queue_depth")
    written = {}
    for name in bench.place(bench.frames[0]).values:
        offset, bits, _ = bench.registers.REGISTERS[name]
        written[name] = bench.random.getrandbits(bits)
        await bench.master.write_dword(offset, written[name])
    for name, value in written.items():
        mask = (1 << bench.registers.REGISTERS[name][1]) - 1
        assert await bench.read(name) & mask == value, name


@cocotb.test()
async def frames(dut):
    """Queued launches give what Halide gave and write nothing else; the counters count them."""
    bench = await AxiBench.start(dut)
    launches = [bench.place(frame) for frame in (*bench.frames, bench.frames[0])]
    for launch in launches:
        await bench.launch(launch)
    await bench.finish()
    for launch in launches:
        launch.check()
    bench.check_memory()
    assert await bench.error() == ("NONE", 0)
    assert not await bench.read("launch_errors")
    await bench.command("snapshot")
    cycles = await bench.read("cycles")
    assert bench.least_cycles(launches) <= cycles <= bench.cycles()
    for name, direction, *_ in bench.table.STREAMS:
        assert await bench.read(f"{direction}_{name}_stalls") <= cycles


@cocotb.test()
async def interrupt(dut):
    """It is raised when a launch is done, if that is enabled, and falls when it is cleared."""
    bench = await AxiBench.start(dut)
    await bench.write("interrupt_enable", 0)
    launch = bench.place(bench.frames[-1])
    await bench.launch(launch)
    while not await bench.read("launches_completed"):
        await ClockCycles(dut.aclk, 50)
    assert not dut.interrupt.value
    assert await bench.read("interrupt_status") == 1  # done, no error
    await bench.write("interrupt_enable", 1)
    await ClockCycles(dut.aclk, 2)
    assert dut.interrupt.value
    await bench.write("interrupt_status", 1)
    await ClockCycles(dut.aclk, 2)
    assert not dut.interrupt.value


@cocotb.test()
async def failing_memory(dut):
    """A read that fails is reported, with its launch and address; the launches before and after it are right."""
    bench = await AxiBench.start(dut)
    stream = bench.table.STREAMS[0][0]
    good, failing, next_one = (bench.place(bench.frames[-1]) for _ in range(3))
    address = failing.addresses[stream]
    bench.memory.bad = range(address, address + 1)
    for launch in (good, failing, next_one):
        await bench.launch(launch)
    await bench.finish()
    good.check()
    next_one.check()
    assert await bench.error() == ("READ_SLVERR", 0)
    assert await bench.read("error_launch") == 1
    assert await bench.read("launch_errors") == 1 << 1
    burst = await bench.read("error_address_low") + (await bench.read("error_address_high") << 32)
    assert burst <= address < burst + 4096
    await bench.write("error", 0)
    assert await bench.error() == ("NONE", 0)


@cocotb.test()
async def soft_reset(dut):
    """In the middle of a launch it forgets all of them, and the next one is right."""
    bench = await AxiBench.start(dut)
    for _ in range(2):
        await bench.launch(bench.place(bench.frames[0]))
    await ClockCycles(dut.aclk, bench.random.randrange(1, 1000))
    await bench.command("soft_reset")
    while await bench.read("status", "resetting"):
        pass
    bench.started = 0
    assert await bench.read("status", "idle") and not await bench.read("launches_started")
    await bench.write("interrupt_status", 3)
    launch = bench.place(bench.frames[0])
    await bench.launch(launch)
    await bench.finish()
    launch.check()
