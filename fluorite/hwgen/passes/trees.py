"""Trees: chains of one associative operation are balanced, and share work across taps and lanes.

    max(max(max(a, b), c), d)   ->   max(max(a, b), max(c, d))

A chain's inner nodes must have no reader but the chain: what is read elsewhere stays, and is a leaf. Products modulo a
power of two are chains through their ``wrap``. The leaves of a window are grouped by pixel column, as in
:mod:`fluorite.hwgen.passes.sums`: a column's maximum is one node that the window reads at several delays. Where all
columns of a window are one node and the operation is idempotent, a run of columns is covered by two overlapping halves,
so that ``n`` columns take ``log2(n)`` operators.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from fluorite.hwgen.passes.columns import Columns
from fluorite.hwgen.streams.graph import Graph, Node, Ref
from fluorite.hwgen.streams.operations import WRAP
from fluorite.hwgen.streams.rewrite import Rewriter

__all__ = ["balance_trees"]

_ASSOCIATIVE = ("min", "max", "and", "or", "xor", "mul")
_IDEMPOTENT = ("min", "max", "and", "or")


@dataclass(frozen=True, slots=True)
class _Chain:
    """A chain of one operation: its leaves, in the old graph; with ``wrap``, a product modulo a power of two."""

    op: str
    leaves: tuple[Ref, ...]
    wrap: Node | None


def balance_trees(graph: Graph, lanes: int) -> Graph:
    """The same graph with chains of three or more leaves balanced.

    Parameters
    ----------
    graph : Graph
        A linked graph.
    lanes : int
        Lanes along scan dimension 0, to find the pixel column of a tap.
    """
    return _Balancing(graph, lanes).run()


class _Balancing:
    def __init__(self, graph: Graph, lanes: int) -> None:
        self.rewriter = Rewriter(graph)
        self.build = self.rewriter.build
        self.columns = Columns(lanes)
        self.reads = graph.reads()

    def run(self) -> Graph:
        chains, inside = self._chains(list(self.rewriter.old.walk()))
        return self.rewriter.run(lambda node: self._balanced(chains[node.id]) if node.id in chains else None, inside)

    # --- finding chains -------------------------------------------------------------------------------------------

    def _chains(self, order: Sequence[Node]) -> tuple[dict[int, _Chain], set[int]]:
        """Chains by the id of their last node, and the nodes that dissolve in them."""
        chains: dict[int, _Chain] = {}
        inside: set[int] = set()
        for node in reversed(order):
            if node.id in inside:
                continue
            wrap = node if self._is_product(node) else None
            if wrap is None and node.op not in _ASSOCIATIVE:
                continue
            first = [wrap.operands[0]] if wrap is not None else list(node.operands)
            op = "mul" if wrap is not None else node.op
            leaves, dissolved = self._leaves(op, first, wrap)
            if len(leaves) > 2:
                chains[node.id] = _Chain(op, leaves, wrap)
                inside |= dissolved
        return chains, inside

    def _is_product(self, node: Node) -> bool:
        """Whether a node is a product modulo a power of two that is read as such only."""
        return node.op == "wrap" and node.operands[0].node.op == "mul" and self.reads[node.operands[0].node.id] == 1

    def _leaves(self, op: str, first: Sequence[Ref], wrap: Node | None) -> tuple[tuple[Ref, ...], set[int]]:
        leaves: list[Ref] = []
        dissolved: set[int] = set()
        stack = list(reversed(first))
        while stack:
            ref = stack.pop()
            node = ref.node
            if self.reads[node.id] != 1:
                leaves.append(ref)
            elif node.op == op:
                dissolved.add(node.id)
                stack.extend(operand.shifted(ref.delay) for operand in reversed(node.operands))
            elif wrap is not None and self._is_product(node) and self._undone(node, wrap):
                dissolved.add(node.id)
                stack.append(node.operands[0].shifted(ref.delay))
            else:
                leaves.append(ref)
        return tuple(leaves), dissolved

    def _undone(self, inner: Node, outer: Node) -> bool:
        """Whether a later wrap makes an earlier one needless, and takes its warning on."""
        before, after = WRAP.of(inner), WRAP.of(outer)
        return before.width_bits >= after.width_bits and (not before.note or bool(after.note))

    # --- building -------------------------------------------------------------------------------------------------

    def _balanced(self, chain: _Chain) -> Ref:
        combine = self._combiner(chain)
        groups: dict[int, list[Ref]] = {}
        static: list[Ref] = []
        for leaf in map(self.rewriter.moved, chain.leaves):
            (static if leaf.node.static else groups.setdefault(self.columns.of(leaf), [])).append(leaf)
        columns: dict[int, Ref] = {}
        for column, group in sorted(groups.items()):
            group.sort(key=lambda ref: (ref.delay[1:], ref.node.id, ref.delay[0]))
            if chain.op in _IDEMPOTENT:
                group = list(dict.fromkeys(group))
            columns[column] = _pairwise(group, combine)
        parts = [self._across(columns, combine, chain.op in _IDEMPOTENT)] if columns else []
        return _pairwise([*parts, *static], combine)

    def _combiner(self, chain: _Chain) -> Callable[[Ref, Ref], Ref]:
        build = self.build
        if chain.op in ("and", "or", "xor"):
            return partial(build.bitwise, chain.op)
        if chain.wrap is None:
            return {"min": build.minimum, "max": build.maximum, "mul": build.mul}[chain.op]
        width_bits, signed, note = WRAP.of(chain.wrap)
        return lambda a, b: build.wrap(build.mul(a, b), width_bits, signed, note)

    def _across(self, columns: dict[int, Ref], combine: Callable[[Ref, Ref], Ref], idempotent: bool) -> Ref:
        """All columns of a window combined."""
        numbers = sorted(columns)
        lanes = self.columns.lanes
        first, count = numbers[0], len(numbers)
        step = (-1,) + (0,) * (self.rewriter.new.dimensions - 1)
        alike = all(columns[c + lanes] == columns[c].shifted(step) for c in numbers if c + lanes in columns)
        if not idempotent or count != numbers[-1] - first + 1 or count <= lanes or not alike:
            return _pairwise([columns[c] for c in numbers], combine)
        runs: dict[tuple[int, int], Ref] = {}

        def run(start: int, length: int) -> Ref:
            if length == 1:
                return columns[start]
            if (start, length) not in runs:
                half = 1 << ((length - 1).bit_length() - 1)
                runs[start, length] = combine(run(start, half), run(start + length - half, half))
            return runs[start, length]

        return run(first, count)


def _pairwise(parts: Sequence[Ref], combine: Callable[[Ref, Ref], Ref]) -> Ref:
    """Balanced combination in the order given."""
    left = list(parts)
    while len(left) > 1:
        pairs = [combine(a, b) for a, b in zip(left[::2], left[1::2], strict=False)]
        left = pairs + left[len(pairs) * 2 :]
    return left[0]
