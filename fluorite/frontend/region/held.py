"""What may be asked of a Func at most: as much as the images hold that it reads, itself or through others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.intervals import ANYWHERE, Interval, offset
from fluorite.frontend.algorithm.visit import walk
from fluorite.frontend.region.sizes import Sizes, span, within

__all__ = ["Held", "held"]


@dataclass(frozen=True, slots=True)
class Held:
    """How much of one dimension of a Func its images have the pixels for.

    Attributes
    ----------
    region : Interval
        Coordinates, as far as images say where they begin.
    extent : int or None
        The greatest extent, wherever images begin; None if none of them says it.
    """

    region: Interval = ANYWHERE
    extent: int | None = None

    def and_(self, other: Held) -> Held:
        """What both have."""
        region = self.region.intersection(other.region)
        extents = [extent for extent in (self.extent, other.extent, region.extent) if extent is not None]
        return Held(region, min(extents, default=None))


_NOTHING: Final = Held()


def held(pipeline: ir.Pipeline, name: str, sizes: Sizes) -> tuple[Held, ...]:
    """How much of each dimension of a Func its images have the pixels for.

    Only reads at the Func's own variables say it, ``image[x, y]`` or ``image[x - 1, y + 2]``, also through Funcs that
    are read like that: what is read at a clamped coordinate is there for every pixel.

    Parameters
    ----------
    pipeline : ir.Pipeline
        The pipeline.
    name : str
        The Func.
    sizes : Sizes
        What is known of images.
    """
    found: dict[str, tuple[Held, ...]] = {}
    for func in pipeline.funcs.values():  # what is read comes first
        dimensions = [_NOTHING] * len(func.args)
        for read, of in _reads(func, sizes):
            for number, index in enumerate(read.args):
                for dimension, var in enumerate(func.args):
                    away = offset(index, var, of)
                    if away is not None:
                        there = _of(read, number, found, sizes)
                        dimensions[dimension] = dimensions[dimension].and_(_moved(there, away))
        found[func.name] = tuple(dimensions)
        if func.name == name:
            break
    return found[name]


def _reads(func: ir.Func, sizes: Sizes) -> Iterator[tuple[ir.Call, Callable[[ir.Variable], Interval]]]:
    """Every read that each pixel of a Func needs."""
    for definition in (func.init, *func.updates):
        if definition is None or not (isinstance(definition.predicate, ir.Imm) and definition.predicate.value):
            continue  # a guarded read is one that some pixels do without
        of = within(definition, {}, sizes)
        for value in definition.values:
            for node in walk(value):
                if isinstance(node, ir.Call) and node.call_type in (ir.CallType.HALIDE, ir.CallType.IMAGE):
                    yield node, of


def _of(read: ir.Call, number: int, found: Mapping[str, tuple[Held, ...]], sizes: Sizes) -> Held:
    """How much of a dimension there is of what is read."""
    if read.call_type is ir.CallType.HALIDE:
        return found[read.name][number] if read.name in found else _NOTHING
    least, extent = sizes.of_image(read.name, number)
    return Held(Interval(least.lo, span(least, extent).hi), extent.hi)


def _moved(there: Held, away: Interval) -> Held:
    """The same, of what is read so far away from each pixel."""
    if away.lo is None or away.hi is None:
        return _NOTHING
    extent = None if there.extent is None else there.extent - (away.hi - away.lo)
    lo, hi = there.region.lo, there.region.hi
    return Held(Interval(None if lo is None else lo - away.lo, None if hi is None else hi - away.hi), extent)
