"""Rates: how many values of each stream come side by side, and how many positions of the scan one word of it takes.

Along each dimension of the scan, a stream that has ``rate`` pixels for a pixel of the accelerated Func, in words of
``lanes`` pixels, has a word every ``period`` positions, and periods are to one another as ``lanes / rate`` is. The
fastest stream has a word at every position, if it can; the others' words come where the position is a multiple of their
period. Where a reduction takes several steps in time, all periods along the innermost dimension are so many times
longer that it has as many positions for a word.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from fluorite.errors import ScheduleError
from fluorite.frontend.region.region import Region
from fluorite.hwgen.lowering.domain import Domain
from fluorite.hwgen.lowering.phases import turns
from fluorite.hwgen.lowering.survey.reads import Read

__all__ = ["Rates", "StreamRate", "rates_of"]


@dataclass(frozen=True, slots=True)
class StreamRate:
    """How a stream comes, along each dimension of the scan.

    Attributes
    ----------
    lanes : tuple of int
        Pixels of a word.
    periods : tuple of int
        Positions of the scan from a word to the next.
    lacking : tuple of int
        The dimensions that it does not have: along these its only word comes at the scan's first position.
    """

    lanes: tuple[int, ...]
    periods: tuple[int, ...]
    lacking: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Rates:
    """The rates of a region's streams.

    Attributes
    ----------
    streams : mapping of str to StreamRate
        By stage or input.
    moduli : tuple of int
        Along each dimension of the scan, by how many pixels the accelerated Func's region has to move so that every
        stream moves by whole pixels, and every read does the same as before; 1 where all streams move with any pixel.
    common : tuple of int
        Along each dimension of the scan, the positions after which all streams and all reads are in phase again.
    in_step : tuple of bool
        Along each dimension of the scan, whether launches have to begin at a multiple of the modulus: words of several
        pixels, and images with borders, are counted from there.
    """

    streams: Mapping[str, StreamRate]
    moduli: tuple[int, ...]
    common: tuple[int, ...]
    in_step: tuple[bool, ...]

    def is_mixed(self, d: int) -> bool:
        """Whether streams come at different rates along a dimension, in words of whatever lanes."""
        streams = [stream for stream in self.streams.values() if d not in stream.lacking]
        return any(a.lanes[d] * b.periods[d] != b.lanes[d] * a.periods[d] for a in streams for b in streams)

    @property
    def is_one(self) -> bool:
        """Whether all streams have a word at every position of the scan."""
        return all(period == 1 for period in self.common)


def rates_of(
    region: Region, reads: Sequence[Read], domains: Mapping[str, Domain], taken: Mapping[str, int] | None = None
) -> Rates:
    """The rates of all streams.

    Parameters
    ----------
    region : Region
        The region.
    reads : sequence of Read
        All reads.
    domains : mapping of str to Domain
        Per stage or input that is read, its pixels.
    taken : mapping of str to int
        Positions of the scan that a word of a stage takes at least, where its reductions are in time.

    Raises
    ------
    ScheduleError
        A stream would have no whole number of lanes.
    """
    lanes: dict[str, list[int]] = {name: [] for name in domains}
    periods: dict[str, list[int]] = {name: [] for name in domains}
    moduli: list[int] = []
    for d, loop in enumerate(region.loops):
        rates = {name: domain.first[d].rate for name, domain in domains.items()}
        for name, rate in rates.items():
            lanes[name].append(_lanes(region, name, loop.var, loop.lanes, rate))
        pixels = {
            name: lanes[name][d] / rate for name, rate in rates.items() if rate
        }  # of the accelerated Func, a word
        unit = _gcd(pixels.values())
        for name in rates:
            periods[name].append(int(pixels[name] / unit) if name in pixels else 1)
        if d == 0:
            longer = max((-(-least // periods[name][0]) for name, least in (taken or {}).items()), default=1)
            for of_stream in periods.values():
                of_stream[0] *= longer
        moduli.append(_modulus(d, reads, domains))
    streams = {
        name: StreamRate(tuple(lanes[name]), tuple(periods[name]), domain.lacking) for name, domain in domains.items()
    }
    common = [math.lcm(*(stream.periods[d] for stream in streams.values())) for d in range(len(region.loops))]
    for read in reads:
        own, source = streams[read.reader], streams[read.stream]
        for d, along in enumerate(read.along):
            turn = turns(along.index, own.lanes[d], source.lanes[d])
            common[d] = math.lcm(common[d], turn * own.periods[d])
    in_step = tuple(
        loop.lanes > 1 or any(read.along[d].begins_with_launch for read in reads) for d, loop in enumerate(region.loops)
    )
    return Rates(streams, tuple(moduli), tuple(common), in_step)


def _lanes(region: Region, name: str, var: str, lanes: int, rate: Fraction) -> int:
    """Pixels of a stream a word, where the accelerated Func has so many."""
    own = rate * lanes
    if lanes == 1 or own <= 1:
        return 1
    if own.denominator != 1:
        raise ScheduleError(
            region.name,
            f"unroll({var}, {lanes})",
            f"{name} has {rate} pixels for one of {region.name}, which is no whole number of lanes",
            f"unroll {var} by a multiple of {rate.denominator}",
        )
    return int(own)


def _modulus(d: int, reads: Sequence[Read], domains: Mapping[str, Domain]) -> int:
    """By how many pixels of the accelerated Func everything along a dimension moves by whole ones."""
    modulus = math.lcm(*(math.lcm(domain.first[d].period, domain.last[d].period) for domain in domains.values()))
    for read in reads:
        rate, period = domains[read.reader].first[d].rate, read.along[d].index.period
        modulus = math.lcm(modulus, rate.denominator * (period // math.gcd(period, rate.numerator)))
    return modulus


def _gcd(numbers: Iterable[Fraction]) -> Fraction:
    fractions = list(numbers)
    denominator = math.lcm(*(number.denominator for number in fractions))
    return Fraction(math.gcd(*(int(number * denominator) for number in fractions)), denominator)
