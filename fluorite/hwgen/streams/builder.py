"""The constructors of the stream graph's nodes.

Every constructor folds constants, drops identities, and infers the exact range of its result, so a graph
is never larger or wider than what its inputs' ranges call for. What an operation is, its record says
(:mod:`fluorite.hwgen.streams.operations`); here is how it is simplified.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fluorite.hwgen.streams import operations as ops
from fluorite.hwgen.streams.graph import Graph, Node, Ref
from fluorite.hwgen.streams.operation import Interval, Operation
from fluorite.hwgen.streams.phased import choose, state
from fluorite.hwgen.streams.ranges import range_where
from fluorite.hwgen.streams.table import Table

__all__ = ["Builder", "constant_value", "fits"]


def constant_value(ref: Ref) -> int | None:
    """The number a Ref always carries, or None."""
    return ref.node.lo if ref.node.lo == ref.node.hi else None


def fits(ref: Ref, lo: int, hi: int) -> bool:
    """Whether a Ref's range lies in ``[lo, hi]``."""
    return lo <= ref.node.lo and ref.node.hi <= hi


@dataclass(slots=True)
class Builder:
    """Makes nodes in a graph."""

    graph: Graph

    def apply(
        self,
        operation: Operation[Any],
        operands: Sequence[Ref],
        attributes: Sequence[Any] = (),
        limits: tuple[int, int] | None = None,
    ) -> Ref:
        """A node of an operation, constants folded.

        Parameters
        ----------
        operation : Operation
            What it does.
        operands : sequence of Ref
            What it reads.
        attributes : sequence
            As the record's attribute type has them.
        limits : tuple of int, optional
            Its range, where more is known of it than the operands' ranges say.
        """
        intervals = [Interval(operand.node.lo, operand.node.hi) for operand in operands]
        assert operation.range is not None and operation.evaluate is not None, operation.name
        lo, hi = limits or operation.range(*intervals, *attributes)
        if lo == hi:
            return self.const(lo)
        if operands and all(interval.lo == interval.hi for interval in intervals):
            return self.const(operation.evaluate(*(interval.lo for interval in intervals), *attributes))
        if operation.commutative:
            operands = sorted(operands, key=lambda ref: (ref.node.id, ref.delay))
        return self.graph.intern(operation.name, operands, operation.attributes(*attributes), lo, hi)

    def const(self, value: int) -> Ref:
        """A number."""
        return self.graph.intern("const", (), ops.CONST.attributes(value), value, value, static=True)

    def setting(self, port: str, lo: int, hi: int) -> Ref:
        """A static input port whose value lies in ``[lo, hi]``."""
        return self.graph.intern("setting", (), ops.SETTING.attributes(port), lo, hi, static=True)

    def input(self, stream: str, lane: int, channel: int, lo: int, hi: int) -> Ref:
        """One value of an input stream's word."""
        return self.graph.intern("input", (), ops.INPUT.attributes(stream, lane, channel), lo, hi, static=False)

    def arrival(self, stream: str) -> Ref:
        """1 where a word of an input stream comes."""
        return self.graph.intern("arrival", (), ops.ARRIVAL.attributes(stream), 0, 1, static=False)

    def tap(self, stream: str, lane: int, channel: int, lo: int, hi: int) -> Ref:
        """One value of a stage or input, for linking to replace."""
        return self.graph.intern("tap", (), ops.TAP.attributes(stream, lane, channel), lo, hi, static=False)

    def coord(self, stream: str, dimension: int, greatest: int) -> Ref:
        """Position of the scan along a dimension, counted when the stream's word comes, from 0 to ``greatest``."""
        return self.graph.intern("coord", (), ops.COORD.attributes(stream, dimension), 0, greatest, static=False)

    def in_phase(self, dimension: int, step: int, turn: int, phases: Sequence[int]) -> Ref:
        """1 where the position along a dimension, in steps of so many, is in one of these phases of a turn."""
        if len(phases) in (0, turn):
            return self.const(1 if phases else 0)
        attributes = ops.IN_PHASE.attributes(dimension, step, turn, tuple(sorted(phases)))
        return self.graph.intern("in_phase", (), attributes, 0, 1, static=False)

    def resample(self, a: Ref, steps: Sequence[int], delays: Sequence[Sequence[int | None]]) -> Ref:
        """What a stream carried as many positions earlier as the phase says, by dimension; None where nobody looks."""
        if all(len(own) == 1 for own in delays):
            return a.shifted(tuple(own[0] or 0 for own in delays))
        if a.node.static:
            return a
        attributes = ops.RESAMPLE.attributes(tuple(steps), tuple(tuple(own) for own in delays))
        return self.graph.intern("resample", (a,), attributes, a.node.lo, a.node.hi, together=False)

    def stage(self, value: Ref, stage: str, lane: int, channel: int) -> Ref:
        """Name value as one channel of one lane of a stage."""
        node = value.node
        return self.graph.intern(
            "stage", (value,), ops.STAGE.attributes(stage, lane, channel), node.lo, node.hi, static=False
        )

    def linear(self, terms: Sequence[tuple[int, Ref]], constant: int = 0) -> Ref:
        """``constant + sum(c * ref)``."""
        merged: dict[tuple[int, tuple[int, ...]], tuple[int, Ref]] = {}
        for coefficient, ref in terms:
            value = constant_value(ref)
            if value is not None:
                constant += coefficient * value
                continue
            key = (ref.node.id, ref.delay)
            before = merged[key][0] if key in merged else 0
            merged[key] = (before + coefficient, ref)
        kept = [(c, ref) for c, ref in merged.values() if c]
        if not kept:
            return self.const(constant)
        if len(kept) == 1 and kept[0][0] == 1 and constant == 0:
            return kept[0][1]
        remainder = self._remainder(kept)
        if remainder is not None:
            return self.linear(remainder, constant)
        kept.sort(key=lambda term: (term[1].node.id, term[1].delay))
        return self.apply(ops.SUM, [ref for _, ref in kept], (constant, tuple(c for c, _ in kept)))

    def _remainder(self, terms: Sequence[tuple[int, Ref]]) -> list[tuple[int, Ref]] | None:
        """``k*x - k*d*(x / d)`` as ``k*(x % d)``, whose range is known; None where no two terms are these."""
        for position, (coefficient, ref) in enumerate(terms):
            if ref.node.op not in ("div", "shr"):
                continue
            divisor = constant_value(ref.node.operands[1]) if ref.node.op == "div" else 1 << ops.SHR.of(ref.node).amount
            dividend = ref.node.operands[0].shifted(ref.delay)
            if divisor is None:
                continue
            for other, (weight, term) in enumerate(terms):
                if term == dividend and weight * divisor == -coefficient:
                    rest = [t for n, t in enumerate(terms) if n not in (position, other)]
                    return [*rest, (weight, self.modulo(dividend, self.const(divisor)))]
        return None

    def add(self, a: Ref, b: Ref) -> Ref:
        """``a + b``."""
        return self.linear([(1, a), (1, b)])

    def sub(self, a: Ref, b: Ref) -> Ref:
        """``a - b``."""
        return self.linear([(1, a), (-1, b)])

    def offset(self, a: Ref, constant: int) -> Ref:
        """``a + constant``."""
        return self.linear([(1, a)], constant)

    def mul(self, a: Ref, b: Ref) -> Ref:
        """``a * b``."""
        for one, other in ((a, b), (b, a)):
            value = constant_value(one)
            if value is not None:
                return self.linear([(value, other)])
        square = None
        if a == b:
            ends = a.node.lo**2, a.node.hi**2
            square = 0 if a.node.lo <= 0 <= a.node.hi else min(ends), max(ends)
        return self.apply(ops.MUL, (a, b), limits=square)

    def abs(self, a: Ref) -> Ref:
        """``|a|``."""
        if a.node.lo >= 0:
            return a
        if a.node.hi <= 0:
            return self.linear([(-1, a)])
        return self.apply(ops.ABS, (a,))

    def minimum(self, a: Ref, b: Ref) -> Ref:
        """The smaller value."""
        if a == b or a.node.hi <= b.node.lo:
            return a
        if b.node.hi <= a.node.lo:
            return b
        return self.apply(ops.MIN, (a, b))

    def maximum(self, a: Ref, b: Ref) -> Ref:
        """The greater value."""
        if a == b or a.node.lo >= b.node.hi:
            return a
        if b.node.lo >= a.node.hi:
            return b
        return self.apply(ops.MAX, (a, b))

    def clamp(self, a: Ref, lo: int, hi: int) -> Ref:
        """``a`` limited to ``[lo, hi]``."""
        return self.maximum(self.minimum(a, self.const(hi)), self.const(lo))

    def eq(self, a: Ref, b: Ref) -> Ref:
        """1 where ``a == b``."""
        if a == b:
            return self.const(1)
        if a.node.hi < b.node.lo or b.node.hi < a.node.lo:
            return self.const(0)
        for one, other in ((a, b), (b, a)):  # a 0/1 stream against a constant
            value = constant_value(one)
            if value is not None and fits(other, 0, 1):
                return other if value == 1 else self.logical_not(other)
        return self.apply(ops.EQ, (a, b))

    def lt(self, a: Ref, b: Ref) -> Ref:
        """1 where ``a < b``."""
        if a.node.hi < b.node.lo:
            return self.const(1)
        if a == b or a.node.lo >= b.node.hi:
            return self.const(0)
        return self.apply(ops.LT, (a, b))

    def le(self, a: Ref, b: Ref) -> Ref:
        """1 where ``a <= b``."""
        if a == b or a.node.hi <= b.node.lo:
            return self.const(1)
        if a.node.lo > b.node.hi:
            return self.const(0)
        return self.apply(ops.LE, (a, b))

    def logical_not(self, a: Ref) -> Ref:
        """``1 - a`` of a 0/1 stream."""
        value = constant_value(a)
        if value is not None:
            return self.const(1 - value)
        if a.node.op == "not":
            return a.node.operands[0].shifted(a.delay)
        if a.node.op in ("lt", "le"):
            x, y = (operand.shifted(a.delay) for operand in a.node.operands)
            return self.le(y, x) if a.node.op == "lt" else self.lt(y, x)
        return self.apply(ops.NOT, (a,))

    def select(self, condition: Ref, true_value: Ref, false_value: Ref) -> Ref:
        """``true_value`` where ``condition`` is 1, else ``false_value``."""
        value = constant_value(condition)
        if value is not None:
            return true_value if value else false_value
        if true_value == false_value:
            return true_value
        if constant_value(true_value) == 1 and constant_value(false_value) == 0:
            return condition
        if constant_value(true_value) == 0 and constant_value(false_value) == 1:
            return self.logical_not(condition)
        if condition.node.op == "not":
            condition = condition.node.operands[0].shifted(condition.delay)
            true_value, false_value = false_value, true_value
        true_lo, true_hi = range_where(true_value, condition, True)
        false_lo, false_hi = range_where(false_value, condition, False)
        limits = min(true_lo, false_lo), max(true_hi, false_hi)
        return self.apply(ops.SELECT, (condition, true_value, false_value), limits=limits)

    def wrap(self, a: Ref, width_bits: int, signed: bool, note: int = 0) -> Ref:
        """The low ``width_bits`` of ``a``."""
        lo = -(1 << (width_bits - 1)) if signed else 0
        if fits(a, lo, lo + (1 << width_bits) - 1):
            return a
        while a.node.op == "wrap" and ops.WRAP.of(a.node).width_bits >= width_bits:
            a = a.node.operands[0].shifted(a.delay)
        return self.apply(ops.WRAP, (a,), (width_bits, signed, note))

    def shift_right(self, a: Ref, amount: int) -> Ref:
        """``floor(a / 2**amount)``."""
        if amount == 0:
            return a
        if a.node.op == "shr" and a.node.lo >> amount != a.node.hi >> amount:
            return self.shift_right(a.node.operands[0].shifted(a.delay), amount + ops.SHR.of(a.node).amount)
        return self.apply(ops.SHR, (a,), (amount,))

    def bitwise(self, op: str, a: Ref, b: Ref) -> Ref:
        """``and``, ``or`` or ``xor`` of two's complement values of unbounded width."""
        x, y = constant_value(a), constant_value(b)
        if a == b:
            return self.const(0) if op == "xor" else a
        for value, other in ((x, b), (y, a)):
            if value == 0:
                return self.const(0) if op == "and" else other
            if value == -1:
                if op == "xor":
                    return self.linear([(-1, other)], -1)
                return other if op == "and" else self.const(-1)
            if value is not None and value & (value + 1) == 0:  # ones below, zeros above
                if op == "and":
                    return self.wrap(other, value.bit_length(), False)
                if fits(other, 0, value):
                    return self.const(value) if op == "or" else self.linear([(-1, other)], value)
        return self.apply(ops.OPERATIONS[op], (a, b))

    def divide(self, a: Ref, b: Ref) -> Ref:
        """``floor(a / b)``, or 0 where ``b`` is 0; ``b`` is never negative."""
        divisor = constant_value(b)
        if b.node.hi == 0:
            return self.const(0)
        if divisor is not None and divisor & (divisor - 1) == 0:
            return self.shift_right(a, divisor.bit_length() - 1)
        return self.apply(ops.DIV, (a, b))

    def modulo(self, a: Ref, b: Ref) -> Ref:
        """``a - floor(a / b) * b``, or 0 where ``b`` is 0; ``b`` is never negative."""
        divisor = constant_value(b)
        if b.node.hi <= 1:
            return self.const(0)
        if fits(a, 0, b.node.lo - 1):
            return a
        if divisor is not None and divisor & (divisor - 1) == 0:
            return self.wrap(a, divisor.bit_length() - 1, False)
        return self.apply(ops.MOD, (a, b))

    def within(self, a: Ref, lo: int, hi: int) -> Ref:
        """``a``, which is known to lie in ``[lo, hi]`` for reasons that intervals do not show."""
        lo, hi = max(lo, a.node.lo), min(hi, a.node.hi)
        if lo > hi or (lo, hi) == (a.node.lo, a.node.hi):
            return a
        if a.node.op == "within":
            a = a.node.operands[0].shifted(a.delay)
        return self.apply(ops.WITHIN, (a,), (lo, hi), limits=(lo, hi))

    def concat(self, high: Ref, low: Ref, low_bits: int) -> Ref:
        """``high * 2**low_bits + low``, for ``low`` in ``[0, 2**low_bits)``: wires side by side, no adder."""
        value = constant_value(high)
        if value == 0:
            return low
        if value is not None:
            return self.offset(low, value << low_bits)
        return self.apply(ops.CAT, (high, low), (low_bits,))

    def rom(self, index: Ref, table: Table) -> Ref:
        """The table's word at an index; no words are kept but those the index can reach."""
        index = self.within(index, table.first, table.last)
        lo, hi = index.node.lo, index.node.hi
        if (lo, hi) != (table.first, table.last):
            words = table.words[lo - table.first : hi - table.first + 1]
            table = self.graph.table(Table.of(table.name, lo, words))
        return self.apply(ops.ROM, (index,), (table,))

    def bit(self, a: Ref, position: int) -> Ref:
        """Bit of a two's complement value of unbounded width."""
        return self.wrap(self.shift_right(a, position), 1, False)

    def rebuild(self, node: Node, operands: Sequence[Ref]) -> Ref:
        """The same operation on other operands, simplified anew.

        Raises
        ------
        KeyError
            The node is one that only its own pass can replace (``tap``, ``table``).
        """
        record = ops.OPERATIONS[node.op]
        if record.is_source or node.op == "const":
            if node.op == "tap":
                raise KeyError(node.op)
            return self.graph.intern(node.op, (), node.attr, node.lo, node.hi, static=node.static)
        if node.op == "sum":
            constant, coefficients = ops.SUM.of(node)
            return self.linear(list(zip(coefficients, operands, strict=True)), constant)
        simplified = _CONSTRUCTORS.get(node.op)
        return simplified(self, *operands, *node.attr) if simplified else self.apply(record, operands, node.attr)


#: Constructors that simplify: the others' operations are only applied.
_CONSTRUCTORS: Mapping[str, Callable[..., Ref]] = {
    "choose": lambda build, *args: choose(build.graph, args[:-1], args[-1]),
    "state": lambda build, *args: state(build.graph, *args[-5:]),
    "resample": Builder.resample,
    "stage": Builder.stage,
    "mul": Builder.mul,
    "div": Builder.divide,
    "mod": Builder.modulo,
    "abs": Builder.abs,
    "min": Builder.minimum,
    "max": Builder.maximum,
    "eq": Builder.eq,
    "lt": Builder.lt,
    "le": Builder.le,
    "not": Builder.logical_not,
    "select": Builder.select,
    "wrap": Builder.wrap,
    "shr": Builder.shift_right,
    "and": lambda build, a, b: build.bitwise("and", a, b),
    "or": lambda build, a, b: build.bitwise("or", a, b),
    "xor": lambda build, a, b: build.bitwise("xor", a, b),
    "within": Builder.within,
    "cat": Builder.concat,
    "rom": Builder.rom,
}
