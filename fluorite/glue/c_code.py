"""Formulas and index functions as C, with Halide's arithmetic (``fluorite_stage.h`` has the functions)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fluorite.frontend.algorithm import ir
from fluorite.glue.printer import formula_text, index_texts
from fluorite.hwgen.formula import Formula

__all__ = ["c_formula", "c_function", "c_number"]

_INT32 = range(-(1 << 31) + 1, 1 << 31)

_INFIX = {
    ir.BinaryOp.ADD: "+", ir.BinaryOp.SUB: "-", ir.BinaryOp.MUL: "*", ir.BinaryOp.EQ: "==", ir.BinaryOp.NE: "!=",
    ir.BinaryOp.LT: "<", ir.BinaryOp.LE: "<=", ir.BinaryOp.GT: ">", ir.BinaryOp.GE: ">=", ir.BinaryOp.AND: "&&",
    ir.BinaryOp.OR: "||",
}  # fmt: skip
_FUNCTIONS = {
    ir.BinaryOp.DIV: "fluorite_div", ir.BinaryOp.MOD: "fluorite_mod", ir.BinaryOp.MIN: "fluorite_min",
    ir.BinaryOp.MAX: "fluorite_max",
}  # fmt: skip
_OF_FORMULAS = {
    "max": "fluorite_max", "min": "fluorite_min", "ceil_div": "fluorite_ceil_div", "floor_div": "fluorite_div",
    "mod": "fluorite_mod",
}  # fmt: skip


class _C:
    """The dialect; all values are ``int64_t``."""

    def number(self, value: int) -> str:
        return c_number(value)

    def factor(self, formula: Formula, text: str) -> str:
        return f"({text})" if formula.op == "+" else text

    def function(self, formula: Formula, operands: Sequence[str]) -> str:
        text = operands[0]
        for operand in operands[1:]:
            text = f"{_OF_FORMULAS[formula.op]}({text}, {operand})"
        return text

    def binary(self, op: ir.BinaryOp, a: str, b: str) -> str:
        return f"{_FUNCTIONS[op]}({a}, {b})" if op in _FUNCTIONS else f"({a} {_INFIX[op]} {b})"

    def select(self, condition: str, a: str, b: str) -> str:
        return f"({condition} != 0 ? {a} : {b})"

    def absolute(self, a: str) -> str:
        return f"fluorite_abs({a})"


def c_number(value: int) -> str:
    """A literal of type ``int`` or ``int64_t``."""
    if value in _INT32:
        return str(value)
    return "INT64_MIN" if value == -(1 << 63) else f"INT64_C({value})"


def c_formula(formula: Formula, names: Mapping[str, str]) -> str:
    """A formula as a C expression.

    Parameters
    ----------
    formula : Formula
    names : mapping of str to str
        C variables, of type ``int64_t``, by the formula's own.
    """
    return formula_text(formula, names, _C())


def c_function(head: str, expr: ir.Expr, names: Mapping[str, str]) -> list[str]:
    """Lines of a C function that returns an index function's value; what is shared in it is computed once.

    Parameters
    ----------
    head : str
        Its return type, name and parameters.
    expr : ir.Expr
        As :func:`fluorite.frontend.algorithm.evaluate.evaluate` takes it.
    names : mapping of str to str
        C expressions of type ``int64_t`` by variable.
    """
    named, result = index_texts(expr, names, _C())
    lines = [f"    const int64_t {name} = {text};" for name, text in named]
    return [head, "{", *lines, f"    return {result};", "}"]
