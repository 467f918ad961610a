"""Formulas and index functions as Python, with Halide's arithmetic, for drivers and testbenches that stand alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fluorite.frontend.algorithm import ir
from fluorite.glue.printer import formula_text, index_texts
from fluorite.hwgen.formula import Formula

__all__ = ["HELPERS", "python_formula", "python_function"]

#: What index functions call: numpy arrays, element by element.
HELPERS = '''
def _mod(a, b):
    """Halide's ``%``: never negative, and 0 for a divisor of 0."""
    return np.where(b == 0, 0, np.mod(a, np.abs(np.where(b == 0, 1, b))))


def _div(a, b):
    """Halide's ``/``: what goes with that remainder."""
    return np.where(b == 0, 0, (a - _mod(a, b)) // np.where(b == 0, 1, b))
'''

_INFIX = {ir.BinaryOp.ADD: "+", ir.BinaryOp.SUB: "-", ir.BinaryOp.MUL: "*"}
_COMPARISON = {
    ir.BinaryOp.EQ: "==", ir.BinaryOp.NE: "!=", ir.BinaryOp.LT: "<", ir.BinaryOp.LE: "<=", ir.BinaryOp.GT: ">",
    ir.BinaryOp.GE: ">=", ir.BinaryOp.AND: "&", ir.BinaryOp.OR: "|",
}  # fmt: skip
_FUNCTIONS = {
    ir.BinaryOp.DIV: "_div", ir.BinaryOp.MOD: "_mod", ir.BinaryOp.MIN: "np.minimum", ir.BinaryOp.MAX: "np.maximum",
}  # fmt: skip
_OF_FORMULAS = {"floor_div": "//", "mod": "%"}


class _Python:
    """The dialect: formulas are of ints, index functions of ints and arrays of int64."""

    def number(self, value: int) -> str:
        return str(value)

    def factor(self, formula: Formula, text: str) -> str:
        return f"({text})" if formula.operands else text

    def function(self, formula: Formula, operands: Sequence[str]) -> str:
        if formula.op in ("max", "min"):
            return f"{formula.op}({', '.join(operands)})"
        a, b = (self.factor(o, text) for o, text in zip(formula.operands, operands, strict=True))
        return (
            f"-(-{a} // {b})" if formula.op == "ceil_div" else f"{a} {'//' if formula.op == 'floor_div' else '%'} {b}"
        )

    def binary(self, op: ir.BinaryOp, a: str, b: str) -> str:
        if op in _FUNCTIONS:
            return f"{_FUNCTIONS[op]}({a}, {b})"
        if op in _COMPARISON:  # numbers, as Halide's Booleans take part in arithmetic
            return f"np.int64({a} {_COMPARISON[op]} {b})"
        return f"({a} {_INFIX[op]} {b})"

    def select(self, condition: str, a: str, b: str) -> str:
        return f"np.where({condition} != 0, {a}, {b})"

    def absolute(self, a: str) -> str:
        return f"np.abs({a})"


def python_formula(formula: Formula, names: Mapping[str, str]) -> str:
    """A formula as a Python expression of ints.

    Parameters
    ----------
    formula : Formula
    names : mapping of str to str
        Python expressions by the formula's variables.
    """
    return formula_text(formula, names, _Python())


def python_function(head: str, expr: ir.Expr, names: Mapping[str, str]) -> list[str]:
    """Lines of a Python function that returns an index function's values; what is shared in it is computed once.

    Parameters
    ----------
    head : str
        Such as ``"def border(position, v):"``.
    expr : ir.Expr
        As :func:`fluorite.frontend.algorithm.evaluate.evaluate` takes it.
    names : mapping of str to str
        Python expressions, ints or arrays of int64, by variable.
    """
    named, result = index_texts(expr, names, _Python())
    lines = [f"    {name} = {text}" for name, text in named]
    return [head, *lines, f"    return {result}"]
