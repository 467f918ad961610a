"""Domains: which pixels of each stream are computed, from what reads it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from fluorite.frontend.region.region import Region
from fluorite.hwgen.lowering.domain import Domain
from fluorite.hwgen.lowering.survey.edges import Edge
from fluorite.hwgen.lowering.survey.reads import Read, ReadIndex
from fluorite.hwgen.quasiaffine import QuasiAffine, shift

__all__ = ["clamped", "pixels_beyond", "united", "wanted"]


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
    ends = [_ends(index, first, last) for index, first, last in zip(read.along, own.first, own.last, strict=True)]
    return Domain(
        read.dimensions,
        tuple(first for first, _ in ends),
        tuple(last for _, last in ends),
        tuple((number, number) for number in read.numbers),
    )


def _ends(index: ReadIndex, first: QuasiAffine, last: QuasiAffine) -> tuple[QuasiAffine, QuasiAffine]:
    """First and last pixel that a read asks for along a dimension, its reader being computed from first to last."""
    if index.image:
        return index.image
    return (
        shift(0) if index.begins else index.index.from_below().after(first),
        shift(0) if index.ends else index.index.from_above().after(last),
    )


def united(one: Domain, other: Domain) -> Domain:
    """The least domain that contains both, of a stream that comes in both in one order and at one rate."""
    return Domain(
        one.dimensions,
        tuple(a.least(b) for a, b in zip(one.first, other.first, strict=True)),
        tuple(a.greatest(b) for a, b in zip(one.last, other.last, strict=True)),
        tuple((min(a, c), max(b, d)) for (a, b), (c, d) in zip(one.channels, other.channels, strict=True)),
    )


def clamped(
    region: Region,
    outputs: Mapping[str, Domain],
    domains: Mapping[str, Domain],
    reads: Sequence[Read],
    edges: Mapping[str, Sequence[Edge | None]],
    recursive: Collection[str] = (),
) -> dict[str, Domain]:
    """Domains of all streams where no stage is computed beyond its edges.

    Parameters
    ----------
    region : Region
        The region.
    outputs : mapping of str to Domain
        What a launch gives, by port.
    domains : mapping of str to Domain
        Domains without edges.
    reads : sequence of Read
        All reads.
    edges : mapping of str to sequence of Edge or None
        Per stage and dimension, as of :func:`fluorite.hwgen.lowering.survey.edges.constant_beyond`.
    recursive : collection of str
        Stages that are computed wherever they read themselves, too.
    """
    ranges = {port: list(zip(domain.first, domain.last, strict=True)) for port, domain in outputs.items()}
    ports = [port for port in outputs if port not in region.stages]
    for stage in (*ports, *reversed(region.stages)):
        if stage in recursive:
            ranges[stage] = list(zip(domains[stage].first, domains[stage].last, strict=True))
        for read in reads:
            if read.reader != stage or stage not in ranges:
                continue
            asked: list[tuple[QuasiAffine, QuasiAffine]] = []
            for d, ((first, last), index) in enumerate(zip(ranges[stage], read.along, strict=True)):
                edge = edges[read.stream][d] if read.stream in edges else None
                first, last = _ends(index, first, last)
                if edge:  # there are edges at one rate only
                    first, last = shift(edge.nearest(first(0))), shift(edge.nearest(last(0)))
                asked.append((first, last))
            known = ranges.setdefault(read.stream, asked)
            ranges[read.stream] = [(a.least(c), b.greatest(d)) for (a, b), (c, d) in zip(known, asked, strict=True)]
    return {
        name: replace(domain, first=tuple(a for a, _ in ranges[name]), last=tuple(b for _, b in ranges[name]))
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
