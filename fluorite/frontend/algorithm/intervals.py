"""Where the value of an index expression lies, for what is known of its variables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.visit import children

__all__ = ["ANYWHERE", "Interval", "interval", "offset"]


@dataclass(frozen=True, slots=True)
class Interval:
    """Integers from ``lo`` to ``hi``, both included; None where that end is not known."""

    lo: int | None = None
    hi: int | None = None

    @property
    def extent(self) -> int | None:
        """How many integers these are, if both ends are known."""
        return None if self.lo is None or self.hi is None else self.hi - self.lo + 1

    @property
    def number(self) -> int | None:
        """The only integer of it, if there is only one."""
        return self.lo if self.lo == self.hi else None

    def union(self, other: Interval) -> Interval:
        """The least interval with all of both."""
        return Interval(_both(min, self.lo, other.lo), _both(max, self.hi, other.hi))

    def intersection(self, other: Interval) -> Interval:
        """What lies in both; an end that one of them does not know is the other's."""
        return Interval(_either(max, self.lo, other.lo), _either(min, self.hi, other.hi))

    def __add__(self, other: Interval) -> Interval:
        return Interval(_sum(self.lo, other.lo), _sum(self.hi, other.hi))

    def __neg__(self) -> Interval:
        return Interval(None if self.hi is None else -self.hi, None if self.lo is None else -self.lo)

    def __sub__(self, other: Interval) -> Interval:
        return self + -other


ANYWHERE: Final = Interval()
"""Nothing is known."""

_PASSED_ON: Final = ("likely", "likely_if_innermost", "strict_float")
_CLAMPED: Final = ("promise_clamped", "unsafe_promise_clamped")
_NARROW_BITS: Final = 16  # the range of a wider type says nothing about an index


def interval(expr: ir.Expr, of: Callable[[ir.Variable], Interval]) -> Interval:
    """Where an expression lies.

    Each operand is taken by itself: of ``x - x`` it is not seen that this is 0. As for Halide, ``int32`` does not
    overflow, and narrower or unsigned types do.

    Parameters
    ----------
    expr : ir.Expr
        An integer expression.
    of : callable
        Where a variable lies.
    """
    memo: dict[int, Interval] = {}
    work = [(expr, False)]
    while work:
        node, ready = work.pop()
        if id(node) in memo:
            continue
        if ready:
            below = [memo[id(child)] for child in children(node)]
            found = of(node) if isinstance(node, ir.Variable) else _of(node, below)
            memo[id(node)] = _in_type(node, found, below)
        else:
            work.append((node, True))
            work += ((child, False) for child in children(node))
    return memo[id(expr)]


def offset(expr: ir.Expr, var: str, of: Callable[[ir.Variable], Interval]) -> Interval | None:
    """Where ``expr - var`` lies, if the expression is that variable and something added to it; else None."""
    match expr:
        case ir.Variable(name=name, param="") if name == var:
            return Interval(0, 0)
        case ir.Call(name=name, args=(value, *_)) if name in _PASSED_ON:
            return offset(value, var, of)
        case ir.Binary(op=ir.BinaryOp.ADD, a=a, b=b):
            for one, other in ((a, b), (b, a)):
                if (found := offset(one, var, of)) is not None:
                    return found + interval(other, of)
        case ir.Binary(op=ir.BinaryOp.SUB, a=a, b=b):
            if (found := offset(a, var, of)) is not None:
                return found - interval(b, of)
    return None


def _of(node: ir.Expr, below: list[Interval]) -> Interval:
    match node:
        case ir.Imm(value=int(value)):
            return Interval(value, value)
        case ir.Binary(op=op) if not op.is_compare and op not in (ir.BinaryOp.AND, ir.BinaryOp.OR):
            return _binary(op, *below)
        case ir.Select():
            return below[1].union(below[2])
        case ir.Cast(type=type_, value=value) if value.type.is_integer:
            wider = type_.is_signed and value.type.is_signed and type_.bits >= value.type.bits
            return below[0] if wider or _holds(type_, below[0]) else ANYWHERE
        case ir.Call(name=name) if name in _PASSED_ON:
            return below[0]
        case ir.Call(name=name) if name in _CLAMPED:
            # The least and greatest values are expressions too: the promise is as wide as they may be.
            return below[0].intersection(Interval(below[1].lo, below[2].hi))
        case ir.Call(name="if_then_else", args=(_, _, _)):
            return below[1].union(below[2])
        case ir.Call(name="abs"):
            return _magnitude(below[0])
        case ir.Call(name="shift_right" | "shift_left" as name):
            amount = below[1].number
            if amount is not None and 0 <= amount < 32:
                power = Interval(1 << amount, 1 << amount)
                return _binary(ir.BinaryOp.DIV if name == "shift_right" else ir.BinaryOp.MUL, below[0], power)
    return ANYWHERE


def _binary(op: ir.BinaryOp, a: Interval, b: Interval) -> Interval:
    factor = b.number
    match op:
        case ir.BinaryOp.ADD:
            return a + b
        case ir.BinaryOp.SUB:
            return a - b
        case ir.BinaryOp.MIN:
            return Interval(_both(min, a.lo, b.lo), _either(min, a.hi, b.hi))
        case ir.BinaryOp.MAX:
            return Interval(_either(max, a.lo, b.lo), _both(max, a.hi, b.hi))
        case ir.BinaryOp.MUL:
            if factor is None and a.number is not None:
                a, factor = b, a.number
            if factor is not None:
                return _scaled(a, factor)
            if a.lo is None or a.hi is None or b.lo is None or b.hi is None:
                return ANYWHERE
            ends = [one * other for one in (a.lo, a.hi) for other in (b.lo, b.hi)]
            return Interval(min(ends), max(ends))
        case ir.BinaryOp.DIV if factor is not None and factor > 0:
            return Interval(*(None if end is None else end // factor for end in (a.lo, a.hi)))
        case ir.BinaryOp.MOD if factor is not None and factor > 0:
            if a.lo is not None and a.hi is not None and a.lo // factor == a.hi // factor:
                return Interval(a.lo % factor, a.hi % factor)
            return Interval(0, factor - 1)
    return ANYWHERE


def _scaled(one: Interval, factor: int) -> Interval:
    scaled = Interval(*(None if end is None else end * abs(factor) for end in (one.lo, one.hi)))
    return -scaled if factor < 0 else scaled if factor else Interval(0, 0)


def _magnitude(one: Interval) -> Interval:
    if one.lo is None or one.hi is None:
        return Interval(0, None)
    return Interval(max(one.lo, -one.hi, 0), max(-one.lo, one.hi))


def _in_type(node: ir.Expr, found: Interval, below: list[Interval]) -> Interval:
    """The interval, unless the node's type cannot hold it or says more."""
    type_ = node.type
    if not type_.is_integer:
        return ANYWHERE
    if _holds(type_, found) or (type_.is_signed and type_.bits > _NARROW_BITS):
        return found
    # A Param has one value in a run: all that its type could hold is not what is asked for.
    is_read = isinstance(node, ir.Call) and node.call_type in (ir.CallType.HALIDE, ir.CallType.IMAGE)
    if type_.bits <= _NARROW_BITS and (is_read or (below and all(one.extent is not None for one in below))):
        return Interval(type_.min, type_.max)
    return ANYWHERE


def _holds(type_: ir.Type, found: Interval) -> bool:
    return found.lo is not None and found.hi is not None and type_.min <= found.lo and found.hi <= type_.max


def _sum(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


def _both(choose: Callable[[int, int], int], a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else choose(a, b)


def _either(choose: Callable[[int, int], int], a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else choose(a, b)
