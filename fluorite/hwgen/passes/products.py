"""Products: those whose operands one multiplier block does not take become sums of products that each fit.

    a * b   ->   ((a >> 18) * b << 18) + (a & 0x3ffff) * b

so that registers can go between the partial products and their sum. The top slice has the operand's sign, all others
are never negative. A slice of one bit chooses between the other operand and 0, which needs no multiplier; a
slice of a constant with few digits becomes shifts and adders as any such constant does. Of a product that is wrapped,
only the bits below are made.

Partial products that do not overlap are set side by side; where they do, bits below the overlap bypass the adder.
"""

from __future__ import annotations

from dataclasses import dataclass

from fluorite.hwgen.family.multiplier import Multiplier
from fluorite.hwgen.passes.adders import Adders, is_shift_add
from fluorite.hwgen.streams.builder import Builder, constant_value
from fluorite.hwgen.streams.graph import Graph, Node, Ref, topological
from fluorite.hwgen.streams.operations import CAT, WRAP
from fluorite.hwgen.streams.rewrite import Rewriter

__all__ = ["product_cost", "split_products"]


@dataclass(frozen=True, slots=True)
class _Term:
    """``ref * 2**position``."""

    position: int
    ref: Ref

    @property
    def end(self) -> int:
        """Position behind its last bit."""
        return self.position + self.ref.node.width_bits


def split_products(graph: Graph, multiplier: Multiplier) -> Graph:
    """The same graph with every ``mul`` one that fits.

    Parameters
    ----------
    graph : Graph
        An expanded graph; it is given back as it is where all products fit.
    multiplier : Multiplier
        The family's block.
    """
    nodes = list(graph.walk())
    wide = {n.id for n in nodes if n.op == "mul" and not multiplier.takes(*(o.node for o in n.operands))}
    if not wide:
        return graph
    read = {o.node.id for n in nodes if n.op != "wrap" for o in n.operands} | {root.id for root in graph.roots}
    wrapped = wide - read  # all that is read of them is their low bits
    rewriter = Rewriter(graph)
    splitter = _Splitter(rewriter.build, multiplier)

    def replace(node: Node) -> Ref | None:
        if node.op == "state":
            return None
        if node.id in wide:
            a, b = rewriter.operands(node)
            return splitter.build.within(splitter.product(a, b), node.lo, node.hi)
        operands = []
        for operand in node.operands:
            if operand.node.id in wrapped:
                a, b = rewriter.operands(operand.node)
                operands.append(splitter.product(a, b, WRAP.of(node).width_bits).shifted(operand.delay))
            else:
                operands.append(rewriter.moved(operand))
        together = node.op not in ("choose", "resample")  # its phases are those of the position, whatever it reads
        return rewriter.new.intern(
            node.op, operands, node.attr, node.lo, node.hi, static=node.static, together=together
        )

    return rewriter.run(replace, without=wrapped)


def product_cost(lo: int, hi: int, factor: int, multiplier: Multiplier) -> tuple[int, int]:
    """What a product of something in ``lo .. hi`` by a positive constant takes: multiplier blocks, bits of adders."""
    build = Builder(Graph(1))
    stream = build.input("", 0, 0, lo, hi)
    total = _Splitter(build, multiplier).product(stream, build.const(factor))
    nodes = list(topological([total.node]))
    blocks = sum(node.op == "mul" for node in nodes)
    return blocks, sum(node.width_bits for node in nodes if node.op in ("add", "sub"))


