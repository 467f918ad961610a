"""Expressions as a user would write them, for messages."""

from __future__ import annotations

from collections.abc import Mapping

from fluorite.frontend.algorithm import ir

__all__ = ["show"]

_SYMBOL = {
    ir.BinaryOp.ADD: "+",
    ir.BinaryOp.SUB: "-",
    ir.BinaryOp.MUL: "*",
    ir.BinaryOp.DIV: "/",
    ir.BinaryOp.MOD: "%",
    ir.BinaryOp.EQ: "==",
    ir.BinaryOp.NE: "!=",
    ir.BinaryOp.LT: "<",
    ir.BinaryOp.LE: "<=",
    ir.BinaryOp.GT: ">",
    ir.BinaryOp.GE: ">=",
    ir.BinaryOp.AND: "&&",
    ir.BinaryOp.OR: "||",
}


def show(expr: ir.Expr, depth: int = 4, names: Mapping[str, str] | None = None) -> str:
    """Text of an expression, with "..." below ``depth`` levels: a message needs the head, not the whole tree.

    Parameters
    ----------
    expr : ir.Expr
        The expression.
    depth : int
        Levels shown.
    names : mapping of str to str, optional
        What the user calls Funcs that have another name.
    """
    names = names or {}
    if depth == 0 and not isinstance(expr, ir.Imm | ir.Variable):
        return "..."
    match expr:
        case ir.Imm(value=value):
            return str(value)
        case ir.StringImm(value=text):
            return repr(text)
        case ir.Variable(name=name, reduction=reduction):
            return name.replace("$", ".") if reduction else name
        case ir.Cast(type=type_, value=value):
            return f"{type_}({show(value, depth - 1, names)})"
        case ir.Reinterpret(type=type_, value=value):
            return f"reinterpret<{type_}>({show(value, depth - 1, names)})"
        case ir.Binary(op=ir.BinaryOp.MIN | ir.BinaryOp.MAX as op, a=a, b=b):
            return f"{op.value.lower()}({show(a, depth - 1, names)}, {show(b, depth - 1, names)})"
        case ir.Binary(op=op, a=a, b=b):
            return f"({show(a, depth - 1, names)} {_SYMBOL[op]} {show(b, depth - 1, names)})"
        case ir.Not(value=value):
            return f"!{show(value, depth - 1, names)}"
        case ir.Select(condition=c, true_value=t, false_value=f):
            return f"select({show(c, depth - 1, names)}, {show(t, depth - 1, names)}, {show(f, depth - 1, names)})"
        case ir.Call(name="likely" | "likely_if_innermost", args=(value,)):
            return show(value, depth, names)
        case ir.Call(name=name, args=args, value_index=element):
            index = f"[{element}]" if element else ""
            return f"{names.get(name, name)}({', '.join(show(a, depth - 1, names) for a in args)}){index}"
        case ir.Vector(kind=kind):
            return f"{kind}(...)"
        case ir.Undefined():
            return "undefined"
