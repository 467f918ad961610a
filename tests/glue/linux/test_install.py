"""The board's script ``install`` on a folder that looks like a board, by two shells: what it says, and what it does."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from fluorite.boards import load_board
from fluorite.glue.linux.install import install_script, udev_rules
from fluorite.glue.linux.memory import Arena

#: How the script is run. busybox has the commands below in itself and would take its own: functions come before.
SHELLS = {
    "sh": lambda _: ("/bin/sh",),
    "busybox": lambda path: (
        "busybox", "sh", "-c",
        "".join(f'{name}() {{ "{path / name}" "$@"; }}\n' for name in COMMANDS) + '. "$0"',
    ),
}  # fmt: skip
UIO = "sys/bus/platform/drivers/uio_pdrv_genirq"
OVERLAYS = "sys/kernel/config/device-tree/overlays"
DEVICES = ("sums_axi", "scaled_axi")
#: Commands that ask the kernel for something, as a board's kernel would answer: BOARD is its folder.
COMMANDS = {
    "mount": 'mkdir -p "$BOARD/$OVERLAYS"',
    # The files of a new overlay are there at once; it is applied when something is written to it, which needs no
    # imitation: the script looks at the status afterwards.
    "mkdir": '/bin/mkdir "$@" && case $2$1 in *overlays/*) echo "$STATUS" >"$1/status" ;; esac',
    "rmdir": '[ -z "$BUSY" ] && rm -r "$1"',
    "insmod": '[ -z "$INSMOD" ] || { echo "$INSMOD" >&2; exit 1; }; echo "insmod ${1##*/}" >>"$BOARD/log"',
    "modprobe": '[ -z "$NO_MODULES" ] && echo "modprobe $*" >>"$BOARD/log"',
    "rmmod": '[ -z "$BUSY" ] && echo "rmmod $*" >>"$BOARD/log"',
    "udevadm": 'echo "udevadm $*" >>"$BOARD/log"',
    "dmesg": 'echo "OF: resolver: overlay phandle fixup failed: -22"',
    "uname": "echo 5.15.0",
    "id": "echo 0",
}


class Board:
    """A folder that looks like a board on which everything is as it should be for the kernel driver."""

    def __init__(self, folder, placement, shell):
        self.root, self.shell, self.bin = folder / "root", shell, folder / "bin"
        self.environment = {"STATUS": "applied"}
        self.here = self.root / "home"
        self.write("proc/meminfo", "MemTotal: 500000 kB\nCmaTotal:  131072 kB\nCmaFree:   100000 kB\n")
        self.write("proc/cmdline", "console=ttyPS0\n")
        self.write("sys/class/fpga_manager/fpga0/state", "operating\n")
        for device in DEVICES:
            self.write(f"dev/fluorite-{device}")
        for folder in (OVERLAYS, "etc/udev/rules.d", "lib/firmware"):
            (self.root / folder).mkdir(parents=True)
        self.write("home/install", install_script("two", placement, Arena(64 << 20, 0, 1 << 29)))
        self.write("home/udev.rules", udev_rules(placement))
        for name in ("two.bin", "two.dtbo", "two-uio.dtbo", "fluorite.ko"):
            self.write(f"home/{name}", name)
        self.bin.mkdir()
        for name, text in COMMANDS.items():
            self.command(name, text)

    def write(self, path, text=""):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def read(self, path):
        return (self.root / path).read_text()

    def command(self, name, text):
        (self.bin / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.bin / name).chmod(0o755)

    def uio(self):
        """Has no kernel driver, but UIO that takes the devices."""
        (self.here / "fluorite.ko").unlink()
        self.write("proc/cmdline", "console=ttyPS0 uio_pdrv_genirq.of_id=generic-uio\n")
        self.write(f"{UIO}/unbind")
        for number, device in enumerate(DEVICES):
            self.write(f"sys/class/uio/uio{number}/name", f"{device}\n")

    def log(self):
        path = self.root / "log"
        return path.read_text().splitlines() if path.exists() else []

    def run(self, *arguments):
        """Exit code, what it said, and why it stopped; with the board's folder left out."""
        environment = {
            "PATH": f"{self.bin}:{os.environ['PATH']}", "BOARD": str(self.root), "OVERLAYS": OVERLAYS,
            "FLUORITE_ROOT": str(self.root), **self.environment,
        }  # fmt: skip
        done = subprocess.run(
            [*SHELLS[self.shell](self.bin), self.here / "install", *arguments], env=environment, capture_output=True,
            text=True, check=False, timeout=60,
        )  # fmt: skip
        return done.returncode, *(text.replace(str(self.root), "").splitlines() for text in (done.stdout, done.stderr))


