"""Conjunctions and disjunctions of any number of signals."""

from __future__ import annotations

from collections.abc import Iterable

from amaranth.hdl import Const, Value, ValueLike

__all__ = ["all_of", "any_of"]


def all_of(values: Iterable[ValueLike]) -> Value:
    """1 where all conditions are 1; without any condition, 1."""
    result: Value | None = None
    for value in values:
        result = Value.cast(value) if result is None else result & value
    return Const(1, 1) if result is None else result


def any_of(values: Iterable[ValueLike]) -> Value:
    """1 where a condition is 1; without any condition, 0."""
    result: Value | None = None
    for value in values:
        result = Value.cast(value) if result is None else result | value
    return Const(0, 1) if result is None else result
