"""How much DMA memory a design wants, and from where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fluorite.boards.board import Board
from fluorite.errors import UsageError
from fluorite.hwgen.shell.registers import RegisterMap

__all__ = ["ALIGNMENT_BYTES", "Arena", "arena", "launch_bytes"]

#: Of reserved memory that the kernel may use meanwhile: its largest page block with pages of 4 KiB.
ALIGNMENT_BYTES = 4 << 20
_LEAST_BYTES = 64 << 20
# Masters in the FPGA do not see DDR in the lowest megabyte of Zynq-7000 (on-chip memory may be mapped there), and a
# 32-bit kernel has no more than this surely mapped. Zynq UltraScale+ has 2 GiB within 32 bits of address.
_REACH = {"ps7": (0x10_0000, 512 << 20), "psu": (0x10_0000, 2 << 30)}


@dataclass(frozen=True, slots=True)
class Arena:
    """The memory that software and accelerators share.

    Attributes
    ----------
    size_bytes : int
        A multiple of `ALIGNMENT_BYTES`.
    first, end : int
        Addresses between which it may lie.
    """

    size_bytes: int
    first: int
    end: int


def launch_bytes(registers: RegisterMap) -> int:
    """Bytes that all streams of the accelerator's largest launch take in memory."""
    return sum(stream.layout.most_bytes for stream in registers.streams)


def arena(maps: Sequence[RegisterMap], board: Board) -> Arena:
    """The memory to reserve.

    Room for the largest launches, as many of each accelerator as can be under way and one more that software works on,
    and as much again for whole images; at least 64 MiB, at most a quarter of the board's memory.

    Parameters
    ----------
    maps : sequence of RegisterMap
        The accelerators' registers.
    board : Board
        With a processor.

    Raises
    ------
    UsageError
        One launch of each accelerator does not fit into a quarter of the memory that the FPGA reaches.
    """
    processor = board.processor
    assert processor is not None
    first, reach = _REACH[processor.kind]
    end = min(processor.memory_bytes, reach)
    most = end // 4 // ALIGNMENT_BYTES * ALIGNMENT_BYTES
    single = [launch_bytes(registers) for registers in maps]
    if sum(single) > most:
        raise UsageError(
            f"{board.name}: one launch of each accelerator takes {sum(single)} bytes of memory, but no more than "
            f"{most} can be reserved for DMA: compile for smaller extents, or tile"
        )
    wanted = 2 * sum(size * (m.config.queue_depth + 1) for size, m in zip(single, maps, strict=True))
    size = max(_LEAST_BYTES, -(-wanted // ALIGNMENT_BYTES) * ALIGNMENT_BYTES)
    return Arena(min(size, most), first, end)
