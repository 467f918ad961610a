"""The operations of the stream graph and their constructors.

Every constructor folds constants, drops identities, and infers the exact range of its result, so a graph
is never larger or wider than what its inputs' ranges call for.

========== ======================= =====================================================
op         attr                    value
========== ======================= =====================================================
const      (value,)                a number
setting    (port,)                 a static input port
input      (stream, lane, channel) one value of an input stream
tap        (stage, lane, channel)  one value of a stage or input, before linking
coord      (stream, dimension)     position of the scan along a dimension, from 0 at the launch's own origin; counted
                                   when the stream's word comes
stage      (stage, lane, channel)  identity; names a stage's value and keeps it whole
sum        (constant, c0, c1 ...)  constant + c0 * operand0 + c1 * operand1 ...
mul        ()                      product of two streams
abs        ()                      magnitude
min max    ()                      of two streams
eq lt le   ()                      compare, 0 or 1
not        ()                      1 - operand, of a 0/1 stream
select     ()                      operand1 if operand0 else operand2
wrap       (width_bits, signed,    the low bits, read as unsigned or two's complement; if this is overflow that
            note)                  Halide leaves undefined, note is the number of the warning, else 0
shr        (amount,)               floor(operand / 2**amount)
and or xor ()                      bitwise, two's complement of unbounded width
div mod    ()                      floor division by a stream that is never negative, and its remainder; 0 where it is 0
within     (lo, hi)                identity: the operand is known to lie in that range
table      (number,)               a read of a table at its operands, before linking; number counts `Lowered.tables`
rom        (name, word, word ...)  the word at operand0, which starts at the operand's least value
cat        (low_bits,)             operand0 * 2**low_bits + operand1, of operand1 in [0, 2**low_bits)
========== ======================= =====================================================
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fluorite.hwgen.streams.graph import Graph, Node, Ref
from fluorite.hwgen.streams.ranges import range_where

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

    def const(self, value: int) -> Ref:
        """A number."""
        return self.graph.intern("const", (), (value,), value, value, static=True)

    def setting(self, port: str, lo: int, hi: int) -> Ref:
        """A static input port whose value lies in ``[lo, hi]``."""
        return self.graph.intern("setting", (), (port,), lo, hi, static=True)

    def source(self, op: str, attr: tuple[int | str, ...], lo: int, hi: int) -> Ref:
        """A stream from outside the datapath: ``input``, ``tap`` or ``coord``."""
        return self.graph.intern(op, (), attr, lo, hi, static=False)

    def stage(self, value: Ref, stage: str, lane: int, channel: int) -> Ref:
        """Name value as one channel of one lane of a stage."""
        return self.graph.intern("stage", (value,), (stage, lane, channel), value.node.lo, value.node.hi, static=False)

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
        lo = constant + sum(c * (ref.node.lo if c > 0 else ref.node.hi) for c, ref in kept)
        hi = constant + sum(c * (ref.node.hi if c > 0 else ref.node.lo) for c, ref in kept)
        kept.sort(key=lambda term: (term[1].node.id, term[1].delay))
        return self.graph.intern("sum", (ref for _, ref in kept), (constant, *(c for c, _ in kept)), lo, hi)

    def _remainder(self, terms: Sequence[tuple[int, Ref]]) -> list[tuple[int, Ref]] | None:
        """``k*x - k*d*(x / d)`` as ``k*(x % d)``, whose range is known; None where there is none such."""
        for position, (coefficient, ref) in enumerate(terms):
            if ref.node.op not in ("div", "shr"):
                continue
            divisor = constant_value(ref.node.operands[1]) if ref.node.op == "div" else 1 << int(ref.node.attr[0])
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
        corners = [x * y for x in (a.node.lo, a.node.hi) for y in (b.node.lo, b.node.hi)]
        lo, hi = min(corners), max(corners)
        if a == b:
            lo = 0 if a.node.lo <= 0 <= a.node.hi else min(a.node.lo**2, a.node.hi**2)
            hi = max(a.node.lo**2, a.node.hi**2)
        return self.graph.intern("mul", _ordered(a, b), (), lo, hi)

    def abs(self, a: Ref) -> Ref:
        """``|a|``."""
        if a.node.lo >= 0:
            return a
        if a.node.hi <= 0:
            return self.linear([(-1, a)])
        return self.graph.intern("abs", (a,), (), 0, max(-a.node.lo, a.node.hi))

    def minimum(self, a: Ref, b: Ref) -> Ref:
        """The smaller value."""
        if a == b or a.node.hi <= b.node.lo:
            return a
        if b.node.hi <= a.node.lo:
            return b
        return self.graph.intern("min", _ordered(a, b), (), min(a.node.lo, b.node.lo), min(a.node.hi, b.node.hi))

    def maximum(self, a: Ref, b: Ref) -> Ref:
        """The greater value."""
        if a == b or a.node.lo >= b.node.hi:
            return a
        if b.node.lo >= a.node.hi:
            return b
        return self.graph.intern("max", _ordered(a, b), (), max(a.node.lo, b.node.lo), max(a.node.hi, b.node.hi))

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
        return self.graph.intern("eq", _ordered(a, b), (), 0, 1)

    def lt(self, a: Ref, b: Ref) -> Ref:
        """1 where ``a < b``."""
        if a.node.hi < b.node.lo:
            return self.const(1)
        if a == b or a.node.lo >= b.node.hi:
            return self.const(0)
        return self.graph.intern("lt", (a, b), (), 0, 1)

    def le(self, a: Ref, b: Ref) -> Ref:
        """1 where ``a <= b``."""
        if a == b or a.node.hi <= b.node.lo:
            return self.const(1)
        if a.node.lo > b.node.hi:
            return self.const(0)
        return self.graph.intern("le", (a, b), (), 0, 1)

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
        return self.graph.intern("not", (a,), (), 0, 1)

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
        lo, hi = min(true_lo, false_lo), max(true_hi, false_hi)
        if lo == hi:
            return self.const(lo)
        return self.graph.intern("select", (condition, true_value, false_value), (), lo, hi)

    def wrap(self, a: Ref, width_bits: int, signed: bool, note: int = 0) -> Ref:
        """The low ``width_bits`` of ``a``."""
        lo = -(1 << (width_bits - 1)) if signed else 0
        hi = lo + (1 << width_bits) - 1
        if fits(a, lo, hi):
            return a
        value = constant_value(a)
        if value is not None:
            return self.const((value - lo) % (1 << width_bits) + lo)
        while a.node.op == "wrap" and int(a.node.attr[0]) >= width_bits:
            a = a.node.operands[0].shifted(a.delay)
        return self.graph.intern("wrap", (a,), (width_bits, signed, note), lo, hi)

    def shift_right(self, a: Ref, amount: int) -> Ref:
        """``floor(a / 2**amount)``."""
        value = constant_value(a)
        if value is not None:
            return self.const(value >> amount)
        if amount == 0:
            return a
        lo, hi = a.node.lo >> amount, a.node.hi >> amount
        if lo == hi:
            return self.const(lo)
        if a.node.op == "shr":
            return self.shift_right(a.node.operands[0].shifted(a.delay), amount + int(a.node.attr[0]))
        return self.graph.intern("shr", (a,), (amount,), lo, hi)

    def bitwise(self, op: str, a: Ref, b: Ref) -> Ref:
        """``and``, ``or`` or ``xor`` of two's complement values of unbounded width."""
        x, y = constant_value(a), constant_value(b)
        function: Callable[[int, int], int] = _BITWISE[op]
        if x is not None and y is not None:
            return self.const(function(x, y))
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
        if a.node.lo >= 0 and b.node.lo >= 0:
            full = (1 << max(a.node.hi, b.node.hi).bit_length()) - 1
            lo, hi = 0, min(a.node.hi, b.node.hi) if op == "and" else full
            if op == "or":
                lo = max(a.node.lo, b.node.lo)
        else:
            bits = max(_signed_bits(a.node), _signed_bits(b.node))
            lo, hi = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
            if op == "and" and (a.node.lo >= 0 or b.node.lo >= 0):
                lo, hi = 0, min(n.hi for n in (a.node, b.node) if n.lo >= 0)
        return self.graph.intern(op, _ordered(a, b), (), lo, hi)

    def divide(self, a: Ref, b: Ref) -> Ref:
        """``floor(a / b)``, or 0 where ``b`` is 0; ``b`` is never negative."""
        divisor = constant_value(b)
        if b.node.hi == 0:
            return self.const(0)
        if divisor is not None and divisor & (divisor - 1) == 0:
            return self.shift_right(a, divisor.bit_length() - 1)
        quotients = [x // y for x in (a.node.lo, a.node.hi) for y in (max(b.node.lo, 1), b.node.hi)]
        lo, hi = min(quotients), max(quotients)
        if b.node.lo == 0:
            lo, hi = min(lo, 0), max(hi, 0)
        if lo == hi:
            return self.const(lo)
        return self.graph.intern("div", (a, b), (), lo, hi)

    def modulo(self, a: Ref, b: Ref) -> Ref:
        """``a - floor(a / b) * b``, or 0 where ``b`` is 0; ``b`` is never negative."""
        divisor = constant_value(b)
        if b.node.hi <= 1:
            return self.const(0)
        if fits(a, 0, b.node.lo - 1):
            return a
        if divisor is not None and divisor & (divisor - 1) == 0:
            return self.wrap(a, divisor.bit_length() - 1, False)
        hi = b.node.hi - 1 if a.node.lo < 0 else min(a.node.hi, b.node.hi - 1)
        return self.graph.intern("mod", (a, b), (), 0, hi)

    def within(self, a: Ref, lo: int, hi: int) -> Ref:
        """``a``, which is known to lie in ``[lo, hi]`` for reasons that intervals do not show."""
        lo, hi = max(lo, a.node.lo), min(hi, a.node.hi)
        if lo > hi or (lo, hi) == (a.node.lo, a.node.hi):
            return a
        if lo == hi:
            return self.const(lo)
        if a.node.op == "within":
            a = a.node.operands[0].shifted(a.delay)
        return self.graph.intern("within", (a,), (lo, hi), lo, hi)

    def concat(self, high: Ref, low: Ref, low_bits: int) -> Ref:
        """``high * 2**low_bits + low``, for ``low`` in ``[0, 2**low_bits)``: wires side by side, no adder."""
        value = constant_value(high)
        if value == 0:
            return low
        if value is not None:
            return self.offset(low, value << low_bits)
        lo, hi = (high.node.lo << low_bits) + low.node.lo, (high.node.hi << low_bits) + low.node.hi
        return self.graph.intern("cat", (high, low), (low_bits,), lo, hi)

    def rom(self, index: Ref, name: str, words: Sequence[int], first: int) -> Ref:
        """``words[index - first]``; no words are kept but those the index can reach."""
        index = self.within(index, first, first + len(words) - 1)
        lo, hi = index.node.lo, index.node.hi
        reached = tuple(words[lo - first : hi - first + 1])
        least, greatest = min(reached), max(reached)
        if least == greatest:
            return self.const(least)
        return self.graph.intern("rom", (index,), (name, *reached), least, greatest)

    def bit(self, a: Ref, position: int) -> Ref:
        """Bit of a two's complement value of unbounded width."""
        return self.wrap(self.shift_right(a, position), 1, False)

    def rebuild(self, node: Node, operands: Sequence[Ref]) -> Ref:
        """The same operation on other operands, simplified anew.

        Raises
        ------
        KeyError
            The node is a source that only its own pass can replace (``tap``).
        """
        attr = node.attr
        match node.op:
            case "const":
                return self.const(node.lo)
            case "setting":
                return self.setting(str(attr[0]), node.lo, node.hi)
            case "input" | "coord":
                return self.source(node.op, attr, node.lo, node.hi)
            case "stage":
                return self.stage(operands[0], str(attr[0]), int(attr[1]), int(attr[2]))
            case "sum":
                constant, *coefficients = (int(a) for a in attr)
                return self.linear(list(zip(coefficients, operands, strict=True)), constant)
            case "wrap":
                return self.wrap(operands[0], int(attr[0]), bool(attr[1]), int(attr[2]))
            case "shr":
                return self.shift_right(operands[0], int(attr[0]))
            case "within":
                return self.within(operands[0], int(attr[0]), int(attr[1]))
            case "rom":
                return self.rom(operands[0], str(attr[0]), [int(a) for a in attr[1:]], node.operands[0].node.lo)
            case "cat":
                return self.concat(operands[0], operands[1], int(attr[0]))
            case "and" | "or" | "xor":
                return self.bitwise(node.op, operands[0], operands[1])
        constructors: dict[str, Callable[..., Ref]] = {
            "mul": self.mul,
            "div": self.divide,
            "mod": self.modulo,
            "abs": self.abs,
            "min": self.minimum,
            "max": self.maximum,
            "eq": self.eq,
            "lt": self.lt,
            "le": self.le,
            "not": self.logical_not,
            "select": self.select,
        }
        return constructors[node.op](*operands)


_BITWISE: dict[str, Callable[[int, int], int]] = {
    "and": lambda x, y: x & y,
    "or": lambda x, y: x | y,
    "xor": lambda x, y: x ^ y,
}


def _ordered(a: Ref, b: Ref) -> tuple[Ref, Ref]:
    """Operands of a commutative operation in one order, so that equal nodes meet."""
    return (a, b) if (a.node.id, a.delay) <= (b.node.id, b.delay) else (b, a)


def _signed_bits(node: Node) -> int:
    """Width of a two's complement wire that holds the node's range."""
    return node.width_bits + (0 if node.signed else 1)
