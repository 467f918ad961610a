"""Integer formulas of the run-time extents: what software computes once per launch so that hardware does not.

A core never multiplies or takes maxima of extents: every such value reaches it as a setting, and the setting
carries its formula. The same formula is evaluated by the simulator, printed as C by the driver, and read by people in
the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Formula", "ceil_div", "constant", "maximum", "modulo", "variable"]


@dataclass(frozen=True, slots=True)
class Formula:
    """An integer formula: a constant, a variable, or an operator over formulas.

    Attributes
    ----------
    op : str
        ``"constant"``, ``"variable"``, ``"+"``, ``"*"``, ``"max"``, ``"ceil_div"`` (second operand a positive
        constant), or ``"mod"`` (remainder, of a first operand that is never negative).
    operands : tuple of Formula
        Operands of an operator.
    value : int
        The constant.
    name : str
        The variable.
    """

    op: str
    operands: tuple[Formula, ...] = ()
    value: int = 0
    name: str = ""

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
        if self.op == "+":
            return sum(values)
        if self.op == "max":
            return max(values)
        if self.op == "ceil_div":
            return -(-values[0] // values[1])
        if self.op == "mod":
            return values[0] % values[1]
        product = 1
        for value in values:
            product *= value
        return product

    def greatest(self, maxima: Mapping[str, int]) -> int:
        """A bound of the value where no variable exceeds its maximum; all operations but ``"mod"`` rise with theirs."""
        if not self.operands:
            return self.evaluate(maxima)
        bounds = {f"_{n}": operand.greatest(maxima) for n, operand in enumerate(self.operands)}
        if self.op == "mod":
            return min(bounds["_0"], bounds["_1"] - 1)
        if self.op == "ceil_div" and not self.operands[1].is_constant:
            return bounds["_0"]
        return Formula(self.op, tuple(variable(name) for name in bounds)).evaluate(bounds)

    def variables(self) -> set[str]:
        """Names the formula depends on."""
        if self.op == "variable":
            return {self.name}
        return set().union(*(operand.variables() for operand in self.operands)) if self.operands else set()

    def __add__(self, other: Formula | int) -> Formula:
        constant_part = 0
        terms: list[Formula] = []
        for formula in (self, constant(other) if isinstance(other, int) else other):
            for term in formula.operands if formula.op == "+" else (formula,):
                if term.is_constant:
                    constant_part += term.value
                else:
                    terms.append(term)
        if constant_part or not terms:
            terms.append(constant(constant_part))
        return terms[0] if len(terms) == 1 else Formula("+", tuple(terms))

    def __sub__(self, other: int) -> Formula:
        return self + -other

    def __mul__(self, other: Formula | int) -> Formula:
        factor = constant(other) if isinstance(other, int) else other
        if self.is_constant and factor.is_constant:
            return constant(self.value * factor.value)
        for one, rest in ((self, factor), (factor, self)):
            if one.is_constant and one.value in (0, 1):
                return rest if one.value else constant(0)
        return Formula("*", (self, factor))

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
    return Formula("constant", value=value)


def variable(name: str) -> Formula:
    """The formula of a launch's own quantity, such as ``extent_x``."""
    return Formula("variable", name=name)


def maximum(formulas: list[Formula]) -> Formula:
    """The greatest of some formulas; those that differ only by a constant, within a division too, are compared now."""
    best: dict[tuple[Formula, int], int] = {}
    for formula in (part for whole in formulas for part in (whole.operands if whole.op == "max" else (whole,))):
        base, offset = _split(formula)
        divisor = 1
        if base.op == "ceil_div" and base.operands[1].is_constant:
            # ceil_div(n, d) + k == ceil_div(n + d * k, d)
            inner, divisor = base.operands[0], base.operands[1].value
            base, inside = _split(inner)
            offset = inside + divisor * offset
        best[base, divisor] = max(best.get((base, divisor), offset), offset)
    kept = [ceil_div(base + offset, divisor) for (base, divisor), offset in best.items()]
    return kept[0] if len(kept) == 1 else Formula("max", tuple(kept))


def ceil_div(formula: Formula, divisor: int) -> Formula:
    """``formula / divisor`` rounded up."""
    if divisor == 1:
        return formula
    if formula.is_constant:
        return constant(-(-formula.value // divisor))
    return Formula("ceil_div", (formula, constant(divisor)))


def modulo(formula: Formula, modulus: Formula, least: Mapping[str, int]) -> Formula:
    """``formula % modulus``, worked out now where that can be; neither falls below its value at the least extents."""
    if formula.is_constant and modulus.is_constant:
        return constant(formula.value % modulus.value)
    if formula.is_constant and formula.value < modulus.evaluate(least):
        return formula
    base, offset = _split(formula)
    modulus_base, modulus_offset = _split(modulus)
    if base == modulus_base:
        beyond = offset - modulus_offset
        if beyond < 0:
            return formula
        if beyond < modulus.evaluate(least):
            return constant(beyond)
    return Formula("mod", (formula, modulus))


def _split(formula: Formula) -> tuple[Formula, int]:
    """``(base, offset)`` with ``formula == base + offset`` and no constant in base."""
    if formula.is_constant:
        return constant(0), formula.value
    if formula.op == "+":
        offset = sum(term.value for term in formula.operands if term.is_constant)
        rest = tuple(term for term in formula.operands if not term.is_constant)
        return (rest[0] if len(rest) == 1 else Formula("+", rest)), offset
    return formula, 0
