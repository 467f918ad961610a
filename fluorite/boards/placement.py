"""Where a design's accelerators go on a board: addresses, interrupts, memory ports.

The one answer to it, for the block design, the device tree, the metadata and the simulated machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fluorite.boards.board import Board, MemoryPort
from fluorite.errors import UsageError
from fluorite.hwgen.shell.registers import RegisterMap

__all__ = ["WINDOW_BYTES", "Master", "Placed", "Placement", "place"]

#: Address space that each accelerator's registers get: the least that Vivado gives an AXI4-Lite slave by default.
WINDOW_BYTES = 0x1_0000


@dataclass(frozen=True, slots=True)
class Master:
    """A memory master of an accelerator and the port it uses.

    Attributes
    ----------
    bus : str
        Interface of the shell, ``m_axi_<stream>``.
    direction : str
        ``"in"``: it reads; ``"out"``: it writes.
    port : MemoryPort
    """

    bus: str
    direction: str
    port: MemoryPort


@dataclass(frozen=True, slots=True)
class Placed:
    """An accelerator on a board.

    Attributes
    ----------
    registers : RegisterMap
        Its registers; ``registers.name`` is the Verilog module.
    base_address, bytes : int
        Window of the registers.
    interrupt_line : int
        Line of the interrupt port, from 0 on.
    interrupt : int
        Number at the interrupt controller (GIC).
    masters : tuple of Master
    """

    registers: RegisterMap
    base_address: int
    bytes: int
    interrupt_line: int
    interrupt: int
    masters: tuple[Master, ...]


@dataclass(frozen=True, slots=True)
class Placement:
    """A design on a board."""

    board: Board
    accelerators: tuple[Placed, ...]

    @property
    def ports(self) -> tuple[MemoryPort, ...]:
        """The memory ports that are used, in the board's order."""
        assert self.board.processor is not None
        used = {master.port.name for placed in self.accelerators for master in placed.masters}
        return tuple(port for port in self.board.processor.memory if port.name in used)


def place(maps: Sequence[RegisterMap], board: Board) -> Placement:
    """Place accelerators: registers one after the other, an interrupt line each, memory ports in turn.

    Parameters
    ----------
    maps : sequence of RegisterMap
        Of the design's accelerators, of kind ``"axi"``.
    board : Board
        With a processor.

    Raises
    ------
    UsageError
        The board has no processor, or too few interrupts or addresses.
    """
    processor = board.processor
    if processor is None:
        raise UsageError(f"{board.name} has no processor that could drive an accelerator: use `fluorite build`")
    room = min(len(processor.interrupts), processor.control.bytes // WINDOW_BYTES)
    if len(maps) > room:
        raise UsageError(f"{board.name} has interrupts and addresses for {room} accelerators, not {len(maps)}")
    placed, taken = [], 0
    for number, registers in enumerate(maps):
        masters = []
        for stream in registers.streams:
            port = processor.memory[taken % len(processor.memory)]
            masters.append(Master(f"m_axi_{stream.port.name}", stream.port.direction, port))
            taken += 1
        base = processor.control.base_address + number * WINDOW_BYTES
        interrupt = processor.interrupts[number]
        placed.append(Placed(registers, base, WINDOW_BYTES, number, interrupt, tuple(masters)))
    return Placement(board, tuple(placed))
