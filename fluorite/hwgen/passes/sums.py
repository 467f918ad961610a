"""Sums: n-ary weighted sums become shift-add trees that share work across taps and lanes.

    stage = sum(1*t0 + 2*t1 + 1*t2 ...)   ->   add(add(t0, t2), shl(t1, 1)) ...

Nested sums that nothing else reads are flattened first. The terms of a window are then grouped by pixel column, each
group with its common factor taken out: two columns with proportional weights become one node at two delays, so a
separable or symmetric kernel costs one column sum and a row sum even when it was written as a two-dimensional one.
Within a group, equal weights are added before they are multiplied, and weights that are not powers of two are
multiplied by canonical signed digits.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from math import gcd
from typing import Any

from fluorite.hwgen.passes.adders import Adders
from fluorite.hwgen.passes.columns import Columns
from fluorite.hwgen.streams.graph import Graph, Node, Ref
from fluorite.hwgen.streams.operations import SUM, WRAP, XOR
from fluorite.hwgen.streams.rewrite import Rewriter

__all__ = ["expand_sums"]


@dataclass(frozen=True, slots=True)
class _Signed:
    """A partial sum that is to be subtracted where ``negative``."""

    negative: bool
    ref: Ref


def expand_sums(graph: Graph, lanes: int, rows_first: Collection[int] = ()) -> Graph:
    """The same graph with every ``sum`` expanded into ``add``, ``sub``, ``shl`` and ``mul``.

    Parameters
    ----------
    graph : Graph
        A linked graph.
    lanes : int
        Lanes along scan dimension 0, to find the pixel column of a tap.
    rows_first : collection of int
        Ids of nodes that are needed in some columns only. What is held for rows should be the sum of a row, which is
        needed as seldom, and not its terms.
    """
    return _Expansion(graph, lanes, rows_first).run()


class _Expansion:
    def __init__(self, graph: Graph, lanes: int, rows_first: Collection[int]) -> None:
        self.rows_first = rows_first
        self.rewriter = Rewriter(graph)
        self.build = self.rewriter.build
        self.adders = Adders(self.build)
        self.columns = Columns(lanes)
        self.reads = graph.reads()

    def run(self) -> Graph:
        order = list(self.rewriter.old.walk())
        flat = self._flattened(order)

        def replace(node: Node) -> Ref:
            constant, terms = flat[node.id]
            weighted = [(c, self.rewriter.moved(ref)) for c, ref in terms]
            if node.op == "sum":
                return self._sum(constant, weighted, None, node.id in self.rows_first)
            if _is_wrapped_sum(node):
                width_bits, signed, note = WRAP.of(node)
                total = self._sum(constant, weighted, width_bits, node.id in self.rows_first)
                return self.build.wrap(total, width_bits, signed, note)
            return self.build.rebuild(node, [ref for _, ref in weighted])

        partial = {node.id for node in order if node.id not in flat}  # sums that are part of another sum
        return self.rewriter.run(replace, partial)

    # --- flattening -----------------------------------------------------------------------------------------------

    def _flattened(self, order: Sequence[Node]) -> dict[int, tuple[int, list[tuple[int, Ref]]]]:
        """By id of each node that is needed, the constant and the terms it reads, nested sums dissolved.

        A sum of n terms is written as a chain of n - 1 sums; looked at from its end, each of them is seen once.
        """
        flat: dict[int, tuple[int, list[tuple[int, Ref]]]] = {}
        needed = {root.id for root in self.rewriter.old.roots}
        needed.update(operand.node.id for node in order if node.op == "state" for operand in node.operands)
        for node in reversed(order):
            if node.id not in needed:
                continue
            if node.op == "state":
                flat[node.id] = 0, []
            elif node.op == "sum":
                flat[node.id] = self._flatten(*_terms(node), None)
            elif _is_wrapped_sum(node):
                constant, terms = _terms(node.operands[0].node)
                terms = [(c, ref.shifted(node.operands[0].delay)) for c, ref in terms]
                flat[node.id] = self._flatten(constant, terms, WRAP.of(node).width_bits)
            else:
                flat[node.id] = 0, [(1, operand) for operand in node.operands]
            needed.update(ref.node.id for _, ref in flat[node.id][1])
        return flat

    def _flatten(
        self, constant: int, terms: Sequence[tuple[int, Ref]], modulo_bits: int | None
    ) -> tuple[int, list[tuple[int, Ref]]]:
        """A sum's terms: sums only this one reads dissolve, as do wraps that a later wrap undoes."""
        flat: list[tuple[int, Ref]] = []
        stack = list(reversed(terms))
        while stack:
            coefficient, ref = stack.pop()
            node = ref.node
            single = self.reads[node.id] == 1
            power_of_two = abs(coefficient) & (abs(coefficient) - 1) == 0
            if single and node.op == "sum" and power_of_two:
                inner, inner_terms = _terms(node)
                constant += coefficient * inner
                stack.extend((coefficient * c, r.shifted(ref.delay)) for c, r in reversed(inner_terms))
            elif single and modulo_bits and node.op == "wrap" and WRAP.of(node).width_bits >= modulo_bits:
                stack.append((coefficient, node.operands[0].shifted(ref.delay)))
            else:
                flat.append((coefficient, ref))
        return constant, flat

    # --- building -------------------------------------------------------------------------------------------------

    def _sum(self, constant: int, flat: list[tuple[int, Ref]], modulo_bits: int | None, rows_first: bool) -> Ref:
        merged = self.build.linear(flat, constant)
        if merged.node.op != "sum":
            return merged
        inverted = self._inverted(merged, modulo_bits)
        if inverted is not None:
            return inverted
        if rows_first:
            return self._build_sum(constant, flat, lambda ref: ref.delay[1:])
        return self._build_sum(constant, self._outside_selects(flat), self.columns.of)

    def _build_sum(self, constant: int, terms: Sequence[tuple[int, Ref]], place: Callable[[Ref], Any]) -> Ref:
        """A sum of streams of the new graph."""
        constant, flat = self._canonical(terms, constant)
        if not flat:
            return self.build.const(constant)
        groups: dict[Any, list[tuple[int, Ref]]] = {}
        for coefficient, ref in flat:
            groups.setdefault(place(ref), []).append((coefficient, ref))
        columns: list[tuple[int, Ref]] = []
        for column in sorted(groups):
            group = groups[column]
            factor = gcd(*(c for c, _ in group))
            if group[0][0] < 0:
                factor = -factor
            columns.append((factor, self._weighted([(c // factor, ref) for c, ref in group])))
        return self._finish(self._tree(columns), constant)

    def _inverted(self, total: Ref, modulo_bits: int | None) -> Ref | None:
        """``ones - x`` inverts bits, without a carry."""
        constant, coefficients = SUM.of(total.node)
        if coefficients != (-1,):
            return None
        (operand,) = total.node.operands
        node = operand.node
        if constant == -1 or (modulo_bits is not None and (constant + 1) % (1 << modulo_bits) == 0):
            mask, lo, hi = -1, -1 - node.hi, -1 - node.lo
        elif constant & (constant + 1) == 0 and node.lo >= 0 and node.hi <= constant:
            mask, lo, hi = constant, total.node.lo, total.node.hi
        else:
            return None
        return self.build.apply(XOR, (self.build.const(mask), operand), limits=(lo, hi)).shifted(total.delay)

    def _outside_selects(self, terms: list[tuple[int, Ref]]) -> list[tuple[int, Ref]]:
        """Sums of choices become choices of sums, where that saves adders.

            1*select(c, a0, b0) + 2*select(c, a1, b1)   ->   select(c, 1*a0 + 2*a1, 1*b0 + 2*b1)

        At a border every tap of a window's column is chosen by one condition. If the columns' weights are
        proportional, the sums inside are those of other columns, and one choice a column is left.
        """
        by_condition: dict[tuple[int, tuple[int, ...]], list[tuple[int, Ref]]] = {}
        for coefficient, ref in terms:
            if ref.node.op == "select":
                condition = ref.node.operands[0].shifted(ref.delay)
                by_condition.setdefault((condition.node.id, condition.delay), []).append((coefficient, ref))
        by_condition = {key: group for key, group in by_condition.items() if len(group) > 1}
        weights = set()
        for group in by_condition.values():
            factor = gcd(*(c for c, _ in group)) * (1 if group[0][0] > 0 else -1)
            weights.add(tuple(c // factor for c, _ in group))
        if len(weights) != 1:
            return terms
        chosen = {(ref.node.id, ref.delay) for group in by_condition.values() for _, ref in group}
        kept = [(c, ref) for c, ref in terms if (ref.node.id, ref.delay) not in chosen]
        for group in by_condition.values():
            condition = group[0][1].node.operands[0].shifted(group[0][1].delay)
            arms = (
                self._build_sum(
                    0,
                    self._outside_selects([(c, ref.node.operands[k].shifted(ref.delay)) for c, ref in group]),
                    self.columns.of,
                )
                for k in (1, 2)
            )
            kept.append((1, self.build.select(condition, *arms)))
        return kept

    def _canonical(self, flat: Sequence[tuple[int, Ref]], constant: int) -> tuple[int, list[tuple[int, Ref]]]:
        """Equal terms merged and constants folded, in one order for all equal sums."""
        merged: dict[tuple[int, tuple[int, ...]], tuple[int, Ref]] = {}
        for coefficient, ref in flat:
            if ref.node.lo == ref.node.hi:
                constant += coefficient * ref.node.lo
                continue
            key = (ref.node.id, ref.delay)
            merged[key] = (merged[key][0] + coefficient if key in merged else coefficient, ref)
        ordered = sorted(merged.values(), key=lambda term: (term[1].delay[1:], term[1].node.id, term[1].delay[0]))
        return constant, [term for term in ordered if term[0]]

    def _weighted(self, terms: Sequence[tuple[int, Ref]]) -> Ref:
        """A group's sum: equal weights added first."""
        if len(terms) == 1 and terms[0][0] == 1:
            return terms[0][1]
        return self._finish(self._tree(terms), 0)

    def _tree(self, terms: Sequence[tuple[int, Ref]]) -> _Signed:
        """Balanced sum of weighted terms in the order given."""
        by_weight: dict[int, list[_Signed]] = {}
        for coefficient, ref in terms:
            by_weight.setdefault(abs(coefficient), []).append(_Signed(coefficient < 0, ref))
        parts: list[_Signed] = []
        for weight, group in by_weight.items():
            if weight & (weight - 1):
                total = self._balance(group)
                parts.append(_Signed(total.negative, self.adders.times(total.ref, weight)))
            else:
                parts.extend(_Signed(term.negative, self.adders.shift_left(term.ref, weight)) for term in group)
        return self._balance(parts)

    def _balance(self, parts: list[_Signed]) -> _Signed:
        while len(parts) > 1:
            pairs = [self._combine(a, b) for a, b in zip(parts[::2], parts[1::2], strict=False)]
            parts = pairs + parts[len(pairs) * 2 :]
        return parts[0]

    def _combine(self, a: _Signed, b: _Signed) -> _Signed:
        if a.negative == b.negative:
            return _Signed(a.negative, self.adders.add(a.ref, b.ref))
        if a.negative:
            a, b = b, a
        return _Signed(False, self.adders.sub(a.ref, b.ref))

    def _finish(self, total: _Signed, constant: int) -> Ref:
        if total.negative:
            return self.adders.sub(self.build.const(constant), total.ref)
        return self.adders.add(total.ref, self.build.const(constant)) if constant else total.ref


def _is_wrapped_sum(node: Node) -> bool:
    return node.op == "wrap" and node.operands[0].node.op == "sum"


def _terms(node: Node) -> tuple[int, list[tuple[int, Ref]]]:
    constant, coefficients = SUM.of(node)
    return constant, list(zip(coefficients, node.operands, strict=True))
