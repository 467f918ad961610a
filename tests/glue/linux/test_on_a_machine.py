"""The kernel driver in a real kernel, on a simulated Zynq-7000 with the accelerator in Verilator (exercise/)."""

import re
from pathlib import Path

import numpy as np
import pytest

from fluorite.errors import SimulationError
from fluorite.frontend.region.identifiers import identifier
from fluorite.glue.linux import driver_sources
from fluorite.glue.sources import BACKENDS, DRIVER, LIBRARIES, STAGES
from fluorite.host.toolchain import run_tool
from fluorite.systems.machine.boot import boot
from fluorite.systems.machine.initramfs import initramfs
from fluorite.systems.machine.job import prepared, with_program
from fluorite.systems.machine.kernels import kernel
from fluorite.systems.machine.plugin import Device
from fluorite.systems.machine.run import MachineProgram
from fluorite.systems.program.settings import Memory

EXERCISE = Path(__file__).parent / "exercise"
MIB = 1 << 20
# The memory answers so late that launches are still under way when their program is killed, and what they write.
LATENCY_CYCLES = 150_000


def compiled(program):
    """The program of this test with a design's driver, for the machine's processor."""
    folder, target = program.program.folder / "software", program.program.target
    sources = [f"runtime/{name}" for name in (*DRIVER, *STAGES, *BACKENDS["uio"])]
    sources += ["sums.c", *map(str, sorted(EXERCISE.glob("*.c")))]
    latency_us = LATENCY_CYCLES * 1_000_000 // program.placement.board.clock_hz
    flags = (
        "-std=gnu99",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-O2",
        "-I.",
        "-Iruntime",
        "-Ihalide",
        "-isystem",
        target.halide,
        f"-DLATENCY_US={latency_us}",
    )
    archives = [str(path.relative_to(folder)) for path in folder.glob(f"{target.halide}/*.a")]
    run_tool([*target.compiler, *flags, "-o", "exercise", *sources, *archives, *LIBRARIES], cwd=folder)
    return (folder / "exercise").read_bytes()


def exercise(design, folder):
    """Boot, run; what the console says, and what the hardware's simulator counted."""
    program = MachineProgram.build(design, "zynq", folder)
    linux = kernel(program.machine)
    (placed,) = program.placement.accelerators
    job = prepared(
        program.machine, linux, identifier("sums"), program.placement, program.memory, driver="kernel", used_bytes=0
    )  # fmt: skip
    with_program(job, program.machine, compiled(program), [], [np.zeros((1, 1))], scalars={}, repeat=1)
    memory = Memory(
        base=MIB, bytes=job.memory_bytes - MIB, latency_cycles=LATENCY_CYCLES, idle_cycles=2 * LATENCY_CYCLES
    )
    ((name, model),) = program.program.systems.items()
    booted = boot(
        program.machine, linux.image, job.tree, initramfs(job.files),
        [Device(name, model, placed.base_address, placed.bytes, placed.interrupt, memory, ())],
        clock_hz=program.placement.board.clock_hz, bitstream=job.bitstream, memory_bytes=job.memory_bytes,
        arguments=job.arguments, timeout_seconds=120,
    )  # fmt: skip
    return booted.console, booted.reports[name]


@pytest.mark.system
def test_exercise(examples, tmp_path):
    console, report = exercise(examples["sums"].design, tmp_path)
    assert re.search(r"^\d\d\d checks hold$", console, re.MULTILINE), console
    assert report["violation"] == ""


#: Bugs in the driver: (file, what becomes what) of each change, and the check in exercise/ that fails.
MUTANTS = {
    "claimed twice": (
        [("file.c", "if (device->claimed)\n", "if (0)\n")], "claim_on(other, arena) is EBUSY",
    ),
    "pieces taken for one": (
        [("memory.c", "if (sg_dma_address(piece) != *address + *size)", "if (0)")], "== FLUORITE_ERROR_ARGUMENT",
    ),
    "sync beyond the end": (
        [("memory.c", "request->offset > arena->size ||", "0 ||")], "SYNC, &sync) is EINVAL",
    ),
    "registers for all": (
        [("file.c", "if (!fluorite_has_claimed(file))\n\t\treturn -EACCES;\n\tif (size > file", "if (size > file")],
        "map_at(file, 4096, MAP_SHARED, 0) is EACCES",
    ),
    # The end of a program whose launches are under way.
    "no stop": (
        [("file.c", "if (fluorite_device_stop(device)) {", "if (0) {")], "is_untouched(&owned)",
    ),
    "stop is not waited for": (
        [("device.c", "status & FLUORITE_STATUS_IDLE_MASK, 10, STOP", "true, 10, STOP")], "is_untouched(&owned)",
    ),
    "free to be claimed before the stop": (
        [("file.c", "(device, false);\n\tif", "(device, false);\n\tdevice->claimed = NULL;\n\tif")],
        "(next->status & FLUORITE_STATUS_IDLE_MASK) != 0",
    ),
    "claim does not keep the arena": (
        [
            ("file.c", "\tfile->arena_file = arena;\n", "\tfile->arena_file = arena;\n\tfput(arena);\n"),
            ("file.c", "\tfput(file->arena_file);\n", ""),
        ],
        "owned.address != busy->address",
    ),
    "does not stop in time": (  # and its memory is then not given to others
        [("device.c", "STOP_TIMEOUT_US 1000000", "STOP_TIMEOUT_US 100")], "owned.address == address",
    ),
    "does not stop in time, memory given back": (
        [
            ("device.c", "STOP_TIMEOUT_US 1000000", "STOP_TIMEOUT_US 100"),
            ("memory.c", "if (READ_ONCE(file->lost))", "if (0)"),
        ],
        "is_untouched(&owned)",
    ),
    "every close stops": (
        [("file.c", "\tfluorite_memory_free", "\telse\n\t\tfluorite_device_stop(device);\n\tfluorite_memory_free")],
        "fluorite_run(device, &frame.launch, LAUNCH_MS) == FLUORITE_OK",
    ),
    # Waiting.
    "signals end calls that are to go on": (
        [("file.c", "-ERESTARTSYS", "-EINTR")], "read(file, &before, sizeof before) == (ssize_t)sizeof before",
    ),
    "to come back later, though it goes": (
        [("file.c", "READ_ONCE(device->gone) ? -ENODEV : -EAGAIN", "-EAGAIN")], "(int)read(file, &word, 4) is ENODEV",
    ),
    "does not wait": (
        [("device.c", "\twait_for_completion(&device->unused);\n", "\tmsleep(50);\n")],
        "waitpid(child, &status, WNOHANG) == 0",
    ),
}  # fmt: skip


@pytest.mark.system
@pytest.mark.parametrize("name", MUTANTS)
def test_bugs_in_the_driver_are_found(examples, tmp_path, monkeypatch, name):
    changes, says = MUTANTS[name]
    sources = driver_sources()
    for file, old, new in changes:
        assert sources[file].count(old) == 1
        sources[file] = sources[file].replace(old, new)
    monkeypatch.setattr("fluorite.systems.machine.job.driver_sources", lambda: sources)
    try:
        console, _ = exercise(examples["sums"].design, tmp_path)
    except SimulationError as error:  # the check has failed, and then the kernel stumbles over what the bug left
        console = str(error)
    assert any(" fails: " in line and says in line for line in console.splitlines()), console
