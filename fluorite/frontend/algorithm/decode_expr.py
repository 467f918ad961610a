"""Expressions of the serialized pipeline as typed IR."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import Final

from fluorite.errors import UsageError
from fluorite.frontend.algorithm import ir
from fluorite.frontend.tables.table import Table

__all__ = ["decode_expr", "decode_optional", "decode_type", "operands"]

BOOL: Final = ir.Type(ir.TypeCode.UINT, 1)

_TYPE_CODES: Final = {
    "Int": ir.TypeCode.INT,
    "UInt": ir.TypeCode.UINT,
    "Float": ir.TypeCode.FLOAT,
    "Handle": ir.TypeCode.HANDLE,
    "BFloat": ir.TypeCode.BFLOAT,
}

# Which fields of a node are expressions, in evaluation order. Calls and shuffles hold vectors.
_OPERANDS: Final[dict[str, tuple[str, ...]]] = {
    "Cast": ("value",),
    "Reinterpret": ("value",),
    "Not": ("a",),
    "Select": ("condition", "true_value", "false_value"),
    "Ramp": ("base", "stride"),
    "Broadcast": ("value",),
    "Load": ("predicate", "index"),
    "VectorReduce": ("value",),
    **dict.fromkeys((op.value for op in ir.BinaryOp), ("a", "b")),
}


def operands(node: Table) -> tuple[Table, ...]:
    """Return the operands of an expression table; those of a ``Let`` are its value and its body."""
    if node.kind == "Call":
        return tuple(node.args)
    if node.kind == "Shuffle":
        return tuple(node.vectors)
    if node.kind == "Let":
        return node.value, node.body
    return tuple(node[name] for name in _OPERANDS.get(node.kind, ()))


@cache
def _type(code: str, bits: int, lanes: int) -> ir.Type:
    return ir.Type(_TYPE_CODES[code], bits, lanes)


def decode_type(node: Table) -> ir.Type:
    """Return a ``Type`` table as the (one and only) equal :class:`ir.Type`."""
    return _type(node.code, node.bits, node.lanes)


def decode_optional(node: Table | None, rvars: Collection[str] = ()) -> ir.Expr | None:
    """Decode an expression that may be absent; an absent one is None."""
    if node is None or node.kind == "UndefinedExpr":
        return None
    return decode_expr(node, rvars)


def decode_expr(root: Table, rvars: Collection[str] = ()) -> ir.Expr:
    """Decode an expression.

    Halide writes a shared node as a ``Let``; here the name is replaced by the one object its value
    became, so that what was shared stays shared. Types that the format leaves out are inferred.

    Parameters
    ----------
    root : Table
        A member of the ``Expr`` union.
    rvars : collection of str
        Names of the reduction variables in scope. Most RVars carry their domain in the bytes, but
        those in the ``where`` predicate of a definition do not.
    """
    # A stack machine in place of recursion: expressions are as deep as users' loops are long.
    # Work is a table to visit, a table whose operands are all on `done`, or a name to bind or drop.
    done: list[ir.Expr] = []
    scope: dict[str, list[ir.Expr]] = {}
    work: list[tuple[str, Table]] = [("visit", root)]
    while work:
        step, node = work.pop()
        if step == "visit" and node.kind == "Let":
            work += (("drop", node), ("visit", node.body), ("bind", node), ("visit", node.value))
        elif step == "visit":
            below = operands(node)
            if below:
                work.append(("build", node))
                work += (("visit", child) for child in reversed(below))
            elif node.kind == "Variable" and scope.get(node.name):
                done.append(scope[node.name][-1])
            else:
                done.append(_build(node, (), rvars))
        elif step == "bind":
            scope.setdefault(node.name, []).append(done.pop())
        elif step == "drop":
            scope[node.name].pop()
        else:
            count = len(operands(node))
            below_done = done[-count:]
            del done[-count:]
            done.append(_build(node, below_done, rvars))
    (result,) = done
    return result


def _build(node: Table, args: Sequence[ir.Expr], rvars: Collection[str]) -> ir.Expr:
    """Make the node of a table whose operands are decoded."""
    if node.kind == "Variable":
        return _variable(node, rvars)
    builder = _BUILDERS.get(node.kind)
    if builder is None:
        raise UsageError(f"the serialized pipeline holds a {node.kind} where an expression belongs")
    return builder(node, args)


def _variable(node: Table, rvars: Collection[str]) -> ir.Expr:
    domain = node.reduction_domain
    return ir.Variable(
        node.name,
        decode_type(node.type),
        param=node.param_name or "",
        image=node.image_name or "",
        reduction=node.name in rvars or (domain is not None and domain.defined),
    )


def _binary(op: ir.BinaryOp) -> Callable[[Table, Sequence[ir.Expr]], ir.Expr]:
    def build(_: Table, args: Sequence[ir.Expr]) -> ir.Expr:
        a, b = args
        return ir.Binary(op, a, b, _vector_of(BOOL, a.type.lanes) if op.is_compare else a.type)

    return build


def _vector_of(element: ir.Type, lanes: int) -> ir.Type:
    return element if lanes == 1 else ir.Type(element.code, element.bits, lanes)


def _call(node: Table, args: Sequence[ir.Expr]) -> ir.Expr:
    return ir.Call(
        node.name,
        tuple(args),
        ir.CallType(node.call_type),
        decode_type(node.type),
        node.value_index,
        param=node.param_name or "",
        image=node.image_name or "",
    )


def _vector(node: Table, args: Sequence[ir.Expr]) -> ir.Expr:
    element = args[-1].type if node.kind == "Load" else args[0].type
    if node.kind == "Load":
        made = decode_type(node.type)
    elif node.kind == "Shuffle":
        made = _vector_of(_vector_of(element, 1), len(node.indices))
    elif node.kind == "VectorReduce":
        made = ir.Type(element.code, element.bits, node.lanes)
    else:
        made = ir.Type(element.code, element.bits, element.lanes * node.lanes)
    return ir.Vector(node.kind, tuple(args), made)


_BUILDERS: Final[dict[str, Callable[[Table, Sequence[ir.Expr]], ir.Expr]]] = {
    "IntImm": lambda node, _: ir.Imm(decode_type(node.type), node.value),
    "UIntImm": lambda node, _: ir.Imm(decode_type(node.type), node.value),
    "FloatImm": lambda node, _: ir.Imm(decode_type(node.type), node.value),
    "StringImm": lambda node, _: ir.StringImm(node.value),
    "Cast": lambda node, args: ir.Cast(decode_type(node.type), args[0]),
    "Reinterpret": lambda node, args: ir.Reinterpret(decode_type(node.type), args[0]),
    "Not": lambda _, args: ir.Not(args[0], args[0].type),
    "Select": lambda _, args: ir.Select(args[0], args[1], args[2], args[1].type),
    "Call": _call,
    "UndefinedExpr": lambda node, _: ir.Undefined(),
    **dict.fromkeys(("Load", "Ramp", "Broadcast", "Shuffle", "VectorReduce"), _vector),
    **{op.value: _binary(op) for op in ir.BinaryOp},
}
