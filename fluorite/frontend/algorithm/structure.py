"""Equal expressions: nodes of an expression are compared by identity, here by what they say."""

from __future__ import annotations

from dataclasses import fields

from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.visit import children

__all__ = ["Structure"]


class Structure:
    """Numbers expressions so that two have one number exactly if they are written alike."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[object, ...], int] = {}

    def number(self, root: ir.Expr) -> int:
        """The number of an expression; no recursion, and a part that is shared is looked at once."""
        found: dict[int, int] = {}
        stack: list[tuple[ir.Expr, bool]] = [(root, False)]
        while stack:
            node, ready = stack.pop()
            if id(node) in found:
                continue
            below = children(node)
            if ready or not below:
                key = (type(node), *_own(node, below), *(found[id(child)] for child in below))
                found[id(node)] = self._numbers.setdefault(key, len(self._numbers))
            else:
                stack.append((node, True))
                stack.extend((child, False) for child in below)
        return found[id(root)]


def _own(node: ir.Expr, below: tuple[ir.Expr, ...]) -> tuple[object, ...]:
    """What a node says beside its operands; numbers as text, since 0.0 equals -0.0 and 1 equals True."""
    values = (getattr(node, field.name) for field in fields(node))
    return tuple(repr(value) for value in values if value not in below and value != below)
