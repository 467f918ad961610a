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

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fluorite.frontend.region.identifiers import Taken
from fluorite.hwgen.family.delays import Family, latency_cycles
from fluorite.hwgen.plan.extents import Extents
from fluorite.hwgen.plan.grids import ColumnGrid, RowGrid
from fluorite.hwgen.plan.memory import DelayLine, Kind, Memory
from fluorite.hwgen.plan.recurrence import ways_round
from fluorite.hwgen.plan.schedule import Schedule
from fluorite.hwgen.streams.graph import Delay, Graph, Node

__all__ = ["Storage", "ages_of", "allocate", "cycles"]

REGISTER_MAX = 2  # cycles; longer constant gaps are shift registers
SHIFT_MAX = 64  # cycles; longer ones are memories
SHALLOW_MAX = 256  # words; deeper memories are block RAM, which has two addresses anyway


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
        ends = {(line.node, line.end) for line in self.lines if line.kind in ("memory", "row")}
        return frozenset(
            node.id
            for node in plan.nodes
            if not node.static
            for operand in node.operands
            if not operand.node.static and any((operand.node.id, age) in ends for age in plan.held(node, operand))
        )


def cycles(delay: Delay, strides: Sequence[int]) -> int:
    """A delay vector in cycles."""
    return sum(d * s for d, s in zip(delay, strides, strict=True))


def ages_of(graph: Graph, plan: Schedule) -> dict[int, set[Delay]]:
    """Per node, the ages at which it is read, in its own steps."""
    ages: dict[int, set[Delay]] = {}
    for node, age in _readers(graph, plan):
        ages.setdefault(node, set()).add(age)
    return ages


def _readers(graph: Graph, plan: Schedule) -> dict[tuple[int, Delay], list[Node | None]]:
    """Who reads a node at an age in its own steps; None stands for an output."""
    readers: dict[tuple[int, Delay], list[Node | None]] = {}
    for node in plan.nodes:
        if node.static:
            continue
        for operand in node.operands:
            for age in plan.held(node, operand) if not operand.node.static else ():
                readers.setdefault((operand.node.id, age), []).append(node)
    for output in graph.outputs:
        value = output.value
        if not value.node.static:
            age = plan.age(plan.output_lags[output.stream], value.delay, value.node)
            readers.setdefault((value.node.id, plan.grids.held(value.node.id, age)), []).append(None)
    return readers


