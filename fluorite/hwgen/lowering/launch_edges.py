"""Edges of an image that software tells hardware before each launch: settings, compared with where the reader is.

The pixel that a reader's word reads is ``floor((step*word + k) / period)``, so whether it lies before the first pixel,
or behind the last one, is a comparison of ``step * word`` and ``period`` times that pixel, which all reads of one rate
have in common, with a number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from fluorite.frontend.region.region import Loop, Region
from fluorite.hwgen.formula import Formula, constant, floor_div, maximum, minimum, variable
from fluorite.hwgen.lowering.domain import Domain
from fluorite.hwgen.lowering.images import KnownImage
from fluorite.hwgen.lowering.positions import Positions
from fluorite.hwgen.quasiaffine import QuasiAffine
from fluorite.hwgen.streams.builder import Builder
from fluorite.hwgen.streams.graph import Ref

__all__ = ["ImageSettings", "LaunchEdges", "image_settings"]


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """Where an image lies, as nodes, along one dimension.

    Attributes
    ----------
    first, last : Ref or None
        Its first and last pixel, counted from the pixel 0 of a launch at 0; no further out than anything is read. None
        for an edge that it does not have.
    extent : Ref
        Its pixels, no more than `most_extent`.
    most_extent : int
        More than any image has that folds in a way of its own.
    """

    first: Ref | None
    last: Ref | None
    extent: Ref
    most_extent: int


@dataclass(frozen=True, slots=True)
class LaunchEdges:
    """The edges of a stream's image along one dimension, as of :class:`fluorite.hwgen.lowering.rated_edges.RatedEdges`.

    Attributes
    ----------
    build : Builder
        Makes nodes.
    image : KnownImage
        The image.
    settings : ImageSettings
        Where it lies.
    lanes : int
        Pixels of the reader's word.
    first : int
        The furthest pixel that may be the image's first one.
    word : callable
        Makes the node of the reader's word.
    pixels : callable
        By the launch's last pixel, that of the reader, from its word 0 on.
    turn : int
        After how many pixels of a launch all is as before.
    """

    build: Builder
    image: KnownImage
    settings: ImageSettings
    lanes: int
    first: int
    word: Callable[[], Ref]
    pixels: Callable[[int], int]
    turn: int

    @property
    def has_sizes(self) -> bool:
        """Whether images of several sizes come, small ones among them."""
        return True

    def goes_on(self, place: QuasiAffine) -> bool:
        """Whether what is read never falls from word to word, and is a quotient of the word."""
        words = place.every(self.lanes)
        return words.is_monotone and words.quotient is not None

    def is_before(self, place: QuasiAffine, beyond: int) -> Ref:
        """Whether what is read lies so many pixels or more before the first one."""
        words, offset = self._words(place)
        if self.settings.first is None:
            return self.build.const(0)
        distance = self.build.linear([(words.step, self.word()), (-words.period, self.settings.first)])
        return self.build.lt(distance, self.build.const(words.period * (1 - beyond) - offset))

    def is_behind(self, place: QuasiAffine, beyond: int) -> Ref:
        """Whether what is read lies so many pixels or more behind the last one."""
        words, offset = self._words(place)
        assert self.settings.last is not None
        distance = self.build.linear([(words.period, self.settings.last), (-words.step, self.word())])
        return self.build.lt(distance, self.build.const(offset - words.period * beyond + 1))

    def has_extent(self, extent: int) -> Ref:
        """Whether the image has so many pixels."""
        return self.build.eq(self.settings.extent, self.build.const(extent))

    def furthest_behind(self, place: QuasiAffine) -> int:
        """How far behind the last pixel something is read; a lane beyond the reader's last pixel counts as that."""
        if self.settings.last is None:
            return 0
        rounds = math.lcm(self.turn, self.image.rate.denominator) * place.period
        above, least = place.from_above(), self.image.last_least
        return max(above(self.pixels(last)) - least(last) for last in range(rounds))

    def _words(self, place: QuasiAffine) -> tuple[QuasiAffine, int]:
        words = place.every(self.lanes)
        offset = words.quotient
        assert offset is not None, "each phase of what is read goes on like a line"
        return words, offset


def image_settings(
    build: Builder,
    positions: Positions,
    region: Region,
    d: int,
    image: KnownImage,
    source: str,
    domain: Domain,
    modulus: int,
    most_extent: int,
) -> ImageSettings:
    """Make the settings that say where an image lies.

    Parameters
    ----------
    build : Builder
        Makes nodes.
    positions : Positions
        Makes settings.
    region : Region
        The region.
    d : int
        The dimension of the scan.
    image : KnownImage
        The image.
    source : str
        The stream that comes of it.
    domain : Domain
        The stream's domain.
    modulus : int
        As of :class:`fluorite.hwgen.lowering.rates.Rates`.
    most_extent : int
        Images of so many pixels and of more are the same to hardware.
    """
    loop, names = region.loops[d], region.names
    low, high = domain.first[d](0), domain.last[d](modulus + loop.max_extent - 2)
    origin = _origin(region, loop, modulus) * int(image.rate * modulus)
    name = f"{names[source]}_image_{{}}_{names[loop.var]}"
    first = last = None
    if image.first is not None:
        most = max(image.first_most(modulus - 1), low)
        formula = maximum([image.first - origin, constant(low)], {})
        if image.begins_with_launch:
            formula = constant(image.first_most(0))
        first = positions.setting(positions.free(name.format("first"), formula), low, most, formula)
    if image.last is not None:
        formula = minimum([image.last - origin, constant(high)], {})
        last = positions.setting(positions.free(name.format("last"), formula), min(low, -1), high, formula)
    extent = build.const(most_extent)
    if image.first is not None and image.last is not None and most_extent > 1:
        formula = minimum([image.last - image.first + 1, constant(most_extent)], {})
        extent = positions.setting(positions.free(name.format("extent"), formula), 0, most_extent, formula)
    return ImageSettings(first, last, extent, most_extent)


def _origin(region: Region, loop: Loop, modulus: int) -> Formula:
    """A launch's first pixel, as the number of the step of so many pixels that it lies in."""
    lowest = variable(region.names.minimum(loop.var)) if loop.min is None else constant(loop.min)
    return floor_div(lowest, modulus)
