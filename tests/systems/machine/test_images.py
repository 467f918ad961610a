"""The simulated Zynq made to look like PYNQ's image: UIO holds the FPGA's first interrupt for a device ``fabric``."""

import re

import numpy as np
import pytest

from fluorite.errors import SimulationError
from fluorite.frontend.region.identifiers import identifier
from fluorite.glue.linux.install import install_script
from fluorite.systems.machine import run as run_module
from fluorite.systems.machine.run import MachineProgram
from fluorite.systems.machine.tree import merged_tree
from tests.systems.several import ACCELERATORS, picture, several

from .conftest import built, random_inputs, run
from .images import OF_ID, OVERLAYS, Image, blob

pytestmark = pytest.mark.system

SIZE = (131, 90)
#: What PYNQ's image has in its base tree and among its kernel's arguments.
FABRIC = """\
/dts-v1/;
/plugin/;

&{/} {
    fabric@40000000 {
        compatible = "generic-uio";
        reg = <0x40000000 0x10000>;
        interrupt-parent = <&intc>;
        interrupts = <0 29 4>;
    };
};
"""
UNBIND = "echo 40000000.fabric > /sys/bus/platform/drivers/uio_pdrv_genirq/unbind"
#: An overlay of somebody else's, with a bitstream (which is ours: the machine takes no other).
OTHER = """\
/dts-v1/;
/plugin/;

&fpga_full {
    firmware-name = "other.bin";
};
"""


@pytest.fixture
def image(monkeypatch, tmp_path):
    """PYNQ's."""

    def like_pynq(job):
        job.tree = merged_tree(job.tree, blob(FABRIC, tmp_path, "fabric"))
        if OF_ID not in job.arguments:
            job.arguments += f" {OF_ID}"

    image = Image(monkeypatch)
    image.base = like_pynq
    return image


def installed(program, *arguments, before=()):
    """A change of a job: what its steps did by hand is the script's now."""

    def change(job):
        name = identifier(program.program.name)
        script = install_script(name, program.placement, program.memory)
        job.files["root/install"] = script.encode()
        job.files[f"root/{name}.bin"] = job.files.pop(f"lib/firmware/{name}.bin")
        overlay = job.files.pop(f"root/{name}.dtbo")
        kernel = "lib/fluorite.ko" in job.files
        job.files[f"root/{name}{'' if kernel else '-uio'}.dtbo"] = overlay
        if kernel:
            job.files["root/fluorite.ko"] = job.files.pop("lib/fluorite.ko")
        job.steps[:] = ["insmod /lib/overlays.ko", *before, f"sh /root/install {' '.join(arguments)} 2>&1"]

    return change


def test_the_kernel_driver_goes_on_without_the_interrupt(image):
    def warned(job):
        job.steps.append("dmesg | grep fluorite")

    image.change = warned
    loaded, program = built("sobel", "zynq")
    images, sizes = random_inputs(loaded, SIZE)
    done = run(loaded, program, images, sizes, driver="kernel", repeat=2)
    (report,) = done.reports.values()
    assert report["interrupts_raised"] == report["interrupts_taken"] == 0  # the program does not ask for any
    assert re.search(r"interrupt \d+ is another device's: programs look at the registers instead", image.console)


def test_uio_does_not_take_the_accelerator_and_the_program_says_so(image):
    loaded, program = built("sobel", "zynq")
    images, sizes = random_inputs(loaded, SIZE)
    with pytest.raises(SimulationError) as failed:
        program.run(images, [np.zeros(sizes[::-1], np.uint8)], timeout_seconds=300)
    (placed,) = program.placement.accelerators
    assert (
        f": the device tree overlay is loaded, but no driver took {placed.registers.name}: dmesg says why (an "
        "interrupt that is taken, a module that is not there)"
    ) in str(failed.value)
    assert re.search(r"Flags mismatch irq \d+", image.console)


