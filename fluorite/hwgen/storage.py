"""Storage: every stream's ages become one chain of delays, and delays of one length share one memory.

A stream that is read at ages ``0, 1, 2, S, S+1, S+2, 2S ...`` is held exactly once, from its least age to its greatest: the ages are
sorted, and between neighbours stands a delay as long as the gap. Gaps of a cycle or two are registers, short ones shift
registers, long ones memories that one address walks around: the word that leaves is read where the word that enters is written.

Delays of equal length anywhere in a core, such as the K-1 rows of a window, are fields of one word in one memory behind one
address counter: the packed line buffer. What is stored is the schedule's optimum to the bit, whatever the number of lanes or consumers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fluorite.hwgen.graph import Delay, Graph
from fluorite.hwgen.schedule import Schedule

__all__ = ["DelayLine", "Memory", "Storage", "allocate", "cycles"]

REGISTER_MAX = 2  # cycles; longer constant gaps are shift registers
SHIFT_MAX = 64  # cycles; longer ones are memories


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
    kind : str
        ``"register"``, ``"shift"`` or ``"memory"``.
    """

    node: int
    start: Delay
    end: Delay
    length_cycles: int
    kind: str

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
    least_row : int
        Least number of cycles a row must take for the order of ages, and every memory, to be right.
    """

    lines: tuple[DelayLine, ...]
    memories: tuple[Memory, ...]
    least_row: int


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
                age = plan.age(plan.lags[node.id], operand.delay, operand.node)
                ages.setdefault(operand.node.id, set()).add(age)
    for output in graph.outputs:
        if not output.value.node.static:
            age = plan.age(plan.output_lags[output.stream], output.value.delay, output.value.node)
            ages.setdefault(output.value.node.id, set()).add(age)
    return ages


def allocate(
    graph: Graph, plan: Schedule, strides: Sequence[int], least_strides: Sequence[int], owners: dict[int, str]
) -> Storage:
    """Chains and memories for a schedule.

    Parameters
    ----------
    graph, plan
        The scheduled graph.
    strides, least_strides : sequence of int
        Cycles per step of each dimension at the largest and at the least extents.
    owners : dict of int to str
        Per node id, the stage it belongs to, to name memories after.
    """
    widths = {node.id: node.width_bits for node in plan.nodes}
    lines: list[DelayLine] = []
    least_row = 1
    fixed = tuple(strides) == tuple(least_strides)
    for node, ages in sorted(ages_of(graph, plan).items()):
        held: Delay = graph.zero
        for age in sorted(ages, key=lambda a: cycles(a, strides)):
            gap = tuple(a - h for a, h in zip(age, held, strict=True))
            length = cycles(gap, strides)
            if length == 0 and (fixed or not any(gap)):
                continue
            constant = fixed or not any(gap[1:])
            if constant and length <= SHIFT_MAX:
                kind = "register" if length <= REGISTER_MAX else "shift"
            else:
                kind = "memory"
                least_row = max(least_row, _least_row(gap))
            lines.append(DelayLine(node, held, age, length, kind))
            held = age
    groups: dict[Delay, list[DelayLine]] = {}
    for line in lines:
        if line.kind == "memory":
            key = (cycles(line.gap, strides),) + (0,) * (len(strides) - 1) if fixed else line.gap
            groups.setdefault(key, []).append(line)
    memories: list[Memory] = []
    taken: dict[str, int] = {}
    for gap, group in groups.items():
        names = list(dict.fromkeys(owners[line.node] for line in group))
        base = "linebuffer_" + "_".join(names[:3]) + ("_and_more" if len(names) > 3 else "")
        taken[base] = taken.get(base, 0) + 1
        name = base if taken[base] == 1 else f"{base}_{taken[base]}"
        # The word read is registered in the memory's output, hence one word less than cycles.
        depth = cycles(gap, strides) - 1
        memories.append(Memory(name, gap, depth, tuple((line, widths[line.node]) for line in group)))
    return Storage(tuple(lines), tuple(memories), least_row)


def _least_row(gap: Delay) -> int:
    """Least cycles a row for a memory of this length: two cycles at least, whatever the rows are."""
    if len(gap) == 1 or not any(gap[1:]):
        return 1
    rows = next(g for g in gap[1:] if g)
    return max(1, -(-(2 - gap[0]) // rows)) if rows > 0 else 1
