"""Integer expressions evaluated on numbers: what software works out per launch, what a border condition does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.visit import children

__all__ = ["Numbers", "evaluate"]

Numbers = npt.NDArray[np.int64]

_BINARY: dict[ir.BinaryOp, Callable[[Any, Any], Any]] = {
    ir.BinaryOp.ADD: np.add,
    ir.BinaryOp.SUB: np.subtract,
    ir.BinaryOp.MUL: np.multiply,
    ir.BinaryOp.MIN: np.minimum,
    ir.BinaryOp.MAX: np.maximum,
    ir.BinaryOp.EQ: np.equal,
    ir.BinaryOp.NE: np.not_equal,
    ir.BinaryOp.LT: np.less,
    ir.BinaryOp.LE: np.less_equal,
    ir.BinaryOp.GT: np.greater,
    ir.BinaryOp.GE: np.greater_equal,
    ir.BinaryOp.AND: np.logical_and,
    ir.BinaryOp.OR: np.logical_or,
}


def evaluate(expr: ir.Expr, variables: Mapping[str, int | Numbers]) -> Numbers:
    """Value of an integer expression, element by element where variables are arrays.

    Parameters
    ----------
    expr : ir.Expr
        Arithmetic, compares, select, casts between integers, ``likely``, ``abs`` and shifts by numbers; no
        reads.
    variables : mapping of str to int or ndarray
        Every variable's value. All values must stay within 64 bits.

    Raises
    ------
    KeyError
        The expression has a variable that is not given.
    TypeError
        It has an operation that indices are not made of.
    """
    match expr:
        case ir.Imm(value=value):
            return np.int64(value) + np.zeros((), np.int64)
        case ir.Variable(name=name):
            return np.asarray(variables[name], np.int64)
    values = [evaluate(child, variables) for child in children(expr)]
    match expr:
        case ir.Binary(op=ir.BinaryOp.DIV | ir.BinaryOp.MOD as op):
            a, b = values
            # Euclidean, and 0 for a zero divisor.
            safe = np.where(b == 0, 1, b)
            remainder = np.where(b == 0, 0, np.mod(a, np.abs(safe)))
            return remainder if op is ir.BinaryOp.MOD else np.where(b == 0, 0, (a - remainder) // safe)
        case ir.Binary(op=op):
            return np.asarray(_BINARY[op](*values), np.int64)
        case ir.Not():
            return 1 - values[0]
        case ir.Select():
            return np.where(values[0] != 0, values[1], values[2])
        case ir.Cast(type=type_) if type_.is_integer and type_.bits >= 32:
            return values[0]
        case ir.Call(name="likely" | "likely_if_innermost"):
            return values[0]
        case ir.Call(name="abs"):
            return np.abs(values[0])
        case ir.Call(name="shift_left" | "shift_right" as name, args=(_, ir.Imm(value=amount))) if 0 <= amount < 32:
            return values[0] << int(amount) if name == "shift_left" else values[0] >> int(amount)
    raise TypeError(f"an index is not made of {type(expr).__name__}")