@pytest.mark.parametrize("driver", run_module.DRIVERS)
def test_after_the_unbinding_there_is_the_interrupt(image, driver):
    def unbound(job):
        job.steps.insert(0, UNBIND)

    image.change = unbound
    loaded, program = built("sobel", "zynq")
    images, sizes = random_inputs(loaded, SIZE)
    done = run(loaded, program, images, sizes, driver=driver)
    (report,) = done.reports.values()
    assert report["interrupts_raised"] >= report["interrupts_taken"] > 0
    assert " 0 interrupts missed" in done.output


@pytest.mark.parametrize("driver", run_module.DRIVERS)
def test_the_script_loads_harris(image, driver):
    loaded, program = built("harris", "zynq")
    image.change = installed(program)
    images, sizes = random_inputs(loaded, (192, 128))
    done = run(loaded, program, images, sizes, driver=driver)
    (report,) = done.reports.values()
    assert report["interrupts_taken"] > 0
    said = [line for line in image.console.splitlines() if line.startswith(("done: ", "note: "))]
    (placed,) = program.placement.accelerators
    name = identifier(program.program.name)
    overlay = f"{name}.dtbo" if driver == "kernel" else f"{name}-uio.dtbo"
    assert said == [
        "done: mounted /sys/kernel/config",
        "done: UIO let go of 40000000.fabric, which held the FPGA's first interrupt",
        f"done: copied {name}.bin to /lib/firmware",
        *(["done: loaded fluorite.ko"] if driver == "kernel" else []),
        "note: there is no udev here: only root can use the accelerators",
        f"done: loaded the overlay {overlay}",
        f"done: {placed.registers.name} is there",
        *(
            ["note: there is no DMA memory yet: put u-dma-buf.ko beside this script, or take the kernel driver"]
            if driver == "uio"
            else []
        ),
    ]


@pytest.mark.parametrize("driver", run_module.DRIVERS)
def test_the_script_loads_several_accelerators_again_and_takes_them_away(image, driver, tmp_path):
    picture_, expected = picture(70, 50)
    program = MachineProgram.build(several(), "zynq", tmp_path / "several")
    twice = ["sh /root/install", "sh /root/install", "sh /root/install --remove"]
    cleaned = "[ ! -e /lib/firmware/several.bin ] && [ -e /sys/bus/platform/devices/40000000.fabric/driver ]"
    image.change = installed(program, before=[*twice, cleaned])
    result = np.zeros_like(expected)
    done = program.run({"source": picture_}, [result], driver=driver, timeout_seconds=300)
    np.testing.assert_array_equal(result, expected)
    assert set(done.reports) == set(ACCELERATORS)
    assert all(report["interrupts_taken"] > 0 for report in done.reports.values())
    for text in (
        "took away several as it was loaded before",
        "took away the overlay",
        "gave 40000000.fabric back to UIO",
    ):
        assert f"done: {text}\n" in image.console


def test_the_script_leaves_the_overlays_of_others(image, tmp_path):
    loaded, program = built("sobel", "zynq")
    folder = f"{OVERLAYS}/other"
    steps = ["mount -t configfs none /sys/kernel/config", f"mkdir {folder}", f"cat /root/other.dtbo > {folder}/dtbo"]
    occupied = installed(program, before=steps)

    def change(job):
        occupied(job)
        job.files["root/other.dtbo"] = blob(OTHER, tmp_path, "other")
        job.files["lib/firmware/other.bin"] = job.bitstream

    image.change = change
    images, sizes = random_inputs(loaded, SIZE)
    with pytest.raises(SimulationError) as failed:
        program.run(images, [np.zeros(sizes[::-1], np.uint8)], driver="kernel", timeout_seconds=300)
    stopped = f"stopped: the FPGA is taken by other: run rmdir {folder}, then this again"
    assert f"{stopped}\nfluorite: preparation failed\n" in str(failed.value)
