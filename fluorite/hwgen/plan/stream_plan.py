"""Stream plans: what each input and output of a core is, in one place, for all that feeds, drains and describes it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from fluorite.frontend.algorithm import ir
from fluorite.frontend.region.region import Region
from fluorite.hwgen.formula import Formula, Ranges, constant, floor_div, minimum, variable
from fluorite.hwgen.interface import StreamPort
from fluorite.hwgen.lowering.domain import Domain
from fluorite.hwgen.lowering.values import output_ports, stage_key
from fluorite.hwgen.plan.due import Due, due
from fluorite.hwgen.plan.extents import Extents, phase_variable
from fluorite.hwgen.streams.graph import Delay

__all__ = [
    "Axis",
    "LoopVariables",
    "StreamPlan",
    "loop_variables",
    "region_variables",
    "stream_plans",
    "used_by",
    "with_derived",
]


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
    rate : Fraction
        Pixels that one more pixel of the accelerated Func's region needs, on average.
    """

    name: str
    loop: int | None
    first: Formula
    last: Formula
    min: Formula
    extent: Formula
    rate: Fraction = Fraction(0)

    @property
    def numbers(self) -> tuple[int, int]:
        """Least and greatest number of a channel."""
        assert self.loop is None, f"{self.name} is no channel"
        return self.first.value, self.last.value

    def span(self, variables: Mapping[str, int]) -> tuple[int, int]:
        """Min and extent that a region of the accelerated Func needs, given `region_variables` and its scalars."""
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
    derived : mapping of str to Formula
        Variables of its axes' formulas that follow from others, in order.
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
    derived: Mapping[str, Formula]

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

    def region(
        self, mins: Sequence[int], extents: Sequence[int], scalars: Mapping[str, int] | None = None
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """What a region of the accelerated Func needs of the stream's image, or, of an output, has in it.

        Parameters
        ----------
        mins, extents : sequence of int
            The region, by the accelerated Func's arguments.
        scalars : mapping of str to int, optional
            What the extern stage gets by value. Where images with borders lie is among it, and needed if any is.

        Returns
        -------
        tuple of (tuple of int, tuple of int)
            Mins and extents by the arguments of the stream's own Func.
        """
        variables = with_derived({**(scalars or {}), **region_variables(self.loops, mins, extents)}, self.derived)
        spans = [axis.span(variables) for axis in self.axes]
        return tuple(low for low, _ in spans), tuple(extent for _, extent in spans)

    @property
    def lies_anywhere(self) -> bool:
        """Whether a launch may need less of its image than goes with its region, because that ends somewhere."""
        return any(self._is_derived(axis) for axis in self.axes)

    def image_along(self, axis: Axis) -> tuple[Formula, Formula]:
        """First and last pixel, along an axis, of the image that goes with a region: what that needs, if it is known.

        Where that depends on where the image lies, it is the one whose first and last pixel are those at the region's.
        """
        if not self._is_derived(axis):
            return axis.first, axis.last
        assert axis.loop is not None, f"{axis.name} is a channel"
        loop, (step, period) = self.loops[axis.loop], axis.rate.as_integer_ratio()
        first = variable(loop.min)
        return floor_div(first * step, period), floor_div((first + variable(loop.extent) - 1) * step, period)

    def _is_derived(self, axis: Axis) -> bool:
        return bool((axis.first.variables() | axis.last.variables()) & self.derived.keys())

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


def stream_plans(
    region: Region,
    domains: Mapping[str, Domain],
    extents: Extents,
    lag: Callable[[str], Delay],
    derived: Mapping[str, Formula],
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
    derived : mapping of str to Formula
        As of :class:`fluorite.hwgen.lowering.values.Lowered`.
    """
    loops = loop_variables(region, extents.rates.moduli)

    def plan(direction: str, key: str, port_name: str, stream: str, source: str, type_: ir.Type) -> StreamPlan:
        domain, rate = domains[stream], extents.rates.streams[stream]
        port = StreamPort(
            region.names[port_name], direction, type_.bits, type_.is_signed, math.prod(rate.lanes), len(rate.lanes),
            domain.channel_count,
        )  # fmt: skip
        own = {} if direction == "in" else {c.position: region.names[c.var] for c in region.channels_of(source)}
        axes = tuple(_axes(region, domain, extents.pixels[stream], extents.of_launch, extents.ranges, own))
        still = tuple(
            Axis(region.names[region.loops[d].var], d, constant(0), constant(0), constant(0), constant(1))
            for d in domain.lacking
        )
        behind, words = lag(key), extents.words[stream]
        first, end = extents.starts[stream], extents.ends[stream]
        when = due(behind, first, end, rate.periods, extents)
        return StreamPlan(
            port, key, source, axes, still, loops, rate.lanes, words, behind, when, rate.periods, first, end,
            derived,
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
    of_launch: Mapping[str, Formula],
    ranges: Ranges,
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
            rate, needed = of_first.rate, domain.needed[dimension] if domain.needed else None
            if needed is None:
                yield Axis(
                    names[loop.var], dimension, of_first.formula(first), of_last.formula(first + extent - 1),
                    of_first.formula(own_min), extents[dimension].substituted(of_launch), rate,
                )  # fmt: skip
            else:
                # Where images may lie has no bounds; what a launch has of them is never more than this.
                pixels = minimum([needed[1] - needed[0] + 1, constant(extents[dimension].greatest(ranges))], {})
                yield Axis(names[loop.var], dimension, *needed, needed[0], pixels, rate)


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
    for argument, first, extent, modulus in loops:
        found[first], found[extent] = mins[argument], extents[argument]
        if modulus > 1:
            found[phase_variable(first, modulus)] = mins[argument] % modulus
    return found


def with_derived(variables: Mapping[str, int], derived: Mapping[str, Formula]) -> dict[str, int]:
    """The same variables, and those that follow from them, in order."""
    values = dict(variables)
    for name, formula in derived.items():
        values[name] = formula.evaluate(values)
    return values


def used_by(formulas: Iterable[Formula], derived: Mapping[str, Formula]) -> set[str]:
    """The variables that formulas depend on, those that follow from others and what they follow from included."""
    used = set().union(*(formula.variables() for formula in formulas))
    for name, formula in reversed(list(derived.items())):
        if name in used:
            used |= formula.variables()
    return used
