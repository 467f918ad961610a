"""Integer formulas of the run-time extents: what software computes once per launch so that hardware does not.

A core never multiplies or takes maxima of extents: every such value reaches it as a setting, and the setting
carries its formula. The same formula is evaluated by the simulator, printed as C by the driver, and read by people in
the report.

Two formulas are equal if their canonical forms are (:mod:`fluorite.hwgen.canonical`), however they came about. They are
printed as they came about, unless that is longer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce

from fluorite.hwgen import canonical, periodic
from fluorite.hwgen.canonical import Bound, Floor, Maximum, Monomial, Range, Ranges, Sum, Variable

__all__ = [
    "Formula",
    "Range",
    "Ranges",
    "ceil_div",
    "constant",
    "floor_div",
    "maximum",
    "minimum",
    "modulo",
    "variable",
]

_SLACK = 3  # numbers and variables that a formula may have in print, more than its canonical form has


@dataclass(frozen=True, slots=True)
class Formula:
    """An integer formula: a constant, a variable, or an operator over formulas.

    Made by the functions of this module and by ``+``, ``-``, ``*``.

    Attributes
    ----------
    form : Sum
        Its canonical form: all that counts for ``==``.
    op : str
        ``"constant"``, ``"variable"``, ``"+"``, ``"*"``, ``"max"``, ``"min"``, ``"ceil_div"`` and ``"floor_div"``
        (second operand a positive constant), or ``"mod"`` (never negative; second operand positive).
    operands : tuple of Formula
        Operands of an operator.
    value : int
        The constant.
    name : str
        The variable.
    """

    form: Sum = field(repr=False)
    op: str = field(compare=False)
    operands: tuple[Formula, ...] = field(default=(), compare=False)
    value: int = field(default=0, compare=False)
    name: str = field(default="", compare=False)

    @property
    def is_constant(self) -> bool:
        """Whether the value is known now."""
        return self.op == "constant"

    def evaluate(self, variables: Mapping[str, int]) -> int:
        """Value of the formula.

        Raises
        ------
        KeyError
            A variable is missing.
        """
        if self.op == "constant":
            return self.value
        if self.op == "variable":
            return variables[self.name]
        values = [operand.evaluate(variables) for operand in self.operands]
        if self.op == "ceil_div":
            return -(-values[0] // values[1])
        if self.op == "floor_div":
            return values[0] // values[1]
        if self.op == "mod":
            return values[0] % values[1]
        if self.op == "max":
            return max(values)
        if self.op == "min":
            return min(values)
        return sum(values) if self.op == "+" else math.prod(values)

    def greatest(self, ranges: Ranges) -> int:
        """A bound from above: attained by products too where factors are not negative and rise with every variable.

        Of the rest, :func:`fluorite.hwgen.canonical.bounds` says which bounds are attained; variables without bounds
        do no harm where the formula does not rise or fall with them (:mod:`fluorite.hwgen.periodic`).

        Parameters
        ----------
        ranges : mapping of str to (int or None, int or None)
            Least and greatest value of each variable.

        Raises
        ------
        ValueError
            It may be any number.
        """
        return self._finite(self._bounds(ranges)[1])

    def least(self, ranges: Ranges) -> int:
        """A bound from below; see `greatest`."""
        return self._finite(self._bounds(ranges)[0])

    def _bounds(self, ranges: Ranges) -> tuple[Bound, Bound]:
        low, high = periodic.bounds(self.form, ranges)
        if self.operands and self.op != "mod":  # the form is multiplied out, and may have lost what operands say
            found = _bounds_of(self.op, [operand._bounds(ranges) for operand in self.operands])
            low, high = max(low, found[0]), min(high, found[1])
        return low, high

    def _finite(self, bound: Bound) -> int:
        if bound in (math.inf, -math.inf):
            raise ValueError(f"{self} has no bound")
        return int(bound)

    def variables(self) -> set[str]:
        """Names the formula depends on."""
        if self.op == "variable":
            return {self.name}
        return set().union(*(operand.variables() for operand in self.operands)) if self.operands else set()

    def divisors(self) -> set[int]:
        """The numbers that something in it is divided by, as it is printed."""
        found = set().union(*(operand.divisors() for operand in self.operands)) if self.operands else set()
        if self.op in ("ceil_div", "floor_div", "mod") and self.operands[1].is_constant:
            found.add(self.operands[1].value)
        return found

    def substituted(self, values: Mapping[str, Formula]) -> Formula:
        """The same with formulas in place of some variables, printed as it is now."""
        if self.op == "variable":
            return values.get(self.name, self)
        if not self.operands or not self.variables() & values.keys():
            return self
        operands = tuple(operand.substituted(values) for operand in self.operands)
        forms = [operand.form for operand in operands]
        if self.op == "+":
            form = reduce(canonical.added, forms)
        elif self.op == "*":
            form = reduce(canonical.multiplied, forms)
        elif self.op == "max":
            form = canonical.maximum(forms, {})
        elif self.op == "min":
            form = canonical.scaled(canonical.maximum([canonical.scaled(form, -1) for form in forms], {}), -1)
        elif self.op == "mod":
            form = canonical.remainder(*forms)
        else:
            divisor = operands[1].value
            rounded = canonical.added(forms[0], canonical.number(divisor - 1 if self.op == "ceil_div" else 0))
            form = canonical.floor(rounded, divisor)
        return Formula(form, self.op, operands)

    def __add__(self, other: Formula | int) -> Formula:
        formulas = (self, constant(other) if isinstance(other, int) else other)
        constant_part = 0
        terms: list[Formula] = []
        for term in (part for one in formulas for part in (one.operands if one.op == "+" else (one,))):
            if term.is_constant:
                constant_part += term.value
            else:
                terms.append(term)
        if constant_part or not terms:
            terms.append(constant(constant_part))
        return _made("+", tuple(terms), canonical.added(formulas[0].form, formulas[1].form))

    def __sub__(self, other: Formula | int) -> Formula:
        return self + other * -1

    def __mul__(self, other: Formula | int) -> Formula:
        factor = constant(other) if isinstance(other, int) else other
        for one, rest in ((self, factor), (factor, self)):
            if one.is_constant and one.value == 1:
                return rest
        return _made("*", (self, factor), canonical.multiplied(self.form, factor.form))

    def __str__(self) -> str:
        if self.op == "constant":
            return str(self.value)
        if self.op == "variable":
            return self.name
        if self.op == "+":
            text = str(self.operands[0])
            for term in self.operands[1:]:
                text += f" - {-term.value}" if term.is_constant and term.value < 0 else f" + {term}"
            return text
        if self.op == "*":
            return " * ".join(f"({o})" if o.op == "+" else str(o) for o in self.operands)
        return f"{self.op}({', '.join(str(o) for o in self.operands)})"


def constant(value: int) -> Formula:
    """The formula of a number."""
    return Formula(canonical.number(value), "constant", value=value)


def variable(name: str) -> Formula:
    """The formula of a launch's own quantity, such as ``extent_x``."""
    return Formula(canonical.named(name), "variable", name=name)


