"""Border conditions of streams that are read at another rate: ``clamp(2*x + 1, 0, 99)`` is one of ``2*x + 1``.

In such an index the parts that are quasi-affine, and as large as they can be, are one position of the stream, or that
and a number. With a variable in their place it is a border condition like any other.
"""

from __future__ import annotations

from dataclasses import dataclass

from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.pretty import show
from fluorite.frontend.algorithm.visit import children, walk
from fluorite.hwgen.lowering.evaluate.indices import Tree, with_children
from fluorite.hwgen.lowering.survey.find_index import position
from fluorite.hwgen.quasiaffine import QuasiAffine

__all__ = ["Bordered", "bordered"]

_INDEX = ir.Type(ir.TypeCode.INT, 32)
_POSITION = "position"


@dataclass(frozen=True, slots=True)
class Bordered:
    """An index that may be a border condition of a position.

    Attributes
    ----------
    dimension : int
        Scan dimension along which the position moves.
    index : QuasiAffine
        The position, by the coordinate that is computed.
    expr : ir.Expr
        The condition, of `variable` and of extents and mins of images.
    variable : str
        Its variable.
    """

    dimension: int
    index: QuasiAffine
    expr: ir.Expr
    variable: str = _POSITION

    @property
    def key(self) -> tuple[str, int]:
        """What tells conditions apart."""
        return show(self.expr, 1000), self.dimension


def bordered(tree: Tree) -> Bordered | None:
    """The position and the condition that an index is made of; None if it is made of something else."""
    found: list[tuple[int, QuasiAffine]] = []

    def replaced(expr: ir.Expr) -> ir.Expr | None:
        names = {node.name for node in walk(expr) if isinstance(node, ir.Variable)}
        if not names & tree.indices.keys():
            return expr
        part = None
        if names <= tree.indices.keys():
            part = position(Tree(expr, {name: tree.indices[name] for name in names}, {}))
        if part is None:
            parts = [replaced(child) for child in children(expr)]
            known = [child for child in parts if child is not None]
            return with_children(expr, known) if parts and len(known) == len(parts) else None
        if not found:
            found.append(part)
        dimension, base = found[0]
        away = part[1](0) - base(0)
        if part[0] != dimension or part[1] != base.plus(away):
            return None
        variable = ir.Variable(_POSITION, _INDEX)
        return ir.Binary(ir.BinaryOp.ADD, variable, ir.Imm(_INDEX, away), _INDEX) if away else variable

    expr = replaced(tree.expr)
    return Bordered(*found[0], expr) if expr is not None and found else None
