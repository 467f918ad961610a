"""Where the scan is: positions as streams, and the settings that say where images begin and end."""

from __future__ import annotations

from collections.abc import Mapping

from fluorite.frontend.region.region import Loop, Region
from fluorite.hwgen.formula import Formula, constant, variable
from fluorite.hwgen.lowering.evaluate.indices import Affine
from fluorite.hwgen.lowering.values import Domain, Lowered
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

    def coordinate(self, stage: str, place: Affine) -> Ref:
        """The coordinate of a pixel: so far away from the one that lane 0 of a stage computes."""
        loop, domain, names = self._region.loops[place.dimension], self._domains[stage], self._region.names
        lowest = variable(names.minimum(loop.var)) if loop.min is None else constant(loop.min)
        furthest = 1 << (_ORIGIN_BITS - 1)
        origin = self.setting(f"origin_{names[loop.var]}", -furthest, furthest - 1, lowest)
        index = self._build.linear([(loop.lanes, self.word(stage, place.dimension)), (1, origin)], place.offset)
        if loop.min is None:
            return index
        # Beyond the stage's own extent nothing counts.
        d, first = place.dimension, loop.min + place.offset
        words = -(-(loop.max_extent + domain.hi[d] - domain.lo[d]) // loop.lanes)
        return self._build.within(index, first, first + loop.lanes * (words - 1))

    def word(self, stream: str, dimension: int) -> Ref:
        """The scan's position along a dimension, which is the number of every stream's word there.

        Its range is the scan's and not one stream's: a stage that reads a stream may go on when that one has ended. The
        position is counted for each stream that asks for it, when its words come: one count for all would have to be
        held for some of them, as long as they are apart.
        """
        loop = self._region.loops[dimension]
        halo = max(domain.hi[dimension] - domain.lo[dimension] for domain in self._domains.values())
        words = -(-(loop.max_extent + halo) // loop.lanes)
        return self._build.coord(stream, dimension, words)

    def last(self, loop: Loop) -> Ref:
        """The number of the image's last pixel along a dimension, its first being 0."""
        names = self._region.names
        extent = constant(loop.max_extent) if loop.fixed else variable(names.extent(loop.var))
        return self.setting(f"image_last_{names[loop.var]}", 0, loop.max_extent - 1, extent - 1)
