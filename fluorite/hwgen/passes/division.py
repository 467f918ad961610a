"""Division: ``div`` and ``mod`` become multiplications, subtractions and selects, once all ranges are known.

By a constant: a multiplication by the rounded-up reciprocal and a shift (Granlund and Montgomery, "Division by
invariant integers using multiplication", PLDI 1994), with the least shift that is exact over the dividend's own range.
Where one multiplier does not take that product, the cheapest of several reciprocals is used, rounded up or down.

By data: restoring division, a bit of the quotient a step (Parhami, "Computer Arithmetic", chapter 13). A step is one
subtraction, whose sign is the quotient bit, and one select; the schedule puts registers between steps as the clock
asks for. There are as many steps as the dividend has bits, on remainders no wider than the divisor.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

from fluorite.hwgen.family.multiplier import Multiplier
from fluorite.hwgen.passes.adders import is_shift_add
from fluorite.hwgen.passes.products import product_cost
from fluorite.hwgen.streams.builder import Builder, constant_value
from fluorite.hwgen.streams.graph import Graph, Node, Ref
from fluorite.hwgen.streams.rewrite import Rewriter

__all__ = ["expand_divisions"]

_Least = Callable[[int, int, int, int], tuple[int, int, int]]

_MORE_SHIFTS = 4  # exact reciprocals of either kind that are looked at


def expand_divisions(graph: Graph, multiplier: Multiplier) -> Graph:
    """The same graph without ``div`` and ``mod``.

    Parameters
    ----------
    graph : Graph
        A linked graph.
    multiplier : Multiplier
        The family's block: a reciprocal is chosen for what its product takes of them.
    """
    rewriter = Rewriter(graph)
    least = cache(partial(_least, multiplier))  # equal divisions, of other lanes or stages, are many
    constant = partial(_by_constant, rewriter.build, multiplier, least)
    return rewriter.run(lambda node: _replace(rewriter, node, constant) if node.op in ("div", "mod") else None)


def _replace(rewriter: Rewriter, node: Node, by_constant: Callable[[Ref, int], Ref]) -> Ref:
    build, simplified = rewriter.build, rewriter.rebuilt(node)
    if simplified.node.op != node.op:
        return simplified
    a, b = rewriter.operands(node)
    divisor = constant_value(b)
    if divisor is None:
        quotient, remainder = _by_data(build, a, b)
        return quotient if node.op == "div" else remainder
    if node.op == "div":
        return by_constant(a, divisor)
    remainder = build.linear([(1, a), (-divisor, by_constant(a, divisor))])
    # Only the remainder's own bits of the subtraction matter.
    low = build.wrap(remainder, (divisor - 1).bit_length(), False)
    return build.within(low, 0, simplified.node.hi)


def _by_constant(build: Builder, multiplier: Multiplier, least: _Least, a: Ref, divisor: int) -> Ref:
    """``floor(a / divisor)`` for a positive divisor; a negative range is first moved up by a multiple of it."""
    lift = 0
    if a.node.lo < 0:  # a power of two: taking it off again touches the top bits only
        lift = 1 << (-(a.node.lo // divisor)).bit_length()
    top = a.node.hi + lift * divisor
    even_bits = (divisor & -divisor).bit_length() - 1
    shift = even_bits
    while not _is_exact(top, divisor, -(-(1 << shift) // divisor), shift):
        shift += 1
    reciprocal, added = -(-(1 << shift) // divisor), 0
    if not (is_shift_add(reciprocal) or multiplier.takes(a.node, build.const(reciprocal).node)):
        if even_bits:
            return _by_constant(build, multiplier, least, build.shift_right(a, even_bits), divisor >> even_bits)
        reciprocal, shift, added = least(a.node.lo, a.node.hi, top, divisor)
    if added and not lift and top & (top + 1):  # in front, where it is as wide as the dividend
        scaled = build.linear([(reciprocal, build.offset(a, 1))])
    else:
        scaled = build.linear([(reciprocal, a)], (lift * divisor + added) * reciprocal)
    quotient = build.offset(build.shift_right(scaled, shift), -lift)
    return build.within(quotient, a.node.lo // divisor, a.node.hi // divisor)


def _is_exact(top: int, divisor: int, reciprocal: int, shift: int) -> bool:
    """Whether ``floor(n * reciprocal / 2**shift) == floor(n / divisor)`` for all ``0 <= n <= top``.

    So it is, for a reciprocal rounded down, of ``n + 1`` in place of ``n`` on the left if no greater ``n`` than ``top``
    is meant: the error grows with ``n``, and has a ``1 / divisor`` to spare in either case.
    """
    error = reciprocal * divisor - (1 << shift)
    return top * error < 1 << shift if error >= 0 else (top + 1) * -error <= 1 << shift


def _least(multiplier: Multiplier, lo: int, hi: int, top: int, divisor: int) -> tuple[int, int, int]:
    """Reciprocal, shift, and what is added to the dividend, 0 or 1, for least multipliers, then least adders.

    The dividend is in ``lo .. hi``, and in ``0 .. top`` where a multiple of the divisor is added to make it positive.
    A reciprocal rounded down is often a bit narrower than one that is rounded up (Robison, "N-bit unsigned division via
    N-bit multiply-add", ARITH 2005).
    """
    found = []
    for added in (0, 1):
        shift, more = divisor.bit_length(), _MORE_SHIFTS
        while more:
            reciprocal = (1 << shift) // divisor + (1 - added)
            if _is_exact(top, divisor, reciprocal, shift):
                blocks, adder_bits = product_cost(lo, hi, reciprocal, multiplier)
                found.append((blocks, adder_bits + added * top.bit_length(), shift, reciprocal, added))
                more -= 1
            shift += 1
    _, _, shift, reciprocal, added = min(found)
    return reciprocal, shift, added


def _by_data(build: Builder, a: Ref, b: Ref) -> tuple[Ref, Ref]:
    """Quotient and remainder of any dividend; both 0 where the divisor is."""
    if a.node.lo < 0:
        # floor(a / b) is ~(~a / b) of a negative a, and the remainder b - 1 - (~a % b).
        sign = build.shift_right(a, a.node.width_bits)  # 0 or -1
        dividend = build.within(build.bitwise("xor", a, sign), 0, max(a.node.hi, -1 - a.node.lo))
        quotient, remainder = _restoring(build, dividend, b)
        quotient = build.bitwise("xor", quotient, sign)
        mirrored = build.linear([(1, b), (-1, remainder)], -1)
        remainder = build.select(build.wrap(sign, 1, False), mirrored, remainder)
    else:
        quotient, remainder = _restoring(build, a, b)
    if b.node.lo == 0:
        zero = build.eq(b, build.const(0))
        quotient = build.select(zero, build.const(0), quotient)
        remainder = build.select(zero, build.const(0), remainder)
    limits = build.divide(a, b).node
    return build.within(quotient, limits.lo, limits.hi), build.within(remainder, 0, b.node.hi - 1)


def _restoring(build: Builder, a: Ref, b: Ref) -> tuple[Ref, Ref]:
    """Quotient and remainder of a dividend that is not negative; without meaning where the divisor is 0."""
    top = b.node.hi
    quotient = remainder = build.const(0)
    for position in reversed(range(a.node.hi.bit_length())):
        partial = build.concat(remainder, build.bit(a, position), 1)
        if partial.node.hi < b.node.lo:
            remainder = partial
            continue
        # partial < 2 * b, so that the difference lies in [-b, b)
        difference = build.within(build.sub(partial, b), -top, top - 1)
        borrow = build.bit(difference, top.bit_length())
        remainder = build.within(build.select(borrow, partial, difference), 0, top - 1)
        quotient = build.concat(quotient, build.logical_not(borrow), 1)
    return quotient, remainder
