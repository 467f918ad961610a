"""Reads of one stream around the pixel that is computed, with the stream's borders where it has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from fluorite.frontend.algorithm import ir
from fluorite.frontend.region.region import Region
from fluorite.hwgen.lowering.borders import Border
from fluorite.hwgen.lowering.domain import Domain
from fluorite.hwgen.lowering.images import KnownImage
from fluorite.hwgen.lowering.launch_edges import LaunchEdges, image_settings
from fluorite.hwgen.lowering.phases import Delays, Phases, phases
from fluorite.hwgen.lowering.positions import Positions
from fluorite.hwgen.lowering.rated_edges import RatedEdges, edges_at_rate
from fluorite.hwgen.lowering.rates import Rates
from fluorite.hwgen.lowering.survey.edges import Edge
from fluorite.hwgen.quasiaffine import QuasiAffine
from fluorite.hwgen.streams.builder import Builder
from fluorite.hwgen.streams.graph import Ref

__all__ = ["Places", "Source", "Window"]

#: Along each dimension of the scan the coordinate that is read, relative to a launch at 0, by the number of the pixel
#: from the one that the reader's lane computes first.
Places: TypeAlias = tuple[QuasiAffine, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """What a window is on.

    Attributes
    ----------
    name : str
        The stage or input.
    key : str
        The stream: of a stage, that of one Tuple element.
    type : ir.Type
        Of its values.
    channel : int
        Which value of a pixel.
    domain : Domain
        Its domain.
    edges : sequence of Edge or None
        Per dimension of the scan, beyond which pixels it is constant and is not computed; empty for an input.
    """

    name: str
    key: str
    type: ir.Type
    channel: int
    domain: Domain
    edges: Sequence[Edge | None]


class Window:
    """Reads of a stream by one stage, around one distance.

    A stage that is constant beyond some pixels (:mod:`fluorite.hwgen.lowering.survey.edges`) has a border there that
    repeats its edge.

    Parameters
    ----------
    region : Region
        The region.
    build : Builder
        Makes nodes.
    positions : Positions
        Makes nodes of where the scan is.
    reader : str
        The stage that reads.
    own : Domain
        Its domain.
    source : Source
        What is read.
    borders : mapping of int to Border
        The read's border conditions, by dimension of the scan.
    known : mapping of int to KnownImage
        Where the images that they are around lie, where software says so.
    places : Places
        What is read.
    rates : Rates
        How streams come.
    """

    def __init__(
        self,
        region: Region,
        build: Builder,
        positions: Positions,
        reader: str,
        own: Domain,
        source: Source,
        borders: Mapping[int, Border],
        known: Mapping[int, KnownImage],
        places: Places,
        rates: Rates,
    ) -> None:
        self._loops = region.loops
        self._rate, self._source_rate = rates.streams[reader], rates.streams[source.name]
        self._build = build
        self._positions = positions
        self._reader = reader
        self._own = own
        self._source = source
        self._borders = borders
        self._edges = dict.fromkeys(borders, Edge(0, 0))
        self._rated = {
            d: self._edges_along(d, border, known.get(d), region, rates)
            for d, border in borders.items()
            if d in known or rates.is_mixed(d)
        }
        for d, edge in enumerate(source.edges):
            offset = places[d](0)
            past = edge and (offset < edge.lo or own.hi[d] - own.lo[d] + offset > edge.hi)
            if edge and past and d not in borders:
                self._edges[d] = edge

    def _edges_along(
        self, d: int, border: Border, image: KnownImage | None, region: Region, rates: Rates
    ) -> RatedEdges | LaunchEdges:
        """The edges of an image of a stream at another rate, or of one that lies where software says."""
        build, positions, own, source = self._build, self._positions, self._own, self._source
        loop, modulus, lanes = region.loops[d], rates.moduli[d], self._rate.lanes[d]
        word = partial(positions.word, self._reader, d)
        if image is None:
            last = partial(positions.last, loop)
            return edges_at_rate(build, border, d, loop, own, source.domain, modulus, lanes, word, last)
        most = border.least_extent + len(border.folds) - 1 if len(border.folds) > 1 else 1
        settings = image_settings(build, positions, region, d, image, source.name, source.domain, modulus, most)
        corner, own_last = own.first[d](0), own.last[d]
        first = image.first_most(0 if image.begins_with_launch else modulus - 1)
        return LaunchEdges(
            build, image, settings, lanes, first, word, lambda pixel: own_last(pixel) - corner, own_last.period
        )

    def read(self, offsets: Places, inner: int = -1) -> Ref:
        """The value at these places, with the borders of all dimensions above ``inner``."""
        bordered = [d for d in sorted(self._edges) if d > inner]
        if not bordered:
            return self._tap(offsets)
        d = bordered[0]
        if d in self._rated and not self._rated[d].goes_on(offsets[d]):
            return self._by_phase(offsets, d)
        if d in self._borders and not self._borders[d].repeats_edge:
            return self._folded_at_rate(offsets, d) if d in self._rated else self._folded(offsets, d)
        if offsets[d](0) >= self._first(d):
            return self._repeated_right(offsets, d)
        is_before = self._is_before(offsets, d)
        return self._build.select(
            is_before, self._repeated_left(_moved(offsets, d, 1), d), self._repeated_right(offsets, d)
        )

    def _by_phase(self, offsets: Places, d: int) -> Ref:
        """The value at places that go to and fro along d: in each of their phases they only go on."""
        lanes = self._rate.lanes[d]
        words = offsets[d].every(lanes)
        value: Ref | None = None
        for phase in range(words.period):
            place = offsets[d].in_phase(lanes, phase)
            one = self.read((*offsets[:d], place, *offsets[d + 1 :]), d - 1)
            chosen = self._build.in_phase(d, self._rate.periods[d], words.period, (phase,))
            value = one if value is None else self._build.select(chosen, one, value)
        assert value is not None
        return value

    def _repeated_left(self, offsets: Places, d: int) -> Ref:
        """The value here, or if this is before the edge, the one at it: each position takes it from the next one."""
        value = self.read(offsets, d)
        if offsets[d](0) >= self._first(d):
            return value
        return self._build.select(self._is_before(offsets, d), self._repeated_left(_moved(offsets, d, 1), d), value)

    def _repeated_right(self, offsets: Places, d: int) -> Ref:
        """The value here, or if this is behind the edge, the one at it: each position takes it from the one before."""
        value = self.read(offsets, d)
        if self._furthest_right(offsets, d) <= 0:
            return value
        if d in self._rated:
            behind = self._rated[d].is_behind(offsets[d], 1)
        else:
            behind = self._compare("behind", offsets, d, offsets[d](0) - self._edges[d].hi)
        return self._build.select(behind, self._repeated_right(_moved(offsets, d, -1), d), value)

    def _is_before(self, offsets: Places, d: int) -> Ref:
        """Whether the place that is read lies before the edge."""
        if d in self._rated:
            return self._rated[d].is_before(offsets[d], 1)
        return self._compare("lt", offsets, d, -((offsets[d](0) - self._edges[d].lo) // self._loops[d].lanes))

    def _folded(self, offsets: Places, d: int) -> Ref:
        """The value under a border along d that does not repeat its edge: each position beyond has its own pixel."""
        border, build, offset = self._borders[d], self._build, offsets[d](0)
        value = self.read(offsets, d)
        for j in range(1, min(-offset, len(border.usual.left)) + 1):
            word, between = divmod(-j - offset, self._loops[d].lanes)
            if not between:  # else this lane is never there
                folded = self._of_size(offsets, d, [j + fold.left[j - 1] for fold in border.folds])
                value = build.select(self._compare("eq", offsets, d, word), folded, value)
        for j in range(1, self._furthest_right(offsets, d) + 1):
            folded = self._of_size(offsets, d, [-j - fold.right[j - 1] for fold in border.folds])
            value = build.select(self._compare("at", offsets, d, offset - j), folded, value)
        return value

    def _folded_at_rate(self, offsets: Places, d: int) -> Ref:
        """The same at another rate: from each position beyond on, those further out have what comes after it."""
        border, build, edges = self._borders[d], self._build, self._rated[d]
        folds = border.folds if edges.has_sizes else (border.usual,)
        value = self.read(offsets, d)
        for j in range(1, min(edges.first - offsets[d](0), len(border.usual.left)) + 1):
            folded = self._of_size(offsets, d, [j + fold.left[j - 1] for fold in folds])
            value = build.select(edges.is_before(offsets[d], j), folded, value)
        for j in range(1, self._furthest_right(offsets, d) + 1):
            folded = self._of_size(offsets, d, [-j - fold.right[j - 1] for fold in folds])
            value = build.select(edges.is_behind(offsets[d], j), folded, value)
        return value

    def _first(self, d: int) -> int:
        """The first pixel that is inside the edge wherever that is, relative to a launch at 0."""
        return self._rated[d].first if d in self._rated else self._edges[d].lo

    def _of_size(self, offsets: Places, d: int, moves: Sequence[int]) -> Ref:
        """The value some pixels away along d: ``moves`` says how many, by the image's size.

        They are for images of the border's least extent, of one pixel more, and so on, the last for all larger ones.
        """
        build, last = self._build, self._positions.last
        value = self.read(_moved(offsets, d, moves[-1]), d)
        for number, by in enumerate(moves[:-1]):
            if by != moves[-1]:
                extent = self._borders[d].least_extent + number
                if d in self._rated:
                    is_small = self._rated[d].has_extent(extent)
                else:
                    is_small = build.eq(last(self._loops[d]), build.const(extent - 1))
                value = build.select(is_small, self.read(_moved(offsets, d, by), d), value)
        return value

    def _furthest_right(self, offsets: Places, d: int) -> int:
        """How far behind the edge the place that is read can be, over the reader's domain."""
        # A lane beyond the domain, in the last word of a row, would go further, but nobody looks at it.
        if d in self._rated:
            beyond = self._rated[d].furthest_behind(offsets[d])
        else:
            beyond = self._own.hi[d] - self._own.lo[d] + offsets[d](0) - self._edges[d].hi
        return min(beyond, len(self._borders[d].usual.right)) if d in self._borders else beyond

    def _compare(self, what: str, offsets: Places, d: int, number: int) -> Ref:
        """A condition on where the scan is along dimension d.

        ``lt`` and ``eq`` compare the number of the word, ``behind`` and ``at`` (less, equal) the pixels that are left
        in the image behind the word's first one. An outer dimension is looked at from the place that is read, so that
        what it selects only moves along a row: one column of multiplexers serves the whole window.
        """
        build, loop = self._build, self._loops[d]
        word = self._positions.word(self._reader if d == 0 else self._source.name, d)
        word = word.shifted(tuple(n if e < d else 0 for e, n in enumerate(self._delay(offsets))))
        if what in ("lt", "eq"):
            return build.lt(word, build.const(number)) if what == "lt" else build.eq(word, build.const(number))
        left = build.linear([(1, self._positions.last(loop)), (-loop.lanes, word)])
        return build.lt(left, build.const(number)) if what == "behind" else build.eq(left, build.const(number))

    def _delay(self, places: Places) -> tuple[int, ...]:
        """How many positions earlier the place that is read comes, along each dimension; 0 where that depends."""
        return tuple(self._along(d, place).delay or 0 for d, place in enumerate(places))

    def _along(self, d: int, place: QuasiAffine) -> Phases:
        """Where along a dimension the places that are read come, by the reader's words."""
        own, source = self._rate, self._source_rate
        return phases(
            place, own.lanes[d], own.periods[d], source.lanes[d], source.periods[d], self._source.domain.lo[d]
        )

    def _tap(self, places: Places) -> Ref:
        """The stream's own value at the place that is read."""
        build, source = self._build, self._source
        along = [self._along(d, place) for d, place in enumerate(places)]

        def of_lane(d: int, lane: int, stride: int, delays: tuple[Delays, ...]) -> Ref:
            """The value whose lane along the dimensions up to d is known."""
            if d == len(along):
                tap = build.tap(source.key, lane, source.channel, source.type.min, source.type.max)
                return build.resample(tap, self._rate.periods, delays)
            here, value = along[d], None
            for number in here.lanes:
                one = of_lane(
                    d + 1, lane + number * stride, stride * self._source_rate.lanes[d], (*delays, here.of_lane(number))
                )
                if value is None:
                    value = one
                else:
                    chosen = build.in_phase(d, self._rate.periods[d], len(here.places), here.phases_of(number))
                    value = build.select(chosen, one, value)
            assert value is not None
            return value

        return of_lane(0, 0, 1, ())


def _moved(offsets: Places, d: int, by: int) -> Places:
    return (*offsets[:d], offsets[d].plus(by), *offsets[d + 1 :])
