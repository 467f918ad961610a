"""Ranges that intervals alone do not show: what a comparison says of the values it chooses between."""

from __future__ import annotations

from fluorite.hwgen.streams.graph import Ref
from fluorite.hwgen.streams.operations import SUM

__all__ = ["range_where"]


def range_where(value: Ref, condition: Ref, holds: bool) -> tuple[int, int]:
    """Range of a value in the cycles in which a comparison holds, or does not.

    Seen are the compared streams themselves and sums of one of them and a constant: enough for
    ``select(x < 0, -x, x)``.
    """
    lo, hi = value.node.lo, value.node.hi
    if condition.node.op not in ("lt", "le", "eq") or (condition.node.op == "eq" and not holds):
        return lo, hi
    left, right = (operand.shifted(condition.delay) for operand in condition.node.operands)
    (left_lo, left_hi), (right_lo, right_hi) = ((r.node.lo, r.node.hi) for r in (left, right))
    if condition.node.op == "eq":
        left_lo = right_lo = max(left_lo, right_lo)
        left_hi = right_hi = min(left_hi, right_hi)
    elif holds:  # left < right, or left <= right
        gap = 1 if condition.node.op == "lt" else 0
        left_hi, right_lo = min(left_hi, right_hi - gap), max(right_lo, left_lo + gap)
    else:  # right <= left, or right < left
        gap = 0 if condition.node.op == "lt" else 1
        left_lo, right_hi = max(left_lo, right_lo + gap), min(right_hi, left_hi - gap)
    for stream, stream_lo, stream_hi in ((left, left_lo, left_hi), (right, right_lo, right_hi)):
        ends = None
        if stream == value:
            ends = [stream_lo, stream_hi]
        elif value.node.op == "sum" and len(value.node.operands) == 1:
            constant, (coefficient,) = SUM.of(value.node)
            if value.node.operands[0].shifted(value.delay) == stream:
                ends = [constant + coefficient * stream_lo, constant + coefficient * stream_hi]
        if ends is not None and stream_lo <= stream_hi:
            lo, hi = max(lo, min(ends)), min(hi, max(ends))
    return lo, hi
