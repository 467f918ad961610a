"""The machines that QEMU emulates, as far as simulation has to know them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fluorite.boards.board import Board
from fluorite.boards.placement import Placement, place
from fluorite.boards.read import load_board
from fluorite.errors import UsageError
from fluorite.hwgen.shell.registers import RegisterMap

__all__ = ["MACHINES", "Machine", "find_machine", "placement_on"]


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine of QEMU.

    Attributes
    ----------
    name : str
        ``"zcu102"``, ``"zynq"`` or ``"kria"``.
    title : str
        For messages.
    kind : str
        The processor system, as `fluorite.boards.board.Processor.kind` has it.
    board : str
        The board whose addresses and interrupts a design gets that was compiled for none.
    target : str
        The processor, as `fluorite.systems.program.targets` calls it.
    architecture : str
        Debian's name of it.
    emulator, model : str
        QEMU's program and its name of the machine.
    gic : str
        QEMU's type of the interrupt controller.
    processors : int
        How many there are (QEMU emulates one of Zynq-7000's two).
    memory_bytes : int
        Memory, from address 0 on.
    loads : bool
        Linux loads bitstream and overlay when it runs; otherwise the boot loader has.
    swapped_serials : bool
        The console is the second serial port, as on ZC702 and ZedBoard, and not the first.
    sysroot : str
        Folder of the cross compiler's C library.
    loader : str
        Name of its dynamic loader.
    """

    name: str
    title: str
    kind: str
    board: str
    target: str
    architecture: str
    emulator: str
    model: str
    gic: str
    processors: int
    memory_bytes: int
    loads: bool
    swapped_serials: bool
    sysroot: str
    loader: str


MACHINES = {
    "zcu102": Machine(
        name="zcu102",
        title="Zynq UltraScale+",
        kind="psu",
        board="zcu104",
        target="arm64",
        architecture="arm64",
        emulator="qemu-system-aarch64",
        model="xlnx-zcu102",
        gic="arm_gic",
        processors=2,
        memory_bytes=1 << 30,
        loads=False,
        swapped_serials=False,
        sysroot="/usr/aarch64-linux-gnu/lib",
        loader="ld-linux-aarch64.so.1",
    ),
    "zynq": Machine(
        name="zynq",
        title="Zynq-7000",
        kind="ps7",
        board="zc702",
        target="arm32",
        architecture="armhf",
        emulator="qemu-system-arm",
        model="xilinx-zynq-a9",
        gic="arm_gic",
        processors=1,
        memory_bytes=512 << 20,
        loads=True,
        swapped_serials=True,
        sysroot="/usr/arm-linux-gnueabihf/lib",
        loader="ld-linux-armhf.so.3",
    ),
    "kria": Machine(
        name="kria",
        title="Zynq UltraScale+",
        kind="psu",
        board="kv260",
        target="arm64",
        architecture="arm64",
        emulator="qemu-system-aarch64",
        model="xlnx-zcu102",
        gic="arm_gic",
        processors=4,
        memory_bytes=2 << 30,
        loads=True,
        swapped_serials=False,
        sysroot="/usr/aarch64-linux-gnu/lib",
        loader="ld-linux-aarch64.so.1",
    ),
}


def find_machine(name: str) -> Machine:
    """A machine by name.

    Raises
    ------
    UsageError
        There is none of that name.
    """
    if name not in MACHINES:
        raise UsageError(f"machine must be {' or '.join(MACHINES)}, not {name!r}")
    return MACHINES[name]


def placement_on(machine: Machine, board: Board | None, maps: Sequence[RegisterMap]) -> Placement:
    """Where a design's accelerators are on a machine: as on its board, else as on the machine's.

    Raises
    ------
    UsageError
        The design is for a board with another processor, or has more accelerators than fit.
    """
    if board is None:
        board = load_board(machine.board)
    if board.processor is None or board.processor.kind != machine.kind:
        others = [other.name for other in MACHINES.values() if board.processor and board.processor.kind == other.kind]
        way_out = f"take --system {others[0]}" if others else "take a board that has a processor"
        raise UsageError(f"machine {machine.name} is a {machine.title}, board {board.name} is not: {way_out}")
    return place(maps, board)
