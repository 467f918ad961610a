"""Index functions as statements: what is used more than once gets a name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.visit import children, walk

__all__ = ["statements"]


def statements(expr: ir.Expr, render: Callable[[ir.Expr, Sequence[str]], str]) -> tuple[list[tuple[str, str]], str]:
    """Print an expression in some language, computing what is shared in it once.

    Parameters
    ----------
    expr : ir.Expr
    render : callable
        Gets a node and its operands' texts, returns the node's.

    Returns
    -------
    list of (str, str)
        Names (``t0``, ``t1``...) and what they stand for, in the order in which they are needed.
    str
        The whole expression.
    """
    uses: dict[int, int] = {}
    for node in walk(expr):
        for child in children(node):
            uses[id(child)] = uses.get(id(child), 0) + 1
    named: list[tuple[str, str]] = []
    memo: dict[int, str] = {}

    def text(node: ir.Expr) -> str:
        if id(node) not in memo:
            made = render(node, [text(child) for child in children(node)])
            if uses.get(id(node), 0) > 1 and children(node):
                named.append((f"t{len(named)}", made))
                made = named[-1][0]
            memo[id(node)] = made
        return memo[id(node)]

    result = text(expr)
    return named, result
