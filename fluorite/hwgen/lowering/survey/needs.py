"""What a launch needs of each stream where images with borders lie anywhere: formulas of what is known before a launch.

A domain says what launches need at most. Where an image ends within it, less is there, and less is needed: of the image
itself, and of what is read to compute it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

from fluorite.frontend.region.region import Region
from fluorite.hwgen.formula import Formula, constant, floor_div, maximum, minimum, variable
from fluorite.hwgen.lowering.domain import Domain
from fluorite.hwgen.lowering.images import Span, lanes_of
from fluorite.hwgen.lowering.survey.reads import Read, ReadIndex
from fluorite.hwgen.quasiaffine import QuasiAffine

__all__ = ["Needs", "needs_of"]


@dataclass(frozen=True, slots=True)
class Needs:
    """What launches need.

    Attributes
    ----------
    domains : dict of str to Domain
        Domains of all streams, which say of each input what a launch needs of it.
    derived : dict of str to Formula
        Variables of their formulas, each by what is known before a launch and by those before it.
    """

    domains: dict[str, Domain]
    derived: dict[str, Formula]


def needs_of(
    region: Region, domains: Mapping[str, Domain], reads: Sequence[Read], outputs: Mapping[str, Domain]
) -> Needs:
    """What launches need of each stream, along dimensions with images that lie anywhere.

    Parameters
    ----------
    region : Region
        The region.
    domains : mapping of str to Domain
        Of all streams.
    reads : sequence of Read
        All reads.
    outputs : mapping of str to Domain
        What a launch gives of each output stream.
    """
    found = Needs(dict(domains), {})
    for d in range(len(region.loops)):
        if not any(read.along[d].known for read in reads):
            continue
        needed = _needed(region, d, domains, reads, outputs, found.derived)
        own = _own(region, d)
        for stream in region.inputs:
            domain = domains[stream.name]
            if needed[stream.name] == _over(domain.first[d], domain.last[d], own):
                continue
            spans = list(found.domains[stream.name].needed or (None,) * len(region.loops))
            spans[d] = needed[stream.name]
            found.domains[stream.name] = replace(found.domains[stream.name], needed=tuple(spans))
    return found


def _needed(
    region: Region,
    d: int,
    domains: Mapping[str, Domain],
    reads: Sequence[Read],
    outputs: Mapping[str, Domain],
    derived: dict[str, Formula],
) -> dict[str, Span]:
    """What a launch needs of all streams along a dimension, first and last coordinate, most of it as new variables."""
    own = _own(region, d)
    needed: dict[str, Span] = {name: _over(of.first[d], of.last[d], own) for name, of in outputs.items()}
    for stream in (*reversed(region.stages), *(source.name for source in region.inputs)):
        groups: dict[object, list[Read]] = {}
        for read in reads:
            if read.stream == stream and read.reader in needed:
                index = read.along[d]
                groups.setdefault((read.reader, index.begins, index.ends, index.image, index.known), []).append(read)
        if not groups or stream in outputs:
            continue
        begin = domains[stream].first[d].formula(own[0])
        lanes = lanes_of(domains[stream].first[d].rate, region.loops[d])
        asked = [
            _asked([read.along[d] for read in group], needed[group[0].reader], own, begin, lanes)
            for group in groups.values()
        ]
        low, high = minimum([low for low, _ in asked], {}), maximum([high for _, high in asked], {})
        domain, (var, name) = domains[stream], (region.names[region.loops[d].var], region.names[stream])
        first, last = _over(domain.first[d], domain.last[d], own)
        if low != first:
            derived[f"{name}_needed_first_{var}"] = low
            low = variable(f"{name}_needed_first_{var}")
        if high != last:
            derived[f"{name}_needed_last_{var}"] = high
            high = variable(f"{name}_needed_last_{var}")
        needed[stream] = low, high
    return needed


def _asked(indices: Sequence[ReadIndex], reader: Span, own: Span, begin: Formula, lanes: int) -> Span:
    """What reads of one kind ask for, of what their reader needs: whole words from the stream's first pixel on."""
    one = indices[0]
    if one.image and not one.known:
        return _over(*one.image, own)
    first = reduce(QuasiAffine.least, (index.index.from_below() for index in indices))
    last = reduce(QuasiAffine.greatest, (index.index.from_above() for index in indices))
    asked = _over(first, last, reader)
    if lanes > 1:
        asked = begin + floor_div(asked[0] - begin, lanes) * lanes, asked[1]
    if one.known is None:
        return own[0] if one.begins else asked[0], own[1] if one.ends else asked[1]
    assert one.image is not None
    return one.known.needed(asked, _over(*one.image, own), lanes)


def _own(region: Region, d: int) -> Span:
    """First and last pixel of a launch's region."""
    loop, names = region.loops[d], region.names
    first = variable(names.minimum(loop.var)) if loop.min is None else constant(loop.min)
    extent = constant(loop.max_extent) if loop.fixed else variable(names.extent(loop.var))
    return first, first + extent - 1


def _over(first: QuasiAffine, last: QuasiAffine, span: Span) -> tuple[Formula, Formula]:
    return first.formula(span[0]), last.formula(span[1])
