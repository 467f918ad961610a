"""The survey: what every stage reads of which stream, before any hardware is made.

It runs the definitions of all stages, consumers first, so that everything that reads a stream is known before the
stream's own stage is run. Of data it keeps what they depend on; of reads it keeps all, and domains, edges and borders
follow from these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fluorite.errors import UnsupportedError
from fluorite.frontend.region.region import Region
from fluorite.hwgen.lowering.borders import Border
from fluorite.hwgen.lowering.domain import Domain
from fluorite.hwgen.lowering.evaluate.definitions import Definitions
from fluorite.hwgen.lowering.evaluate.diagnostics import Diagnostics
from fluorite.hwgen.lowering.evaluate.indices import Affine
from fluorite.hwgen.lowering.rates import Rates, rates_of
from fluorite.hwgen.lowering.survey.dependence import Dependences
from fluorite.hwgen.lowering.survey.domains import clamped
from fluorite.hwgen.lowering.survey.edges import Edge, constant_beyond
from fluorite.hwgen.lowering.survey.reads import Read
from fluorite.hwgen.lowering.survey.refusals import refuse_rates
from fluorite.hwgen.lowering.survey.stage_reads import Found, StageReads

__all__ = ["Survey", "survey"]


@dataclass(frozen=True, slots=True)
class Survey:
    """What is known of a region's streams.

    Attributes
    ----------
    reads : tuple of Read
        All reads, each once, consumers first.
    domains : dict of str to Domain
        Per stage or input that is read, what a launch computes or takes of it.
    edges : dict of str to tuple of Edge or None
        Per stage and dimension of the scan, beyond which pixels it is constant and is not computed.
    rates : Rates
        How the streams come.
    borders : dict of (str, int) to Border or None
        Border conditions by `IndexFunction.key`; None for those that are left out.
    """

    reads: tuple[Read, ...]
    domains: Mapping[str, Domain]
    edges: Mapping[str, tuple[Edge | None, ...]]
    rates: Rates
    borders: Mapping[tuple[str, int], Border | None]


def survey(region: Region, *, padded: bool = False) -> Survey:
    """Survey a region.

    Parameters
    ----------
    region : Region
        The region.
    padded : bool
        Leave borders out: every stream goes on beyond its image.

    Raises
    ------
    UnsupportedError
        A read is none of a stream that comes with the scan, or an input is not read.
    """
    found = Found(region, padded)
    positions: dict[str, frozenset[int]] = {}
    for name in reversed(region.stages):
        if name in found.domains:  # else nothing that is left reads it
            positions[name] = _run(region, name, found)
    for stream in region.inputs:
        if stream.name not in found.domains:
            raise UnsupportedError(
                region.name, f"input {stream.name}", "nothing that is computed reads it", "remove it from the inputs"
            )
    reads = tuple(found.reads)
    edges = constant_beyond(region, reads, positions)
    borders = {key: None if padded else border for key, border in found.search.borders.items()}
    domains = clamped(region, found.domains, reads, edges)
    rates = rates_of(region, reads, domains)
    refuse_rates(region, reads, rates)
    return Survey(reads, domains, edges, rates, borders)


def _run(region: Region, stage: str, found: Found) -> frozenset[int]:
    """Run a stage, adding what it reads to what is found.

    Returns
    -------
    frozenset of int
        Dimensions of the scan along which its values depend on the position itself.
    """
    domain, func, diagnostics = found.domains[stage], region.pipeline.funcs[stage], Diagnostics(region)
    data = Dependences()
    definitions = Definitions(region, stage, diagnostics, data, StageReads(region, stage, diagnostics, found))
    dimensions: frozenset[int] = frozenset()
    for numbers in domain.channel_numbers():
        left = iter(numbers)
        point = [data.const(next(left)) if d is None else Affine(d, 0) for d in domain.dimensions]
        dimensions = dimensions.union(*(value.dimensions for value in definitions.values(func, point)))
    return dimensions
