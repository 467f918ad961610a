"""What lowering works with: values of expressions, domains of streams, and its result."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TypeAlias

from fluorite.frontend.algorithm import ir
from fluorite.hwgen.formula import Formula
from fluorite.hwgen.lowering.borders import Border
from fluorite.hwgen.lowering.tables import TableRead
from fluorite.hwgen.streams.graph import Graph, Ref

__all__ = ["Affine", "Domain", "Lowered", "Tree", "Value", "stage_key"]


@dataclass(frozen=True, slots=True)
class Affine:
    """An index that moves with the scan: ``lanes * word + offset`` pixels from the launch's origin."""

    dimension: int
    offset: int


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """An expression kept as it is: a float constant that Halide will evaluate, or an index that is not affine.

    Attributes
    ----------
    expr : ir.Expr
        Its leaves are literals and variables.
    indices : dict of str to Affine
        Which of its variables are indices.
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


Value: TypeAlias = Ref | Affine | Tree


@dataclass(frozen=True, slots=True)
class Domain:
    """Which pixels of a stream a launch computes.

    Attributes
    ----------
    dimensions : tuple of int or None
        Scan dimension along which each argument of the Func runs; None for an argument that is a number wherever it
        is read: a channel, all of which are computed in every cycle.
    lo, hi : tuple of int
        Along each scan dimension, the pixels relative to the output's own: from ``min + lo`` to ``max + hi``.
    channels : tuple of (int, int)
        Least and greatest number of each channel argument, in the order of the arguments.
    """

    dimensions: tuple[int | None, ...]
    lo: tuple[int, ...]
    hi: tuple[int, ...]
    channels: tuple[tuple[int, int], ...] = ()

    @property
    def channel_count(self) -> int:
        """Values a pixel."""
        return math.prod(hi - lo + 1 for lo, hi in self.channels)

    def channel(self, numbers: Sequence[int]) -> int:
        """Which value of a pixel these channel arguments are, the first argument fastest."""
        index, stride = 0, 1
        for number, (lo, hi) in zip(numbers, self.channels, strict=True):
            index += (number - lo) * stride
            stride *= hi - lo + 1
        return index

    def channel_numbers(self) -> list[tuple[int, ...]]:
        """The channel arguments of every value of a pixel, in order."""
        ranges = [range(lo, hi + 1) for lo, hi in reversed(self.channels)]
        return [tuple(reversed(numbers)) for numbers in product(*ranges)]


@dataclass(slots=True)
class Lowered:
    """All stages as expressions over taps.

    Attributes
    ----------
    graph : Graph
        Nodes; reads of other stages and of inputs are ``tap`` nodes.
    bodies : dict
        Per (stage key, lane, channel), its value.
    domains : dict
        Per stage or input name, what a launch computes or reads of it.
    parameters : dict
        Scalar Params read, with their types.
    metadata : dict
        Extents and mins of images that are read, as variables of the software.
    settings : dict
        Static input ports by name: least and greatest value, and the formula software writes.
    borders : list of Border
        Border conditions, which hold only around the very image they are for.
    beyond : dict of str to int
        Streams that have their border where stages are computed beyond the image, and so many pixels beyond.
    notes : list of str
        Warnings of overflow; a ``wrap`` node's note counts from 1.
    tables : list of TableRead
        What ``table`` nodes read.
    """

    graph: Graph
    bodies: dict[tuple[str, int, int], Ref] = field(default_factory=dict)
    domains: dict[str, Domain] = field(default_factory=dict)
    parameters: dict[str, ir.Type] = field(default_factory=dict)
    metadata: dict[str, ir.Variable] = field(default_factory=dict)
    settings: dict[str, tuple[int, int, Formula]] = field(default_factory=dict)
    borders: list[Border] = field(default_factory=list)
    beyond: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    tables: list[TableRead] = field(default_factory=list)


def stage_key(name: str, value_index: int) -> str:
    """Name of the stream of one Tuple element of a stage."""
    return name if value_index == 0 else f"{name}.{value_index}"
