"""Indices found to be quasi-affine: ``2*x + 1``, ``x / 2``, ``(3*x) / 2``, ``x / 2 - 1 + 2*(x % 2)``.

An expression that is made of a position and numbers by sums, multiples, quotients and remainders by numbers is
quasi-affine, and its period divides the product of all it divides by. Its values over one such period are all there is
to know; they are evaluated.
"""

from __future__ import annotations

import numpy as np

from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.evaluate import evaluate
from fluorite.frontend.algorithm.visit import children
from fluorite.hwgen.lowering.evaluate.indices import Affine, Tree, index_functions
from fluorite.hwgen.quasiaffine import QuasiAffine, shift

__all__ = ["find_index", "position"]

_LONGEST_PERIOD = 4096


def position(index: object) -> tuple[int, QuasiAffine] | None:
    """The dimension along which an index moves, and the coordinate it is, by the one that is computed.

    None if it is not quasi-affine, or no index.
    """
    if isinstance(index, Affine):
        return index.dimension, shift(index.offset)
    if isinstance(index, Tree) and not index.metadata:
        for function in index_functions(index):
            found = find_index(function.tree.expr, function.variable)
            if found and found.step > 0:
                return function.place.dimension, found.after(shift(function.place.offset))
    return None


def find_index(expr: ir.Expr, position: str) -> QuasiAffine | None:
    """The quasi-affine function that an index is, None if it is something else.

    Parameters
    ----------
    expr : ir.Expr
        The index.
    position : str
        Its variable.
    """
    period = _period(expr, position)
    if period is None or period > _LONGEST_PERIOD:
        return None
    values = [int(value) for value in evaluate(expr, {position: np.arange(period + 1)})]
    return QuasiAffine(values[-1] - values[0], tuple(values[:-1]))


def _period(expr: ir.Expr, position: str) -> int | None:
    """A period of an expression, None if it is not made of a position and numbers as quasi-affine functions are."""
    if isinstance(expr, ir.Variable):
        return 1 if expr.name == position else None
    if isinstance(expr, ir.Imm):
        return 1
    periods = [_period(child, position) for child in children(expr)]
    product = 1
    for period in periods:
        if period is None:
            return None
        product *= period
    match expr:
        case ir.Binary(op=ir.BinaryOp.ADD | ir.BinaryOp.SUB):
            return product
        case ir.Binary(op=ir.BinaryOp.MUL, a=a, b=b) if isinstance(a, ir.Imm) or isinstance(b, ir.Imm):
            return product
        case ir.Binary(op=ir.BinaryOp.DIV | ir.BinaryOp.MOD, b=ir.Imm(value=value)) if value > 0:
            return product * int(value)
        case ir.Call(name="shift_left", args=(_, ir.Imm(value=amount))) if 0 <= amount < 32:
            return product
        case ir.Call(name="shift_right", args=(_, ir.Imm(value=amount))) if 0 <= amount < 32:
            return product << int(amount)
        case ir.Cast(type=type_) if type_.is_integer and type_.bits >= 32:
            return product
        case ir.Call(name="likely" | "likely_if_innermost"):
            return product
    return None
