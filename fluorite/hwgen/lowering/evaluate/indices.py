"""Indices: values that say where something is read, and do not come with the scan as data do.

A pure variable of a Func stands for a position along a dimension of the scan (`Affine`). What is computed of positions,
and is not a position itself, is kept as the expression that it is (`Tree`): a border condition, which is recognized
later, or a coordinate that is used as data.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar, final

from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.pretty import show
from fluorite.frontend.algorithm.visit import children

__all__ = ["Affine", "IndexFunction", "Tree", "Value", "dimensions_of", "index_functions", "moved_by", "with_children"]

_INDEX = ir.Type(ir.TypeCode.INT, 32)

D = TypeVar("D")


@final
@dataclass(frozen=True, slots=True)
class Affine:
    """A position: so many pixels from the one that is computed, along a dimension of the scan."""

    dimension: int
    offset: int


@final
@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """An expression kept as it is: a float constant that Halide will evaluate, or an index that is not a position.

    Attributes
    ----------
    expr : ir.Expr
        Its leaves are literals and variables.
    indices : dict of str to Affine
        Which of its variables are positions.
    metadata : dict of str to ir.Variable
        Its other variables: extents and mins of images, known when the accelerator is launched.
    """

    expr: ir.Expr
    indices: Mapping[str, Affine]
    metadata: Mapping[str, ir.Variable]

    @property
    def is_constant(self) -> bool:
        """Whether the value is known now."""
        return not self.indices and not self.metadata


Value: TypeAlias = D | Affine | Tree
"""Value of an expression: data (numbers among them), or an index."""


@dataclass(frozen=True, slots=True)
class IndexFunction:
    """An index as a function of one position, which may be a border condition.

    Attributes
    ----------
    place : Affine
        The position.
    variable : str
        Its name in the expression.
    tree : Tree
        The expression.
    key : (str, int)
        The same for the same function of whatever position along a dimension.
    """

    place: Affine
    variable: str
    tree: Tree

    @property
    def key(self) -> tuple[str, int]:
        """What tells functions apart: the expression as a text with the position left open, and the dimension."""
        return show(self.tree.expr, 1000).replace(self.variable, "index"), self.place.dimension


def index_functions(tree: Tree) -> tuple[IndexFunction, ...]:
    """The functions of one position that an index may be.

    There is one for each of its positions: where an expression has a position's distance from another beside it, that
    became a position of its own. There is none where the positions are along several dimensions.
    """
    if len(tree.indices) == 1:
        ((name, place),) = tree.indices.items()
        return (IndexFunction(place, name, tree),)
    if len({place.dimension for place in tree.indices.values()}) != 1:
        return ()
    functions: list[IndexFunction] = []
    for name, place in tree.indices.items():
        distances: dict[str, ir.Expr] = {}
        for other, at in tree.indices.items():
            position, distance = ir.Variable(name, _INDEX), ir.Imm(_INDEX, at.offset - place.offset)
            distances[other] = ir.Binary(ir.BinaryOp.ADD, position, distance, _INDEX)
        one = Tree(_replaced(tree.expr, distances), {name: place}, tree.metadata)
        functions.append(IndexFunction(place, name, one))
    return tuple(functions)


def dimensions_of(value: object) -> frozenset[int]:
    """Dimensions of the scan along which a value moves as an index; none for data."""
    if isinstance(value, Affine):
        return frozenset({value.dimension})
    if isinstance(value, Tree):
        return frozenset(place.dimension for place in value.indices.values())
    return frozenset()


def moved_by(place: Affine, number: int) -> Affine:
    """A position, a number of pixels further on."""
    return Affine(place.dimension, place.offset + number)


def with_children(node: ir.Expr, children: Sequence[ir.Expr]) -> ir.Expr:
    """The same operation on other operands."""
    match node:
        case ir.Cast() | ir.Reinterpret() | ir.Not():
            return dataclasses.replace(node, value=children[0])
        case ir.Binary():
            return dataclasses.replace(node, a=children[0], b=children[1])
        case ir.Select():
            return dataclasses.replace(node, condition=children[0], true_value=children[1], false_value=children[2])
        case ir.Call():
            return dataclasses.replace(node, args=tuple(children))
    return node


def _replaced(expr: ir.Expr, variables: Mapping[str, ir.Expr]) -> ir.Expr:
    """The expression with some variables replaced."""
    if isinstance(expr, ir.Variable):
        return variables.get(expr.name, expr)
    return with_children(expr, [_replaced(child, variables) for child in children(expr)])
