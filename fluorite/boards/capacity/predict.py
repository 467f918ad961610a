"""What an accelerator takes of a board and how fast it is there, predicted without synthesis.

Block RAMs and multiplier blocks follow the rules by which synthesis maps memories and products; LUTs and flip-flops
are weighted sums of what the stream graph, the storage plan and the shell are made of, with weights fitted to what
Yosys and nextpnr make of the applications; the clock is the delay model's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fluorite.boards.board import Board
from fluorite.boards.capacity.clock import longest_path_ns
from fluorite.boards.capacity.core import core_dsp, core_memories, core_parts
from fluorite.boards.capacity.model import Margin, load_model
from fluorite.boards.capacity.shell import shell_memories, shell_parts
from fluorite.errors import CapacityError
from fluorite.hwgen.generate import Generated
from fluorite.hwgen.shell.config import ShellConfig
from fluorite.hwgen.shell.hardware import ShelledCore
from fluorite.hwgen.shell.layout import word_bytes

__all__ = ["Capacity", "capacity_text", "check", "predict"]


@dataclass(frozen=True, slots=True)
class Capacity:
    """What an accelerator takes of a board, core and shell.

    Attributes
    ----------
    name : str
        The accelerated Func.
    board : str
        The board.
    lut, ff : int
        Look-up tables of either use, flip-flops.
    bram : float
        Block RAMs of the board's kind; on Xilinx in halves.
    dsp : int
        Multiplier blocks.
    clock_hz : int
        The board's clock, or less where the delay model says that it is not reached.
    frames_per_second : float
        Of the largest launch (a whole image, or a tile) one after the other, the memory keeping up.
    share : mapping of str to float
        Of what the board has: ``lut``, ``ff``, ``bram``, ``dsp``.
    margins : mapping of str to Margin
        Error of ``lut``, ``ff``, ``bram``, ``dsp`` and ``clock``, as measured.
    line_buffers, line_buffer_bits : int
        Memories of the core in block RAM, and their bits as allocated.
    multiplications : int
        Products that take multiplier blocks or LUTs.
    """

    name: str
    board: str
    lut: int
    ff: int
    bram: float
    dsp: int
    clock_hz: int
    frames_per_second: float
    share: Mapping[str, float]
    margins: Mapping[str, Margin]
    line_buffers: int
    line_buffer_bits: int
    multiplications: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        plain = {name: getattr(self, name) for name in self.__slots__ if name not in ("share", "margins")}
        return {**plain, "share": dict(self.share), "margins": {k: asdict(m) for k, m in self.margins.items()}}


def predict(shelled: ShelledCore, board: Board) -> Capacity:
    """Predict what a core in its shell takes of a board.

    Parameters
    ----------
    shelled : ShelledCore
        The core and its shell.
    board : Board
        What it was compiled for.
    """
    generated, registers, config = shelled.generated, shelled.registers, shelled.config
    family = board.family
    model = load_model(family)
    core, shell = core_parts(generated, family), shell_parts(generated, registers)
    core_lut, core_ff = model.core.cost({**core, "core": 1.0})
    shell_lut, shell_ff = model.shells[config.kind].cost(shell)
    line_buffers = core_memories(generated, family)
    memories = [cells for _, cells in (*line_buffers, *shell_memories(registers, family))]
    memory_lut = sum(cells.lut for cells in memories) + core["shift register"]
    used = {
        "lut": round(core_lut + shell_lut + memory_lut),
        "ff": round(core_ff + shell_ff),
        "bram": sum(cells.bram for cells in memories),
        "dsp": core_dsp(generated, family),
    }
    budget = {"lut": board.budget.lut, "ff": board.budget.ff, "bram": board.budget.bram, "dsp": board.budget.dsp}
    path_ns = max(longest_path_ns(generated, board.delays), model.control_ns)
    clock_hz = min(board.clock_hz, math.floor(1e9 / path_ns))
    in_blocks = {name for name, cells in line_buffers if cells.bram}
    buffers = [memory for memory in generated.storage.memories if memory.name in in_blocks]
    return Capacity(
        generated.region.name,
        board.name,
        int(used["lut"]),
        int(used["ff"]),
        float(used["bram"]),
        int(used["dsp"]),
        clock_hz,
        clock_hz / _cycles_per_launch(generated, config),
        {name: used[name] / budget[name] if budget[name] else float(used[name] > 0) for name in used},
        model.margins,
        len(buffers),
        sum(memory.depth * memory.width_bits for memory in buffers),
        sum(node.op == "mul" for node in generated.plan.nodes),
    )


def _cycles_per_launch(generated: Generated, config: ShellConfig) -> float:
    """Cycles from launch to launch: a core's word a cycle, or as many beats as the widest stream's word has."""
    ranges = generated.extents.ranges
    cycles = generated.extents.cycles_per_launch.greatest(ranges)
    if config.kind != "axi":
        return cycles
    beats = max(
        math.prod(words.greatest(ranges) for words in plan.words) * word_bytes(plan.port) / config.data_bytes
        for plan in generated.streams
    )
    return max(cycles, beats)


def capacity_text(capacity: Capacity, board: Board) -> str:
    """For people."""
    lines = [f"  on {board.name} ({board.part}), predicted for core and shell:"]
    for title, key in (("LUT", "lut"), ("FF", "ff"), ("block RAM", "bram"), ("DSP", "dsp")):
        used, most = f"{getattr(capacity, key):.1f}".removesuffix(".0"), getattr(board.budget, key)
        share, error = 100 * capacity.share[key], _error(capacity.margins[key])
        lines.append(f"    {title:<9} {used:>7} of {most}, {share:5.1f} %  {error}")
    lines.append(f"    clock     {capacity.clock_hz / 1e6:>7.1f} MHz  {_error(capacity.margins['clock'])}")
    lines.append(f"    {capacity.frames_per_second:.1f} launches of the largest size a second")
    return "\n".join(lines)


def _error(margin: Margin) -> str:
    if not margin.designs:
        return f"(not measured: {margin.source})"
    if margin.worst == 0:
        return f"(exact in {margin.designs} designs: {margin.source})"
    size = f"±{100 * margin.mean:.0f} %, at worst {100 * margin.worst:.0f} %"
    return f"({size}, in {margin.designs} designs: {margin.source})"


def check(capacities: Sequence[Capacity], board: Board) -> None:
    """Refuse a design that cannot fit, all of its accelerators together.

    Parameters
    ----------
    capacities : sequence of Capacity
        Of all accelerators, predicted for ``board``.
    board : Board
        The board.

    Raises
    ------
    CapacityError
        Block RAM or multiplier blocks do not suffice, or LUTs or flip-flops would not even if the prediction were as
        much too high as it ever was.
    """
    for key, unit, way_out in _LIMITS:
        most = int(getattr(board.budget, key))
        total = sum(float(getattr(capacity, key)) for capacity in capacities)
        needs = f"need {total:g} {unit}"
        least = total
        if key in ("lut", "ff"):
            least = total / (1 + capacities[0].margins[key].worst) if capacities else 0.0
            needs = f"need about {total:g} {unit}, not less than {least:.0f}"
        if least > most:
            largest = max(capacities, key=lambda capacity: float(getattr(capacity, key)))
            others = [capacity.name for capacity in capacities if capacity is not largest]
            raise CapacityError(
                largest.name, _construct(largest, others, key), f"{needs}, {board.name} has {most}", way_out
            )


#: What can run out: attribute, unit, way out.
_LIMITS = (
    ("bram", "block RAMs", "make rows or tiles narrower, or take fewer lanes"),
    ("dsp", "multiplier blocks", "take fewer lanes, unroll less of a reduction, or multiply narrower values"),
    ("lut", "LUTs", "take fewer lanes, or unroll less of a reduction"),
    ("ff", "flip-flops", "take fewer lanes, or unroll less of a reduction"),
)


def _construct(largest: Capacity, others: Sequence[str], key: str) -> str:
    """What takes so much: the largest accelerator's share, and whose else."""
    found = {"lut": ["its logic"], "ff": ["its registers"]}.get(key, [])
    if key == "bram":
        count = largest.line_buffers
        found = [f"{count} line buffer{'s' * (count != 1)} of {_bits(largest.line_buffer_bits)}"] if count else []
        found.append("the buffers of its shell")
    elif key == "dsp":
        found = [f"{largest.multiplications} multiplication{'s' * (largest.multiplications != 1)}"]
    found += [f"what {name} takes" for name in others]
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"


def _bits(bits: int) -> str:
    return f"{bits / 1e6:.1f} Mbit" if bits >= 1e6 else f"{bits / 1e3:.1f} kbit"
