"""Walks over expressions and Funcs; no recursion, since an unrolled sum is deeper than Python's stack."""

from __future__ import annotations

from collections.abc import Iterator

from fluorite.frontend.algorithm import ir

__all__ = ["children", "expressions", "walk"]


def children(node: ir.Expr) -> tuple[ir.Expr, ...]:
    """Operands of an expression node."""
    match node:
        case ir.Cast(value=value) | ir.Reinterpret(value=value) | ir.Not(value=value):
            return (value,)
        case ir.Binary(a=a, b=b):
            return (a, b)
        case ir.Select(condition=c, true_value=t, false_value=f):
            return (c, t, f)
        case ir.Call(args=args):
            return args
        case ir.Vector(operands=operands):
            return operands
    return ()


def walk(root: ir.Expr) -> Iterator[ir.Expr]:
    """Every distinct node below and including root."""
    seen: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        stack.extend(children(node))


def expressions(func: ir.Func) -> Iterator[ir.Expr]:
    """Every expression of a Func's definitions: values, arguments, predicates, reduction bounds."""
    for definition in (func.init, *func.updates):
        if definition is None:
            continue
        yield from definition.args
        yield from definition.values
        yield definition.predicate
        for rvar in definition.schedule.rvars:
            yield rvar.min
            yield rvar.extent