def maximum(formulas: Sequence[Formula], ranges: Ranges) -> Formula:
    """The greatest of some formulas; those that are never greater than another one are left out.

    Parameters
    ----------
    formulas : sequence of Formula
        One at least.
    ranges : mapping of str to (int or None, int or None)
        Least and greatest value of variables; those that are missing may be anything.
    """
    kept: list[Formula] = []
    for formula in (part for whole in formulas for part in (whole.operands if whole.op == "max" else (whole,))):
        if any(_never_less(other, formula, ranges) for other in kept):
            continue
        kept = [other for other in kept if not _never_less(formula, other, ranges)]
        kept.append(min(_printed(formula.form), formula, key=_leaves))
    if len(kept) == 1:
        return kept[0]
    return _made("max", tuple(kept), canonical.maximum([formula.form for formula in kept], ranges))


def minimum(formulas: Sequence[Formula], ranges: Ranges) -> Formula:
    """The least of some formulas; see `maximum`."""
    opposite = canonical.maximum([canonical.scaled(formula.form, -1) for formula in formulas], ranges)
    return _printed(canonical.scaled(opposite, -1))


def ceil_div(formula: Formula, divisor: int) -> Formula:
    """``formula / divisor`` rounded up; the divisor is positive."""
    if divisor == 1:
        return formula
    rounded = canonical.added(formula.form, canonical.number(divisor - 1))
    return _made("ceil_div", (formula, constant(divisor)), canonical.floor(rounded, divisor))


def floor_div(formula: Formula, divisor: int) -> Formula:
    """``formula / divisor`` rounded down; the divisor is positive."""
    if divisor == 1:
        return formula
    return _made("floor_div", (formula, constant(divisor)), canonical.floor(formula.form, divisor))


