"""The stream graph: what a core computes, one value a cycle on every edge.

A node is a stream: at scan iteration ``i`` it carries one integer. An operand ``Ref(node, delay)`` of a node means
"the value that stream had ``delay`` iterations earlier"; a negative delay is a value yet to come, which the schedule
turns into lag. Delays are vectors over the scan's dimensions, innermost first: ``(1, 2)`` is one word and two rows ago.

Values are mathematical integers with a known range, never bit patterns: ``sum`` does not overflow, and where Halide's
types wrap there is an explicit ``wrap``. A wire is as wide as its range needs.

Nodes are hash-consed *up to a shift along the innermost dimension*: a node's operands are stored with the least
innermost delay taken out, and that shift travels in the Ref. So the column sum that one window tap needs now and
another needed a cycle ago is one adder and one register, across taps and across lanes alike.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fluorite.hwgen.streams.table import Table

__all__ = ["Delay", "Graph", "Node", "Output", "Ref", "topological"]

Delay = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One stream.

    Attributes
    ----------
    id : int
        Position in creation order: operands come first.
    op : str
        Operation, see :mod:`fluorite.hwgen.streams.operations`.
    operands : tuple of Ref
        Streams read.
    attr : tuple
        What else the operation needs (a constant, a width, a port): the attribute type of its record.
    lo, hi : int
        Least and greatest value carried.
    static : bool
        Whether the value is the same in every iteration of a launch (constants, settings, functions of those).
    """

    id: int
    op: str
    operands: tuple[Ref, ...]
    attr: tuple[Any, ...]
    lo: int
    hi: int
    static: bool

    @property
    def signed(self) -> bool:
        """Whether the wire is signed."""
        return self.lo < 0

    @property
    def width_bits(self) -> int:
        """Bits of the wire, at least one."""
        if self.lo < 0:
            return max((-self.lo - 1).bit_length(), self.hi.bit_length() if self.hi > 0 else 0) + 1
        return max(self.hi.bit_length(), 1)


@dataclass(frozen=True, slots=True)
class Ref:
    """A stream, some iterations ago."""

    node: Node
    delay: Delay

    def shifted(self, delay: Delay) -> Ref:
        """The same stream, ``delay`` earlier still."""
        if self.node.static:
            return self
        return Ref(self.node, tuple(a + b for a, b in zip(self.delay, delay, strict=True)))


@dataclass(frozen=True, slots=True)
class Output:
    """One value of an output stream's word, the one at ``position``: channels of lane 0, of lane 1 ..."""

    stream: str
    position: int
    value: Ref


@dataclass(slots=True)
class Graph:
    """Nodes under construction and their outputs.

    ``dimensions`` is the number of scan dimensions (the length of every delay).
    """

    dimensions: int
    nodes: list[Node] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    _index: dict[object, Node] = field(default_factory=dict)
    _tables: dict[object, Table] = field(default_factory=dict)

    @property
    def zero(self) -> Delay:
        """No delay."""
        return (0,) * self.dimensions

    @property
    def roots(self) -> list[Node]:
        """The nodes that all others are there for."""
        return [output.value.node for output in self.outputs]

    def walk(self) -> Iterator[Node]:
        """All nodes that something depends on, operands before users, in a deterministic order."""
        return topological(self.roots)

    def reads(self) -> Counter[int]:
        """How often each node is read, by its id: by other nodes that something depends on, and by outputs."""
        found = Counter(operand.node.id for node in self.walk() for operand in node.operands)
        found.update(root.id for root in self.roots)
        return found

    def tie(self, state: Node, operand: Ref) -> None:
        """Give a ``state`` what it carries: the one change of a node, without which no graph could go round."""
        assert state.op == "state" and not state.operands, "a state is tied once"
        object.__setattr__(state, "operands", (operand,))

    def table(self, table: Table) -> Table:
        """The table of this name and these words that the graph has already, or this one."""
        return self._tables.setdefault((table.name, table.first, table.words), table)

    def intern(
        self,
        op: str,
        operands: Iterable[Ref],
        attr: tuple[Any, ...],
        lo: int,
        hi: int,
        *,
        static: bool | None = None,
        together: bool = True,
    ) -> Ref:
        """The node with these operands, new or shared, behind the shift its operands have in common.

        Where what a node does depends on the position itself, it does not move ``together`` with its operands, and has
        no such shift.
        """
        refs = tuple(operands)
        moving = [ref for ref in refs if not ref.node.static]
        shift = min((ref.delay[0] for ref in moving), default=0) if together else 0
        if shift:
            back = (-shift,) + (0,) * (self.dimensions - 1)
            refs = tuple(ref.shifted(back) for ref in refs)
        key = (op, tuple((ref.node.id, ref.delay) for ref in refs), attr)
        node = self._index.get(key)
        if node is None:
            is_static = bool(refs) and not moving if static is None else static
            node = Node(len(self.nodes), op, refs, attr, lo, hi, is_static)
            self._index[key] = node
            self.nodes.append(node)
        return Ref(node, (shift,) + (0,) * (self.dimensions - 1))


def topological(roots: Iterable[Node]) -> Iterator[Node]:
    """The nodes that roots depend on, in a deterministic order: operands before users, but for those of a ``state``.

    A state comes before what it is computed from, which is walked when all else is.
    """
    seen: set[int] = set()
    waiting = deque(roots)
    while waiting:
        stack: list[tuple[Node, int]] = [(waiting.popleft(), 0)]
        while stack:
            node, position = stack.pop()
            if position == 0:
                if node.id in seen:
                    continue
                seen.add(node.id)
            if node.op == "state":
                waiting.extend(operand.node for operand in node.operands)
                yield node
            elif position < len(node.operands):
                stack.append((node, position + 1))
                operand = node.operands[position].node
                if operand.id not in seen:
                    stack.append((operand, 0))
            else:
                yield node
