"""Where the scan is: positions as streams, and the settings that say where images begin and end."""

from __future__ import annotations

from collections.abc import Mapping

from fluorite.frontend.region.region import Loop, Region
from fluorite.hwgen.formula import Formula, constant, floor_div, variable
from fluorite.hwgen.lowering.domain import Domain
from fluorite.hwgen.lowering.evaluate.indices import Affine
from fluorite.hwgen.lowering.values import Lowered
from fluorite.hwgen.streams.builder import Builder
from fluorite.hwgen.streams.graph import Ref

__all__ = ["Positions"]

_ORIGIN_BITS = 31  # of where a launch begins, where that is not known


class Positions:
    """Makes nodes for positions and settings.

    Parameters
    ----------
    region : Region
        Whose scan it is.
    lowered : Lowered
        Where nodes and settings are collected; its domains are known.
    build : Builder
        Makes nodes in its graph.
    """

    def __init__(self, region: Region, lowered: Lowered, build: Builder) -> None:
        self._region = region
        self._lowered = lowered
        self._domains: Mapping[str, Domain] = lowered.domains
        self._build = build

    def setting(self, name: str, lo: int, hi: int, formula: Formula) -> Ref:
        """A value that software computes for every launch by a formula, between lo and hi; a number if it is one."""
        if formula.is_constant:
            return self._build.const(formula.value)
        self._lowered.settings[name] = (lo, hi, formula)
        return self._build.setting(name, lo, hi)

    def free(self, name: str, formula: Formula) -> str:
        """A name for the setting of a formula: this one, or with a number where another formula has it."""
        number, wanted = 1, name
        while name in self._lowered.settings and self._lowered.settings[name][2] != formula:
            number += 1
            name = f"{wanted}_{number}"
        return name

    def coordinate(self, stage: str, place: Affine) -> Ref:
        """The coordinate of a pixel: so far away from the one that lane 0 of a stage computes."""
        d, rates, names = place.dimension, self._lowered.rates, self._region.names
        loop, domain, lanes = self._region.loops[d], self._domains[stage], rates.streams[stage].lanes[d]
        rate, modulus = domain.first[d].rate, rates.moduli[d]
        lowest = variable(names.minimum(loop.var)) if loop.min is None else constant(loop.min)
        name, furthest = f"origin_{names[loop.var]}", 1 << (_ORIGIN_BITS - 1)
        if modulus > 1 or rate != 1:  # where the stream is for the last region before this that moves it by whole words
            lowest = floor_div(lowest, modulus) * int(rate * modulus)
            name += f"_of_{names[stage]}"
        origin = self.setting(name, -furthest, furthest - 1, lowest)
        index = self._build.linear([(lanes, self.word(stage, d)), (1, origin)], place.offset)
        if loop.min is None:
            return index
        # Beyond the stage's own extent nothing counts.
        first = lowest.value + place.offset
        return self._build.within(index, first, first + lanes * (self._words(stage, d) - 1))

    def word(self, stream: str, dimension: int) -> Ref:
        """The number of a stream's word along a dimension.

        Its range is the scan's and not one stream's: a stage that reads a stream may go on when that one has ended. It
        is counted for each stream that asks for it, when its words come: one count for all would have to be held for
        some of them, as long as they are apart.
        """
        streams = self._lowered.rates.streams
        positions = max(streams[name].periods[dimension] * self._words(name, dimension) for name in self._domains)
        return self._build.coord(stream, dimension, -(-positions // streams[stream].periods[dimension]))

    def _words(self, stream: str, d: int) -> int:
        """The words of a stream along a dimension in the largest launch."""
        loop, domain, rates = self._region.loops[d], self._domains[stream], self._lowered.rates
        pixels = domain.last[d](rates.moduli[d] + loop.max_extent - 2) - domain.first[d](0) + 1
        return -(-pixels // rates.streams[stream].lanes[d])

    def last_of(self, d: int) -> Ref:
        """The number of the launch's last pixel along a dimension, its first being 0."""
        return self.last(self._region.loops[d])

    def last(self, loop: Loop) -> Ref:
        """The number of the image's last pixel along a dimension, its first being 0."""
        names = self._region.names
        extent = constant(loop.max_extent) if loop.fixed else variable(names.extent(loop.var))
        return self.setting(f"image_last_{names[loop.var]}", 0, loop.max_extent - 1, extent - 1)