def allocate(
    graph: Graph, plan: Schedule, extents: Extents, owners: dict[int, str], family: Family, begin: Delay
) -> Storage:
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
    begin : Delay
        The lag of what begins with the scan.
    """
    chains = _Chains(graph, plan, extents, family, begin)
    for node, ages in sorted(ages_of(graph, plan).items()):
        chains.add(node, ages)
    groups: dict[tuple[Delay, ColumnGrid, RowGrid | None], list[DelayLine]] = {}
    for line in chains.lines:
        if line.kind in ("memory", "row"):
            groups.setdefault((line.gap, line.moves, chains.rows_of(line)), []).append(line)
    widths = {node.id: node.width_bits for node in plan.nodes}
    memories: list[Memory] = []
    taken = Taken()
    for (gap, moves, rows), group in groups.items():
        names = list(dict.fromkeys(owners[line.node] for line in group))
        base = "linebuffer_" + "_".join(names[:3]) + ("_and_more" if len(names) > 3 else "")
        name = taken.take(base)
        # The word read is registered in the memory's output, hence one word less than cycles; a row has all its words.
        depth = group[0].length_cycles - 1 if rows is None else chains.row_words(group[0].node)
        early = rows is not None and chains.early_rows(group)
        fields = tuple((line, widths[line.node]) for line in group)
        memories.append(Memory(name, gap, depth, fields, moves, rows, early))
    return Storage(tuple(chains.lines), tuple(memories), chains.least)


class _Chains:
    """The chains of streams, one after the other."""

    def __init__(self, graph: Graph, plan: Schedule, extents: Extents, family: Family, begin: Delay) -> None:
        self._plan = plan
        self._extents = extents
        self._family = family
        self._begin = begin
        self._readers = _readers(graph, plan)
        self._too_late = _too_late(plan, family)
        self._shown: set[Delay] = set()  # the ages of a stream at which it is there
        self.lines: list[DelayLine] = []
        self.least = (1,) * (len(extents.strides) - 1)

    def add(self, node: int, ages: Iterable[Delay]) -> None:
        """A stream's chain."""
        held: Delay = (0,) * len(self._begin)
        self._shown = {held}
        for age in sorted(ages, key=lambda a: a[::-1]):  # rows first: their length may be what it has to be
            gap = tuple(a - h for a, h in zip(age, held, strict=True))
            if not any(gap):
                continue
            if any(gap[1:]) and (self._plan.grids.of[node][1].period > 1 or self._by_columns(node, held, age)):
                self._rows(node, held, age)
                held = age
                continue
            length = self._steps(node, gap)
            if not any(gap[1:]) and length <= SHIFT_MAX:
                self._line(node, held, age, "register" if length <= REGISTER_MAX else "shift")
            elif self._registered(node, age):
                inner = (age[0] - 1, *age[1:])
                self._memory(node, held, inner)
                self._line(node, inner, age, "register")
            else:
                self._memory(node, held, age)
            held = age

    def _rows(self, node: int, held: Delay, age: Delay) -> None:
        """Rows with a word for each own column: a memory for each, then what columns are left.

        The first of them begins with what is shown of its row in the column of its end, or in the one before that. If
        nothing is, it reads as far ahead as the columns at its end are before those at its beginning.
        """
        for row in range(held[1] + 1, age[1] + 1):
            after = (min(held[0], age[0]), row, *age[2:])
            if self._registered(node, after) or self._registered(node, age):
                inner = (after[0] - 1, *after[1:])
                self._row(node, self._beside(held, inner), inner)
                self._line(node, inner, after, "register")
            else:
                self._row(node, self._beside(held, after), after)
            held = after
        length = age[0] - held[0]
        if length > SHIFT_MAX:
            self._memory(node, held, age)
        elif length:
            self._line(node, held, age, "register" if length <= REGISTER_MAX else "shift")

    def _by_columns(self, node: int, held: Delay, age: Delay) -> bool:
        """Whether what is held for about a row has a word for each column: the scan knows that address, or nearly.

        That takes some more words than walking round does. At one rate lines are merged ones.
        """
        if self._extents.rates.is_one or age[1] != held[1] + 1 or age[2:] != held[2:]:
            return False
        beside = self._beside(held, age)
        ahead = 1 - (age[0] - beside[0])
        if ahead == 1 and self.row_words(node) <= SHALLOW_MAX and not self._is_early(node, beside, age):
            return False  # a memory of LUTs that is read and written at one address is smaller
        fewest = self._steps(node, tuple(a - b for a, b in zip(age, held, strict=True))) - 1
        as_deep = (self.row_words(node) - 1).bit_length() == (max(fewest, 2) - 1).bit_length()
        return ahead in (0, 1) and as_deep

    def _beside(self, held: Delay, end: Delay) -> Delay:
        """What is shown a row before an age, in its column or the one before; if nothing is, what is held."""
        beside = ((columns, *held[1:]) for columns in (end[0], end[0] - 1))
        return next((age for age in beside if age in self._shown), held)

    def _registered(self, node: int, age: Delay) -> bool:
        """Whether what a memory gives is registered before it is used."""
        return self._family.memory_register or (node, age) in self._too_late

    def _memory(self, node: int, start: Delay, end: Delay) -> None:
        gap = tuple(e - s for e, s in zip(end, start, strict=True))
        grids = self._plan.grids.of[node]
        strides = [stride // self._per_stride(node, d) for d, stride in enumerate(self._extents.least_strides)]
        own = _least(gap, strides)
        self.least = tuple(
            max(least, steps * grid.period) for least, steps, grid in zip(self.least, own, grids, strict=False)
        )
        self._line(node, start, end, "memory")

    def _row(self, node: int, start: Delay, end: Delay) -> None:
        """A row that reads as many columns ahead."""
        self._line(node, start, end, "row")

    def _line(self, node: int, start: Delay, end: Delay, kind: Kind) -> None:
        gap = tuple(e - s for e, s in zip(end, start, strict=True))
        length = self._steps(node, gap)
        self._shown.add(end)
        suffix = _suffix(self._extents.split(end))
        self.lines.append(DelayLine(node, start, end, length, kind, suffix, self._plan.column_grid(node, self._begin)))

    def early_rows(self, lines: Sequence[DelayLine]) -> bool:
        """Whether rows that share a memory are read before they are written in the same step: all, or none.

        Others have to have the columns that they are read ahead, and the one that is written.
        """
        early = all(self._is_early(line.node, line.start, line.end) for line in lines)
        row = 1 if early else 2 - lines[0].gap[0]
        self.least = (max(self.least[0], row * lines[0].moves.period), *self.least[1:])
        return early

    def _is_early(self, node: int, start: Delay, end: Delay) -> bool:
        """Whether a row's words may come out in the column before their step: nobody looks at them after that."""
        if start[0] != end[0] or self._plan.grids.of[node][0].period == 1:
            return False
        return all(self._in_step(node, reader) for reader in self._readers.get((node, end), ()))

    def _in_step(self, node: int, reader: Node | None) -> bool:
        """Whether a reader, None for an output, takes a stream in the columns of its steps, and only there."""
        if reader is None or reader.op in ("resample", "choose") or latency_cycles(reader):
            return False
        own, of = (self._plan.column_grid(number, self._begin) for number in (node, reader.id))
        return of.period % own.period == 0 and of.phase % own.period == own.phase

    def _per_stride(self, node: int, d: int) -> int:
        """Positions of the scan for each own step, over the dimensions before d."""
        return math.prod(grid.period for grid in self._plan.grids.of[node][:d])

    def _steps(self, node: int, gap: Delay) -> int:
        """A length in own steps, at the largest extents."""
        strides = self._extents.strides
        return sum(part * (strides[d] // self._per_stride(node, d)) for d, part in enumerate(gap))

    def row_words(self, node: int) -> int:
        """Words of a row of a stream."""
        return self._extents.strides[1] // self._plan.grids.of[node][0].period

    def rows_of(self, line: DelayLine) -> RowGrid | None:
        """The rows in which a line is written, if it is a row."""
        if line.kind != "row":
            return None
        if self._plan.grids.of[line.node][1].period == 1:
            return RowGrid(1, 0, 0)
        columns = line.start[0] * self._plan.grids.of[line.node][0].period
        return self._plan.row_grid(line.node, self._begin, columns)


def _too_late(plan: Schedule, family: Family) -> set[tuple[int, Delay]]:
    """Streams and ages that a node reads which is too slow to follow a memory's output, whatever the schedule.

    What goes round is: no register can be put into its way.
    """
    round_ = {number for way in ways_round(plan.nodes).values() for number in way}
    return {
        (operand.node.id, age)
        for node in plan.nodes
        if not node.static
        and not latency_cycles(node)
        and (node.id in round_ or family.memory_ns + family.node_ns(node) > family.budget_ns)
        for operand in node.operands
        if not operand.node.static
        for age in plan.held(node, operand)
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