@pytest.fixture(params=SHELLS)
def board(request, tmp_path, placement):
    return Board(tmp_path, placement(load_board("pynq-z2")), request.param)


READY = "two is ready: ./two --help"
THERE = [f"done: {device} is there" for device in DEVICES]
COPIED = "done: copied two.bin to /lib/firmware"
RULES = "done: the group video may use the accelerators (/etc/udev/rules.d/70-fluorite-two.rules)"
KERNEL = [COPIED, "done: loaded fluorite.ko", RULES, "done: loaded the overlay two.dtbo", *THERE, READY]


def test_with_the_kernel_driver(board):
    assert board.run() == (0, KERNEL, [])
    assert board.log() == ["insmod fluorite.ko", "udevadm control --reload"]
    assert board.read(f"{OVERLAYS}/two/dtbo") == "two.dtbo"
    assert board.read("lib/firmware/two.bin") == "two.bin"
    assert board.read("etc/udev/rules.d/70-fluorite-two.rules") == board.read("home/udev.rules")
    # Again: what is done already is not done again.
    board.write("sys/module/fluorite/initstate")
    assert board.run() == (
        0,
        [
            "note: fluorite.ko is loaded already", "done: took away two as it was loaded before",
            "done: loaded the overlay two.dtbo", *THERE, READY,
        ],
        [],
    )  # fmt: skip


def test_with_uio(board):
    board.uio()
    board.write("dev/dri/renderD128")
    board.write("sys/class/drm/renderD128/device/uevent", "DRIVER=zocl-drm\n")
    zocl = "note: DMA memory from XRT's zocl: export FLUORITE_ARENA=zocl:67108864"
    said = [COPIED, RULES, "done: loaded the overlay two-uio.dtbo", *THERE, zocl, READY]
    assert board.run() == (0, said, [])
    assert board.read(f"{OVERLAYS}/two/dtbo") == "two-uio.dtbo"
    # The same where the driver is there too, but was not asked for.
    board.write("home/fluorite.ko")
    assert board.run("--uio")[1][1] == "done: loaded the overlay two-uio.dtbo"
    assert not [line for line in board.log() if "fluorite" in line]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("sys/class/u-dma-buf/udmabuf0/size", "note: DMA memory from u-dma-buf, which programs take by themselves"),
        (
            "sys/kernel/mm/hugepages/hugepages-32768kB/nr_hugepages",
            "note: DMA memory from a huge page, for root: echo 1 > "
            "/sys/kernel/mm/hugepages/hugepages-32768kB/nr_hugepages; export FLUORITE_ARENA=hugepage:33554432",
        ),
        (
            "sys/class/drm/renderD128/device/uevent",
            "note: there is no DMA memory yet: put u-dma-buf.ko beside this script, or take the kernel driver",
        ),
    ],
)
def test_where_memory_is_from_with_uio(board, file, text):
    board.uio()
    board.write(file, "DRIVER=lima\n")
    board.write("dev/dri/renderD128")
    assert board.run()[1][-2:] == [text, READY]


def test_u_dma_buf_is_loaded(board):
    board.uio()
    board.write("home/u-dma-buf.ko")
    assert "done: loaded u-dma-buf.ko" in board.run()[1] and "insmod u-dma-buf.ko" in board.log()
    board.environment["INSMOD"] = "invalid module format"
    assert board.run()[::2] == (1, ["stopped: u-dma-buf.ko cannot be loaded: invalid module format"])


# --- what is in the way


def test_the_interrupt_of_fabric_is_freed(board):
    board.write(f"{UIO}/40000000.fabric")
    board.write(f"{UIO}/unbind")
    code, said, _ = board.run()
    assert (code, said[0]) == (0, "done: UIO let go of 40000000.fabric, which held the FPGA's first interrupt")
    assert board.read(f"{UIO}/unbind") == "40000000.fabric\n"
    # If it does not: the kernel driver works without.
    (board.root / UIO / "unbind").unlink()
    (board.root / UIO / "unbind").mkdir()
    code, said, _ = board.run()
    assert (code, said[0]) == (
        0,
        "note: UIO does not let go of 40000000.fabric, which holds the FPGA's first interrupt: programs will poll",
    )


