"""Canonical forms of integer formulas: equal functions are equal values, so that equal sizes are found to be equal.

A form is a sum: a constant, and integer multiples of products of atoms. An atom is a variable, a sum divided by a
number and rounded down, the greatest of several sums, or the remainder of two sums. What is unique about it:

- ``floor((a*e + k) / b)`` has ``0 < a < b``, ``0 <= k < b`` and no common factor; its multiples are positive, because
  ``-floor(s / b) == floor((b - 1 - s) / b)``. Several of one variable are taken apart anew from their steps over a
  period (``e -> e + 1`` changes the sum by one of as many numbers), and these steps are unique.
- Divisions go into divisions and into maxima; maxima of maxima are one.
- A maximum has no operand that another one dominates, no part that all operands have, and no common factor. The least
  of several is the greatest of their opposites.

Not unique, hence perhaps two settings for one size: a maximum with an operand that only several others together
dominate, sums of maxima that are one maximum, divisions of sums of several variables, remainders by what is no number.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

__all__ = [
    "Atom", "Bound", "Floor", "Maximum", "Monomial", "Range", "Ranges", "Remainder", "Sum", "Variable",
    "added", "bounds", "bounds_of_product", "bounds_of_sum", "floor", "maximum", "multiplied", "named", "number",
    "remainder", "scaled",
]  # fmt: skip

#: Least and greatest value of a variable; None: there is no such bound.
Range: TypeAlias = tuple[int | None, int | None]
Ranges: TypeAlias = Mapping[str, Range]
Bound: TypeAlias = int | float  # an infinity where there is none

_LONGEST_PERIOD = 720  # of sums of several divisions by different numbers; beyond, they stay as they are
_LONGEST_LOOK = 4096  # values that are tried for the bounds of a sum that does not rise or fall everywhere


class Sum(NamedTuple):
    """``constant + sum of coefficient * product of atoms``, terms in order, no coefficient 0."""

    terms: tuple[tuple[Monomial, int], ...]
    constant: int


class Variable(NamedTuple):
    """A variable."""

    kind: str
    name: str


class Floor(NamedTuple):
    """A sum, divided by a number greater than 1 and rounded down."""

    kind: str
    inner: Sum
    divisor: int


class Maximum(NamedTuple):
    """The greatest of two sums or more."""

    kind: str
    operands: tuple[Sum, ...]


class Remainder(NamedTuple):
    """What is left of a sum divided by another one; never negative."""

    kind: str
    inner: Sum
    modulus: Sum


Atom: TypeAlias = Variable | Floor | Maximum | Remainder
Monomial: TypeAlias = tuple[Atom, ...]


def number(value: int) -> Sum:
    """A constant."""
    return Sum((), value)


def named(name: str) -> Sum:
    """A variable."""
    return _atom(Variable("variable", name))


def added(one: Sum, other: Sum) -> Sum:
    """``one + other``."""
    return _sum([*one.terms, *other.terms], one.constant + other.constant)


def scaled(one: Sum, factor: int) -> Sum:
    """``one * factor``."""
    return _sum([(monomial, c * factor) for monomial, c in one.terms], one.constant * factor)


def multiplied(one: Sum, other: Sum) -> Sum:
    """``one * other``."""
    terms = [(_product(a, b), c * d) for a, c in _with_constant(one) for b, d in _with_constant(other)]
    return _sum(terms, 0)


def floor(one: Sum, divisor: int) -> Sum:
    """``one / divisor``, rounded down; the divisor is positive."""
    if divisor == 1:
        return one
    maxima = [(m[0], c) for m, c in one.terms if len(m) == 1 and isinstance(m[0], Maximum)]
    if len(maxima) == 1:
        (greatest, c), sign = maxima[0], 1 if maxima[0][1] > 0 else -1
        rest = added(one, scaled(_atom(greatest), -c))
        parts = (floor(added(rest, scaled(operand, c)), divisor) for operand in greatest.operands)
        return scaled(maximum([scaled(part, sign) for part in parts], {}), sign)
    whole = _sum([(m, c // divisor) for m, c in one.terms], one.constant // divisor)
    terms = [(m, c % divisor) for m, c in one.terms if c % divisor]
    if not terms:
        return whole
    common = math.gcd(divisor, *(c for _, c in terms))
    divisor //= common
    terms = [(m, c // common) for m, c in terms]
    inner = _sum(terms, one.constant % (divisor * common) // common)
    if inner.terms != tuple(terms):  # several divisions in it became others
        return added(whole, floor(inner, divisor))
    floors = [(atom, c) for (atom, *others), c in terms if isinstance(atom, Floor) and not others]
    if len(floors) == 1 and floors[0][1] == 1:
        within = floors[0][0]
        rest = added(inner, scaled(_atom(within), -1))
        return added(whole, floor(added(within.inner, scaled(rest, within.divisor)), divisor * within.divisor))
    return added(whole, _atom(Floor("floor", inner, divisor)))


def maximum(sums: Iterable[Sum], ranges: Ranges) -> Sum:
    """The greatest of some sums, where the variables are in these ranges (those that are missing may be anything)."""
    kept: list[Sum] = []
    for candidate in (part for whole in sums for part in _operands(whole)):
        opposite = scaled(candidate, -1)
        if candidate in kept or any(bounds(added(other, opposite), ranges)[0] >= 0 for other in kept):
            continue
        kept = [other for other in kept if bounds(added(candidate, scaled(other, -1)), ranges)[0] < 0]
        kept.append(candidate)
    if len(kept) == 1:
        return kept[0]
    tables = [dict(one.terms) for one in kept]
    monomials = {monomial for table in tables for monomial in table}
    common = _sum([(m, min(table.get(m, 0) for table in tables)) for m in monomials], min(s.constant for s in kept))
    reduced = [added(one, scaled(common, -1)) for one in kept]
    factor = math.gcd(*(c for one in reduced for c in (one.constant, *(c for _, c in one.terms))))
    operands = sorted(_sum([(m, c // factor) for m, c in one.terms], one.constant // factor) for one in reduced)
    return added(common, scaled(_atom(Maximum("maximum", tuple(operands))), factor))


def remainder(one: Sum, modulus: Sum) -> Sum:
    """``one % modulus``; the modulus is positive."""
    if not modulus.terms:
        return added(one, scaled(floor(one, modulus.constant), -modulus.constant))
    return _atom(Remainder("remainder", one, modulus))


def bounds(one: Sum, ranges: Ranges) -> tuple[Bound, Bound]:
    """Numbers that a sum is never below and never above; infinities where there are none.

    They are attained by sums of terms of one variable each, by maxima's greatest, and wherever everything rises with
    every variable. Divisions of one sum of variables are looked at together, as those of one variable are.
    """
    maxima = [(m[0], c) for m, c in one.terms if len(m) == 1 and isinstance(m[0], Maximum)]
    if maxima:
        (greatest, c), pick = maxima[0], max if maxima[0][1] > 0 else min
        rest = added(one, scaled(_atom(greatest), -c))
        lows, highs = zip(*(bounds(added(rest, scaled(part, c)), ranges) for part in greatest.operands), strict=True)
        return pick(lows), pick(highs)
    found: list[tuple[Bound, Bound]] = [(one.constant, one.constant)]
    of_one: dict[str, list[tuple[Atom, int]]] = {}
    for monomial, c in one.terms:
        if len(monomial) == 1 and (name := _variable_of(monomial[0])) is not None:
            of_one.setdefault(name, []).append((monomial[0], c))
            continue
        found.append(bounds_of_product([(c, c), *(_atom_bounds(atom, ranges) for atom in monomial)]))
    found += [_bounds_of_one(terms, ranges.get(name, (None, None))) for name, terms in of_one.items()]
    low, high = bounds_of_sum(found)
    name = f"together {len(ranges)}"  # no name of a user's has a space
    if (together := _divided_together(one, name)) is not None:
        divided, rest = together
        least, most = (None if end in (math.inf, -math.inf) else int(end) for end in bounds(divided, ranges))
        found_together = bounds(rest, {**ranges, name: (least, most)})
        low, high = max(low, found_together[0]), min(high, found_together[1])
    return low, high


def _divided_together(one: Sum, name: str) -> tuple[Sum, Sum] | None:
    """A sum of variables that something in a sum is made from by division; that with a variable in its place."""
    if len(one.terms) < 2 or any(len(m) != 1 or not isinstance(m[0], (Variable, Floor)) for m, _ in one.terms):
        return None
    floors = (atom for m, _ in one.terms if isinstance(atom := m[0], Floor))
    inner = next((floor.inner for floor in floors if len(floor.inner.terms) > 1), None)
    if inner is None or any(len(m) != 1 or not isinstance(m[0], Variable) for m, _ in inner.terms):
        return None
    factor = math.gcd(*(c for _, c in inner.terms))
    divided = Sum(tuple((monomial, c // factor) for monomial, c in inner.terms), 0)
    (leading, unit), *_ = divided.terms
    together = named(name)

    def replaced(part: Sum) -> Sum:
        times = dict(part.terms).get(leading, 0) // unit
        return added(added(part, scaled(divided, -times)), scaled(together, times))

    rest = number(one.constant)
    for monomial, c in one.terms:
        term = Sum(((monomial, c),), 0)
        if isinstance(atom := monomial[0], Floor):
            within = replaced(atom.inner)
            if all(variables == (Variable("variable", name),) for variables, _ in within.terms):  # no other one is left
                term = scaled(floor(within, atom.divisor), c)
        rest = added(rest, term)
    return divided, replaced(rest)


def bounds_of_sum(parts: Iterable[tuple[Bound, Bound]]) -> tuple[Bound, Bound]:
    """Bounds of a sum of what has these bounds."""
    lows, highs = zip(*parts, strict=True)
    return sum(lows), sum(highs)


def bounds_of_product(parts: Iterable[tuple[Bound, Bound]]) -> tuple[Bound, Bound]:
    """Bounds of a product of what has these bounds."""
    low: Bound = 1
    high: Bound = 1
    for part in parts:
        ends = [_times(a, b) for a in (low, high) for b in part]
        low, high = min(ends), max(ends)
    return low, high


# --- parts ------------------------------------------------------------------------------------------------------------


def _atom(atom: Atom) -> Sum:
    return Sum((((atom,), 1),), 0)


def _with_constant(one: Sum) -> list[tuple[Monomial, int]]:
    return [*one.terms, ((), one.constant)]


def _product(one: Monomial, other: Monomial) -> Monomial:
    return tuple(sorted((*one, *other)))


def _operands(one: Sum) -> list[Sum]:
    """What it is the greatest of: itself, or the operands of its maximum, with what is added to that."""
    maxima = [(m[0], c) for m, c in one.terms if len(m) == 1 and isinstance(m[0], Maximum)]
    if len(maxima) != 1 or maxima[0][1] < 0:
        return [one]
    atom, c = maxima[0]
    rest = added(one, scaled(_atom(atom), -c))
    return [added(rest, scaled(operand, c)) for operand in atom.operands]


def _sum(terms: Iterable[tuple[Monomial, int]], constant: int) -> Sum:
    """A sum of terms in any order."""
    found: dict[Monomial, int] = {}
    for monomial, c in terms:
        if monomial:
            found[monomial] = found.get(monomial, 0) + c
        else:
            constant += c
    for monomial, c in found.items():
        if c < 0 and len(monomial) == 1 and isinstance(atom := monomial[0], Floor):
            rest = [(m, d) for m, d in found.items() if m != monomial]
            opposite = floor(added(number(atom.divisor - 1), scaled(atom.inner, -1)), atom.divisor)
            rest += [(m, -c * d) for m, d in opposite.terms]
            return _sum(rest, constant - c * opposite.constant)
    by_variable: dict[str, list[tuple[Floor, int]]] = {}
    for monomial, c in found.items():
        if c and len(monomial) == 1 and isinstance(atom := monomial[0], Floor) and (name := _variable_of(atom)):
            by_variable.setdefault(name, []).append((atom, c))
    for name, floors in by_variable.items():
        period = math.lcm(*(atom.divisor for atom, _ in floors))
        if len(floors) > 1 and period <= _LONGEST_PERIOD:
            for atom, _ in floors:
                del found[atom,]
            for monomial, c in _from_steps(name, _steps(floors, period)):
                found[monomial] = found.get(monomial, 0) + c
    return Sum(tuple(sorted((m, c) for m, c in found.items() if c)), constant)


# --- divisions of one variable ----------------------------------------------------------------------------------------


def _variable_of(atom: Atom) -> str | None:
    """The variable, if it is one, or a division ``(a*e + k) / b``."""
    if isinstance(atom, Floor) and len(atom.inner.terms) == 1 and len(atom.inner.terms[0][0]) == 1:
        atom = atom.inner.terms[0][0][0]
    return atom.name if isinstance(atom, Variable) else None


def _at(atom: Atom, e: int) -> int:
    if isinstance(atom, Floor):
        return (atom.inner.terms[0][1] * e + atom.inner.constant) // atom.divisor
    return e


def _division(name: str, a: int, k: int, b: int) -> Monomial:
    return (Floor("floor", Sum((((Variable("variable", name),), a),), k), b),)


def _steps(floors: Sequence[tuple[Floor, int]], period: int) -> list[int]:
    """How much the sum rises from ``e - 1`` to ``e``, for each ``e`` of a period."""
    values = [sum(c * _at(atom, e) for atom, c in floors) for e in range(-1, period)]
    return [after - before for before, after in itertools.pairwise(values)]


def _from_steps(name: str, steps: list[int]) -> list[tuple[Monomial, int]]:
    """The terms that rise by these steps and are 0 for 0."""
    slope = min(steps)
    terms: list[tuple[Monomial, int]] = [((Variable("variable", name),), slope)]
    rest = [step - slope for step in steps]
    period = next(n for n in _divisors(len(rest)) if rest == rest[:n] * (len(rest) // n))
    rest = rest[:period]
    if not any(rest):
        return terms
    risen = [e for e, step in enumerate(rest) if step]
    a, c = len(risen), max(rest)
    if math.gcd(a, period) == 1 and all(rest[e] == c for e in risen):  # perhaps c * floor((a*e + k) / period)
        for k in ((r - a * risen[0]) % period for r in range(a)):
            if risen == [e for e in range(period) if (a * e + k) % period < a]:
                return [*terms, (_division(name, a, k, period), c)]
    for divisor in _divisors(period):
        for k in range(divisor):
            c = min(rest[-k % divisor :: divisor])
            if c:
                rest[-k % divisor :: divisor] = [step - c for step in rest[-k % divisor :: divisor]]
                terms.append((_division(name, 1, k, divisor), c))
    return terms


def _divisors(n: int) -> list[int]:
    return [d for d in range(1, n + 1) if n % d == 0]


# --- bounds -----------------------------------------------------------------------------------------------------------


def _times(a: Bound, b: Bound) -> Bound:
    return 0 if a == 0 or b == 0 else a * b


def _divided(a: Bound, divisor: int) -> Bound:
    return a if isinstance(a, float) else a // divisor


def _atom_bounds(atom: Atom, ranges: Ranges) -> tuple[Bound, Bound]:
    if isinstance(atom, Variable):
        return _ends(ranges.get(atom.name, (None, None)))
    if isinstance(atom, Floor):
        low, high = bounds(atom.inner, ranges)
        return _divided(low, atom.divisor), _divided(high, atom.divisor)
    if isinstance(atom, Maximum):
        return bounds(_atom(atom), ranges)
    (low, high), (least, most) = bounds(atom.inner, ranges), bounds(atom.modulus, ranges)
    if low >= 0 and high < least:
        return low, high
    return 0, min(high, most - 1) if low >= 0 else most - 1


def _ends(limits: Range) -> tuple[Bound, Bound]:
    low, high = limits
    return -math.inf if low is None else low, math.inf if high is None else high


def _bounds_of_one(terms: Sequence[tuple[Atom, int]], limits: Range) -> tuple[Bound, Bound]:
    """Bounds of a sum of multiples and divisions of one variable."""
    low, high = limits

    def value(e: int) -> int:
        return sum(c * _at(atom, e) for atom, c in terms)

    signs = {c > 0 for _, c in terms}
    if len(signs) == 1:
        ends: list[Bound] = [-math.inf if low is None else value(low), math.inf if high is None else value(high)]
        if signs == {False}:
            ends = [math.inf if low is None else value(low), -math.inf if high is None else value(high)]
        return min(ends), max(ends)
    period = math.lcm(*(atom.divisor for atom, _ in terms if isinstance(atom, Floor)))
    if period > _LONGEST_LOOK:
        found = [_bounds_of_one([term], limits) for term in terms]
        return sum(one for one, _ in found), sum(one for _, one in found)
    rise = value(period) - value(0)
    first = low if low is not None else 0 if high is None else high - period + 1
    last = high if high is not None else first + period - 1
    tried = {*range(first, min(first + period, last + 1)), *range(max(last - period + 1, first), last + 1)}
    values = [value(e) for e in tried]
    downwards = (low is None and rise > 0) or (high is None and rise < 0)
    upwards = (low is None and rise < 0) or (high is None and rise > 0)
    return -math.inf if downwards else min(values), math.inf if upwards else max(values)
