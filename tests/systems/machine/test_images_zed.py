"""The simulated Zynq made to look like the ZedBoard with PetaLinux: memory reserved, UIO told nothing."""

import re

import numpy as np
import pytest

from fluorite.errors import SimulationError
from fluorite.frontend.region.identifiers import identifier
from fluorite.host.toolchain import run_tool
from fluorite.systems.machine import run as run_module
from fluorite.systems.machine.run import MachineProgram
from tests.systems.several import ACCELERATORS, picture, several

from .conftest import built, compiled, random_inputs, run
from .images import CONFIGFS, OVERLAYS, Image, blob, load, stops, written

pytestmark = pytest.mark.system

#: What fpgautil loaded before: it is in the FPGA.
OCCUPIED = """\
/dts-v1/;
/plugin/;

&fpga_full {
    firmware-name = "pl.bin";
};
"""
MODPROBE = 'cd /lib/modules/"$(uname -r)" && depmod -a && modprobe fluorite && cd /'


@pytest.fixture
def image(monkeypatch):
    return Image(monkeypatch)


def deployed(image, design, program, driver, folder, before=()):
    """As linux/README.md has it: the kernel driver is a recipe's, the overlay is that of reserved/."""
    name = identifier(program.program.name)
    linux = written(design, program, folder, reserved=True)

    def change(job):
        del job.files[f"lib/firmware/{name}.bin"], job.files[f"root/{name}.dtbo"]
        for file in ("install", f"{name}.bin", f"{name}.dtbo", f"{name}-uio.dtbo"):
            job.files[f"root/{file}"] = (linux / file).read_bytes()
        if driver == "kernel":
            job.files["lib/modules/6.1/extra/fluorite.ko"] = job.files.pop("lib/fluorite.ko")
            start = ["ln -s 6.1 /lib/modules/$(uname -r)", MODPROBE, "sh /root/install 2>&1"]
        else:
            start = ["sh /root/install --uio 2>&1"]
        job.steps[:] = [*CONFIGFS, *before, *start]

    image.change = change
    return name


@pytest.mark.parametrize("driver", run_module.DRIVERS)
def test_harris(image, driver, tmp_path):
    loaded, program = built("harris", "zynq")
    taken = [*load("pl", "/root/pl.dtbo"), stops("sh /root/install"), f"rmdir {OVERLAYS}/pl"]
    untold = [stops("sh /root/install --uio")] if driver == "kernel" else []  # among the kernel's arguments is nothing
    name = deployed(image, compiled("harris")[1], program, driver, tmp_path, [*taken, *untold])
    change = image.change

    def occupied(job):
        change(job)
        job.files["root/pl.dtbo"] = blob(OCCUPIED, tmp_path, "pl")
        job.files["lib/firmware/pl.bin"] = job.bitstream

    image.change = occupied
    images, sizes = random_inputs(loaded, (192, 128))
    done = run(loaded, program, images, sizes, driver=driver)
    (report,) = done.reports.values()
    (placed,) = program.placement.accelerators
    assert report["interrupts_taken"] > 0
    said = image.said()
    assert f"stopped: the FPGA is taken by pl: run rmdir {OVERLAYS}/pl, then this again" in said
    if driver == "kernel":
        assert (
            "stopped: uio_pdrv_genirq is not for generic-uio: put uio_pdrv_genirq.of_id=generic-uio among the "
            "kernel's arguments, or take the kernel driver"
        ) in said
        assert "note: fluorite.ko is loaded already" in said
    overlay = f"{name}.dtbo" if driver == "kernel" else f"{name}-uio.dtbo"
    assert said.index(f"done: loaded the overlay {overlay}") < said.index(f"done: {placed.registers.name} is there")


@pytest.mark.parametrize("driver", run_module.DRIVERS)
def test_several_accelerators(image, driver, tmp_path):
    picture_, expected = picture(70, 50)
    program = MachineProgram.build(several(), "zynq", tmp_path / "several")
    deployed(image, several(), program, driver, tmp_path)
    result = np.zeros_like(expected)
    done = program.run({"source": picture_}, [result], driver=driver, timeout_seconds=300)
    np.testing.assert_array_equal(result, expected)
    assert set(done.reports) == set(ACCELERATORS)
    assert all(report["interrupts_taken"] > 0 for report in done.reports.values())


def test_a_base_tree_without_labels(image, tmp_path):
    loaded, program = built("sobel", "zynq")
    deployed(image, compiled("sobel")[1], program, "kernel", tmp_path)
    change = image.change

    def unlabelled(job):
        change(job)
        (tmp_path / "tree.dtb").write_bytes(job.tree)
        run_tool(["fdtput", "-r", "tree.dtb", "/__symbols__"], cwd=tmp_path)
        job.tree = (tmp_path / "tree.dtb").read_bytes()

    image.change = unlabelled
    images, sizes = random_inputs(loaded, (131, 90))
    with pytest.raises(SimulationError) as failed:
        program.run(images, [np.zeros(sizes[::-1], np.uint8)], driver="kernel", timeout_seconds=300)
    assert "fluorite: preparation failed" in str(failed.value)
    assert image.said()[-1] == (
        "stopped: the kernel did not take the overlay (status: unapplied); the lines above are the end of its log. It "
        "needs a base device tree with labels (dtc -@)"
    )
    assert re.search("no symbols in root of device tree", image.console)
