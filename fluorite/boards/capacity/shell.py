"""What a shell is made of, counted in bits: the quantities that its area, the core's left out, is a weighted sum of.

Widths are those of the register map and of the queues, shifters and buffers that the masters have for a stream.
"""

from __future__ import annotations

import math

from fluorite.boards.capacity.memory import MemoryCells, memory_cells
from fluorite.hwgen.generate import Generated
from fluorite.hwgen.shell.config import ShellConfig
from fluorite.hwgen.shell.layout import word_bytes
from fluorite.hwgen.shell.memory.address_channel import MAX_BURSTS
from fluorite.hwgen.shell.memory.bursts import BURST_BEATS
from fluorite.hwgen.shell.registers import RegisterMap, StreamRegisters

__all__ = ["SHELL_PARTS", "shell_memories", "shell_parts"]

#: Names of the parts of a shell, see :func:`shell_parts`.
SHELL_PARTS = ("register", "readable", "setting", "address", "data", "shifter", "stream", "shell")


def shell_parts(generated: Generated, registers: RegisterMap) -> dict[str, float]:
    """Bits of a shell by what they are for.

    Parameters
    ----------
    generated : Generated
        The core.
    registers : RegisterMap
        What is around it.

    Returns
    -------
    dict of str to float
        By the names of ``SHELL_PARTS``, bits: of registers that software writes, of all it reads, of the core's
        settings, of counters that walk addresses and positions, of words and beats that are held, of shifters (bits
        times levels); ``stream`` counts streams, ``shell`` is 1.
    """
    config = registers.config
    parts = dict.fromkeys(SHELL_PARTS, 0.0)
    parts["shell"] = 1
    for register in registers.registers:
        if register.access == "rw":
            parts["register"] += register.width_bits
        if register.constant is None and register.access != "wo":
            parts["readable"] += register.width_bits
    parts["setting"] = sum(s.setting.port.width_bits for s in registers.settings)
    ranges = generated.extents.ranges
    for stream in registers.streams:
        parts["stream"] += 1
        raster = sum(max((words - 1).greatest(ranges), 1).bit_length() for words in stream.layout.words)
        parts["address"] += raster
        if config.kind == "axi":
            _add_master(parts, stream, config)
        else:
            parts["data"] += 2 * (stream.port.word_bits + 2)  # a skid buffer
    return parts


def _add_master(parts: dict[str, float], stream: StreamRegisters, config: ShellConfig) -> None:
    """Address counters, buffers and shifters of a memory master."""
    layout = stream.layout
    # The address of the row, plane ... and that of the burst, on the bus and behind it.
    parts["address"] += config.address_bits * (2 + len(layout.counts))
    parts["address"] += 2 * layout.row_bytes_bits + 2 * sum(layout.count_bits)
    beat, word = config.data_bytes, word_bytes(stream.port)
    levels = (beat - 1).bit_length()
    if stream.port.direction == "in":
        step = math.gcd(beat, word)
        held = word - step + beat
        parts["data"] += 8 * (beat + held + 2 * word)
        places = (word - 1).bit_length() - (step - 1).bit_length()
        parts["shifter"] += 8 * (beat * levels + held * max(places, 0) + held)
    else:
        held = beat - 1 + word
        parts["data"] += 8 * held + 9 * beat
        parts["shifter"] += 8 * held * (levels + 1)


def shell_memories(registers: RegisterMap, family: str) -> list[tuple[str, MemoryCells]]:
    """Queues and buffers by name, each with what it becomes.

    Parameters
    ----------
    registers : RegisterMap
        Those of the shell.
    family : str
        Of the board.
    """
    config = registers.config
    settings = sum(s.setting.port.width_bits for s in registers.settings)
    found = [("queue of settings", memory_cells(family, config.queue_depth, max(settings, 1), False))]
    if config.kind != "axi":
        return found
    for stream in registers.streams:
        layout = stream.layout
        reads = stream.port.direction == "in"
        shape = layout.row_bytes_bits + sum(layout.count_bits)
        beat_bits = (config.data_bytes - 1).bit_length()
        low = beat_bits if reads else (BURST_BEATS * config.data_bytes - 1).bit_length()
        outer = len(layout.counts)
        blocks = shape + config.address_bits + outer * min(config.address_bits, 32)
        for bits in (blocks, shape + low * (1 + outer)):
            found.append((f"queue of {stream.port.name}", memory_cells(family, config.queue_depth, bits, False)))
        found.append(
            (f"bursts of {stream.port.name}", memory_cells(family, MAX_BURSTS, config.address_bits + 1, False))
        )
        if reads:
            depth = 1 << (config.latency_cycles + 2 * BURST_BEATS - 1).bit_length()
            buffer = memory_cells(family, depth, config.data_bits, False)
        else:
            buffer = memory_cells(family, 4 * BURST_BEATS, 9 * config.data_bytes + 1, False)
        found.append((f"buffer of {stream.port.name}", buffer))
    return found
