"""Adders: two streams added, subtracted, or one multiplied by a constant in canonical signed digits."""

from __future__ import annotations

from dataclasses import dataclass

from fluorite.hwgen.streams.builder import Builder
from fluorite.hwgen.streams.graph import Ref
from fluorite.hwgen.streams.operations import ADD, MUL, SHL, SUB

__all__ = ["Adders", "is_shift_add", "signed_digits"]

_MAX_SHIFT_ADDS = 4  # nonzero digits up to which shifts and adders are smaller than a DSP's share


@dataclass(frozen=True, slots=True)
class Adders:
    """Makes ``add``, ``sub``, ``shl`` and products by constants in a graph; ``limits`` are known bounds of a result."""

    build: Builder

    def add(self, a: Ref, b: Ref, limits: tuple[int, int] | None = None) -> Ref:
        """``a + b``; ``limits`` are the result's where more is known of it than the operands' ranges."""
        for high, low in ((a, b), (b, a)):
            if high.node.op != "shl":
                continue
            amount = SHL.of(high.node).amount
            if low.node.lo >= 0 and low.node.hi >> amount == 0:
                return self.build.concat(high.node.operands[0].shifted(high.delay), low, amount)
        return self.build.apply(ADD, (a, b), limits=limits)

    def sub(self, a: Ref, b: Ref, limits: tuple[int, int] | None = None) -> Ref:
        """``a - b``."""
        return self.build.apply(SUB, (a, b), limits=limits)

    def shift_left(self, a: Ref, factor: int) -> Ref:
        """``a * factor`` for a power of two."""
        if factor == 1:
            return a
        amount = factor.bit_length() - 1
        return self.build.apply(SHL, (a,), (amount,))

    def times(self, a: Ref, factor: int) -> Ref:
        """``a * factor`` for a positive factor."""
        if not is_shift_add(factor):
            limits = sorted((a.node.lo * factor, a.node.hi * factor))
            return self.build.graph.intern("mul", (a, self.build.const(factor)), MUL.attributes(), *limits)
        # (multiple of a, stream that carries its magnitude)
        parts = [(-1 << p if negative else 1 << p, self.shift_left(a, 1 << p)) for p, negative in signed_digits(factor)]
        while len(parts) > 1:
            pairs = [self._add_multiples(a, *pair) for pair in zip(parts[::2], parts[1::2], strict=False)]
            parts = pairs + parts[len(pairs) * 2 :]
        return parts[0][1]

    def _add_multiples(self, a: Ref, one: tuple[int, Ref], other: tuple[int, Ref]) -> tuple[int, Ref]:
        """Sum of two multiples of one stream, whose range is narrower than that of a sum of two streams."""
        multiple = one[0] + other[0]
        limits = abs(multiple) * a.node.lo, abs(multiple) * a.node.hi
        if (one[0] < 0) == (other[0] < 0):
            return multiple, self.add(one[1], other[1], limits)
        less, more = sorted((one, other), key=lambda part: abs(part[0]))
        return multiple, self.sub(more[1], less[1], limits)


def is_shift_add(factor: int) -> bool:
    """Whether a product by a positive constant is made of shifts and adders, and not of a multiplier."""
    return len(signed_digits(factor)) <= _MAX_SHIFT_ADDS


def signed_digits(value: int) -> list[tuple[int, bool]]:
    """Canonical signed digits of a positive number: ``value == sum(-2**p if negative else 2**p)``, fewest digits.

    Returns
    -------
    list of (int, bool)
        (position, negative), most significant first, so that the first is never negative.
    """
    digits: list[tuple[int, bool]] = []
    position = 0
    while value:
        if value & 1:
            negative = value & 3 == 3
            digits.append((position, negative))
            value += 1 if negative else -1
        value >>= 1
        position += 1
    return digits[::-1]