def test_another_overlay_is_in_the_fpga(board):
    board.write(f"{OVERLAYS}/base/status", "applied\n")
    took = "run rmdir /sys/kernel/config/device-tree/overlays/base, then this again"
    assert board.run() == (1, [], [f"stopped: the FPGA is taken by base: {took}"])
    board.command("xmutil", ":")
    assert board.run() == (1, [], ["stopped: the FPGA is taken by base: run xmutil unloadapp, then this again"])
    assert not (board.root / OVERLAYS / "two").exists() and not board.log()
    board.write(f"{OVERLAYS}/base/dtbo", "\0target\0firmware-name\0base.bin\0")
    assert board.run()[0] == 1
    board.write(f"{OVERLAYS}/base/status", "unapplied\n")
    assert board.run() == (0, KERNEL, [])


def test_an_overlay_that_is_not_in_the_fpga(board):
    """Kria-PYNQ has one named pynq, with zocl and the device fabric."""
    board.write(f"{OVERLAYS}/pynq/status", "applied\n")
    board.write(f"{OVERLAYS}/pynq/dtbo", "\0target\0generic-uio\0")
    assert board.run() == (0, ["note: the overlay pynq stays: it loads nothing into the FPGA", *KERNEL], [])


def test_memory_that_is_short(board):
    board.write("proc/meminfo", "CmaFree:   65535 kB\n")
    short = (
        "note: the pool of DMA memory has 65535 KiB free, the design wants 65536 KiB: images may have to be smaller, "
        "or enlarge it with cma= among the kernel's arguments, see README.md"
    )
    assert board.run() == (0, [COPIED, short, *KERNEL[1:]], [])
    board.write("proc/meminfo", "MemTotal: 1 kB\n")
    none = (
        "note: the kernel has no pool of DMA memory (CmaFree in /proc/meminfo): give it one with cma= among its "
        "arguments, see README.md"
    )
    assert none in board.run()[1]


@pytest.mark.parametrize("missing", ["two.bin", "two.dtbo"])
def test_files_that_are_missing(board, missing):
    (board.here / missing).unlink()
    assert board.run() == (1, [], [f"stopped: {missing} is not beside this script"])


def test_configfs(board):
    (board.root / OVERLAYS).rmdir()
    assert board.run()[1] == ["done: mounted /sys/kernel/config", *KERNEL]
    shutil.rmtree(board.root / OVERLAYS)
    board.command("mount", "false")
    assert board.run() == (
        1, [],
        [
            "stopped: this kernel has no /sys/kernel/config/device-tree/overlays, an addition of AMD's kernels and "
            "PYNQ's: have the boot loader load bitstream and overlay"
        ],
    )  # fmt: skip


def test_the_kernel_driver_cannot_be_loaded(board):
    board.environment["INSMOD"] = "insmod: invalid module format"
    assert board.run()[::2] == (
        1,
        ["stopped: fluorite.ko cannot be loaded: insmod: invalid module format (is it built for Linux 5.15.0?)"],
    )


@pytest.mark.parametrize("loaded", [False, True])
def test_uio_has_to_be_told_what_it_takes(board, loaded):
    board.uio()
    board.write("proc/cmdline", "console=ttyPS0\n")
    if loaded:
        board.write("sys/module/uio_pdrv_genirq/initstate", "live\n")
    else:
        shutil.rmtree(board.root / UIO)
    code, said, _ = board.run()
    again, first = (" again, for", ["rmmod uio_pdrv_genirq"]) if loaded else (" for", [])
    assert (code, said[1]) == (0, f"done: loaded uio_pdrv_genirq{again} generic-uio")
    assert board.log()[:-1] == [*first, "modprobe uio_pdrv_genirq of_id=generic-uio"]


def test_uio_that_does_not_take_it(board):
    board.uio()
    board.write("proc/cmdline", "uio_pdrv_genirq.of_id=generic-uio\n")
    shutil.rmtree(board.root / UIO)
    board.environment["NO_MODULES"] = "1"
    none = ["stopped: there is no uio_pdrv_genirq: take the kernel driver"]
    assert board.run()[::2] == (1, none)
    board.write("proc/cmdline")
    assert board.run()[::2] == (1, none)
    board.write(f"{UIO}/unbind")
    fixed = "put uio_pdrv_genirq.of_id=generic-uio among the kernel's arguments"
    assert board.run()[::2] == (
        1, [f"stopped: uio_pdrv_genirq is not for generic-uio: {fixed}, or take the kernel driver"],
    )  # fmt: skip
    board.write("sys/module/uio_pdrv_genirq/initstate", "live\n")
    board.environment["BUSY"] = "1"
    in_use = "uio_pdrv_genirq is in use and may not be for generic-uio"
    assert board.run()[::2] == (1, [f"stopped: {in_use}: {fixed}"])


