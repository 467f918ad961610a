"""Stream plans: what each input and output of a core is, in one place, for all that feeds, drains and describes it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from fluorite.frontend.algorithm import ir
from fluorite.frontend.region.region import Region
from fluorite.hwgen.formula import Formula, Ranges, constant, variable
from fluorite.hwgen.interface import StreamPort
from fluorite.hwgen.lowering.domain import Domain
from fluorite.hwgen.lowering.values import output_ports, stage_key
from fluorite.hwgen.plan.due import Due, due
from fluorite.hwgen.plan.extents import Extents, phase_variable
from fluorite.hwgen.streams.graph import Delay

__all__ = ["Axis", "LoopVariables", "StreamPlan", "loop_variables", "region_variables", "stream_plans"]

_MANY = 1 << 20  # periods of a formula beyond which no number is the greatest of its operands


class LoopVariables(NamedTuple):
    """What formulas call a region's first pixel and extent along one scan dimension.

    Attributes
    ----------
    argument : int
        The accelerated Func's argument that the loop walks along.
    min, extent : str
        The variables.
    modulus : int
        What a launch's formulas need the remainder of the first pixel of; 1 if they do not.
    """

    argument: int
    min: str
    extent: str
    modulus: int = 1


@dataclass(frozen=True, slots=True)
class Axis:
    """One dimension of a stream's image, and what of it a region of the accelerated Func needs.

    Attributes
    ----------
    name : str
        The loop's variable or the channel, as an identifier.
    loop : int or None
        The scan dimension along which it runs; None for channels, all of which are in every word.
    first, last : Formula
        First and last coordinate that a region needs, of `LoopVariables` of any region, also where launches have a
        fixed one; of a region without pixels `last` may be any number less than `first`. Of channels, which are the
        same in all regions, they are numbers.
    min, extent : Formula
        First coordinate and extent of a launch: numbers, where launches have a fixed one.
    """

    name: str
    loop: int | None
    first: Formula
    last: Formula
    min: Formula
    extent: Formula

    @property
    def numbers(self) -> tuple[int, int]:
        """Least and greatest number of a channel."""
        assert self.loop is None, f"{self.name} is no channel"
        return self.first.value, self.last.value

    def span(self, variables: Mapping[str, int]) -> tuple[int, int]:
        """Min and extent that a region of the accelerated Func needs, given its `region_variables`."""
        first = self.first.evaluate(variables)
        return first, max(self.last.evaluate(variables) - first + 1, 0)


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """What one stream of a core is.

    Attributes
    ----------
    port : StreamPort
        Its port: name, direction, type, channels.
    key : str
        What the stream graph calls it.
    source : str
        The Func or ImageParam whose values it carries.
    axes : tuple of Axis
        The dimensions of its image, in the order of that Func's arguments.
    lacking : tuple of Axis
        The scan dimensions that its image does not have, as axes of one pixel.
    loops : tuple of LoopVariables
        The variables of its axes' formulas, by scan dimension.
    lanes : tuple of int
        Pixels of a word along each scan dimension, innermost first.
    words : tuple of Formula
        Words of a launch along each scan dimension.
    lag : Delay
        Its first word comes so much later than the scan's beginning, along each scan dimension.
    due : Due
        Scan positions where it starts and ends.
    periods : tuple of int
        Positions of the scan from a word to the next.
    first_words : tuple of Formula
        The number of a launch's first word along each dimension, its word 0 being what comes where the scan begins.
    end_words : tuple of Formula
        The number of the word behind the last one.
    """

    port: StreamPort
    key: str
    source: str
    axes: tuple[Axis, ...]
    lacking: tuple[Axis, ...]
    loops: tuple[LoopVariables, ...]
    lanes: tuple[int, ...]
    words: tuple[Formula, ...]
    lag: Delay
    due: Due
    periods: tuple[int, ...]
    first_words: tuple[Formula, ...]
    end_words: tuple[Formula, ...]

    @property
    def is_input(self) -> bool:
        """Whether the core reads it."""
        return self.port.direction == "in"

    @property
    def with_scan(self) -> bool:
        """Whether its word 0 comes where the scan begins."""
        return not any(self.lag)

    def moves_in(self, d: int) -> bool:
        """Whether along dimension d launches begin in different phases, with different words."""
        return self.due.firsts[d] != self.due.starts[d]

    def ends(self, d: int, scan: Sequence[Formula]) -> bool:
        """Whether its port has to know its last position along dimension d."""
        return not self.is_input or self.end_words[d] * self.periods[d] != scan[d]

    def fills(self, d: int, scan: Sequence[Formula]) -> bool:
        """Whether along dimension d it has a word wherever the scan is in its phase."""
        return self.end_words[d] * self.periods[d] == scan[d] and self.first_words[d] == constant(0)

    def skips(self, d: int) -> bool:
        """Whether along dimension d it goes with the scan, and launches begin with different words.

        Its port then has the number of the first word for a setting, which is small, and not that word's position.
        """
        return self.with_scan and self.moves_in(d)

    def first_places(self, d: int, ranges: Ranges) -> tuple[Formula, ...]:
        """Where the scan is before the first word along dimension d; where it skips words, by how many it skips."""
        if not self.skips(d):
            return (self.due.firsts[d],)
        most = self.first_words[d].greatest(ranges)
        return self.due.starts[d], *(constant(words * self.periods[d] - 1) for words in range(1, most + 1))

    @property
    def scanned(self) -> tuple[Axis, ...]:
        """The axes along scan dimensions, innermost first, those that the image lacks among them."""
        along = (axis for axis in (*self.axes, *self.lacking) if axis.loop is not None)
        return tuple(sorted(along, key=lambda axis: axis.loop or 0))

    @property
    def channels(self) -> tuple[Axis, ...]:
        """The axes of which every word has all."""
        return tuple(axis for axis in self.axes if axis.loop is None)

    @property
    def in_rows(self) -> bool:
        """Whether the words of a row are its pixels one after another, as they lie in an interleaved image."""
        return all(lanes == 1 for lanes in self.lanes[1:])

    def region(self, mins: Sequence[int], extents: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """What a region of the accelerated Func needs of the stream's image, or, of an output, has in it.

        Parameters
        ----------
        mins, extents : sequence of int
            The region, by the accelerated Func's arguments.

        Returns
        -------
        tuple of (tuple of int, tuple of int)
            Mins and extents by the arguments of the stream's own Func.
        """
        variables = region_variables(self.loops, mins, extents)
        spans = [axis.span(variables) for axis in self.axes]
        return tuple(low for low, _ in spans), tuple(extent for _, extent in spans)

    def around(self, axis: Axis) -> tuple[int, int] | None:
        """How far what is needed along an axis reaches beyond a region's first and last pixel, by the same everywhere.

        Parameters
        ----------
        axis : Axis
            One of `scanned`.

        Returns
        -------
        (int, int) or None
            Needed is what lies from the region's first coordinate + the one to its last + the other. None: the axis is
            at another rate than the output.
        """
        assert axis.loop is not None, f"{axis.name} is a channel"
        loop = self.loops[axis.loop]
        first = variable(loop.min)
        low, high = axis.first - first, axis.last - (first + variable(loop.extent) - 1)
        return (low.value, high.value) if low.is_constant and high.is_constant else None

    def rate(self, axis: Axis) -> Fraction:
        """Pixels that one more pixel of the output's region needs along an axis, on average.

        Parameters
        ----------
        axis : Axis
            One of `scanned`.
        """
        assert axis.loop is not None, f"{axis.name} is a channel"
        period = math.lcm(*axis.last.divisors())
        variables = {name: 0 for loop in self.loops for name in (loop.min, loop.extent)}
        extent = self.loops[axis.loop].extent
        few, more = (axis.last.evaluate(variables | {extent: period * n}) for n in (_MANY, _MANY + 1))
        return Fraction(more - few, period)


def stream_plans(
    region: Region, domains: Mapping[str, Domain], extents: Extents, lag: Callable[[str], Delay]
) -> tuple[StreamPlan, ...]:
    """The plans of all streams: inputs in the order of ``accelerate()``'s, then one per value of each output Func.

    Parameters
    ----------
    region : Region
        What becomes hardware.
    domains : mapping of str to Domain
        Per stage or input, which of its pixels a launch computes or reads.
    extents : Extents
        How many those are.
    lag : callable
        Gives a stream's lag behind the scan's beginning, by what the stream graph calls it.
    """
    loops = loop_variables(region, extents.rates.moduli)

    def plan(direction: str, key: str, port_name: str, stream: str, source: str, type_: ir.Type) -> StreamPlan:
        domain, rate = domains[stream], extents.rates.streams[stream]
        port = StreamPort(
            region.names[port_name], direction, type_.bits, type_.is_signed, math.prod(rate.lanes), len(rate.lanes),
            domain.channel_count,
        )  # fmt: skip
        own = {} if direction == "in" else {c.position: region.names[c.var] for c in region.channels_of(source)}
        axes = tuple(_axes(region, domain, extents.pixels[stream], extents.of_phases, own))
        still = tuple(
            Axis(region.names[region.loops[d].var], d, constant(0), constant(0), constant(0), constant(1))
            for d in domain.lacking
        )
        behind, words = lag(key), extents.words[stream]
        first, end = extents.starts[stream], extents.ends[stream]
        when = due(behind, first, end, rate.periods, extents)
        return StreamPlan(
            port, key, source, axes, still, loops, rate.lanes, words, behind, when, rate.periods, first, end
        )  # fmt: skip

    return (
        *(plan("in", source.name, source.name, source.name, source.name, source.type) for source in region.inputs),
        *(
            plan("out", key, stage_key(name, element), port, name, type_)
            for key, (port, name, element, type_) in output_ports(region).items()
        ),
    )


def _axes(
    region: Region,
    domain: Domain,
    extents: Sequence[Formula],
    phases: Mapping[str, Formula],
    own: Mapping[int, str],
) -> Iterator[Axis]:
    """The dimensions of a stream's image; channels of an input have no names of their own, by position."""
    names = region.names
    nameless = "channel" if domain.dimensions.count(None) == 1 else "channel{}"
    channels = enumerate(domain.channels)
    for place, dimension in enumerate(domain.dimensions):
        if dimension is None:
            number, (lo, hi) = next(channels)
            name = own.get(place, nameless.format(number))
            yield Axis(name, None, constant(lo), constant(hi), constant(lo), constant(hi - lo + 1))
        else:
            loop, of_first, of_last = region.loops[dimension], domain.first[dimension], domain.last[dimension]
            first, extent = variable(names.minimum(loop.var)), variable(names.extent(loop.var))
            own_min = first if loop.min is None else constant(loop.min)
            yield Axis(
                names[loop.var], dimension, of_first.formula(first), of_last.formula(first + extent - 1),
                of_first.formula(own_min), extents[dimension].substituted(phases),
            )  # fmt: skip


def loop_variables(region: Region, moduli: Sequence[int]) -> tuple[LoopVariables, ...]:
    """What formulas call the first pixel and the extent along each loop."""
    names = region.names
    return tuple(
        LoopVariables(loop.position, names.minimum(loop.var), names.extent(loop.var), modulus)
        for loop, modulus in zip(region.loops, moduli, strict=True)
    )


def region_variables(loops: Sequence[LoopVariables], mins: Sequence[int], extents: Sequence[int]) -> dict[str, int]:
    """Values of what formulas depend on besides scalars: ``min_x``, ``extent_x``, ``min_y``...

    Parameters
    ----------
    loops : sequence of LoopVariables
        By scan dimension.
    mins, extents : sequence of int
        The region, a launch's or any other, by the accelerated Func's arguments.
    """
    found: dict[str, int] = {}
    for argument, minimum, extent, modulus in loops:
        found[minimum], found[extent] = mins[argument], extents[argument]
        if modulus > 1:
            found[phase_variable(minimum, modulus)] = mins[argument] % modulus
    return found
