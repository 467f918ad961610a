"""Typed IR expressions back as tables, the inverse of :mod:`fluorite.frontend.algorithm.decode_expr`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from fluorite.errors import UsageError
from fluorite.frontend.algorithm import ir
from fluorite.frontend.tables.table import Table, table

__all__ = ["encode_expr", "encode_type", "subexpressions"]

_TYPE_CODES: Final = {
    ir.TypeCode.INT: "Int",
    ir.TypeCode.UINT: "UInt",
    ir.TypeCode.FLOAT: "Float",
    ir.TypeCode.HANDLE: "Handle",
    ir.TypeCode.BFLOAT: "BFloat",
}


def subexpressions(expr: ir.Expr) -> tuple[ir.Expr, ...]:
    """Return the operands of a node."""
    match expr:
        case ir.Cast(value=value) | ir.Reinterpret(value=value) | ir.Not(value=value):
            return (value,)
        case ir.Binary(a=a, b=b):
            return (a, b)
        case ir.Select(condition=condition, true_value=true_value, false_value=false_value):
            return (condition, true_value, false_value)
        case ir.Call(args=args):
            return args
        case ir.Vector(operands=operands):
            return operands
        case _:
            return ()


def encode_type(of: ir.Type) -> Table:
    """Return the ``Type`` table of a type."""
    return table("Type", code=_TYPE_CODES[of.code], bits=of.bits, lanes=of.lanes)


def encode_expr(root: ir.Expr, func_index: Mapping[str, int] | None = None) -> Table:
    """Encode an expression; nodes that are shared become ``Let``.

    Parameters
    ----------
    root : ir.Expr
        Any expression without explicit vector code.
    func_index : mapping, optional
        Index of each Func in the pipeline that the expression will be part of; needed for calls to Funcs.

    Raises
    ------
    UsageError
        If the expression calls a Func that has no index, or holds vector code.
    """
    order: list[ir.Expr] = []  # operands first
    uses: Counter[int] = Counter()
    work: list[tuple[ir.Expr, bool]] = [(root, False)]
    seen: set[int] = set()
    while work:
        node, ready = work.pop()
        if ready:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            work.append((node, True))
            for below in subexpressions(node):
                uses[id(below)] += 1
                work.append((below, False))
    encoded: dict[int, Table] = {}
    bound: list[tuple[str, Table]] = []
    for node in order:
        made = _encode(node, [encoded[id(below)] for below in subexpressions(node)], func_index or {})
        if uses[id(node)] > 1 and subexpressions(node):
            # The dollar keeps the name apart from any Var of the user's.
            name = f"shared${len(bound)}"
            bound.append((name, made))
            made = _variable(ir.Variable(name, node.type))
        encoded[id(node)] = made
    result = encoded[id(root)]
    for name, value in reversed(bound):
        result = table("Let", name=name, value=value, body=result)
    return result


def _encode(node: ir.Expr, below: Sequence[Table], func_index: Mapping[str, int]) -> Table:
    match node:
        case ir.Imm():
            kind = {ir.TypeCode.INT: "IntImm", ir.TypeCode.UINT: "UIntImm"}.get(node.type.code, "FloatImm")
            value = float(node.value) if kind == "FloatImm" else int(node.value)
            return table(kind, value=value, type=encode_type(node.type))
        case ir.StringImm():
            return table("StringImm", value=node.value)
        case ir.Cast():
            return table("Cast", value=below[0], type=encode_type(node.type))
        case ir.Reinterpret():
            return table("Reinterpret", value=below[0], type=encode_type(node.type))
        case ir.Binary():
            return table(node.op.value, a=below[0], b=below[1])
        case ir.Not():
            return table("Not", a=below[0])
        case ir.Select():
            return table("Select", condition=below[0], true_value=below[1], false_value=below[2])
        case ir.Variable():
            return _variable(node)
        case ir.Call():
            return _call(node, below, func_index)
        case ir.Undefined():
            return table("UndefinedExpr")
        case ir.Vector():
            raise UsageError(f"vector code ({node.kind}) cannot be given back to Halide")


def _variable(node: ir.Variable) -> Table:
    return table(
        "Variable",
        name=node.name,
        type=encode_type(node.type),
        param_name=node.param,
        image_name=node.image,
        reduction_domain=table("ReductionDomain"),
    )


def _call(node: ir.Call, below: Sequence[Table], func_index: Mapping[str, int]) -> Table:
    index = -1
    if node.call_type is ir.CallType.HALIDE:
        if node.name not in func_index:
            raise UsageError(f"the expression calls the Func {node.name}, which is not in the pipeline")
        index = func_index[node.name]
    return table(
        "Call",
        name=node.name,
        args=tuple(below),
        call_type=node.call_type.value,
        func_index=index,
        value_index=node.value_index,
        image_name=node.image,
        param_name=node.param,
        type=encode_type(node.type),
    )
