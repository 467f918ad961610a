"""Widths of the ports: registers as the block design needs them, and the readme's commands as a shell runs them."""

import dataclasses
import os
import re
import subprocess

import pytest

from fluorite.boards import load_board
from fluorite.boards.vivado.processor import processor_block
from fluorite.glue.linux.port_widths import port_widths
from fluorite.glue.linux.write import write_linux

FIFOS = ("HPC0", "HPC1", "HP0", "HP1", "HP2", "HP3")
#: What M_AXI_HPM0_FPD, M_AXI_HPM1_FPD and M_AXI_HPM0_LPD have as their width at 14 and 15, from the least bit on.
CONTROL = {14: {8: "PSU__MAXIGP0__DATA_WIDTH", 10: "PSU__MAXIGP1__DATA_WIDTH"}, 15: {8: "PSU__MAXIGP2__DATA_WIDTH"}}
WIDTHS = {0: "32", 1: "64", 2: "128"}


def with_ports(board, control=None, width=None, names=None):
    """A board with other ports."""
    processor = board.processor
    memory = processor.memory
    if names:
        memory = tuple(
            dataclasses.replace(port, name=name, settings={}) for port, name in zip(memory, names, strict=True)
        )
    if width:
        memory = tuple(dataclasses.replace(port, data_bits=width, settings={}) for port in memory)
    settings = {k: v for k, v in processor.settings.items() if "M_AXI" not in k}
    if control:
        processor = dataclasses.replace(processor, control=dataclasses.replace(processor.control, name=control))
    return dataclasses.replace(board, processor=dataclasses.replace(processor, memory=memory, settings=settings))


def test_the_registers_say_what_the_block_design_says(board, placement):
    # The block design's flow knows one clock.
    clock = {"ps7": "FCLK_CLK0", "psu": "pl_clk0"}[board.processor.kind]
    placed = placement(dataclasses.replace(board, processor=dataclasses.replace(board.processor, clock=clock)))
    if board.processor.kind == "ps7":
        assert port_widths(placed) == ()
        return
    settings = processor_block(placed).settings
    found = {register.number: register for register in port_widths(placed)}
    assert {number for number in found if number < 14} == {
        2 * FIFOS.index(port.name.removeprefix("S_AXI_").removesuffix("_FPD")) + n
        for port in placed.ports for n in (0, 1)
    }  # fmt: skip
    for number, register in found.items():
        if number < 14:
            width = {0: "128", 1: "64", 2: "32"}[register.value]
            assert width == settings[f"PSU__SAXIGP{number // 2}__DATA_WIDTH"]
        else:
            given = {key: WIDTHS[register.value >> bit & 3] for bit, key in CONTROL[number].items()}
            used = {key: settings[key] for key in given if key in settings}
            assert used and used.items() <= given.items()


@pytest.mark.parametrize("width", [32, 64, 128])
@pytest.mark.parametrize("control", ["M_AXI_HPM0_FPD", "M_AXI_HPM1_FPD", "M_AXI_HPM0_LPD"])
def test_other_boards(placement, control, width):
    board = with_ports(load_board("zcu104"), control, width)
    test_the_registers_say_what_the_block_design_says(board, placement)
    assert [(r.port, r.use, r.width_bits, r.number, r.address, r.mask) for r in port_widths(placement(board))[-3:]] == [
        ("S_AXI_HP2_FPD", "reads", width, 8, 0xFD3A_0000, 0x3),
        ("S_AXI_HP2_FPD", "writes", width, 9, 0xFD3A_0014, 0x3),
        (control, "both", 32, 15, 0xFF41_9000, 0x300) if "LPD" in control
        else (control, "both", 128, 14, 0xFD61_5000, 0xF00),
    ]  # fmt: skip


def test_a_port_whose_width_is_fixed(placement):
    names = ["S_AXI_ACP_FPD", "S_AXI_HP1_FPD", "S_AXI_HP2_FPD", "S_AXI_HP3_FPD"]
    found = port_widths(placement(with_ports(load_board("zcu104"), names=names)))
    assert [register.number for register in found] == [6, 7, 8, 9, 10, 11, 14]


BUSYBOX = """\
#!/bin/sh
test "$1" = devmem || exit 9
case $# in
    2) cat "registers/$2" ;;
    4) printf '0x%08X\\n' "$(($4))" > "registers/$2" ;;
    *) exit 9 ;;
esac
"""


def test_the_readmes_commands(design, placement, tmp_path):
    board = load_board("kv260")
    write_linux(design(board).hardware, board, tmp_path)
    text = (tmp_path / "linux/README.md").read_text()
    section = text.partition("## Widths of the ports\n")[2].partition("\n## ")[0]
    commands = [line.strip() for line in section.splitlines() if line.startswith("      ")]
    assert commands == [
        "width() { busybox devmem $1 32 $(( $(busybox devmem $1) & ~$2 | $3 )); }",
        "width 0xfd380000 0x3 0x0       # S_AXI_HP0_FPD reads: 128 bits",
        "width 0xfd380014 0x3 0x0       # S_AXI_HP0_FPD writes: 128 bits",
        "width 0xfd390000 0x3 0x0       # S_AXI_HP1_FPD reads: 128 bits",
        "width 0xfd390014 0x3 0x0       # S_AXI_HP1_FPD writes: 128 bits",
        "width 0xfd3b0000 0x3 0x0       # S_AXI_HP3_FPD reads: 128 bits",
        "width 0xfd3b0014 0x3 0x0       # S_AXI_HP3_FPD writes: 128 bits",
        "width 0xfd3a0000 0x3 0x0       # S_AXI_HP2_FPD reads: 128 bits",
        "width 0xfd3a0014 0x3 0x0       # S_AXI_HP2_FPD writes: 128 bits",
        "width 0xfd615000 0xf00 0xa00   # M_AXI_HPM0_FPD: 128 bits",
    ]
    (tmp_path / "registers").mkdir()
    stub = tmp_path / "busybox"
    stub.write_text(BUSYBOX)
    stub.chmod(0o755)
    addresses = re.findall(r"width (0x\w+)", "\n".join(commands))
    for address in addresses:
        (tmp_path / "registers" / address).write_text("0x000103B6\n")
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["sh", "-eu", "-c", "\n".join(commands)], cwd=tmp_path, env={"PATH": path}, check=True)
    found = {address: (tmp_path / "registers" / address).read_text() for address in addresses}
    assert found == dict.fromkeys(addresses[:-1], "0x000103B4\n") | {addresses[-1]: "0x00010AB6\n"}


def test_the_readme_of_a_zynq_7000(design, tmp_path):
    board = load_board("zedboard")
    write_linux(design(board).hardware, board, tmp_path)
    text = (tmp_path / "linux/README.md").read_text()
    section = text.partition("## Widths of the ports\n")[2].partition("\n## ")[0]
    assert "64 bits wide after reset" in section and "devmem" not in section
    assert "afi" not in (tmp_path / "linux/two.dtso").read_text()
