"""Boards, a design on each, and tools that must be there."""

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fluorite.boards import Board, Control, MemoryPort, Processor, board_names, load_board, place
from fluorite.hwgen.shell.registers import register_map

#: A Zynq UltraScale+ with all that the generated files depend on: 40-bit addresses, coherent memory ports.
COHERENT = Board(
    "coherent", "Test board", "zynq-ultrascale+", "xczu7ev-ffvc1156-2-e", "-2", 200_000_000,
    load_board("pynq-z2").budget,
    Processor(
        "psu", "arm-64-linux", 4 << 30, Control("M_AXI_HPM1_FPD", 0x4_0000_0000, 0x100_0000, "AXI4"),
        (MemoryPort("S_AXI_HPC0_FPD", 128, 40, "AXI4", coherent=True),), "pl_ps_irq1", tuple(range(136, 144)),
        "pl_clk1", "pl_resetn0",
    ),
)  # fmt: skip
BOARDS = [board for board in map(load_board, board_names()) if board.processor] + [COHERENT]


@pytest.fixture(params=BOARDS, ids=lambda board: board.name)
def board(request):
    return request.param


@pytest.fixture(scope="session")
def design(examples):
    """A design of two accelerators, as compiled for a board."""

    def make(board):
        accelerators = tuple(examples[name].accelerator for name in ("sums", "scaled"))
        return dataclasses.replace(
            examples["sums"].design, name="two", accelerators=accelerators, board=board, shell=board.shell
        )

    return make


@pytest.fixture(scope="session")
def placement(design):
    def make(board):
        made = design(board)
        return place([register_map(a.generated, made.shell) for a in made.accelerators], board)

    return make


def tool(name):
    """Path of a tool, from the virtual environment or the system."""
    own = Path(sys.executable).parent / name
    found = own if own.exists() else shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is not installed: run `make tools`")
    return str(found)


@pytest.fixture(scope="session")
def run():
    """Runs a tool; returns its exit code and all that it printed."""

    def call(name, *arguments, cwd=None, env=None):
        done = subprocess.run(
            [tool(name), *map(str, arguments)], cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    return call
