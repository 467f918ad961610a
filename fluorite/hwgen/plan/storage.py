"""Storage: every stream's ages become one chain of delays, and delays of one length share one memory.

A stream that is read at ages ``0, 1, 2, S, S+1, S+2, 2S ...`` is held exactly once, from its least age to its
greatest: the ages are sorted, and between neighbours stands a delay as long as the gap. Gaps of a cycle or two are
registers, short ones shift registers, long ones memories that one address walks around: the word that leaves is read
where the word that enters is written.

Delays of equal length anywhere in a core, such as the K-1 rows of a window, are fields of one word in one memory
behind one address counter: the packed line buffer. What is stored is the schedule's optimum to the bit, whatever the
number of lanes or consumers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from fluorite.frontend.region.identifiers import Taken
from fluorite.hwgen.family.delays import Family, latency_cycles, taken_at
from fluorite.hwgen.plan.extents import Extents
from fluorite.hwgen.plan.schedule import Schedule
from fluorite.hwgen.streams.graph import Delay, Graph

__all__ = ["DelayLine", "Memory", "Storage", "allocate", "cycles"]

REGISTER_MAX = 2  # cycles; longer constant gaps are shift registers
SHIFT_MAX = 64  # cycles; longer ones are memories


#: What a delay is made of: registers one after another, a shift register, or a share of a memory's word.
Kind: TypeAlias = Literal["register", "shift", "memory"]


@dataclass(frozen=True, slots=True)
class DelayLine:
    """One gap of one stream's chain.

    Attributes
    ----------
    node : int
        Id of the stream held.
    start, end : Delay
        Ages at which it enters and leaves.
    length_cycles : int
        Its length at the largest extents; that of a register or shift register never changes.
    kind : Kind
        What it is made of.
    suffix : str
        The age at which it leaves, for names: ``d2`` is two cycles, ``r1d2`` a row and two cycles, ``r1m2`` two less
        than a row.
    """

    node: int
    start: Delay
    end: Delay
    length_cycles: int
    kind: Kind
    suffix: str

    @property
    def gap(self) -> Delay:
        """Length, as a vector over the scan's dimensions."""
        return tuple(e - s for s, e in zip(self.start, self.end, strict=True))


@dataclass(frozen=True, slots=True)
class Memory:
    """Delay lines of one length, side by side in one memory.

    Attributes
    ----------
    name : str
        Name of the memory in the Verilog.
    gap : Delay
        The length they share.
    depth : int
        Words at the largest extents.
    fields : tuple of (DelayLine, int)
        Each line with its width in bits, low bits first.
    """

    name: str
    gap: Delay
    depth: int
    fields: tuple[tuple[DelayLine, int], ...]

    @property
    def width_bits(self) -> int:
        """Width of a word."""
        return sum(width for _, width in self.fields)


@dataclass(frozen=True, slots=True)
class Storage:
    """All delays of a core.

    Attributes
    ----------
    lines : tuple of DelayLine
        Every chain's gaps, by node and rising age.
    memories : tuple of Memory
        Those lines of kind ``"memory"``, packed.
    least : tuple of int
        Least number of cycles a row must take, of rows a plane, and so on outwards, for the order of ages, and every
        memory, to be right.
    """

    lines: tuple[DelayLine, ...]
    memories: tuple[Memory, ...]
    least: tuple[int, ...]

    def read_directly(self, plan: Schedule) -> frozenset[int]:
        """Ids of the nodes that take an operand straight from a memory's output."""
        ends = {(line.node, line.end) for line in self.lines if line.kind == "memory"}
        return frozenset(
            node.id
            for node in plan.nodes
            if not node.static
            for operand in node.operands
            if not operand.node.static
            and (operand.node.id, plan.age(plan.lags[node.id], taken_at(node, operand), operand.node)) in ends
        )


def cycles(delay: Delay, strides: Sequence[int]) -> int:
    """A delay vector in cycles."""
    return sum(d * s for d, s in zip(delay, strides, strict=True))


