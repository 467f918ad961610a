"""The report: what an accelerator is made of, what it costs, and why."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from fluorite.boards.board import Board
from fluorite.boards.capacity.predict import Capacity, capacity_text
from fluorite.hwgen.bordercost import border_cost
from fluorite.hwgen.generate import Generated
from fluorite.hwgen.plan.extents import Extents
from fluorite.hwgen.plan.lowerbound import least_held_bits
from fluorite.hwgen.plan.recurrence import ways_round
from fluorite.hwgen.plan.storage import cycles
from fluorite.hwgen.streams.operations import names_value, operation_of, value_of

__all__ = ["AcceleratorReport", "BufferReport", "MemoryReport", "Report", "StageReport", "StreamReport", "describe"]


@dataclass(frozen=True, slots=True)
class StageReport:
    """A stream of the accelerator: its width, its lag behind the first input word, and its extents in pixels.

    Where its reductions are in time: how many ``steps`` a word takes, ``interval_cycles`` apart, and what ``recurs``:
    the operators that a value goes round through from one step to the next.
    """

    name: str
    width_bits: int
    lag: str
    extents: tuple[str, ...]
    steps: int = 1
    interval_cycles: int = 1
    recurs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StreamReport:
    """When a port's words come.

    Attributes
    ----------
    name, direction : str
        The port, and whether it is ``"in"`` or ``"out"``.
    pixels : tuple of int
        Of a word, along each dimension of the scan, innermost first.
    periods : tuple of int
        Positions of the scan from a word to the next, along each dimension; of each position the core takes a cycle.
    words : tuple of str
        Words of a launch along each dimension, formulas of its extents.
    """

    name: str
    direction: str
    pixels: tuple[int, ...]
    periods: tuple[int, ...]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BufferReport:
    """How long a stream is held, and for whom.

    Attributes
    ----------
    stream : str
        Its name.
    width_bits : int
        Of a value.
    held_cycles : int
        Values that are held: as many as the cycles from a value's coming to its last use, where one comes every cycle.
    bits : int
        The product of both.
    reason : str
        Which reader needs the oldest, and how many of the stream's own rows and columns late.
    periods : tuple of int
        Positions of the scan from a value that is needed to the next.
    """

    stream: str
    width_bits: int
    held_cycles: int
    bits: int
    reason: str
    periods: tuple[int, ...] = (1,)


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
        Pixels of a word of the output.
    cycles_per_word : int
        Cycles from one to the next: 1, unless other streams have more words than the output.
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
        The difference: what it costs to reach the clock, and, of streams that come in some rows of the scan only, that
        these rows are held whole. (The bound has what is held on average.)
    memory_bits : int
        Bits of the memories among them, as allocated.
    memories, stages, buffers, streams
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
    cycles_per_word: int
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
    streams: tuple[StreamReport, ...]
    operators: dict[str, int]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def to_text(self) -> str:
        """For people."""
        periods = [stream.periods for stream in self.streams] + [buffer.periods for buffer in self.buffers]
        several_rates = any(math.prod(own) > 1 for own in periods)
        rate = Fraction(self.lanes, self.cycles_per_word)
        every = "a cycle" if rate.denominator == 1 else f"every {rate.denominator} cycles"
        lines = [
            f"{self.name}: {_count(rate.numerator, 'pixel')} {every}, latency {self.latency_cycles} cycles",
            f"  cycles a launch       {self.cycles_per_launch}"
            + (
                ""
                if self.cycles_per_launch == str(self.cycles_per_largest_launch)
                else f" = {self.cycles_per_largest_launch} at most"
            ),
            f"  line buffers          {self.line_buffer_bits} bits, {self.memory_bits} of them in memories "
            f"(lower bound of these operators {self.line_buffer_bits_lower_bound}, "
            f"pipelining{' and rows held whole' if several_rates else ''} {self.pipeline_register_bits})",
        ]
        if several_rates:
            lines.extend(f"  stream {stream.name}: {_rate(stream)}" for stream in self.streams)
        slow = [stage for stage in self.stages if stage.steps > 1 or stage.interval_cycles > 1]
        lines.extend(f"  stage {stage.name}: {_in_steps(stage)}" for stage in slow)
        lines.extend(f"  note: {note}" for note in self.notes)
        for memory in self.memories:
            lines.append(
                f"  memory {memory.name}: {memory.depth} x {memory.width_bits} bits, holds {', '.join(memory.holds)}"
            )
        for buffer in self.buffers:
            lines.append(
                f"  {buffer.stream}: {buffer.bits} bits, {buffer.width_bits} wide for {_held(buffer)}: {buffer.reason}"
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
            tuple(grid.period for grid in plan.grids.of[id_]),
        )
        for id_ in sorted(buffered)
    )
    operators: dict[str, int] = {}
    for node in plan.nodes:
        if not operation_of(node).is_wiring:
            kind = f"{node.op} {node.width_bits}"
            operators[kind] = operators.get(kind, 0) + 1
    total_bits = sum(cycles_held * nodes[id_].width_bits for id_, cycles_held in held.items())
    bound = least_held_bits(generated.graph, extents.strides, plan.grids)
    borders = border_cost(generated)
    return AcceleratorReport(
        generated.region.name,
        generated.outputs[0].port.lanes,
        math.prod(generated.outputs[0].periods),
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
        tuple(
            StreamReport(s.port.name, s.port.direction, s.lanes, s.periods, tuple(map(str, s.words)))
            for s in generated.streams
        ),
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
            stage = key if key in extents.pixels else key.rpartition(".")[0]
            pixels = extents.pixels[stage]
            found.append(
                StageReport(
                    key,
                    node.width_bits,
                    _delay(extents, plan.lags[node.id]),
                    tuple(str(p) for p in pixels),
                    generated.lowered.steps.get(stage, 1),
                    generated.lowered.intervals.get(stage, 1),
                    _recurring(generated, stage),
                )
            )
    return tuple(found)


def _recurring(generated: Generated, stage: str) -> tuple[str, ...]:
    """The operators of a stage that a value goes round through."""
    nodes = {node.id: node for node in generated.plan.nodes}
    found: dict[str, None] = {}
    for number, way in ways_round(generated.plan.nodes).items():
        if generated.lowered.states[number] == stage:
            found.update((nodes[id_].op, None) for id_ in way if not operation_of(nodes[id_]).is_wiring)
    return tuple(found)


def _in_steps(stage: StageReport) -> str:
    """How its reductions are taken in time, for people."""
    if stage.steps == 1:
        return f"its recurrence ({', '.join(stage.recurs)}) takes {stage.interval_cycles} cycles a word"
    every = "a cycle" if stage.interval_cycles == 1 else f"every {stage.interval_cycles} cycles"
    why = "" if stage.interval_cycles == 1 else f", which its recurrence takes ({', '.join(stage.recurs)})"
    return f"{stage.steps} steps in time, one {every}{why}"


def _reason(generated: Generated, id_: int) -> str:
    """Which reader needs a stream's oldest value."""
    plan, grids = generated.plan, generated.plan.grids
    readers = [
        (age, generated.owners[node.id])
        for node in plan.nodes
        if not node.static
        for operand in node.operands
        if operand.node.id == id_
        for age in plan.held(node, operand)
    ]
    for output in generated.graph.outputs:
        if output.value.node.id == id_:
            age = plan.age(plan.output_lags[output.stream], output.value.delay, output.value.node)
            readers.append((grids.held(id_, age), "the output"))
    if not readers:
        return ""
    positions = [s * grid.period for s, grid in zip(generated.extents.strides, grids.of[id_], strict=True)]
    oldest, name = max(readers, key=lambda reader: cycles(reader[0], positions))
    return f"{name} reads it {_delay(generated.extents, oldest)} late"


