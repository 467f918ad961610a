"""The folder as a whole: files, arena size, text of the steps."""

import json
import os
import re
import shutil

import pytest

from fluorite.boards import load_board
from fluorite.errors import UsageError
from fluorite.glue.linux.driver_build import driver_sources
from fluorite.glue.linux.memory import arena, launch_bytes
from fluorite.glue.linux.write import write_linux
from fluorite.hwgen.shell.registers import register_map

MIB = 1 << 20


def test_files(design, board, tmp_path):
    files = write_linux(design(board).hardware, board, tmp_path)
    assert sorted(p for p in tmp_path.rglob("*") if p.is_file()) == sorted(files)
    names = {str(path.relative_to(tmp_path / "linux")) for path in files}
    driver = {f"driver/{name}" for name in driver_sources()}
    assert {"driver/Kbuild", "driver/Makefile", "driver/fluorite_kernel.h", "driver/device.c"} <= driver
    overlays = {"two.dtso", "two-uio.dtso"}
    reserved = {f"reserved/{file}" for file in (*overlays, "reserved-memory.dtsi")}
    plain = {"README.md", "Makefile", "install", "udev.rules", "driver/fluorite,accelerator.yaml"}
    if board.family != "zynq-7000":
        plain.add("firmware/two/shell.json")
    assert names == plain | overlays | reserved | driver
    assert os.access(tmp_path / "linux/install", os.X_OK)
    first = {path: path.read_text() for path in files}
    write_linux(design(board).hardware, board, tmp_path)
    assert first == {path: path.read_text() for path in files}
    assert not [line for text in first.values() for line in text.splitlines() if len(line) > 120]


def test_readme(design, board, placement, tmp_path):
    write_linux(design(board).hardware, board, tmp_path)
    text = (tmp_path / "linux/README.md").read_text()
    for placed in placement(board).accelerators:
        row = f"| `{placed.registers.name}` | `{placed.base_address:#x}` | 64 KiB | {placed.interrupt} |"
        assert f"{row} `0 {placed.interrupt - 32} 4` |" in text
    zynq = board.family == "zynq-7000"
    assert ("ARCH=arm CROSS" in text, "ARCH=arm64 CROSS" in text) == (zynq, not zynq)
    assert ("FPGA_MGR_ZYNQ_FPGA" in text, "FPGA_MGR_ZYNQMP_FPGA" in text) == (zynq, not zynq)
    ways = [text.index(way) for way in ("FLUORITE_ARENA=zocl:", "the module [u-dma-buf]")]
    if zynq:
        assert "hugepage" not in text and ways == sorted(ways)
        assert "cma=128M@0x100000-0x20000000" in text
    else:  # what needs nothing is told first
        assert text.index("FLUORITE_ARENA=hugepage:33554432") < ways[0] < ways[1]
        assert "make firmware" in text
    assert ("step by step" in text) == (board.name in ("pynq-z2", "kv260", "zedboard"))
    assert text.count("Nobody has tried these steps on the board yet") == text.count("step by step")
    clock = {"FCLK_CLK0": "fclk0", "pl_clk0": "pl0_ref", "pl_clk1": "pl1_ref"}[board.processor.clock]
    assert re.search(rf"\n    cat /sys/kernel/debug/clk/{clock}/clk_rate +# {board.clock_hz} or a little less\n", text)
    # No template left unfilled: braces are the device tree's and the shell's.
    assert not re.search(r"systemctl|\{(?! fclk| busybox)", text)


def test_makefile(design, board, run, tmp_path):
    """What the board loads is made of the bitstream; of firmware/, dfx-mgr wants these three files and nothing else."""
    write_linux(design(board).hardware, board, tmp_path)
    folder = tmp_path / "linux"
    fluorite = tmp_path / "fluorite"
    fluorite.write_text('#!/bin/sh\n[ "$1 $3 $5" = "bitstream -o --board" ] && cp "$2" "$4" && echo "$6" >>"$4"\n')
    fluorite.chmod(0o755)
    (folder / "other.bit").write_text("bits\n")
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    assert run("make", "-s", "BIT=other.bit", cwd=folder, env=environment) == (0, "")
    assert (folder / "two.bin").read_text() == f"bits\n{board.name}\n"
    for name in ("two.dtbo", "two-uio.dtbo"):
        assert b"two.bin\0" in (folder / name).read_bytes()
    zynq = board.family == "zynq-7000"
    code, text = run("make", "-s", "BIT=other.bit", "DRIVER=-uio", "firmware", cwd=folder, env=environment)
    if zynq:
        assert code and "No rule to make target 'firmware'" in text
    else:
        assert (code, text) == (0, "")
        made = {path.name: path for path in (folder / "firmware/two").iterdir()}
        assert set(made) == {"two.bit.bin", "two.dtbo", "shell.json"}
        assert json.loads(made["shell.json"].read_text()) == {"shell_type": "XRT_FLAT", "num_slots": "1"}
        assert made["two.bit.bin"].read_text() == f"bits\n{board.name}\n"
        tree = made["two.dtbo"].read_bytes()
        assert b"two.bit.bin\0" in tree and b"generic-uio" in tree and b"two.bin" not in tree
    assert run("make", "-s", "clean", cwd=folder) == (0, "")
    (folder / "other.bit.bin").write_text("Vivado's\n")
    fluorite.unlink()
    tools = tmp_path / "tools"  # what the Makefile runs, and no fluorite
    tools.mkdir()
    for name in ("make", "sh", "dtc", "cp", "rm", "sed"):
        (tools / name).symlink_to(shutil.which(name))
    environment = {**os.environ, "PATH": str(tools)}
    said = "fluorite is not installed: taking other.bit.bin, which Vivado wrote\n"
    assert run("make", "-s", "BIT=other.bit", cwd=folder, env=environment) == (0, said)
    assert (folder / "two.bin").read_text() == "Vivado's\n"
    before = {path for path in folder.rglob("*") if path.suffix in (".bin", ".dtbo")} - {folder / "other.bit.bin"}
    assert before and run("make", "-s", "clean", cwd=folder) == (0, "")
    assert not [path for path in before if path.exists()]
    (folder / "other.bit.bin").unlink()
    code, text = run("make", "-s", "BIT=other.bit", "two.bin", cwd=folder, env=environment)
    assert code and text.splitlines()[0] == (
        "there is neither fluorite, which makes two.bin of other.bit, nor other.bit.bin, which Vivado's script writes"
    )