def test_an_overlay_that_is_not_applied(board):
    """``cat`` says nothing of it: only the status does."""
    board.environment["STATUS"] = "unapplied"
    code, said, stopped = board.run()
    assert (code, said[-1]) == (1, "OF: resolver: overlay phandle fixup failed: -22")
    assert stopped == [
        "stopped: the kernel did not take the overlay (status: unapplied); the lines above are the end of its log. It "
        "needs a base device tree with labels (dtc -@)"
    ]
    assert not (board.root / OVERLAYS / "two").exists()


def test_an_fpga_that_is_not_configured(board):
    board.write("sys/class/fpga_manager/fpga0/state", "write error\n")
    assert board.run()[::2] == (1, ["stopped: the FPGA is not configured (state: write error): dmesg says why"])


def test_devices_that_nobody_took(board):
    (board.root / "dev/fluorite-scaled_axi").unlink()
    assert board.run()[::2] == (
        1, ["stopped: no driver took scaled_axi (there is no /dev/fluorite-scaled_axi): dmesg says why"],
    )  # fmt: skip
    board.uio()
    board.write("sys/class/uio/uio1/name", "other\n")
    assert board.run()[::2] == (1, ["stopped: UIO did not take scaled_axi: dmesg says why"])


def test_without_udev(board):
    shutil.rmtree(board.root / "etc")
    assert "note: there is no udev here: only root can use the accelerators" in board.run()[1]


def test_a_program_has_it_open(board):
    board.write(f"{OVERLAYS}/two/status", "applied\n")
    board.environment["BUSY"] = "1"
    assert board.run()[2][-1] == "stopped: two is loaded, and does not go: is a program using it?"
    assert board.run("--remove") == (1, [], ["stopped: two does not go: is a program using it?"])


def test_arguments(board):
    assert board.run("--help") == (1, [], ["stopped: install takes nothing, --uio or --remove, not --help"])


def test_not_root(board):
    text = board.read("home/install")
    assert ' || [ -n "$root" ] || stop' in text
    board.write("home/install", text.replace(' || [ -n "$root" ] || stop', " || stop"))
    board.command("id", "echo 1000")
    assert board.run() == (1, [], ["stopped: this needs root: sudo /home/install "])


# --- taking away


def test_remove(board):
    board.write(f"{UIO}/bind")
    board.write("sys/bus/platform/devices/40000000.fabric/uevent")
    assert board.run()[0] == 0
    board.write("sys/module/fluorite/initstate")
    before = sorted(path for path in board.here.iterdir())
    assert board.run("--remove") == (
        0,
        [
            "done: took away the overlay", "done: unloaded fluorite.ko", "done: removed /lib/firmware/two.bin",
            "done: removed /etc/udev/rules.d/70-fluorite-two.rules", "done: gave 40000000.fabric back to UIO",
        ],
        [],
    )  # fmt: skip
    assert board.read(f"{UIO}/bind") == "40000000.fabric\n"
    assert sorted(path for path in board.here.iterdir()) == before
    shutil.rmtree(board.root / "sys/module/fluorite")
    board.write("sys/bus/platform/devices/40000000.fabric/driver")
    assert board.run("--remove") == (0, ["note: two is not loaded"], [])


def test_remove_where_the_driver_is_in_use(board):
    board.write("sys/module/fluorite/initstate")
    board.environment["BUSY"] = "1"
    assert board.run("--remove") == (
        0, ["note: two is not loaded", "note: fluorite.ko stays: something else uses it"], [],
    )  # fmt: skip


def test_the_installed_driver(board):
    """The driver was installed by make install or dkms, and loaded once; after a boot modprobe finds it."""
    board.write("sys/module/fluorite/initstate")
    (board.here / "fluorite.ko").unlink()
    assert board.run()[1][:2] == [COPIED, "note: fluorite.ko is loaded already"]


def test_the_script_is_plain_posix_shell(board):
    shell = shutil.which("dash") or "sh"
    for command in ([shell, "-n"], ["sh", "-n"]):
        assert not subprocess.run([*command, board.here / "install"], check=False).returncode
    if checker := shutil.which("shellcheck"):
        done = subprocess.run(
            [checker, "-s", "sh", "-S", "warning", board.here / "install"], capture_output=True, text=True, check=False
        )
        assert not done.stdout
    assert "@" not in Path(board.here / "install").read_text().replace("-@", "").replace("$@", "")