def _rate(stream: StreamReport) -> str:
    """How often it has a word, for people."""
    pixels = " x ".join(map(str, stream.pixels)) if any(n > 1 for n in stream.pixels[1:]) else str(stream.pixels[0])
    word = f"{pixels} pixel{'s' if math.prod(stream.pixels) > 1 else ''}"
    return f"{word} every {_positions(stream.periods)}" if math.prod(stream.periods) > 1 else f"{word} a cycle"


def _held(buffer: BufferReport) -> str:
    """How long, for people: in values where it is not one a cycle."""
    if math.prod(buffer.periods) == 1:
        return f"{buffer.held_cycles} cycles"
    return f"{_count(buffer.held_cycles, 'value')}, one every {_positions(buffer.periods)}"


def _positions(periods: tuple[int, ...]) -> str:
    """``(2, 3)`` as "2 columns and 3 rows"; what comes in each is left out."""
    parts = [_count(n, kind) for n, kind in zip(periods, ("column", "row", "plane"), strict=False) if n > 1]
    return " and ".join(part.removeprefix("1 ") for part in parts)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _delay(extents: Extents, delay: tuple[int, ...]) -> str:
    """``(3, 2)`` as "2 rows 3 columns"."""
    columns, *outer = extents.split(delay)
    parts = [_count(n, ("row", "plane", "volume")[min(d, 2)]) for d, n in enumerate(outer) if n]
    if columns or not parts:
        parts.append(_count(columns, "column"))
    return " ".join(reversed(parts[:-1])) + (" " if len(parts) > 1 else "") + parts[-1]