class _Splitter:
    def __init__(self, build: Builder, multiplier: Multiplier) -> None:
        self.build = build
        self.adders = Adders(build)
        self.multiplier = multiplier

    def product(self, a: Ref, b: Ref, modulo_bits: int | None = None) -> Ref:
        """``a * b``, or anything that has its low bits."""
        return self._sum(self._terms(a, b, modulo_bits))

    # --- slices ---------------------------------------------------------------------------------------------------

    def _terms(self, a: Ref, b: Ref, modulo_bits: int | None) -> list[_Term]:
        """Partial products that fit, none of them always 0."""
        if modulo_bits is not None:
            a, b = self._low(a, modulo_bits), self._low(b, modulo_bits)
        for one, other in ((a, b), (b, a)):
            value = constant_value(one)
            if value == 0:
                return []
            if value is not None and value < 0:
                return [_Term(0, self.adders.sub(self.build.const(0), self.product(self.build.const(-value), other)))]
            if value is not None and is_shift_add(value):
                return [_Term(0, self.adders.times(other, value))]
            if (one.node.lo, one.node.hi) == (0, 1):
                return [_Term(0, self.build.select(one, other, self.build.const(0)))]
        if self.multiplier.takes(a.node, b.node):
            return [_Term(0, self._fitting(a, b))]
        bits = self.multiplier.operand_bits(a.node, b.node)
        if bits[0] < bits[1]:
            a, b = b, a
        if max(bits) > self.multiplier.wide_bits:
            low_bits = self._low_bits(a, b, max(bits) - self.multiplier.wide_bits)
        else:
            a, b = b, a
            low_bits = self._low_bits(a, b, min(bits) - self.multiplier.narrow_bits)
        terms = self._terms(self.build.wrap(a, low_bits, False), b, modulo_bits)
        rest_bits = None if modulo_bits is None else modulo_bits - low_bits
        if rest_bits is None or rest_bits > 0:
            high = self._terms(self.build.shift_right(a, low_bits), b, rest_bits)
            terms += [_Term(term.position + low_bits, term.ref) for term in high]
        return terms

    def _low_bits(self, a: Ref, b: Ref, excess_bits: int) -> int:
        """Where to cut ``a``, which has too many bits."""
        part_bits = self.multiplier.part_bits(a.node, b.node)
        if excess_bits % part_bits != 1:
            return part_bits
        # One bit, whose product is no multiplication: the top one, so that the adder is short; or the lowest, where the
        # top one is a sign.
        return 1 if a.node.signed else a.node.width_bits - 1

    def _low(self, a: Ref, bits: int) -> Ref:
        """A stream with the same low bits and no more than these."""
        return self.build.wrap(a, bits, False) if a.node.width_bits >= bits else a

    def _fitting(self, a: Ref, b: Ref) -> Ref:
        """A product that fits."""
        for one, other in ((a, b), (b, a)):
            value = constant_value(one)
            if value is not None:
                return self.adders.times(other, value)
        return self.build.mul(a, b)

    # --- their sum ------------------------------------------------------------------------------------------------

    def _sum(self, terms: list[_Term]) -> Ref:
        rows = self._side_by_side(terms)
        while len(rows) > 1:  # short ones first
            rows.sort(key=lambda row: (row.end, row.position))
            rows = [self._add(rows[0], rows[1]), *rows[2:]]
        if not rows:
            return self.build.const(0)
        return self.adders.shift_left(rows[0].ref, 1 << rows[0].position)

    def _side_by_side(self, terms: list[_Term]) -> list[_Term]:
        """As few rows as terms that do not overlap make; two equal terms are one, a place further up."""
        rows: list[_Term] = []
        pending = list(terms)
        while pending:
            term = min(pending, key=lambda t: (t.position, t.end))
            pending.remove(term)
            if term in pending:
                pending.remove(term)
                pending.append(_Term(term.position + 1, term.ref))
                continue
            for number, row in enumerate(rows):
                if row.end <= term.position and not row.ref.node.signed:
                    rows[number] = _Term(row.position, self._beside(term.ref, row.ref, term.position - row.position))
                    break
            else:
                rows.append(term)
        return rows

    def _add(self, a: _Term, b: _Term) -> _Term:
        """Sum of two rows: the bits of one below the other need no adder."""
        if a.position > b.position:
            a, b = b, a
        below = b.position - a.position
        upper = self.build.shift_right(a.ref, below)
        total = self.adders.add(upper, b.ref) if constant_value(upper) != 0 else b.ref
        if below:
            total = self._beside(total, self.build.wrap(a.ref, below, False), below)
        return _Term(a.position, total)

    def _beside(self, high: Ref, low: Ref, low_bits: int) -> Ref:
        return self.build.apply(CAT, (high, low), (low_bits,))
