"""Halide's shifts by constants and by data, and the interpolation that rounds like them.

A shift by data is a barrel of one select per bit of the amount. An amount as large as the type is undefined in Halide:
by data, its low bits and its sign count here; a constant one shifts everything out.
"""

from __future__ import annotations

from fluorite.frontend.algorithm import ir
from fluorite.hwgen.streams.builder import Builder, constant_value
from fluorite.hwgen.streams.graph import Ref

__all__ = ["lerp", "rounding_shift", "shift"]


def shift(build: Builder, value: Ref, amount: Ref, type_: ir.Type) -> Ref:
    """``floor(value * 2**amount)`` in its type: a positive amount shifts left and wraps."""
    return build.wrap(_scale(build, value, amount, type_.bits), type_.bits, type_.is_signed)


def rounding_shift(build: Builder, value: Ref, amount: Ref, type_: ir.Type) -> Ref:
    """``value * 2**amount`` in its type, rounded to nearest and halves up: a bit more is kept, and a half added."""
    doubled = _scale(build, build.linear([(2, value)]), amount, type_.bits)
    return build.wrap(build.shift_right(build.offset(doubled, 1), 1), type_.bits, type_.is_signed)


def _scale(build: Builder, value: Ref, amount: Ref, bits: int) -> Ref:
    """``floor(value * 2**amount)``, exact up to multiples of ``2**(bits + 1)``, for amounts in ``(-bits, bits)``."""
    number = constant_value(amount)
    if number is not None:
        if number >= 0:
            return build.linear([(1 << min(number, bits + 1), value)])
        return build.shift_right(value, min(-number, bits + 1))
    positions = range((bits - 1).bit_length())
    if amount.node.hi <= 0:
        right = build.linear([(-1, amount)])
        for position in positions:
            value = build.select(build.bit(right, position), build.shift_right(value, 1 << position), value)
        return value
    negative = build.lt(amount, build.const(0))
    left_only = constant_value(negative) == 0
    # Modulo a power of two, a shift right by n is one left by ``bits - n`` and then one right by ``bits``.
    for position in positions:
        shifted = build.linear([(1 << (1 << position), value)])
        value = build.select(build.bit(amount, position), shifted, value)
        if left_only:
            value = build.wrap(value, bits + 1, True)
    return build.select(negative, build.shift_right(value, bits), value)


def lerp(build: Builder, zero: Ref, one: Ref, weight: Ref, type_: ir.Type, weight_type: ir.Type) -> Ref:
    """``zero`` where weight is 0, ``one`` where it is its type's greatest value, in between rounded to nearest.

    ``zero + floor(((one - zero) * weight + M / 2) / M)``, M being the greatest weight of the operands' width: a
    multiplication less than in Halide's form ``(zero * (M - weight) + one * weight) / M``, and no bias for signed
    operands.
    """
    bits, weight_bits = type_.bits, weight_type.bits
    if bits == 1:
        return build.select(build.lt(build.const(weight_type.max // 2), weight), one, zero)
    greatest = (1 << bits) - 1
    if weight_bits < bits:
        weight = build.linear([(greatest // weight_type.max, weight)])
    elif weight_bits > bits:
        weight = build.divide(weight, build.const(weight_type.max // greatest))
    moved = build.linear([(1, build.mul(build.sub(one, zero), weight))], greatest // 2)
    result = build.add(zero, build.divide(moved, build.const(greatest)))
    return build.within(result, type_.min, type_.max)
