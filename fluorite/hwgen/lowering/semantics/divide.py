"""Halide's divisions: signs brought in order around ``div`` and ``mod``, which take divisors that are not negative."""

from __future__ import annotations

from fluorite.frontend.algorithm import ir
from fluorite.hwgen.streams.builder import Builder
from fluorite.hwgen.streams.graph import Ref

__all__ = ["divide", "divide_to_zero", "modulo_to_zero"]


def divide(build: Builder, a: Ref, b: Ref, type_: ir.Type) -> Ref:
    """``a / b``, Euclidean: ``floor(a / |b|)`` with the sign of ``b``, 0 where ``b`` is 0.

    The one quotient that does not fit, of the least number by -1, wraps to the least number as in Halide.
    """
    quotient = build.divide(a, build.abs(b))
    return build.wrap(_negated_where(build, _negative(build, b), quotient), type_.bits, type_.is_signed)


def divide_to_zero(build: Builder, a: Ref, b: Ref, type_: ir.Type) -> Ref:
    """``a / b`` as in C. Halide leaves a divisor of 0, and the least number by -1, undefined: here 0, and wrapping."""
    quotient = build.divide(build.abs(a), build.abs(b))
    negative = build.bitwise("xor", _negative(build, a), _negative(build, b))
    return build.wrap(_negated_where(build, negative, quotient), type_.bits, type_.is_signed)


def modulo_to_zero(build: Builder, a: Ref, b: Ref) -> Ref:
    """``a % b`` as in C, of the sign of ``a``; undefined for a divisor of 0, here 0."""
    return _negated_where(build, _negative(build, a), build.modulo(build.abs(a), build.abs(b)))


def _negative(build: Builder, a: Ref) -> Ref:
    return build.lt(a, build.const(0))


def _negated_where(build: Builder, condition: Ref, value: Ref) -> Ref:
    return build.select(condition, build.linear([(-1, value)]), value)