def test_udev_rules(design, board, tmp_path):
    write_linux(design(board).hardware, board, tmp_path)
    rules = [line for line in (tmp_path / "linux/udev.rules").read_text().splitlines() if not line.startswith("#")]
    mode = 'GROUP="video", MODE="0660"'
    assert rules == [
        f'SUBSYSTEM=="misc", KERNEL=="fluorite-sums_axi", {mode}',
        f'SUBSYSTEM=="uio", ATTR{{name}}=="sums_axi", {mode}',
        f'SUBSYSTEM=="misc", KERNEL=="fluorite-scaled_axi", {mode}',
        f'SUBSYSTEM=="uio", ATTR{{name}}=="scaled_axi", {mode}',
        f'SUBSYSTEM=="u-dma-buf", KERNEL=="udmabuf0", {mode}',
        'SUBSYSTEM=="u-dma-buf", KERNEL=="udmabuf0", RUN+="/bin/sh -c \'chgrp video /sys%p/sync_for_*\'"',
        'SUBSYSTEM=="u-dma-buf", KERNEL=="udmabuf0", RUN+="/bin/sh -c \'chmod g+w /sys%p/sync_for_*\'"',
    ]


def test_the_driver_is_installed_by_make_and_by_dkms(run, tmp_path):
    """A kernel's build tree that says what it was asked for."""
    for name, text in driver_sources().items():
        (tmp_path / name).write_text(text)
    kernel = tmp_path / "kernel"
    kernel.mkdir()
    (kernel / "Makefile").write_text("modules modules_install clean:\n\t@echo $@ $(M)\n")
    asked = ("make", "-s", "--no-print-directory", f"KERNEL={kernel}")
    assert run(*asked, "install", cwd=tmp_path) == (0, f"modules {tmp_path}\nmodules_install {tmp_path}\n")
    recipe = ("make", "-s", "--no-print-directory", f"KERNEL_SRC={kernel}", "modules_install")
    assert run(*recipe, cwd=tmp_path) == (0, f"modules_install {tmp_path}\n")
    script = f'kernel_source_dir={kernel}; . ./dkms.conf; echo "$PACKAGE_NAME $AUTOINSTALL"; ${{MAKE[0]}} -s; $CLEAN -s'
    code, text = run("bash", "-c", script.replace("-s", "-s --no-print-directory"), cwd=tmp_path)
    assert (code, text) == (0, f"fluorite yes\nmodules {tmp_path}\nclean {tmp_path}\n")
    assert 'BUILT_MODULE_NAME[0]="fluorite"' in (tmp_path / "dkms.conf").read_text()


def test_launch_bytes(examples):
    # 40 x 30 pixels out; in, a window of 3 x 2.
    assert launch_bytes(examples["sums"].map) == 40 * 30 + 42 * 31
    assert launch_bytes(examples["scaled"].map) == 2 * 3 * 2 * 40 * 30


def test_arena(examples, monkeypatch):
    board = load_board("pynq-z2")
    maps = [register_map(examples["sums"].generated, board.shell)]

    def size(launch):
        monkeypatch.setattr("fluorite.glue.linux.memory.launch_bytes", lambda _: launch)
        found = arena(maps, board)
        assert (found.first, found.end) == (MIB, 512 * MIB)
        return found.size_bytes

    assert size(1000) == 64 * MIB
    assert size(9 * MIB) == 92 * MIB  # twice five, in units of 4 MiB
    assert size(100 * MIB) == size(128 * MIB) == 128 * MIB
    with pytest.raises(UsageError) as caught:
        size(128 * MIB + 1)
    assert str(caught.value) == (
        "pynq-z2: one launch of each accelerator takes 134217729 bytes of memory, but no more than 134217728 can be "
        "reserved for DMA: compile for smaller extents, or tile"
    )
