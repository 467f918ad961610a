"""Applications on whole machines. The kernels are downloaded, and one is built, when these run first."""

import re
from dataclasses import replace

import halide as hl
import numpy as np
import pytest
from skimage import data

import fluorite
from fluorite.errors import SimulationError, UsageError
from fluorite.systems.machine import run as run_module
from fluorite.systems.machine.boot import boot
from fluorite.systems.machine.initramfs import initramfs
from fluorite.systems.machine.kernels import kernel
from fluorite.systems.machine.machines import MACHINES
from fluorite.systems.machine.run import MachineProgram
from fluorite.systems.machine.tree import base_tree, merged_tree
from fluorite.systems.program.settings import DECERR, SLVERR, InjectedError, Memory
from tests.systems.several import ACCELERATORS, picture, several

from .conftest import built, random_inputs, run

pytestmark = pytest.mark.system
KERNELS = ("zcu102", "zynq")  # `kria` is zcu102 with a kernel as zynq's: a photograph, and the image that people have
# Tiles as they are, so that every byte of the output is written once; whole images of an odd size.
APPS = [
    ("harris", (192, 128)),
    ("sobel", (131, 90)),
    ("gaussian", (131, 90)),
]


def fails(program, images, sizes, **options):
    """The message of the error that a run ends with."""
    with pytest.raises(SimulationError) as failed:
        program.run(images, [np.zeros(sizes[::-1], np.uint8)], timeout_seconds=300, **options)
    return str(failed.value)


@pytest.mark.parametrize("driver", run_module.DRIVERS)
@pytest.mark.parametrize("machine", KERNELS)
@pytest.mark.parametrize(("app", "size"), APPS, ids=[app for app, _ in APPS])
def test_applications(app, size, machine, driver):
    loaded, program = built(app, machine)
    images, sizes = random_inputs(loaded, size)
    done = run(loaded, program, images, sizes, driver=driver, repeat=2)
    (report,) = done.reports.values()
    # An interrupt whose cause is seen and cleared before it is taken is not taken.
    assert report["interrupts"] == report["interrupts_raised"] >= report["interrupts_taken"] > 0
    assert " 0 interrupts missed" in done.output and " 0 copied" in done.output
    # Every byte of the outputs twice (they are right), hence no other byte: inputs and all else are as they were.
    assert sum(port["bytes_written"] for port in report["ports"].values()) == 2 * np.prod(sizes)


@pytest.mark.parametrize("driver", run_module.DRIVERS)
def test_a_pyramid(driver):
    """Four levels down and up, in tiles, of a size that is odd at every level."""
    loaded, program = built("pyramid", "zynq")
    images, sizes = random_inputs(loaded, (157, 91))
    done = run(loaded, program, images, sizes, driver=driver)
    (report,) = done.reports.values()
    assert report["interrupts"] == report["interrupts_raised"] >= report["interrupts_taken"] > 0
    assert re.search(r": 6 launches", done.output) and " 0 interrupts missed" in done.output
    assert sum(port["bytes_written"] for port in report["ports"].values()) == np.prod(sizes)


@pytest.mark.parametrize("machine", MACHINES)
def test_a_photograph(machine):
    loaded, program = built("harris", machine)
    photo = data.camera()
    loaded.set_image(loaded.images[0].name, photo)
    done = run(loaded, program, {loaded.images[0].name: photo}, [*photo.shape[::-1]])
    (report,) = done.reports.values()
    assert report["interrupts_taken"] > 0


@pytest.mark.parametrize("machine", KERNELS)
def test_several_launches_in_flight_under_stalls_are_right_and_repeat_exactly(machine):
    loaded, program = built("harris", machine)
    images, sizes = random_inputs(loaded, (200, 240), seed=3)
    hostile = Memory(stalls=0.2, reorder=True, bandwidth=0.5, seed=5)
    threads = {"HL_NUM_THREADS": "4"}
    first, second = (run(loaded, program, images, sizes, memory=hostile, environment=threads) for _ in range(2))
    assert re.search(r" [2-4] in flight at most", first.output)
    assert first.reports == second.reports and first.output == second.output


