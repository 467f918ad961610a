"""Division: ``div`` and ``mod`` become multiplications, subtractions and selects, once all ranges are known.

By a constant: a multiplication by the rounded-up reciprocal and a shift (Granlund and Montgomery, "Division by
invariant integers using multiplication", PLDI 1994), with the least shift that is exact over the dividend's own range.

By data: restoring division, a bit of the quotient a step (Parhami, "Computer Arithmetic", chapter 13). A step is one
subtraction, whose sign is the quotient bit, and one select; the schedule puts registers between steps as the clock
asks for. There are as many steps as the dividend has bits, on remainders no wider than the divisor.
"""

from __future__ import annotations

from collections.abc import Sequence

from fluorite.hwgen.graph import Graph, Node, Ref
from fluorite.hwgen.ops import Builder, constant_value
from fluorite.hwgen.rewrite import rewrite

__all__ = ["expand_divisions"]


def expand_divisions(graph: Graph) -> Graph:
    """The same graph without ``div`` and ``mod``."""
    return rewrite(graph, _replace)


def _replace(build: Builder, node: Node, operands: Sequence[Ref]) -> Ref | None:
    if node.op not in ("div", "mod"):
        return None
    simplified = build.rebuild(node, operands)
    if simplified.node.op != node.op:
        return simplified
    a, b = operands
    divisor = constant_value(b)
    if divisor is None:
        quotient, remainder = _by_data(build, a, b)
        return quotient if node.op == "div" else remainder
    if node.op == "div":
        return _by_constant(build, a, divisor)
    remainder = build.linear([(1, a), (-divisor, _by_constant(build, a, divisor))])
    # Only the remainder's own bits of the subtraction matter.
    low = build.wrap(remainder, (divisor - 1).bit_length(), False)
    return build.within(low, 0, simplified.node.hi)


def _by_constant(build: Builder, a: Ref, divisor: int) -> Ref:
    """``floor(a / divisor)`` for a positive divisor; a negative range is first moved up by a multiple of it."""
    lift = 0
    if a.node.lo < 0:  # a power of two: taking it off again touches the top bits only
        lift = 1 << (-(a.node.lo // divisor)).bit_length()
    top = a.node.hi + lift * divisor
    shift = (divisor & -divisor).bit_length() - 1
    while True:
        reciprocal = -(-(1 << shift) // divisor)
        # floor(n * reciprocal / 2**shift) == floor(n / divisor) for all 0 <= n <= top
        if top * (reciprocal * divisor - (1 << shift)) < 1 << shift:
            break
        shift += 1
    scaled = build.linear([(reciprocal, a)], lift * divisor * reciprocal)
    quotient = build.offset(build.shift_right(scaled, shift), -lift)
    return build.within(quotient, a.node.lo // divisor, a.node.hi // divisor)


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
