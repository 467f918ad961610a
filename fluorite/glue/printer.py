"""Prints formulas and index functions; what is different in C and in Python is a dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from fluorite.frontend.algorithm import ir
from fluorite.glue.statements import statements
from fluorite.hwgen.formula import Formula

__all__ = ["Dialect", "formula_text", "index_texts"]


class Dialect(Protocol):
    """A language's way of writing integer arithmetic; operands are texts."""

    def number(self, value: int) -> str:
        """A literal."""
        ...

    def factor(self, formula: Formula, text: str) -> str:
        """An operand of a product, in parentheses where that needs them."""
        ...

    def function(self, formula: Formula, operands: Sequence[str]) -> str:
        """One of a formula's operators that are neither a sum nor a product."""
        ...

    def binary(self, op: ir.BinaryOp, a: str, b: str) -> str:
        """An operation of an index function with Halide's meaning; comparisons are 0 or 1."""
        ...

    def select(self, condition: str, a: str, b: str) -> str:
        """``a`` where the condition is not 0, else ``b``."""
        ...

    def absolute(self, a: str) -> str:
        """``a`` without its sign."""
        ...


def formula_text(formula: Formula, names: Mapping[str, str], dialect: Dialect) -> str:
    """A formula as an expression.

    Parameters
    ----------
    formula : Formula
    names : mapping of str to str
        Expressions by the formula's variables.
    dialect : Dialect
        The language.
    """
    if formula.op == "constant":
        return dialect.number(formula.value)
    if formula.op == "variable":
        return names[formula.name]
    operands = [formula_text(operand, names, dialect) for operand in formula.operands]
    if formula.op == "+":
        text = operands[0]
        for term, operand in zip(formula.operands[1:], operands[1:], strict=True):
            minus = term.is_constant and term.value < 0
            text += f" - {dialect.number(-term.value)}" if minus else f" + {operand}"
        return text
    if formula.op == "*":
        return " * ".join(dialect.factor(o, text) for o, text in zip(formula.operands, operands, strict=True))
    return dialect.function(formula, operands)


def index_texts(expr: ir.Expr, names: Mapping[str, str], dialect: Dialect) -> tuple[list[tuple[str, str]], str]:
    """An index function: what is shared in it by the names that it gets, and its value.

    Parameters
    ----------
    expr : ir.Expr
        As :func:`fluorite.frontend.algorithm.evaluate.evaluate` takes it.
    names : mapping of str to str
        Expressions by variable.
    dialect : Dialect
        The language.
    """

    def render(node: ir.Expr, values: Sequence[str]) -> str:
        match node:
            case ir.Imm(value=value):
                return dialect.number(int(value))
            case ir.Variable(name=name):
                return names[name]
            case ir.Binary(op=op):
                return dialect.binary(op, values[0], values[1])
            case ir.Not():
                return f"(1 - {values[0]})"
            case ir.Select():
                return dialect.select(values[0], values[1], values[2])
            case ir.Cast(type=type_) if type_.is_integer and type_.bits >= 32:
                return values[0]
            case ir.Call(name="likely" | "likely_if_innermost"):
                return values[0]
            case ir.Call(name="abs"):
                return dialect.absolute(values[0])
            case ir.Call(name="shift_left", args=(_, ir.Imm(value=amount))):
                return dialect.binary(ir.BinaryOp.MUL, values[0], dialect.number(1 << int(amount)))
            case ir.Call(name="shift_right", args=(_, ir.Imm(value=amount))):
                return dialect.binary(ir.BinaryOp.DIV, values[0], dialect.number(1 << int(amount)))
        raise TypeError(f"an index is not made of {type(node).__name__}")

    return statements(expr, render)