@pytest.mark.parametrize("driver", run_module.DRIVERS)
@pytest.mark.parametrize("machine", KERNELS)
def test_errors_of_the_memory_are_told_in_the_machine(machine, driver):
    loaded, program = built("sobel", machine)
    images, sizes = random_inputs(loaded, (131, 90))
    text = fails(program, images, sizes, driver=driver, errors=[InjectedError("read", beat=500, response=SLVERR)])
    assert "the program failed (exit code 1)" in text and "memory answered a read with SLVERR" in text
    text = fails(program, images, sizes, driver=driver, errors=[InjectedError("write", beat=9, response=DECERR)])
    assert "no memory at the address of a write (DECERR)" in text


def test_dma_outside_the_memory_ends_the_machine(monkeypatch):
    loaded, program = built("sobel", "zynq")
    images, sizes = random_inputs(loaded, (131, 90))
    monkeypatch.setattr(run_module, "_LOWEST", program.machine.memory_bytes - (1 << 20))
    text = fails(program, images, sizes)
    assert text.startswith("machine zynq: the hardware broke a rule: edges")
    assert "lies outside the arena 0x1ff00000..0x1fffffff" in text


def with_job(monkeypatch, change):
    """Let `change` have the job before the machine is booted."""
    original = run_module.with_program

    def changed(job, *arguments, **options):
        original(job, *arguments, **options)
        change(job)

    monkeypatch.setattr(run_module, "with_program", changed)


def test_another_bitstream_is_not_taken(monkeypatch):
    def other(job):
        (name,) = (name for name in job.files if name.endswith(".bin"))
        job.files[name] = job.files[name][:-1] + bytes([job.files[name][-1] ^ 1])
        # Linux would wait for seconds for the FPGA to be configured: look what it does soon after it began.
        look = b"(usleep 200000; cat /sys/class/fpga_manager/fpga0/state; reboot -f) & "
        job.files["etc/job"] = job.files["etc/job"].replace(b"prepare() { ", b"prepare() { " + look)

    loaded, program = built("sobel", "zynq")
    images, sizes = random_inputs(loaded, (131, 90))
    with_job(monkeypatch, other)
    text = fails(program, images, sizes)
    assert text.startswith("machine zynq: it ended before the program did") and "\nwrite complete\n" in text


def test_without_a_bitstream_there_is_nothing_behind_the_registers(monkeypatch):
    original = run_module.prepared

    def unconfigured(*arguments, **options):  # the device tree has the accelerator from the start
        job = original(*arguments, **options)
        (blob,) = (data for name, data in job.files.items() if name.endswith(".dtbo"))
        job.tree, job.steps = merged_tree(job.tree, blob), []
        return job

    loaded, program = built("sobel", "zynq")
    images, sizes = random_inputs(loaded, (131, 90))
    monkeypatch.setattr(run_module, "prepared", unconfigured)
    assert "the id register must be 0x464c5254, not 0x00000000" in fails(program, images, sizes)


def test_a_panic_is_told_with_the_consoles_last_lines(monkeypatch):
    def panic(job):
        job.files["etc/job"] += b"program() { echo last words; exit 1; }\n"

    loaded, program = built("sobel", "zynq")
    images, sizes = random_inputs(loaded, (131, 90))
    with_job(monkeypatch, panic)
    text = fails(program, images, sizes)
    assert text.startswith("machine zynq: it ended before the program did\nthe console's last lines:\n")
    assert "last words\n" in text and "Kernel panic - not syncing: Attempted to kill init!" in text


def test_a_machine_that_does_not_end_is_switched_off():
    machine = MACHINES["zynq"]
    linux = kernel(machine)
    files = {"bin/busybox": linux.busybox, "init": b"#!/bin/busybox sh\necho here I stay\nwhile :; do :; done\n"}
    _, program = built("sobel", "zynq")
    base = base_tree(machine, program.placement, program.memory)
    with pytest.raises(SimulationError) as failed:
        boot(machine, linux.image, base, initramfs(files), [], clock_hz=100_000_000, timeout_seconds=20)
    text = str(failed.value)
    assert text.startswith("machine zynq must end within 20 s\nthe console's last lines:\n") and "here I stay" in text


