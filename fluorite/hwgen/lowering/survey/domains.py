"""Domains: which pixels of each stream are computed, from what reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from fluorite.frontend.region.region import Region
from fluorite.hwgen.lowering.survey.edges import Edge
from fluorite.hwgen.lowering.survey.reads import Read
from fluorite.hwgen.lowering.values import Domain

__all__ = ["clamped", "domain_of_output", "pixels_beyond", "united", "wanted"]


def domain_of_output(region: Region) -> Domain:
    """Domain of the accelerated Func: a launch's own pixels, with all channels."""
    own: list[int | None] = [None] * len(region.func.args)
    for d, loop in enumerate(region.loops):
        own[loop.position] = d
    zero = (0,) * len(region.loops)
    by_position = sorted(region.channels, key=lambda channel: channel.position)
    channels = tuple((c.min, c.min + c.extent - 1) for c in by_position)
    return Domain(tuple(own), zero, zero, channels)


def wanted(read: Read, own: Domain) -> Domain:
    """The pixels of a stream that a read needs.

    Offsets add up from reader to reader, but not beyond a border: what lies there is made of the image's own pixels.

    Parameters
    ----------
    read : Read
        The read.
    own : Domain
        Domain of the stage that reads.
    """
    along = list(enumerate(read.along))
    return Domain(
        read.dimensions,
        tuple(0 if index.begins else own.lo[d] + index.offset for d, index in along),
        tuple(0 if index.ends else own.hi[d] + index.offset for d, index in along),
        tuple((number, number) for number in read.numbers),
    )


def united(one: Domain, other: Domain) -> Domain:
    """The least domain that contains both, of a stream whose arguments run along the same dimensions in both."""
    return Domain(
        one.dimensions,
        tuple(map(min, one.lo, other.lo)),
        tuple(map(max, one.hi, other.hi)),
        tuple((min(a, c), max(b, d)) for (a, b), (c, d) in zip(one.channels, other.channels, strict=True)),
    )


def clamped(
    region: Region, domains: Mapping[str, Domain], reads: Sequence[Read], edges: Mapping[str, Sequence[Edge | None]]
) -> dict[str, Domain]:
    """Domains of all streams where no stage is computed beyond its edges.

    Parameters
    ----------
    region : Region
        The region.
    domains : mapping of str to Domain
        Domains without edges.
    reads : sequence of Read
        All reads.
    edges : mapping of str to sequence of Edge or None
        Per stage and dimension, as of :func:`fluorite.hwgen.lowering.survey.edges.constant_beyond`.
    """
    ranges: dict[str, list[tuple[int, int]]] = {region.name: [(0, 0)] * len(region.loops)}
    for stage in reversed(region.stages):
        for read in reads:
            if read.reader != stage or stage not in ranges:
                continue
            asked: list[tuple[int, int]] = []
            for d, ((lo, hi), index) in enumerate(zip(ranges[stage], read.along, strict=True)):
                edge = edges[read.stream][d] if read.stream in edges else None
                lo, hi = 0 if index.begins else lo + index.offset, 0 if index.ends else hi + index.offset
                asked.append((edge.nearest(lo), edge.nearest(hi)) if edge else (lo, hi))
            known = ranges.setdefault(read.stream, asked)
            ranges[read.stream] = [(min(a, c), max(b, d)) for (a, b), (c, d) in zip(known, asked, strict=True)]
    return {
        name: replace(domain, lo=tuple(lo for lo, _ in ranges[name]), hi=tuple(hi for _, hi in ranges[name]))
        for name, domain in domains.items()
    }


def pixels_beyond(reads: Iterable[Read], domains: Mapping[str, Domain]) -> dict[str, int]:
    """How far beyond the image stages are computed that read a stream under a border condition, in pixels.

    By stream; those that are read so by no stage beyond the image are left out.

    Parameters
    ----------
    reads : iterable of Read
        All reads.
    domains : mapping of str to Domain
        Domains of their readers.
    """
    beyond: dict[str, int] = {}
    for read in reads:
        own = domains[read.reader]
        bordered = [d for d, index in enumerate(read.along) if index.border]
        pixels = max((max(-own.lo[d], own.hi[d]) for d in bordered), default=0)
        if pixels > 0:
            beyond[read.stream] = max(beyond.get(read.stream, 0), pixels)
    return beyond
