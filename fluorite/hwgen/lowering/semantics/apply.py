"""An operation of Halide's applied to streams."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fluorite.frontend.algorithm import ir
from fluorite.hwgen.lowering.semantics import operations
from fluorite.hwgen.streams.builder import Builder
from fluorite.hwgen.streams.graph import Ref

__all__ = ["apply"]


def apply(build: Builder, node: ir.Expr, operands: Sequence[Ref], overflow: Callable[[], int]) -> Ref | None:
    """The stream of an operation on these streams; None if hardware has no such operation.

    Parameters
    ----------
    build : Builder
        Makes nodes.
    node : ir.Expr
        The operation.
    operands : sequence of Ref
        Its operands.
    overflow : callable
        Gives the number of the warning that it may overflow.
    """
    match node:
        case ir.Cast(type=type_) | ir.Reinterpret(type=type_):
            return operations.convert(build, operands[0], type_)
        case ir.Binary(op=op, type=type_):
            return operations.binary(build, op, type_, operands[0], operands[1], overflow)
        case ir.Not():
            return build.logical_not(operands[0])
        case ir.Select():
            return build.select(operands[0], operands[1], operands[2])
        case ir.Call(name=name, type=type_, args=args):
            result = operations.intrinsic(build, name, type_, operands, [a.type for a in args], overflow)
            # Whatever a rule gives is read as its Halide type: a range beyond that would be another number.
            return build.wrap(result, type_.bits, type_.is_signed) if result and type_.is_integer else result
    return None