@pytest.mark.parametrize("symbol", ["memory_region_init_io", "qdev_get_gpio_in", "cpu_physical_memory_map"])
def test_what_qemu_lacks_is_named(symbol, monkeypatch):
    loaded, program = built("sobel", "zynq")
    images, sizes = random_inputs(loaded, (131, 90))
    monkeypatch.setenv("FLUORITE_HIDE_QEMU_SYMBOL", symbol)
    text = fails(program, images, sizes)
    assert text.startswith("qemu-system-arm failed (3): fluorite: this QEMU (")
    assert f"does not export {symbol}, which a device in a plugin needs" in text


def test_an_unknown_driver_is_refused():
    _, program = built("sobel", "zynq")
    with pytest.raises(UsageError, match=r"^driver must be uio or kernel, not 'other'$"):
        program.run({}, [], driver="other")


def moved(monkeypatch, **by):
    """Put the accelerator where the device tree does not say: its attributes are changed by so much."""
    original = run_module.Device

    def elsewhere(*arguments):
        device = original(*arguments)
        return replace(device, **{name: getattr(device, name) + step for name, step in by.items()})

    monkeypatch.setattr(run_module, "Device", elsewhere)


@pytest.mark.parametrize("machine", KERNELS)
def test_an_interrupt_on_another_line_is_missed(machine, monkeypatch):
    loaded, program = built("sobel", machine)
    images, sizes = random_inputs(loaded, (131, 90))
    moved(monkeypatch, interrupt=1)
    done = run(loaded, program, images, sizes)  # the driver looks now and then, so that no lost interrupt stops it
    (report,) = done.reports.values()
    assert report["interrupts_raised"] > 0 and report["interrupts_taken"] == 0
    assert re.search(r" [1-9]\d* interrupts missed", done.output)


@pytest.mark.parametrize("machine", KERNELS)
def test_registers_elsewhere_are_not_found(machine, monkeypatch):
    loaded, program = built("sobel", machine)
    images, sizes = random_inputs(loaded, (131, 90))
    moved(monkeypatch, base=0x1_0000)
    assert "the id register must be 0x464c5254, not 0x00000000" in fails(program, images, sizes)


@pytest.mark.parametrize(("machine", "driver"), [("zynq", "kernel"), ("zcu102", "uio")])
def test_two_accelerators_have_an_interrupt_each(machine, driver, tmp_path):
    x, y = hl.vars("x y")
    source = hl.ImageParam(hl.UInt(8), 2, "source")
    first, middle, second, out = hl.Func("first"), hl.Func("middle"), hl.Func("second"), hl.Func("twice")
    first[x, y] = source[x, y] ^ hl.u8(85)
    middle[x, y] = first[x, y] + hl.u8(1)  # by the processor
    second[x, y] = middle[x, y] * hl.u8(3)
    out[x, y] = second[x, y]
    for func, of in ((first, source), (second, middle)):
        func.compute_root().set_estimate(x, 0, 128).set_estimate(y, 0, 128)
        func.accelerate([of], x, hl.Var.outermost())
    middle.compute_root()
    program = MachineProgram.build(fluorite.compile(out, name="twice"), machine, tmp_path)
    image = np.random.default_rng(1).integers(0, 256, (70, 100), np.uint8)
    result = np.zeros_like(image)
    done = program.run({"source": image}, [result], driver=driver, timeout_seconds=300)
    assert (result == ((image ^ 85) + np.uint8(1)) * np.uint8(3)).all()
    assert len(done.reports) == 2 and len({placed.interrupt for placed in program.placement.accelerators}) == 2
    assert all(report["interrupts_raised"] > 0 for report in done.reports.values())
    assert re.search(r"(?s) 0 interrupts missed.* 0 interrupts missed", done.output)


@pytest.mark.parametrize("driver", run_module.DRIVERS)
@pytest.mark.parametrize("machine", KERNELS)
def test_several_accelerators_and_threads(machine, driver, tmp_path):
    image, expected = picture(70, 50)
    program = MachineProgram.build(several(), machine, tmp_path)
    result = np.zeros_like(expected)
    threads = {"HL_NUM_THREADS": "4"}
    done = program.run({"source": image}, [result], driver=driver, environment=threads, timeout_seconds=300)
    np.testing.assert_array_equal(result, expected)
    assert set(done.reports) == set(ACCELERATORS)
    assert all(report["interrupts_raised"] > 0 for report in done.reports.values())
