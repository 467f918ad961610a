"""Extents: how many words of each stream a launch has, and how long the scan is, as formulas of the launch's extents.

The scan has the dimensions of the accelerated Func, but delays do not need them all: where a dimension's length is a
number, a step of the next one is a number of cycles. Such dimensions are merged, so that a scan of fixed extents is
simply a line, and only run-time lengths are kept apart. What follows the merge (schedule, storage) works on merged
delays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from fluorite.frontend.region.region import Region
from fluorite.hwgen.formula import Formula, Ranges, ceil_div, constant, maximum, variable
from fluorite.hwgen.lowering.values import Domain
from fluorite.hwgen.streams.graph import Delay

__all__ = ["Extents", "measure"]

_USUAL_ROW = 32  # words; the schedule may rely on rows being this long, at the price of padding shorter ones


@dataclass(frozen=True)
class Extents:
    """Sizes of a launch.

    Attributes
    ----------
    pixels : dict of str to tuple of Formula
        Per stage or input, its extent in pixels along each scan dimension.
    words : dict of str to tuple of Formula
        The same in words of all lanes.
    scan : tuple of Formula
        Positions of the scan along each dimension: the widest stream's.
    maxima : dict of str to int
        Greatest values of the launch's variables.
    groups : tuple of tuple of int
        Scan dimensions that share one component of a merged delay, innermost first. Decided before delays are merged:
        a length that padding makes a number later stays a component of its own.
    """

    pixels: dict[str, tuple[Formula, ...]]
    words: dict[str, tuple[Formula, ...]]
    scan: tuple[Formula, ...]
    maxima: dict[str, int]
    groups: tuple[tuple[int, ...], ...]

    @property
    def ranges(self) -> Ranges:
        """Least and greatest values of the launch's variables: no launch is without pixels."""
        return _ranges(self.maxima)

    def merge(self, delay: Delay) -> Delay:
        """A delay along the scan's dimensions as a merged one."""
        merged = []
        for group in self.groups:
            total = 0
            for d in reversed(group):
                total = total * self.scan[d].value + delay[d] if d != group[-1] else delay[d]
            merged.append(total)
        return tuple(merged)

    def split(self, merged: Delay) -> Delay:
        """A merged delay along the scan's dimensions: the nearest row, and columns from there, before or behind."""
        delay: list[int] = []
        for group, total in zip(self.groups, merged, strict=True):
            for d in group[:-1]:
                size = self.scan[d].value
                column = (total + (size - 1) // 2) % size - (size - 1) // 2
                delay.append(column)
                total = (total - column) // size
            delay.append(total)
        return tuple(delay)

    @property
    def strides(self) -> tuple[int, ...]:
        """Cycles per step of each merged dimension at the greatest extents."""
        return self._strides(lambda length: length.greatest(self.ranges), 1)

    @property
    def least_strides(self) -> tuple[int, ...]:
        """Cycles per step of each merged dimension at the least extents, rows being as long as they usually are."""
        return self._strides(lambda length: length.least(self.ranges), min([_USUAL_ROW, *self.strides[1:2]]))

    def _strides(self, value: Callable[[Formula], int], least_row: int) -> tuple[int, ...]:
        strides = [1]
        for number, group in enumerate(self.groups[:-1]):
            length = strides[-1]
            for d in group:
                length *= value(self.scan[d])
            strides.append(max(length, least_row) if number == 0 else length)
        return tuple(strides)

    @property
    def stride_formulas(self) -> tuple[Formula, ...]:
        """Cycles per step of each merged dimension."""
        strides = [constant(1)]
        for group in self.groups[:-1]:
            length = strides[-1]
            for d in group:
                length = length * self.scan[d]
            strides.append(length)
        return tuple(strides)

    @property
    def cycles_per_launch(self) -> Formula:
        """Cycles from one launch to the next when they follow without a gap."""
        product = constant(1)
        for formula in self.scan:
            product = product * formula
        return product

    def with_least(self, lengths: Sequence[int]) -> Extents:
        """The same with merged dimensions, innermost first, of at least so many steps: cycles a row, rows a plane."""
        scan = list(self.scan)
        for group, least in zip(self.groups, lengths, strict=False):
            *inner, last = group
            steps = -(-least // math.prod(scan[d].value for d in inner))
            if scan[last].least(self.ranges) < steps:
                scan[last] = maximum([scan[last], constant(steps)], self.ranges)
        return replace(self, scan=tuple(scan))


def measure(region: Region, domains: dict[str, Domain]) -> Extents:
    """Sizes of every stream of a region."""
    names = [region.names.extent(loop.var) for loop in region.loops]
    sizes = list(zip(region.loops, names, strict=True))
    own = [constant(loop.max_extent) if loop.fixed else variable(name) for loop, name in sizes]
    maxima = {name: loop.max_extent for loop, name in sizes if not loop.fixed}
    pixels: dict[str, tuple[Formula, ...]] = {}
    words: dict[str, tuple[Formula, ...]] = {}
    for name, domain in domains.items():
        pixels[name] = tuple(extent + (hi - lo) for extent, lo, hi in zip(own, domain.lo, domain.hi, strict=True))
        words[name] = tuple(ceil_div(p, loop.lanes) for p, loop in zip(pixels[name], region.loops, strict=True))
    scan = tuple(maximum([w[d] for w in words.values()], _ranges(maxima)) for d in range(len(own)))
    return Extents(pixels, words, scan, maxima, _groups(scan))


def _groups(scan: Sequence[Formula]) -> tuple[tuple[int, ...], ...]:
    groups: list[tuple[int, ...]] = [(0,)]
    for d in range(1, len(scan)):
        if scan[d - 1].is_constant:
            groups[-1] += (d,)
        else:
            groups.append((d,))
    return tuple(groups)


def _ranges(maxima: dict[str, int]) -> Ranges:
    return {name: (1, most) for name, most in maxima.items()}
