"""Formulas and index functions as Python, with Halide's arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fluorite.frontend.algorithm import ir
from fluorite.glue.statements import statements

__all__ = ["HELPERS", "python_function"]

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
    named, result = statements(expr, lambda node, values: _expression(node, values, names))
    lines = [f"    {name} = {text}" for name, text in named]
    return [head, *lines, f"    return {result}"]


def _expression(node: ir.Expr, values: Sequence[str], names: Mapping[str, str]) -> str:
    match node:
        case ir.Imm(value=value):
            return str(int(value))
        case ir.Variable(name=name):
            return names[name]
        case ir.Binary(op=op) if op in _FUNCTIONS:
            return f"{_FUNCTIONS[op]}({values[0]}, {values[1]})"
        case ir.Binary(op=op) if op in _COMPARISON:  # numbers, as Halide's Booleans take part in arithmetic
            return f"np.int64({values[0]} {_COMPARISON[op]} {values[1]})"
        case ir.Binary(op=op):
            return f"({values[0]} {_INFIX[op]} {values[1]})"
        case ir.Not():
            return f"(1 - {values[0]})"
        case ir.Select():
            return f"np.where({values[0]} != 0, {values[1]}, {values[2]})"
        case ir.Cast(type=type_) if type_.is_integer and type_.bits >= 32:
            return values[0]
        case ir.Call(name="likely" | "likely_if_innermost"):
            return values[0]
        case ir.Call(name="abs"):
            return f"np.abs({values[0]})"
    raise TypeError(f"an index is not made of {type(node).__name__}")
