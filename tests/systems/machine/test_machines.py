"""Which machine a design fits, and what its device tree is there."""

import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from fluorite.boards.read import board_names, load_board
from fluorite.errors import UsageError
from fluorite.glue.linux.device_tree import DRIVERS
from fluorite.glue.linux.memory import Arena
from fluorite.systems.machine import machines
from fluorite.systems.machine.bitstream import stand_in
from fluorite.systems.machine.machines import MACHINES, find_machine, placement_on
from fluorite.systems.machine.tree import base_tree, merged_tree, overlay_blob

SOURCES = Path(machines.__file__).parent
MEMORY = Arena(64 << 20, 0x10_0000, 512 << 20)


def accelerators(*names):
    """Register maps, as far as placing them wants to know."""
    return [SimpleNamespace(name=f"{name}_axi", streams=()) for name in names]


def decompiled(blob):
    command = ["dtc", "-q", "-I", "dtb", "-O", "dts"]
    return subprocess.run(command, input=blob, capture_output=True, check=True).stdout.decode()


@pytest.mark.parametrize("name", MACHINES)
def test_a_design_for_no_board_is_placed_as_on_the_machines(name):
    machine = find_machine(name)
    placement = placement_on(machine, None, accelerators("one", "two"))
    assert placement.board.processor.kind == machine.kind
    assert placement.accelerators[1].base_address - placement.accelerators[0].base_address == 0x1_0000


@pytest.mark.parametrize("name", board_names())
def test_every_board_with_a_processor_has_machines_of_its_kind(name):
    board, fits = load_board(name), []
    for machine in MACHINES.values():
        try:
            fits.append(placement_on(machine, board, accelerators("one")).board)
        except UsageError:
            continue
    assert fits == [board] * {"ps7": 1, "psu": 2, "": 0}[board.processor.kind if board.processor else ""]


def test_boards_of_another_kind_are_refused():
    with pytest.raises(UsageError) as refused:
        placement_on(MACHINES["zynq"], load_board("zcu104"), accelerators("one"))
    assert str(refused.value) == "machine zynq is a Zynq-7000, board zcu104 is not: take --system zcu102"
    with pytest.raises(UsageError) as refused:
        placement_on(MACHINES["zynq"], load_board("ulx3s-85f"), accelerators("one"))
    assert (
        str(refused.value) == "machine zynq is a Zynq-7000, board ulx3s-85f is not: take a board that has a processor"
    )
    with pytest.raises(UsageError, match=r"^machine must be zcu102 or zynq or kria, not 'pc'$"):
        find_machine("pc")


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("name", MACHINES)
def test_the_overlay_fits_the_machines_tree(name, driver):
    machine = find_machine(name)
    placement = placement_on(machine, None, accelerators("one"))
    base, blob = base_tree(machine, placement, MEMORY), overlay_blob(machine, "app", placement, MEMORY, driver)
    assert "one_axi" not in decompiled(base) and "reserved-memory" in decompiled(base)
    text = decompiled(merged_tree(base, blob))
    node = re.search(r"one_axi@\w+ {(.*?)};", text, re.DOTALL)[1]
    interrupt = placement.accelerators[0].interrupt
    assert f"interrupts = <0x00 0x{interrupt - 32:02x} 0x04>" in node
    assert ("generic-uio" in node) == (driver == "uio")
    assert ("clocks" in node) == (name != "zcu102")  # there firmware would have them, which QEMU has not


@pytest.mark.parametrize("name", MACHINES)
def test_the_trees_compile_without_a_warning(name):
    command = ["dtc", "-@", "-I", "dts", "-O", "dtb", "-o", "/dev/null", str(SOURCES / f"{name}.dts")]
    assert subprocess.run(command, capture_output=True, check=True).stderr == b""


def test_the_stand_in_for_a_bitstream_is_taken_for_one():
    board = load_board("zc702")
    data = stand_in("app", board)
    assert bytes.fromhex("665599aa") in data[:128] and len(data) % 32 == 0
    assert data == stand_in("app", board) != stand_in("other", board)
