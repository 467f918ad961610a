"""Machines that look like boards' images: changes of jobs, and a design's ``linux/`` as the board gets it."""

import shutil

from fluorite.frontend.region.identifiers import identifier
from fluorite.glue.linux import write_linux
from fluorite.host.toolchain import run_tool
from fluorite.systems.machine import run as run_module
from fluorite.systems.machine.bitstream import stand_in

OF_ID = "uio_pdrv_genirq.of_id=generic-uio"
OVERLAYS = "/sys/kernel/config/device-tree/overlays"
#: What a board's image has done before anybody logs in.
CONFIGFS = ("insmod /lib/overlays.ko", "mount -t configfs none /sys/kernel/config")


class Image:
    """Has machines look like an image.

    ``base`` changes jobs into the image's, ``change`` into a test's; ``console`` is what the machine said last.
    """

    def __init__(self, monkeypatch):
        prepared, boot = run_module.prepared, run_module.boot
        self.console = ""
        self.base = self.change = lambda job: None

        def like_the_image(*arguments, **options):
            job = prepared(*arguments, **options)
            self.base(job)
            self.change(job)
            return job

        def kept(*arguments, **options):
            booted = boot(*arguments, **options)
            self.console = booted.console
            return booted

        monkeypatch.setattr(run_module, "prepared", like_the_image)
        monkeypatch.setattr(run_module, "boot", kept)

    def said(self):
        """What ``linux/install`` said."""
        return [line for line in self.console.splitlines() if line.startswith(("done: ", "note: ", "stopped: "))]


def blob(source, folder, name):
    """An overlay, compiled."""
    (folder / f"{name}.dtso").write_text(source)
    run_tool(["dtc", "-q", "-@", "-I", "dts", "-O", "dtb", "-o", f"{name}.dtbo", f"{name}.dtso"], cwd=folder)
    return (folder / f"{name}.dtbo").read_bytes()


def load(name, blob_file):
    """Commands that apply an overlay by hand."""
    folder = f"{OVERLAYS}/{name}"
    return [f"mkdir {folder}", f"cat {blob_file} > {folder}/dtbo", f"grep -qx applied {folder}/status"]


def stops(command):
    """A step that goes on where a command fails."""
    return f"{{ ! {command} 2>&1; }}"


def written(design, program, folder, *targets, reserved=False):
    """A design's ``linux/`` with a stand-in for its bitstream, after ``make``; returns the folder."""
    name, board = identifier(program.program.name), program.placement.board
    write_linux(design.hardware, board, folder)
    linux = folder / "linux"
    (linux / f"{name}.bin").write_bytes(stand_in(name, board))
    if reserved:
        shutil.copy(linux / "reserved" / f"{name}.dtso", linux)
    run_tool(["make", "-o", f"{name}.bin", *targets], cwd=linux)
    return linux
