"""Outputs beside the accelerated Func, as software sees them: what of that Func a region of theirs takes.

A launch is known by the region of the accelerated Func that it computes, so what is asked of an output beside it is
asked of that Func first. At rate r, pixel ``i`` of the output comes with pixel ``floor(i / r)``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fluorite.frontend.region.region import Region, SideOutput
from fluorite.hwgen.formula import constant, floor_div, variable
from fluorite.hwgen.lowering.domain import Domain
from fluorite.hwgen.plan.stream_plan import Axis, LoopVariables, StreamPlan, region_variables

__all__ = ["SidePlan", "side_plans"]


@dataclass(frozen=True, slots=True)
class SidePlan:
    """An output beside the accelerated Func.

    Attributes
    ----------
    name : str
        The Func.
    streams : tuple of StreamPlan
        Its streams, one per Tuple element.
    axes : tuple of Axis
        By the accelerated Func's arguments, what a region of this output takes of it.
    loops : tuple of LoopVariables
        The variables of the axes' formulas, which are this output's region, by scan dimension.
    rates : tuple of (int, int)
        By this output's arguments, how many of its pixels come for how many of the accelerated Func's.
    """

    name: str
    streams: tuple[StreamPlan, ...]
    axes: tuple[Axis, ...]
    loops: tuple[LoopVariables, ...]
    rates: tuple[tuple[int, int], ...]

    def asked(self, mins: Sequence[int], extents: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The region of the accelerated Func whose launches give a region of this output, by arguments of either."""
        variables = region_variables(self.loops, mins, extents)
        spans = [axis.span(variables) for axis in self.axes]
        return tuple(low for low, _ in spans), tuple(extent for _, extent in spans)


def side_plans(region: Region, domains: Mapping[str, Domain], streams: Sequence[StreamPlan]) -> tuple[SidePlan, ...]:
    """The outputs beside the accelerated Func, in the order of ``accelerate()``.

    Parameters
    ----------
    region : Region
        The region.
    domains : mapping of str to Domain
        Per stage or port, its pixels.
    streams : sequence of StreamPlan
        Of the core.
    """
    return tuple(
        _side(region, side, domains[region.port(side.name)], [s for s in streams if s.source == side.name])
        for side in region.sides
    )


def _side(region: Region, side: SideOutput, domain: Domain, streams: Sequence[StreamPlan]) -> SidePlan:
    names = region.names
    loops = tuple(
        LoopVariables(side.dimensions.index(d), names.minimum(loop.var), names.extent(loop.var))
        for d, loop in enumerate(region.loops)
    )
    axes: list[Axis | None] = [None] * len(region.func.args)
    for channel in region.channels:
        lo, extent = constant(channel.min), constant(channel.extent)
        axes[channel.position] = Axis(names[channel.var], None, lo, lo + extent - 1, lo, extent)
    for d, (loop, rate) in enumerate(zip(region.loops, (first.rate for first in domain.first), strict=True)):
        low, count = variable(loops[d].min), variable(loops[d].extent)
        first = floor_div(low * rate.denominator, rate.numerator)
        last = floor_div((low + count - 1) * rate.denominator, rate.numerator)
        axes[loop.position] = Axis(names[loop.var], d, first, last, first, last - first + 1)
    rates = [(1, 1) if d is None else domain.first[d].rate.as_integer_ratio() for d in side.dimensions]
    return SidePlan(side.name, tuple(streams), tuple(axis for axis in axes if axis), loops, tuple(rates))
