"""Border conditions of streams that are read at another rate: ``clamp(2*x + 1, 0, 99)`` is one of ``2*x + 1``.

In such an index the parts that are quasi-affine, and as large as they can be, are one position of the stream, or that
and a number. With a variable in their place it is a border condition like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.pretty import show
from fluorite.frontend.algorithm.visit import children, walk
from fluorite.frontend.region.region import Region
from fluorite.hwgen.lowering.domain import Domain
from fluorite.hwgen.lowering.evaluate.indices import Affine, Tree, with_children
from fluorite.hwgen.lowering.survey.find_index import position
from fluorite.hwgen.quasiaffine import QuasiAffine

__all__ = ["Bordered", "bordered", "is_rated", "plainly"]

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


def bordered(tree: Tree) -> tuple[Bordered, ...]:
    """The conditions that an index may be made of: one for each of its positions; none if it is made of something else.

    Where a position's distance from another stands beside it, either may be the one that is kept inside an image.
    """
    parts: dict[tuple[int, QuasiAffine], None] = {}

    def noted(dimension: int, index: QuasiAffine) -> ir.Expr:
        parts[dimension, index] = None
        return ir.Imm(_INDEX, 0)

    if _with_positions(tree.expr, tree, noted) is None:
        return ()
    found: list[Bordered] = []
    for dimension, base in parts:

        def from_base(
            other: int, index: QuasiAffine, dimension: int = dimension, base: QuasiAffine = base
        ) -> ir.Expr | None:
            away = index(0) - base(0)
            if other != dimension or index != base.plus(away):
                return None
            variable = ir.Variable(_POSITION, _INDEX)
            return ir.Binary(ir.BinaryOp.ADD, variable, ir.Imm(_INDEX, away), _INDEX) if away else variable

        expr = _with_positions(tree.expr, tree, from_base)
        if expr is None:
            return ()
        found.append(Bordered(dimension, base, expr))
    return tuple(found)


def is_rated(parts: Bordered, own: Domain, region: Region) -> bool:
    """Whether a condition is one of a stream at another rate than the accelerated Func's, or in tiles of it.

    Parameters
    ----------
    parts : Bordered
        The condition.
    own : Domain
        Domain of the stage that reads.
    region : Region
        The region.
    """
    d = parts.dimension
    return not parts.index.is_shift or own.first[d].rate != 1 or not region.loops[d].whole


def plainly(tree: Tree) -> Tree:
    """An index whose positions move pixel for pixel, however they are written (``1*x``, ``2*x / 2``), plainly."""
    indices: dict[str, Affine] = {}

    def plain(dimension: int, index: QuasiAffine) -> ir.Expr | None:
        if not index.is_shift:
            return None
        place = Affine(dimension, index(0))
        name = f"index {dimension} {place.offset}"
        indices[name] = place
        return ir.Variable(name, _INDEX)

    expr = _with_positions(tree.expr, tree, plain)
    return tree if expr is None else Tree(expr, indices, tree.metadata)


def _with_positions(expr: ir.Expr, tree: Tree, replace: Callable[[int, QuasiAffine], ir.Expr | None]) -> ir.Expr | None:
    """An index with something in place of each of its largest parts that are quasi-affine.

    Parameters
    ----------
    expr : ir.Expr
        The index, or a part of it.
    tree : Tree
        Says what its variables are.
    replace : callable
        Gives what stands for a part, by the dimension along which it moves and how; None for something else.

    Returns
    -------
    ir.Expr or None
        None if a position stands outside of such parts, or one of them is something else.
    """
    names = {node.name for node in walk(expr) if isinstance(node, ir.Variable)}
    if not names & tree.indices.keys():
        return expr
    if names <= tree.indices.keys():
        part = position(Tree(expr, {name: tree.indices[name] for name in names}, {}))
        if part is not None:
            return replace(*part)
    parts = [_with_positions(child, tree, replace) for child in children(expr)]
    known = [child for child in parts if child is not None]
    return with_children(expr, known) if parts and len(known) == len(parts) else None
