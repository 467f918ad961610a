"""The folder as a whole: files, arena size, text of the steps."""

import re

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
    assert names == {"README.md", "driver/fluorite,accelerator.yaml"} | overlays | reserved | driver
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
    clock = {"FCLK_CLK0": "fclk0", "pl_clk0": "pl0_ref", "pl_clk1": "pl1_ref"}[board.processor.clock]
    assert re.search(rf"\n    cat /sys/kernel/debug/clk/{clock}/clk_rate +# {board.clock_hz} or a little less\n", text)
    # No template left unfilled: braces are the device tree's and the shell's.
    assert not re.search(r"systemctl|\{(?! fclk| busybox)", text)


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