def modulo(formula: Formula, modulus: Formula, ranges: Ranges) -> Formula:
    """``formula % modulus``, without the remainder where it can only be taken once, or not at all.

    Parameters
    ----------
    formula, modulus : Formula
        The modulus is positive.
    ranges : mapping of str to (int or None, int or None)
        Least and greatest value of variables; those that are missing may be anything.
    """
    beyond = formula - modulus
    if formula._bounds(ranges)[0] >= 0 and beyond._bounds(ranges)[1] < 0:
        return formula
    if beyond._bounds(ranges)[0] >= 0 and (beyond - modulus)._bounds(ranges)[1] < 0:
        return min(_printed(beyond.form), beyond, key=_leaves)
    return _made("mod", (formula, modulus), canonical.remainder(formula.form, modulus.form))


def _bounds_of(op: str, parts: Sequence[tuple[Bound, Bound]]) -> tuple[Bound, Bound]:
    """Bounds of an operator, given its operands'."""
    if op == "+":
        return canonical.bounds_of_sum(parts)
    if op == "*":
        return canonical.bounds_of_product(parts)
    if op in ("max", "min"):
        pick = max if op == "max" else min
        return pick(low for low, _ in parts), pick(high for _, high in parts)
    (low, high), (divisor, _) = parts
    if op == "ceil_div":
        return -_divided(-low, divisor), -_divided(-high, divisor)
    return _divided(low, divisor), _divided(high, divisor)


def _divided(bound: Bound, divisor: Bound) -> Bound:
    return bound if bound in (math.inf, -math.inf) else bound // divisor


def _never_less(one: Formula, other: Formula, ranges: Ranges) -> bool:
    # Divisions of several variables do not cancel in a difference.
    return one == other or canonical.bounds(canonical.added(one.form, canonical.scaled(other.form, -1)), ranges)[0] >= 0


# --- print ------------------------------------------------------------------------------------------------------------


def _made(op: str, operands: tuple[Formula, ...], form: Sum) -> Formula:
    """An operator's formula, printed as such if that is not much longer than its canonical form."""
    if not form.terms:
        return constant(form.constant)
    if len(operands) == 1:
        return operands[0]
    made = Formula(form, op, operands)
    short = _printed(form)
    return made if _leaves(made) <= _leaves(short) + _SLACK else short


def _leaves(formula: Formula) -> int:
    return sum(_leaves(operand) for operand in formula.operands) if formula.operands else 1


def _printed(form: Sum) -> Formula:
    """A formula that is printed as its canonical form, with maxima and divisions that take in what is added to them."""
    single = [(monomial[0], c) for monomial, c in form.terms if len(monomial) == 1]
    maxima = [(atom, c) for atom, c in single if isinstance(atom, Maximum)]
    if len(maxima) == 1:
        atom, c = maxima[0]
        rest = canonical.added(form, Sum((((atom,), -c),), 0))
        parts = [canonical.added(rest, canonical.scaled(operand, c)) for operand in atom.operands]
        return Formula(form, "max" if c > 0 else "min", tuple(_printed(part) for part in parts))
    if len(form.terms) == 1 and single and isinstance(floor := single[0][0], Floor) and single[0][1] == 1:
        inner = canonical.added(floor.inner, canonical.number(form.constant * floor.divisor))
        if inner.constant >= floor.divisor - 1:
            up = canonical.added(inner, canonical.number(1 - floor.divisor))
            return Formula(form, "ceil_div", (_printed(up), constant(floor.divisor)))
        return Formula(form, "floor_div", (_printed(inner), constant(floor.divisor)))
    terms = [_printed_term(monomial, c) for monomial, c in form.terms]
    if form.constant or not terms:
        terms.append(constant(form.constant))
    return terms[0] if len(terms) == 1 else Formula(form, "+", tuple(terms))


def _printed_term(monomial: Monomial, c: int) -> Formula:
    factors: list[Formula] = []
    for atom in monomial:
        own = Sum((((atom,), 1),), 0)
        if isinstance(atom, Variable):
            factors.append(Formula(own, "variable", name=atom.name))
        elif isinstance(atom, (Floor, Maximum)):
            factors.append(_printed(own))
        else:
            factors.append(Formula(own, "mod", (_printed(atom.inner), _printed(atom.modulus))))
    if c != 1:
        factors.append(constant(c))
    return factors[0] if len(factors) == 1 else Formula(Sum(((monomial, c),), 0), "*", tuple(factors))
