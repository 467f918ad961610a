"""Bounds of sizes that depend on where a region begins, which may be anywhere.

``floor((m + e) / 2) - floor(m / 2)`` is bounded though neither part is: m moves both alike, and after two steps all is
as before. Such a variable is tried over a period.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

from fluorite.hwgen import canonical
from fluorite.hwgen.canonical import Atom, Bound, Floor, Maximum, Ranges, Remainder, Sum, Variable

__all__ = ["bounds"]

_LONGEST_PERIOD = 720


def bounds(one: Sum, ranges: Ranges) -> tuple[Bound, Bound]:
    """Numbers that a sum is never below and never above; infinities where none are found.

    Parameters
    ----------
    one : Sum
        A canonical form.
    ranges : mapping of str to (int or None, int or None)
        Least and greatest value of each variable; those that are missing may be anything.
    """
    low, high = canonical.bounds(one, ranges)
    if -math.inf < low and high < math.inf:
        return low, high
    for monomial, c in one.terms:
        if len(monomial) == 1 and isinstance(greatest := monomial[0], Maximum):
            rest = canonical.added(one, Sum((((greatest,), -c),), 0))
            parts = [bounds(canonical.added(rest, canonical.scaled(o, c)), ranges) for o in greatest.operands]
            pick = max if c > 0 else min
            return pick(least for least, _ in parts), pick(most for _, most in parts)
    for name in sorted(set(_variables(one))):
        slope, period = _slope(one, name) if None in ranges.get(name, (None, None)) else (None, 0)
        if slope == 0 and period <= _LONGEST_PERIOD:
            tried = [bounds(_at(one, name, value), ranges) for value in range(period)]
            return min(least for least, _ in tried), max(most for _, most in tried)
    return low, high


def _variables(one: Sum) -> Iterator[str]:
    for monomial, _ in one.terms:
        for atom in monomial:
            yield from _variables_of(atom)


def _variables_of(atom: Atom) -> Iterator[str]:
    if isinstance(atom, Variable):
        yield atom.name
        return
    parts = atom.operands if isinstance(atom, Maximum) else (atom.inner,)
    for part in (*parts, atom.modulus) if isinstance(atom, Remainder) else parts:
        yield from _variables(part)


def _slope(one: Sum, name: str) -> tuple[Fraction | None, int]:
    """How much a sum of divisions rises with a variable, on average, and after which step it goes on as before."""
    slope, period = Fraction(0), 1
    for monomial, c in one.terms:
        if name not in {found for atom in monomial for found in _variables_of(atom)}:
            continue
        atom = monomial[0]
        if len(monomial) > 1 or isinstance(atom, (Maximum, Remainder)):
            return None, 0
        if isinstance(atom, Floor):
            inner, steps = _slope(atom.inner, name)
            if inner is None:
                return None, 0
            slope += c * inner / atom.divisor
            period = math.lcm(period, steps * atom.divisor // math.gcd(int(inner * steps), atom.divisor))
        else:
            slope += c
    return slope, period


def _at(one: Sum, name: str, value: int) -> Sum:
    """A sum where a variable has a value."""
    total = canonical.number(one.constant)
    for monomial, c in one.terms:
        product = canonical.number(c)
        for atom in monomial:
            product = canonical.multiplied(product, _atom_at(atom, name, value))
        total = canonical.added(total, product)
    return total


def _atom_at(atom: Atom, name: str, value: int) -> Sum:
    if isinstance(atom, Variable):
        return canonical.number(value) if atom.name == name else canonical.named(atom.name)
    if isinstance(atom, Floor):
        return canonical.floor(_at(atom.inner, name, value), atom.divisor)
    if isinstance(atom, Maximum):
        return canonical.maximum([_at(operand, name, value) for operand in atom.operands], {})
    return canonical.remainder(_at(atom.inner, name, value), _at(atom.modulus, name, value))
