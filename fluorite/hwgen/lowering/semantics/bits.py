"""Halide's operations on single bits, and the choice among many values, which is built the same way: by halves."""

from __future__ import annotations

from collections.abc import Sequence

from fluorite.frontend.algorithm import ir
from fluorite.hwgen.streams.builder import Builder
from fluorite.hwgen.streams.graph import Ref

__all__ = ["concatenate", "leading_zeros", "multiplex", "trailing_zeros"]


def leading_zeros(build: Builder, value: Ref, bits: int) -> Ref:
    """How many zeros are above the highest one of an unsigned value; ``bits`` for 0."""
    return _count_zeros(build, value, bits, from_top=True)


def trailing_zeros(build: Builder, value: Ref, bits: int) -> Ref:
    """How many zeros are below the lowest one of an unsigned value; ``bits`` for 0."""
    return _count_zeros(build, value, bits, from_top=False)


def _count_zeros(build: Builder, value: Ref, bits: int, *, from_top: bool) -> Ref:
    """A search by halves: is the half to be searched first empty, and which half is left."""
    counted: list[tuple[int, Ref]] = []
    half = bits // 2
    while half:
        high, low = build.shift_right(value, half), build.wrap(value, half, False)
        first, second = (high, low) if from_top else (low, high)
        empty = build.eq(first, build.const(0))
        counted.append((half, empty))
        value = build.select(empty, second, first)
        half //= 2
    return build.linear([*counted, (-1, value)], 1)


def multiplex(build: Builder, index: Ref, values: Sequence[Ref], first: int = 0) -> Ref:
    """``values[index - first]``, the last one for a greater index."""
    if len(values) == 1:
        return values[0]
    half = 1 << ((len(values) - 1).bit_length() - 1)
    lower = multiplex(build, index, values[:half], first)
    upper = multiplex(build, index, values[half:], first + half)
    return build.select(build.lt(index, build.const(first + half)), lower, upper)


def concatenate(build: Builder, parts: Sequence[Ref], type_: ir.Type) -> Ref:
    """Unsigned values of one width side by side, the first in the low bits."""
    result = parts[-1]
    for part in reversed(parts[:-1]):
        result = build.concat(result, part, type_.bits)
    return result
