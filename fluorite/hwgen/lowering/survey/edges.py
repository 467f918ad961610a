"""Edges that stages inherit: behind a border that repeats an image's edge, a stage is constant beyond its own.

If ``p(i) == p(lo)`` for all ``i <= lo``, then a stage that computes the same everywhere from ``p(i + a) .. p(i + b)``
has one value for all ``i <= lo - b``: there is no need to compute it further out. Its readers have that value repeated
instead, as from an image. With a border condition on the input alone, the k-th stage behind it is thus computed k
windows beyond the image and not as far as all stages behind it reach, which the image would be held for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from fluorite.frontend.region.region import Region
from fluorite.hwgen.lowering.survey.reads import Read

__all__ = ["Edge", "constant_beyond"]


@dataclass(frozen=True, slots=True)
class Edge:
    """Beyond which pixels a stream is constant along a dimension.

    Attributes
    ----------
    lo : int
        Before pixel ``min + lo`` all values are the one there, ``min`` being the launch's first pixel.
    hi : int
        Behind pixel ``max + hi`` all values are the one there, ``max`` being the launch's last pixel.
    """

    lo: int
    hi: int

    def nearest(self, offset: int) -> int:
        """The distance at which the value of a read at this one is computed: the same, or that of the edge.

        Both edges count whatever the direction: in an image of one pixel a read to the right may end at the left edge.
        """
        return min(max(offset, self.lo), self.hi)


def constant_beyond(
    region: Region, reads: Sequence[Read], positions: Mapping[str, Collection[int]]
) -> dict[str, tuple[Edge | None, ...]]:
    """Find the edges of all stages.

    Parameters
    ----------
    region : Region
        The region.
    reads : sequence of Read
        All reads.
    positions : mapping of str to collection of int
        Per stage, dimensions along which its value may depend on the position itself, and not only on what is read
        there. A stage that is another constant beyond the image than inside depends on it: no position may be taken to
        be inside.

    Returns
    -------
    dict of str to tuple of Edge or None
        Per stage and dimension of the scan; None where a stage is not known to be constant anywhere.
    """
    edges: dict[str, tuple[Edge | None, ...]] = {}
    rated = {d for read in reads for d, index in enumerate(read.along) if not (index.is_shift or index.is_still)}
    for stage in region.stages:  # producers first
        own = [read for read in reads if read.reader == stage]
        edges[stage] = tuple(
            None
            if d in positions.get(stage, ()) or d in rated
            else _common([_seen(read, d, edges) for read in own if not read.along[d].is_still])
            for d in range(len(region.loops))
        )
    return edges


def _seen(read: Read, d: int, edges: Mapping[str, Sequence[Edge | None]]) -> Edge | None:
    """Beyond which of the reader's pixels along a dimension a read gives one value; None if it always moves on."""
    index = read.along[d]
    if not index.is_shift or index.known:
        return None
    if index.border:
        edge = Edge(0, 0) if index.repeats else None
    else:
        edge = edges[read.stream][d] if read.stream in edges else None
    return edge and Edge(edge.lo - index.offset, edge.hi - index.offset)


def _common(edges: Sequence[Edge | None]) -> Edge | None:
    """Beyond which pixels all reads of a stage give one value each, none of the launch's own counted as beyond."""
    known = [edge for edge in edges if edge]
    if not known or len(known) < len(edges):
        return None
    return Edge(min(0, *(edge.lo for edge in known)), max(0, *(edge.hi for edge in known)))
