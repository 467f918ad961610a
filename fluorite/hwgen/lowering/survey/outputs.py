"""Outputs: what a launch gives of the accelerated Func and of those beside it, and at which rates.

The rate of an output beside the accelerated Func is that of a stream which both read, directly or through others, or of
one that reads the other. A launch of pixels ``min .. max`` then gives of it, at rate r, the pixels
``floor(r * min) .. ceil(r * (max + 1)) - 1``: all that are made of the launch's own, and at odd ends one more.

An output that other stages read is computed where they need it, too. What leaves the core is then a stream of its own
that reads the stage pixel for pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from fluorite.errors import ScheduleError
from fluorite.frontend.region.region import Region, SideOutput
from fluorite.hwgen.lowering.domain import Domain
from fluorite.hwgen.lowering.survey.reads import Read, ReadIndex
from fluorite.hwgen.quasiaffine import QuasiAffine, shift

__all__ = ["domains_of_outputs", "reads_of_ports"]

#: Domains of all streams that an output reads, relative to its own pixels.
Relative = Callable[[str, Domain], Mapping[str, Domain]]


def domains_of_outputs(region: Region, relative: Relative) -> dict[str, Domain]:
    """What a launch gives of each output, by output Func.

    Parameters
    ----------
    region : Region
        The region.
    relative : callable
        Gives the domains of all streams that an output reads, by what is asked of it.

    Raises
    ------
    ScheduleError
        An output has nothing in common with the accelerated Func, or is at another rate than hardware has.
    """
    own = _own_domain(region)
    if not region.sides:
        return {region.name: own}
    known = {region.name: own, **relative(region.name, own)}
    found = {region.name: own}
    for side in region.sides:
        plain = Domain(side.dimensions, own.first, own.last, _channels(side))
        of_side = {side.name: plain, **relative(side.name, plain)}
        common = next((name for name in known if name in of_side and _moves(known[name], of_side[name])), None)
        if common is None:
            raise ScheduleError(
                region.name,
                f"accelerate(..., outputs=[{side.name}])",
                f"{side.name} reads nothing that {region.name} reads, so there is no rate between the two",
                f"call accelerate() on {side.name}, too",
            )
        rates = [a.rate / b.rate for a, b in zip(known[common].first, of_side[common].first, strict=True)]
        found[side.name] = Domain(side.dimensions, tuple(map(_first, rates)), tuple(map(_last, rates)), plain.channels)
    return found


def reads_of_ports(region: Region, domains: Mapping[str, Domain]) -> tuple[Read, ...]:
    """The reads of outputs that are stages for others, one a channel, given the domains of all outputs."""
    along = tuple(ReadIndex(shift(0)) for _ in region.loops)
    return tuple(
        Read(region.port(name), name, domains[name].dimensions, along, tuple(numbers))
        for name in region.outputs
        if region.port(name) != name
        for numbers in domains[name].channel_numbers()
    )


def _own_domain(region: Region) -> Domain:
    """Domain of the accelerated Func: a launch's own pixels, with all channels."""
    own: list[int | None] = [None] * len(region.func.args)
    for d, loop in enumerate(region.loops):
        own[loop.position] = d
    zero = (shift(0),) * len(region.loops)
    by_position = sorted(region.channels, key=lambda channel: channel.position)
    channels = tuple((c.min, c.min + c.extent - 1) for c in by_position)
    return Domain(tuple(own), zero, zero, channels)


def _channels(side: SideOutput) -> tuple[tuple[int, int], ...]:
    return tuple((channel.min, channel.min + channel.extent - 1) for channel in side.channels)


def _moves(one: Domain, other: Domain) -> bool:
    """Whether a stream moves with both outputs, along every dimension."""
    return all(first.rate for first in (*one.first, *other.first))


def _first(rate: Fraction) -> QuasiAffine:
    """The first pixel at a rate: ``floor(rate * i)``."""
    step, period = rate.numerator, rate.denominator
    return QuasiAffine(step, tuple(step * i // period for i in range(period)))


def _last(rate: Fraction) -> QuasiAffine:
    """The last pixel at a rate: ``ceil(rate * (i + 1)) - 1``."""
    step, period = rate.numerator, rate.denominator
    return QuasiAffine(step, tuple(-(-step * (i + 1) // period) - 1 for i in range(period)))
