"""Edges of an image that is read at another rate: which of the reader's words read before the first pixel, or behind.

A coordinate that is read never falls from word to word, so each edge is one number of the reader's words: those before
it, or from it on. Where the last pixel is known only when a launch is, what is compared are the pixels left up to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fluorite.frontend.region.region import Loop
from fluorite.hwgen.lowering.borders import Border
from fluorite.hwgen.lowering.domain import Domain
from fluorite.hwgen.quasiaffine import QuasiAffine
from fluorite.hwgen.streams.builder import Builder
from fluorite.hwgen.streams.graph import Ref

__all__ = ["RatedEdges", "edges_at_rate"]


@dataclass(frozen=True, slots=True)
class RatedEdges:
    """The edges of a stream's image along one dimension.

    Attributes
    ----------
    build : Builder
        Makes nodes.
    lanes : int
        Pixels of the reader's word.
    first : int
        The image's first pixel, relative to a launch at 0.
    last : int or None
        The last one; None if that is the launch's own last pixel.
    word, last_pixel : callable
        Make the nodes of the reader's word, and of the launch's last pixel.
    pixels : callable
        By the launch's last pixel, that of the reader, from its word 0 on.
    turn : int
        After how many pixels of a launch all is as before.
    most : int
        The last pixel of the largest launch.
    """

    build: Builder
    lanes: int
    first: int
    last: int | None
    word: Callable[[], Ref]
    last_pixel: Callable[[], Ref]
    pixels: Callable[[int], int]
    turn: int
    most: int

    @property
    def has_sizes(self) -> bool:
        """Whether images of several sizes come, small ones among them."""
        return self.last is None

    def goes_on(self, place: QuasiAffine) -> bool:
        """Whether what is read never falls from word to word."""
        return place.every(self.lanes).is_monotone

    def has_extent(self, extent: int) -> Ref:
        """Whether the image has so many pixels."""
        return self.build.eq(self.last_pixel(), self.build.const(extent - 1))

    def is_before(self, place: QuasiAffine, beyond: int) -> Ref:
        """Whether what is read lies so many pixels or more before the first one."""
        return self.build.lt(self.word(), self.build.const(self._word_of(place, self.first - beyond + 1)))

    def is_behind(self, place: QuasiAffine, beyond: int) -> Ref:
        """Whether what is read lies so many pixels or more behind the last one."""
        build = self.build
        if self.last is not None:
            return build.le(build.const(self._word_of(place, self.last + beyond)), self.word())
        assert place.period == 1, "the survey refuses a border of an image of any size behind a quotient"
        left = build.linear([(1, self.last_pixel()), (-place.step * self.lanes, self.word())])
        return build.lt(left, build.const(place(0) - beyond + 1))

    def furthest_behind(self, place: QuasiAffine) -> int:
        """How far behind the last pixel something is read; a lane beyond the reader's last pixel counts as that."""
        if self.last is not None:
            return place.from_above()(self.pixels(self.most)) - self.last
        return max(place.from_above()(self.pixels(last)) - last for last in range(self.turn * place.period))

    def _word_of(self, place: QuasiAffine, coordinate: int) -> int:
        """The first of the reader's words that reads this coordinate or one behind it."""
        word = 0
        while place(self.lanes * word) < coordinate:
            word += 1
        return word


def edges_at_rate(
    build: Builder,
    border: Border,
    d: int,
    loop: Loop,
    own: Domain,
    source: Domain,
    modulus: int,
    lanes: int,
    word: Callable[[], Ref],
    last_pixel: Callable[[], Ref],
) -> RatedEdges:
    """The edges of a border along a dimension in which streams come at different rates.

    Parameters
    ----------
    build : Builder
        Makes nodes.
    border : Border
        The border.
    d : int
        The dimension of the scan.
    loop : Loop
        The same.
    own, source : Domain
        Of the reader and of the stream that is read.
    modulus : int
        As of :class:`fluorite.hwgen.lowering.rates.Rates`.
    lanes : int
        Pixels of the reader's word.
    word, last_pixel : callable
        Make the nodes of the reader's word, and of the launch's last pixel.
    """
    first, last = 0, None
    rate = source.first[d].rate
    begin = (loop.min or 0) // modulus * modulus
    if border.image is not None and rate != 1:
        low, high = border.image
        assert low is not None and high is not None
        first, last = low - int(begin * rate), high - int(begin * rate)
    corner, own_last = own.first[d](0), own.last[d]
    most = (loop.min or 0) - begin + loop.max_extent - 1
    return RatedEdges(
        build, lanes, first, last, word, last_pixel, lambda pixel: own_last(pixel) - corner, own_last.period, most
    )