def ages_of(graph: Graph, plan: Schedule) -> dict[int, set[Delay]]:
    """Per node, the ages at which it is read."""
    ages: dict[int, set[Delay]] = {}
    for node in plan.nodes:
        if node.static:
            continue
        for operand in node.operands:
            if not operand.node.static:
                age = plan.age(plan.lags[node.id], taken_at(node, operand), operand.node)
                ages.setdefault(operand.node.id, set()).add(age)
    for output in graph.outputs:
        if not output.value.node.static:
            age = plan.age(plan.output_lags[output.stream], output.value.delay, output.value.node)
            ages.setdefault(output.value.node.id, set()).add(age)
    return ages


def allocate(graph: Graph, plan: Schedule, extents: Extents, owners: dict[int, str], family: Family) -> Storage:
    """Chains and memories for a schedule.

    Parameters
    ----------
    graph, plan
        The scheduled graph, its delays merged.
    extents : Extents
        Sizes of a launch.
    owners : dict of int to str
        Per node id, the stage it belongs to, to name memories after.
    family : Family
        Says which memories' words are registered before they are used: such a memory is one cycle shorter.
    """
    widths = {node.id: node.width_bits for node in plan.nodes}
    strides = extents.strides
    lines: list[DelayLine] = []
    kind: Kind
    least = (1,) * (len(strides) - 1)
    too_late = _too_late(plan, family)
    for node, ages in sorted(ages_of(graph, plan).items()):
        held: Delay = graph.zero
        for age in sorted(ages, key=lambda a: a[::-1]):  # rows first: their length may be what it has to be
            gap = tuple(a - h for a, h in zip(age, held, strict=True))
            if not any(gap):
                continue
            length = cycles(gap, strides)
            memory = any(gap[1:]) or length > SHIFT_MAX
            if memory and (family.memory_register or (node, age) in too_late):
                inner = (age[0] - 1, *age[1:])
                gap = (gap[0] - 1, *gap[1:])
                least = tuple(map(max, least, _least(gap, extents.least_strides)))
                lines.append(DelayLine(node, held, inner, length - 1, "memory", _suffix(extents.split(inner))))
                held, length, kind = inner, 1, "register"
            elif memory:
                kind = "memory"
                least = tuple(map(max, least, _least(gap, extents.least_strides)))
            else:
                kind = "register" if length <= REGISTER_MAX else "shift"
            lines.append(DelayLine(node, held, age, length, kind, _suffix(extents.split(age))))
            held = age
    groups: dict[Delay, list[DelayLine]] = {}
    for line in lines:
        if line.kind == "memory":
            groups.setdefault(line.gap, []).append(line)
    memories: list[Memory] = []
    taken = Taken()
    for gap, group in groups.items():
        names = list(dict.fromkeys(owners[line.node] for line in group))
        base = "linebuffer_" + "_".join(names[:3]) + ("_and_more" if len(names) > 3 else "")
        name = taken.take(base)
        # The word read is registered in the memory's output, hence one word less than cycles.
        depth = cycles(gap, strides) - 1
        memories.append(Memory(name, gap, depth, tuple((line, widths[line.node]) for line in group)))
    return Storage(tuple(lines), tuple(memories), least)


def _too_late(plan: Schedule, family: Family) -> set[tuple[int, Delay]]:
    """Streams and ages that a node reads which is too slow to follow a memory's output, whatever the schedule."""
    return {
        (operand.node.id, plan.age(plan.lags[node.id], taken_at(node, operand), operand.node))
        for node in plan.nodes
        if not node.static and not latency_cycles(node) and family.memory_ns + family.node_ns(node) > family.budget_ns
        for operand in node.operands
        if not operand.node.static
    }


def _suffix(age: Delay) -> str:
    columns, *outer = age
    text = "".join(f"r{rows}" for rows in outer if rows)
    return text + (f"d{columns}" if columns >= 0 else f"m{-columns}")


def _least(gap: Delay, least_strides: Sequence[int]) -> tuple[int, ...]:
    """Least lengths of the dimensions for a memory of this length: of whole rows one at least, of cycles two."""
    lengths = [1] * (len(gap) - 1)
    steps = gap[-1]  # along dimension d, what all from there outwards come to
    for d in reversed(range(len(gap) - 1)):
        if steps:
            lengths[d] = max(1, -(-((1 if d else 2) - gap[d]) // steps))
            steps *= max(lengths[d], least_strides[d + 1] // least_strides[d])
        steps += gap[d]
    return tuple(lengths)
