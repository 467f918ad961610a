"""The report: what an accelerator is made of, what it costs, and why."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from fluorite.boards.board import Board
from fluorite.boards.capacity.predict import Capacity, capacity_text
from fluorite.hwgen.bordercost import border_cost
from fluorite.hwgen.family.delays import taken_at
from fluorite.hwgen.generate import Generated
from fluorite.hwgen.plan.extents import Extents
from fluorite.hwgen.plan.lowerbound import least_held_bits
from fluorite.hwgen.plan.storage import cycles
from fluorite.hwgen.streams.operations import names_value, operation_of, value_of

__all__ = ["AcceleratorReport", "BufferReport", "MemoryReport", "Report", "StageReport", "describe"]


@dataclass(frozen=True, slots=True)
class StageReport:
    """A stream of the accelerator: its width, its lag behind the first input word, and its extents in pixels."""

    name: str
    width_bits: int
    lag: str
    extents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BufferReport:
    """How long a stream is held, and for whom."""

    stream: str
    width_bits: int
    held_cycles: int
    bits: int
    reason: str


@dataclass(frozen=True, slots=True)
class MemoryReport:
    """One memory: delay lines of equal length side by side."""

    name: str
    depth: int
    width_bits: int
    holds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AcceleratorReport:
    """One accelerator.

    Attributes
    ----------
    name : str
        The accelerated Func.
    lanes : int
        Pixels a cycle.
    latency_cycles : int
        First input word to first output word, largest extents.
    cycles_per_launch : str
        Formula of the extents: cycles from launch to launch in the steady state.
    cycles_per_largest_launch : int
        Its value at the largest extents.
    line_buffer_bits : int
        Bits held in all: line buffers, windows and pipeline registers.
    line_buffer_bits_lower_bound : int
        Least bits any raster-order schedule of the same operators and borders holds, if operators took no time. Another
        pipeline with the same result may hold less: see the notes.
    pipeline_register_bits : int
        The difference: what it costs to reach the clock.
    memory_bits : int
        Bits of the memories among them, as allocated.
    memories, stages, buffers
        Parts.
    operators : dict of str to int
        Number of operators by kind and width, such as ``"add 12"``.
    notes : tuple of str
        Extents that were found though no directive gives them; what costs much and could be had for less.
    warnings : tuple of str
        What could not be excluded, such as overflow.
    """

    name: str
    lanes: int
    latency_cycles: int
    cycles_per_launch: str
    cycles_per_largest_launch: int
    line_buffer_bits: int
    line_buffer_bits_lower_bound: int
    pipeline_register_bits: int
    memory_bits: int
    memories: tuple[MemoryReport, ...]
    stages: tuple[StageReport, ...]
    buffers: tuple[BufferReport, ...]
    operators: dict[str, int]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_text(self) -> str:
        """For people."""
        lines = [
            f"{self.name}: {self.lanes} pixel{'s' if self.lanes > 1 else ''} a cycle, "
            f"latency {self.latency_cycles} cycles",
            f"  cycles a launch       {self.cycles_per_launch}"
            + (
                ""
                if self.cycles_per_launch == str(self.cycles_per_largest_launch)
                else f" = {self.cycles_per_largest_launch} at most"
            ),
            f"  line buffers          {self.line_buffer_bits} bits, {self.memory_bits} of them in memories "
            f"(lower bound of these operators {self.line_buffer_bits_lower_bound}, pipelining "
            f"{self.pipeline_register_bits})",
        ]
        lines.extend(f"  note: {note}" for note in self.notes)
        for memory in self.memories:
            lines.append(
                f"  memory {memory.name}: {memory.depth} x {memory.width_bits} bits, holds {', '.join(memory.holds)}"
            )
        for buffer in self.buffers:
            lines.append(
                f"  {buffer.stream}: {buffer.bits} bits, {buffer.width_bits} wide for {buffer.held_cycles} cycles: "
                f"{buffer.reason}"
            )
        lines.append("  operators: " + ", ".join(f"{count} x {kind}" for kind, count in self.operators.items()))
        lines.extend(f"  warning: {warning}" for warning in self.warnings)
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Report:
    """A design's report.

    Attributes
    ----------
    name : str
        The design.
    accelerators : tuple of AcceleratorReport
    board : Board or None
        What it was compiled for.
    capacities : tuple of Capacity
        What each accelerator takes of the board, predicted; empty without one.
    warnings : tuple of str
        What in the whole pipeline has no effect.
    """

    name: str
    accelerators: tuple[AcceleratorReport, ...]
    board: Board | None = None
    capacities: tuple[Capacity, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_json(self) -> str:
        """For programs."""
        values: dict[str, Any] = {"name": self.name, "accelerators": [asdict(a) for a in self.accelerators]}
        values["warnings"] = list(self.warnings)
        if self.board:
            values |= {"board": self.board.name, "capacities": [c.to_dict() for c in self.capacities]}
        return json.dumps(values, indent=2)

    def to_text(self) -> str:
        """For people."""
        texts = [a.to_text() for a in self.accelerators]
        if self.board:
            pairs = zip(texts, self.capacities, strict=True)
            texts = [text + "\n" + capacity_text(capacity, self.board) for text, capacity in pairs]
        return "\n".join([*texts, *(f"warning: {warning}" for warning in self.warnings)])


def describe(generated: Generated) -> AcceleratorReport:
    """Report of one accelerator."""
    plan, storage, extents = generated.plan, generated.storage, generated.extents
    nodes = {node.id: node for node in plan.nodes}
    held: dict[int, int] = {}
    for line in storage.lines:
        held[line.node] = held.get(line.node, 0) + line.length_cycles
    in_memory = {line.node for line in storage.lines if line.kind in ("memory", "row")}
    buffered = {id_ for id_ in held if names_value(nodes[id_]) or id_ in in_memory}
    buffers = tuple(
        BufferReport(
            generated.names[id_],
            nodes[id_].width_bits,
            held[id_],
            held[id_] * nodes[id_].width_bits,
            _reason(generated, id_),
        )
        for id_ in sorted(buffered)
    )
    operators: dict[str, int] = {}
    for node in plan.nodes:
        if not operation_of(node).is_wiring:
            kind = f"{node.op} {node.width_bits}"
            operators[kind] = operators.get(kind, 0) + 1
    total_bits = sum(cycles_held * nodes[id_].width_bits for id_, cycles_held in held.items())
    bound = least_held_bits(generated.graph, extents.strides)
    borders = border_cost(generated)
    return AcceleratorReport(
        generated.region.name,
        generated.outputs[0].port.lanes,
        generated.latency_cycles,
        str(extents.cycles_per_launch),
        extents.cycles_per_launch.greatest(extents.ranges),
        total_bits,
        bound,
        total_bits - bound,
        sum(m.depth * m.width_bits for m in storage.memories),
        tuple(
            MemoryReport(
                m.name,
                m.depth,
                m.width_bits,
                tuple(
                    f"{generated.names[line.node]} {_delay(extents, line.start)}..{_delay(extents, line.end)}"
                    for line, _ in m.fields
                ),
            )
            for m in storage.memories
        ),
        _stages(generated, extents),
        buffers,
        dict(sorted(operators.items())),
        (*generated.region.notes, *((str(borders),) if borders else ())),
        generated.warnings,
    )


def _stages(generated: Generated, extents: Extents) -> tuple[StageReport, ...]:
    """Streams in the order of the scan; of several lanes the first stands for all."""
    plan = generated.plan
    found: list[StageReport] = []
    for node in plan.nodes:
        if names_value(node) and not value_of(node).lane and not value_of(node).channel:
            key = value_of(node).stream
            pixels = extents.pixels.get(key) or extents.pixels[key.rpartition(".")[0]]
            found.append(
                StageReport(key, node.width_bits, _delay(extents, plan.lags[node.id]), tuple(str(p) for p in pixels))
            )
    return tuple(found)


def _reason(generated: Generated, id_: int) -> str:
    """Which reader needs a stream's oldest value."""
    plan = generated.plan
    oldest, reader_name = None, ""
    strides = generated.extents.strides
    readers = [
        (plan.lags[n.id], o, taken_at(n, o), generated.owners[n.id])
        for n in plan.nodes
        if not n.static
        for o in n.operands
    ]
    readers += [(plan.output_lags[o.stream], o.value, o.value.delay, "the output") for o in generated.graph.outputs]
    for lag, operand, delay, name in readers:
        if operand.node.id == id_ and not operand.node.static:
            age = plan.age(lag, delay, operand.node)
            if oldest is None or cycles(age, strides) > cycles(oldest, strides):
                oldest, reader_name = age, name
    return f"{reader_name} reads it {_delay(generated.extents, oldest)} late" if oldest is not None else ""


def _delay(extents: Extents, delay: tuple[int, ...]) -> str:
    """``(3, 2)`` as "2 rows 3 columns"."""
    columns, *outer = extents.split(delay)
    parts = [
        f"{n} {'row' if d == 0 else 'plane' if d == 1 else 'volume'}{'s' if n != 1 else ''}"
        for d, n in enumerate(outer)
        if n
    ]
    if columns or not parts:
        parts.append(f"{columns} column{'s' if columns != 1 else ''}")
    return " ".join(reversed(parts[:-1])) + (" " if len(parts) > 1 else "") + parts[-1]
