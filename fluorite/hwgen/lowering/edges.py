"""Edges that stages inherit: behind a border that repeats an image's edge, a stage is constant beyond its own.

If ``p(i) == p(lo)`` for all ``i <= lo``, then a stage that computes the same everywhere from ``p(i + a) .. p(i + b)``
has one value for all ``i <= lo - b``: there is no need to compute it further out. Its readers have that value repeated
instead, as from an image. With a border condition on the input alone, the k-th stage behind it is thus computed k
windows beyond the image and not as far as all stages behind it reach, which the image would be held for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fluorite.frontend.region.region import Region
from fluorite.hwgen.lowering.values import Domain, Lowered
from fluorite.hwgen.streams.graph import topological
from fluorite.hwgen.streams.operations import COORD

__all__ = ["Edge", "Tap", "clamped", "constant_beyond"]


@dataclass(frozen=True, slots=True)
class Tap:
    """One read of a stream.

    Attributes
    ----------
    stage : str
        Who reads.
    name : str
        Stage or input read.
    offsets : tuple of int
        At which distance, in pixels along each scan dimension.
    borders : dict of int to (bool, bool)
        Dimensions along which the read has a border condition, and whether the image has a first and a last pixel.
    repeats : frozenset of int
        Those of them along which it has both, and they are repeated.
    """

    stage: str
    name: str
    offsets: tuple[int, ...]
    borders: Mapping[int, tuple[bool, bool]]
    repeats: frozenset[int]


@dataclass(frozen=True, slots=True)
class Edge:
    """A stream is constant before ``min + lo`` and behind ``max + hi`` of the launch's own pixels along a dimension."""

    lo: int
    hi: int

    def nearest(self, offset: int) -> int:
        """How far a read at this distance goes: of an image of one pixel, one to the right may end at the left edge."""
        return min(max(offset, self.lo), self.hi)


def constant_beyond(region: Region, taps: Sequence[Tap], surveyed: Lowered) -> dict[str, tuple[Edge | None, ...]]:
    """Per stage and scan dimension, beyond which pixels its values are those at its edge; None if nowhere.

    Parameters
    ----------
    region : Region
        The region.
    taps : sequence of Tap
        All reads.
    surveyed : Lowered
        Stages without borders, to see which of them depend on where they are.
    """
    dimensions = range(len(region.loops))
    places: dict[str, set[int]] = {}
    for (key, _, _), value in surveyed.bodies.items():
        found = {COORD.of(node).dimension for node in topological([value.node]) if node.op == "coord"}
        places.setdefault(key.split(".")[0] if key not in region.stages else key, set()).update(found)
    edges: dict[str, tuple[Edge | None, ...]] = {}
    for stage in region.stages:
        own = [tap for tap in taps if tap.stage == stage]
        edges[stage] = tuple(
            None if d in places.get(stage, ()) else _common([_seen(tap, d, edges) for tap in own]) for d in dimensions
        )
    return edges


def _seen(tap: Tap, d: int, edges: Mapping[str, Sequence[Edge | None]]) -> Edge | None:
    """Beyond which of the reader's pixels a read gives the same value."""
    if d in tap.borders:
        edge = Edge(0, 0) if d in tap.repeats else None
    else:
        edge = edges[tap.name][d] if tap.name in edges else None
    return edge and Edge(edge.lo - tap.offsets[d], edge.hi - tap.offsets[d])


def _common(edges: Sequence[Edge | None]) -> Edge | None:
    """Beyond which all reads give the same values; within the launch's own pixels it does not matter."""
    known = [edge for edge in edges if edge]
    if not known or len(known) < len(edges):
        return None
    return Edge(min(0, *(edge.lo for edge in known)), max(0, *(edge.hi for edge in known)))


def clamped(
    region: Region, domains: Mapping[str, Domain], taps: Sequence[Tap], edges: Mapping[str, Sequence[Edge | None]]
) -> dict[str, Domain]:
    """Domains of all streams where no stage is computed beyond its edges."""
    ranges: dict[str, list[tuple[int, int]]] = {region.name: [(0, 0)] * len(region.loops)}
    for stage in reversed(region.stages):
        for tap in taps:
            if tap.stage != stage or stage not in ranges:
                continue
            read: list[tuple[int, int]] = []
            for d, (lo, hi) in enumerate(ranges[stage]):
                edge = edges[tap.name][d] if tap.name in edges else None
                begins, ends = tap.borders.get(d, (False, False))
                lo, hi = 0 if begins else lo + tap.offsets[d], 0 if ends else hi + tap.offsets[d]
                read.append((edge.nearest(lo), edge.nearest(hi)) if edge else (lo, hi))
            known = ranges.setdefault(tap.name, read)
            ranges[tap.name] = [(min(a, c), max(b, d)) for (a, b), (c, d) in zip(known, read, strict=True)]
    return {
        name: replace(domain, lo=tuple(lo for lo, _ in ranges[name]), hi=tuple(hi for _, hi in ranges[name]))
        for name, domain in domains.items()
    }
