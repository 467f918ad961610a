"""Domains of streams, and the result of lowering."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product

from fluorite.frontend.algorithm import ir
from fluorite.hwgen.formula import Formula
from fluorite.hwgen.lowering.borders import Border
from fluorite.hwgen.lowering.tables import TableRead
from fluorite.hwgen.streams.graph import Graph, Ref

__all__ = ["Domain", "Lowered", "stage_key"]


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
        """Position among a pixel's values of the one with these channel arguments; the first argument is fastest."""
        index, stride = 0, 1
        for number, (lo, hi) in zip(numbers, self.channels, strict=True):
            index += (number - lo) * stride
            stride *= hi - lo + 1
        return index

    def channel_numbers(self) -> list[tuple[int, ...]]:
        """The channel arguments of every value of a pixel, in the order of `channel`."""
        ranges = [range(lo, hi + 1) for lo, hi in reversed(self.channels)]
        return [tuple(reversed(numbers)) for numbers in product(*ranges)]


@dataclass(slots=True)
class Lowered:
    """All stages as expressions over taps.

    Attributes
    ----------
    graph : Graph
        Nodes; reads of other stages and of inputs are ``tap`` nodes.
    bodies : dict of (str, int, int) to Ref
        Per `stage_key`, lane and channel, what is computed.
    domains : dict of str to Domain
        Per stage or input that is read, which pixels a launch computes or takes.
    parameters : dict of str to ir.Type
        Scalar Params that are read, and their types.
    metadata : dict of str to ir.Variable
        Extents and mins of images, by name, that software must know the values of.
    settings : dict of str to (int, int, Formula)
        Static input ports by name: least and greatest value, and the formula whose value software writes.
    borders : list of Border
        Border conditions as they were built; software checks before a launch that the image is one they hold for.
    beyond : dict of str to int
        Streams read under a border condition by a stage that is itself computed beyond the image, and how many pixels
        beyond that is at most.
    notes : list of str
        Warnings of overflow; the note of a ``wrap`` node is a place in it, from 1, or 0 for none.
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
    """Name of the stream of one Tuple element of a stage: the stage's own for element 0."""
    return name if value_index == 0 else f"{name}.{value_index}"
