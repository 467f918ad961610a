"""The simulated Kria made to look like a KV260 with Ubuntu and PYNQ: an application in the FPGA, dfx-mgr, `fabric`."""

import re

import numpy as np
import pytest

from fluorite.frontend.region.identifiers import identifier
from fluorite.systems.machine import run as run_module
from fluorite.systems.machine.run import MachineProgram
from tests.systems.several import ACCELERATORS, picture, several

from .conftest import built, compiled, random_inputs, run
from .images import CONFIGFS, OF_ID, Image, blob, load, stops, written

pytestmark = pytest.mark.system

#: Kria-PYNQ's overlay, as far as the machine has what it names: it stays when applications change.
PYNQ = """\
/dts-v1/;
/plugin/;

&amba {
    fabric@a0000000 {
        compatible = "generic-uio";
        reg = <0x0 0xa0000000 0x0 0x10000>;
        interrupt-parent = <&gic>;
        interrupts = <0 89 4>;
    };
};
"""
#: The application that Ubuntu's image loads when it starts.
STARTER = "k26-starter-kits"
APPLICATION = f"""\
/dts-v1/;
/plugin/;

&fpga_full {{
    firmware-name = "{STARTER}.bit.bin";
}};
"""
#: What dfx-mgr does, and refuses: it loads one application at a time, out of folders with three files each.
XMUTIL = """\
#!/bin/sh
overlays=/sys/kernel/config/device-tree/overlays
folder=/lib/firmware/xilinx/$2
case $1 in
unloadapp)
    rmdir $overlays/*_image_0
    ;;
loadapp)
    [ ! -d $overlays/*_image_0 ] || { echo "an application is loaded"; exit 1; }
    [ "$(echo $(ls "$folder"))" = "$2.bit.bin $2.dtbo shell.json" ] || { echo "$(ls "$folder")?"; exit 1; }
    cp "$folder/$2.bit.bin" /lib/firmware
    mkdir "$overlays/$2_image_0"
    cat "$folder/$2.dtbo" >"$overlays/$2_image_0/dtbo"
    grep -qx applied "$overlays/$2_image_0/status"
    ;;
esac
"""


@pytest.fixture
def image(monkeypatch, tmp_path):
    """Ubuntu's for Kria, with PYNQ."""

    def like_ubuntu(job):
        if OF_ID not in job.arguments:
            job.arguments += f" {OF_ID}"
        folder = f"lib/firmware/xilinx/{STARTER}"
        job.files |= {
            "bin/xmutil": XMUTIL.encode(),
            "root/pynq.dtbo": blob(PYNQ, tmp_path, "pynq"),
            f"{folder}/{STARTER}.bit.bin": job.bitstream,
            f"{folder}/{STARTER}.dtbo": blob(APPLICATION, tmp_path, "application"),
            f"{folder}/shell.json": b"{}",
        }
        job.steps[:] = [*CONFIGFS, f"xmutil loadapp {STARTER}", *load("pynq", "/root/pynq.dtbo")]

    image = Image(monkeypatch)
    image.base = like_ubuntu
    return image


def memory(job, driver):
    """As linux/README.md has it: a huge page when the program is to run, or a pool of the kernel's."""
    pool = "cma=128M" if driver == "uio" else "cma=256M"
    job.arguments = f"{pool} {OF_ID}"
    if driver == "uio":
        job.steps.append("echo 1 > /sys/kernel/mm/hugepages/hugepages-32768kB/nr_hugepages")


@pytest.mark.parametrize("driver", run_module.DRIVERS)
def test_harris_through_dfx_mgr(image, driver, tmp_path):
    loaded, program = built("harris", "kria")
    name = identifier(program.program.name)
    linux = written(
        compiled("harris")[1], program, tmp_path, "all", "firmware", *(["DRIVER=-uio"] if driver == "uio" else [])
    )
    freeing = re.search(r"    (cd /sys/bus.*)\n    (for fabric .* done)\n", (linux / "README.md").read_text())

    def change(job):
        del job.files[f"lib/firmware/{name}.bin"], job.files[f"root/{name}.dtbo"]
        for file in (linux / "firmware" / name).iterdir():
            job.files[f"lib/firmware/xilinx/{name}/{file.name}"] = file.read_bytes()
        job.steps += [
            stops(f"xmutil loadapp {name}"),
            "xmutil unloadapp",
            f"({freeing[1]} && {freeing[2]})",
            *(["insmod /lib/fluorite.ko"] if driver == "kernel" else []),
            f"xmutil loadapp {name}",
        ]
        memory(job, driver)

    image.change = change
    images, sizes = random_inputs(loaded, (192, 128))
    done = run(loaded, program, images, sizes, driver=driver)
    (report,) = done.reports.values()
    assert report["interrupts_taken"] > 0
    assert "an application is loaded\n" in image.console


@pytest.mark.parametrize("driver", run_module.DRIVERS)
def test_several_accelerators_by_the_script(image, driver, tmp_path):
    picture_, expected = picture(70, 50)
    program = MachineProgram.build(several(), "kria", tmp_path / "several")
    linux = written(several(), program, tmp_path)

    def change(job):
        del job.files["lib/firmware/several.bin"]
        for file in ("install", "several.bin", "several.dtbo", "several-uio.dtbo"):
            job.files[f"root/{file}"] = (linux / file).read_bytes()
        if driver == "kernel":
            job.files["root/fluorite.ko"] = job.files.pop("lib/fluorite.ko")
        job.steps += [stops("sh /root/install"), "xmutil unloadapp", "sh /root/install 2>&1"]
        memory(job, driver)

    image.change = change
    result = np.zeros_like(expected)
    done = program.run({"source": picture_}, [result], driver=driver, timeout_seconds=300)
    np.testing.assert_array_equal(result, expected)
    assert set(done.reports) == set(ACCELERATORS)
    assert all(report["interrupts_taken"] > 0 for report in done.reports.values())
    said = image.said()
    for text in (
        f"stopped: the FPGA is taken by {STARTER}_image_0: run xmutil unloadapp, then this again",
        "note: the overlay pynq stays: it loads nothing into the FPGA",
        "done: UIO let go of a0000000.fabric, which held the FPGA's first interrupt",
        f"done: loaded the overlay several{'' if driver == 'kernel' else '-uio'}.dtbo",
    ):
        assert text in said
    assert ("note: DMA memory from a huge page, for root: echo 1 >" in "\n".join(said)) == (driver == "uio")
