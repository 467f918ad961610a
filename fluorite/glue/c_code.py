"""Formulas and index functions as C, with Halide's arithmetic (``fluorite_stage.h`` has the functions)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fluorite.frontend.algorithm import ir
from fluorite.glue.statements import statements
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
    if formula.op == "constant":
        return c_number(formula.value)
    if formula.op == "variable":
        return names[formula.name]
    operands = [c_formula(operand, names) for operand in formula.operands]
    if formula.op == "+":
        text = operands[0]
        for term, operand in zip(formula.operands[1:], operands[1:], strict=True):
            minus = term.is_constant and term.value < 0
            text += f" - {c_number(-term.value)}" if minus else f" + {operand}"
        return text
    if formula.op == "*":
        return " * ".join(
            f"({text})" if o.op == "+" else text for o, text in zip(formula.operands, operands, strict=True)
        )
    text = operands[0]
    for operand in operands[1:]:
        text = f"fluorite_{formula.op.replace('floor_', '')}({text}, {operand})"
    return text


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
    named, result = statements(expr, lambda node, values: _expression(node, values, names))
    lines = [f"    const int64_t {name} = {text};" for name, text in named]
    return [head, "{", *lines, f"    return {result};", "}"]


def _expression(node: ir.Expr, values: Sequence[str], names: Mapping[str, str]) -> str:
    match node:
        case ir.Imm(value=value):
            return c_number(int(value))
        case ir.Variable(name=name):
            return names[name]
        case ir.Binary(op=op) if op in _FUNCTIONS:
            return f"{_FUNCTIONS[op]}({values[0]}, {values[1]})"
        case ir.Binary(op=op):
            return f"({values[0]} {_INFIX[op]} {values[1]})"
        case ir.Not():
            return f"(1 - {values[0]})"
        case ir.Select():
            return f"({values[0]} != 0 ? {values[1]} : {values[2]})"
        case ir.Cast(type=type_) if type_.is_integer and type_.bits >= 32:
            return values[0]
        case ir.Call(name="likely" | "likely_if_innermost"):
            return values[0]
        case ir.Call(name="abs"):
            return f"fluorite_abs({values[0]})"
    raise TypeError(f"an index is not made of {type(node).__name__}")
