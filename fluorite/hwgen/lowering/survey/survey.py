"""The survey: what every stage reads of which stream, before any hardware is made.

It runs the definitions of all stages, consumers first, so that everything that reads a stream is known before the
stream's own stage is run. Of data it keeps what they depend on; of reads it keeps all, and domains, edges and borders
follow from these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from fluorite.errors import UnsupportedError
from fluorite.frontend.algorithm.pretty import show
from fluorite.frontend.region.region import Region
from fluorite.hwgen.formula import Formula
from fluorite.hwgen.lowering.borders import Border
from fluorite.hwgen.lowering.domain import Domain
from fluorite.hwgen.lowering.evaluate.definitions import Definitions
from fluorite.hwgen.lowering.evaluate.diagnostics import Diagnostics
from fluorite.hwgen.lowering.evaluate.indices import Affine
from fluorite.hwgen.lowering.evaluate.recursion import Recursion
from fluorite.hwgen.lowering.images import KnownImage
from fluorite.hwgen.lowering.rates import Rates, rates_of
from fluorite.hwgen.lowering.recursions import grown, refuse_recursion
from fluorite.hwgen.lowering.survey.dependence import Dependences
from fluorite.hwgen.lowering.survey.domains import clamped
from fluorite.hwgen.lowering.survey.edges import Edge, constant_beyond
from fluorite.hwgen.lowering.survey.needs import needs_of
from fluorite.hwgen.lowering.survey.outputs import domains_of_outputs, reads_of_ports
from fluorite.hwgen.lowering.survey.rated_borders import Bordered
from fluorite.hwgen.lowering.survey.reads import Read
from fluorite.hwgen.lowering.survey.refusals import refuse_rates, refuse_words
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
    derived : dict of str to Formula
        Variables of the domains' formulas of what is needed, in order.
    steps : dict of str to int
        Per stage with an update that takes several steps in time, how many.
    recursions : tuple of Recursion
        The dimensions of the scan that updates go along.
    ports : tuple of Read
        The reads of outputs that are stages for others, too, by the streams that leave the core.
    """

    reads: tuple[Read, ...]
    domains: Mapping[str, Domain]
    edges: Mapping[str, tuple[Edge | None, ...]]
    rates: Rates
    borders: Mapping[tuple[str, int], Border | None]
    derived: Mapping[str, Formula]
    steps: Mapping[str, int]
    recursions: tuple[Recursion, ...]
    ports: tuple[Read, ...] = ()

    def image(self, reader: str, stream: str, parts: Bordered) -> KnownImage | None:
        """The image around which a stage reads a stream under a condition, if software says where it lies."""
        d = parts.dimension
        for read in self.reads:
            index = read.along[d]
            is_read = (read.reader, read.stream) == (reader, stream) and index.index.period == parts.index.period
            if is_read and index.border and (show(index.border.expr, 1000), d) == parts.key:
                return index.known  # of whichever lane
        return None


def survey(region: Region, intervals: Mapping[str, int] | None = None, *, padded: bool = False) -> Survey:
    """Survey a region.

    Parameters
    ----------
    region : Region
        The region.
    intervals : mapping of str to int
        Positions of the scan from one step in time to the next, by stage; 1 where there is none.
    padded : bool
        Leave borders out: every stream goes on beyond its image.

    Raises
    ------
    UnsupportedError
        A read is none of a stream that comes with the scan, or an input is not read.
    """
    given = domains_of_outputs(region, partial(_relative, region))
    outputs = {region.port(name): domain for name, domain in given.items()}
    found = Found(region, outputs, padded=padded)
    ports = reads_of_ports(region, given)
    for read in ports:
        found.add(read)
    positions: dict[str, frozenset[int]] = {}
    steps: dict[str, int] = {}
    recursions: dict[Recursion, None] = {}
    for name in reversed(region.stages):
        if name in found.domains:  # else nothing that is left reads it
            positions[name] = _run(region, name, found, steps, recursions)
    for stream in region.inputs:
        if stream.name not in found.domains:
            raise UnsupportedError(
                region.name, f"input {stream.name}", "nothing that is computed reads it", "remove it from the inputs"
            )
    reads = tuple(found.reads)
    edges = constant_beyond(region, reads, positions)
    borders = {key: None if padded else border for key, border in found.search.borders.items()}
    over_themselves = {recursion.func for recursion in recursions}
    clamped_domains = clamped(region, outputs, found.domains, reads, edges, over_themselves)
    needs = needs_of(region, clamped_domains, reads, outputs)
    domains = needs.domains
    for recursion in recursions:
        refuse_recursion(region, domains[recursion.func], recursion)
    apart = intervals or {}
    taken = {recursion.func: apart.get(recursion.func, 1) for recursion in recursions}
    taken |= {name: (count - 1) * apart.get(name, 1) + 1 for name, count in steps.items()}
    rates = rates_of(region, reads, domains, taken)
    refuse_rates(region, reads, rates)
    refuse_words(region, domains)
    return Survey(reads, domains, edges, rates, borders, needs.derived, steps, tuple(recursions), ports)


def _relative(region: Region, output: str, domain: Domain) -> Mapping[str, Domain]:
    """Domains of all streams that an output reads, by what is asked of it: how they move with it, and no more."""
    found = Found(region, {output: domain}, padded=True, only_rates=True)
    for name in reversed(region.stages):
        if name in found.domains:
            _run(region, name, found, {}, {})
    return found.domains


def _run(
    region: Region, stage: str, found: Found, steps: dict[str, int], recursions: dict[Recursion, None]
) -> frozenset[int]:
    """Run a stage, adding what it reads to what is found, and its steps in time and its recursions to the others'.

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
    whole, leaves = domain, stage in map(region.port, region.outputs)
    for recursion in () if leaves else data.recursions:
        whole = grown(region, whole, recursion)
    if whole != domain:  # once more, over all that it needs of itself
        found.domains[stage] = whole
        return _run(region, stage, found, steps, recursions)
    recursions.update(data.recursions)
    if data.steps > 1:
        steps[stage] = data.steps
    return dimensions
