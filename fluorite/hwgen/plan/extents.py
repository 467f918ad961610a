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
from itertools import product
from typing import NamedTuple

from fluorite.frontend.region.region import Loop, Region
from fluorite.hwgen.formula import Formula, Range, Ranges, ceil_div, constant, floor_div, maximum, modulo, variable
from fluorite.hwgen.lowering.domain import Domain
from fluorite.hwgen.lowering.rates import Rates
from fluorite.hwgen.streams.graph import Delay

__all__ = ["Extents", "measure", "phase_variable"]

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
    starts : dict of str to tuple of Formula
        Per stage or input, along each scan dimension the number of the first word of a launch; 0 where all launches
        begin in one phase.
    ends : dict of str to tuple of Formula
        The number of the word behind the last one.
    rates : Rates
        How the streams come. The scan's length is a multiple of `Rates.common`.
    phases : dict of str to (str, int)
        By the variable that formulas have for it, the first pixel of a launch and what it is the remainder of, where
        launches begin in different phases.
    edges : dict of str to (int, int, Formula)
        By the variable that formulas have for it, the first or the last pixel that a launch needs of a stream, counted
        from the first one of the stream's word 0, where images end within what is scanned: least and greatest value,
        and the formula of it.
    """

    pixels: dict[str, tuple[Formula, ...]]
    words: dict[str, tuple[Formula, ...]]
    scan: tuple[Formula, ...]
    maxima: dict[str, int]
    groups: tuple[tuple[int, ...], ...]
    starts: dict[str, tuple[Formula, ...]]
    ends: dict[str, tuple[Formula, ...]]
    rates: Rates
    phases: dict[str, tuple[str, int]]
    edges: dict[str, tuple[int, int, Formula]]

    @property
    def ranges(self) -> Ranges:
        """Least and greatest values of the launch's variables: no launch is without pixels."""
        edges = {name: (low, high) for name, (low, high, _) in self.edges.items()}
        return _ranges(self.maxima) | _phase_ranges(self.phases) | edges

    @property
    def of_launch(self) -> dict[str, Formula]:
        """The variables of `phases` and `edges` as formulas of a launch's region and of what is known of images."""
        ranges = self.ranges
        phases = {name: modulo(variable(low), constant(of), ranges) for name, (low, of) in self.phases.items()}
        return phases | self.of_edges

    @property
    def of_edges(self) -> dict[str, Formula]:
        """The variables of `edges` as formulas."""
        return {name: formula for name, (_, _, formula) in self.edges.items()}

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
            scan[last] = self.at_least(scan[last], last, steps)
        return replace(self, scan=tuple(scan))

    def at_least(self, length: Formula, d: int, least: int) -> Formula:
        """A length of the scan along a dimension, made so many positions long; a multiple of what it was one of."""
        if length.least(self.ranges) >= least:
            return length
        common = self.rates.common[d]
        return maximum([length, constant(-(-least // common) * common)], self.ranges)

    def is_never_less(self, one: Formula, other: Formula) -> bool:
        """Whether a length is never less than another one.

        Lengths are maxima of what goes on like a line from period to period: all phases and all small launches are
        looked at, over several periods and the lengths that padding gives them, and the largest ones.
        """
        small = 4 * max(self.rates.common) + 4 * _USUAL_ROW
        names = sorted(one.variables() | other.variables())
        bounds = [self.ranges[name] for name in names]
        tried = [
            sorted({*range(low or 0, min(high or 0, small) + 1), max(low or 0, (high or 0) - 1), high or 0})
            for low, high in bounds
        ]
        each = (dict(zip(names, values, strict=True)) for values in product(*tried))
        return all(one.evaluate(values) >= other.evaluate(values) for values in each)

    def own_steps(self, d: int, period: int) -> Formula:
        """Words of a stream that has one every so many positions, in a scan's length along a dimension."""
        return floor_div(self.scan[d], period)


def measure(region: Region, domains: dict[str, Domain], rates: Rates) -> Extents:
    """Sizes of every stream of a region."""
    names = [region.names.extent(loop.var) for loop in region.loops]
    sizes = list(zip(region.loops, names, strict=True))
    own = [constant(loop.max_extent) if loop.fixed else variable(name) for loop, name in sizes]
    maxima = {name: loop.max_extent for loop, name in sizes if not loop.fixed}
    begin = [_phase(region, loop, rates.moduli[d], in_step=rates.in_step[d]) for d, loop in enumerate(region.loops)]
    phases = {
        phase.name: (region.names.minimum(loop.var), rates.moduli[d])
        for d, (loop, phase) in enumerate(zip(region.loops, begin, strict=True))
        if not phase.is_constant
    }
    ranges = _ranges(maxima) | _phase_ranges(phases)
    pixels: dict[str, tuple[Formula, ...]] = {}
    words: dict[str, tuple[Formula, ...]] = {}
    starts: dict[str, tuple[Formula, ...]] = {}
    ends: dict[str, tuple[Formula, ...]] = {}
    edges: dict[str, tuple[int, int, Formula]] = {}
    positions: list[list[Formula]] = [[] for _ in own]
    for name, domain in domains.items():
        stream = rates.streams[name]
        spans = [_span(domain, d, begin[d], extent, stream.lanes[d], ranges) for d, extent in enumerate(own)]
        whole = spans
        if domain.needed:
            found = [_edges(region, name, domain, d, begin[d], own[d], rates, ranges) for d in range(len(own))]
            edges |= {edge: of for parts in found for edge, of in parts}
            spans = [_within(*of) for of in zip(spans, found, stream.lanes, strict=True)]
        pixels[name], starts[name], ends[name], words[name] = (tuple(parts) for parts in zip(*spans, strict=True))
        for d, span in enumerate(whole):
            turn = rates.common[d] // stream.periods[d]  # words after which all streams are in phase
            positions[d].append((span.end if turn == 1 else ceil_div(span.end, turn) * turn) * stream.periods[d])
    scan = tuple(maximum(lengths, ranges) for lengths in positions)
    groups = _groups(scan) if rates.is_one else tuple((d,) for d in range(len(scan)))
    return Extents(pixels, words, scan, maxima, groups, starts, ends, rates, phases, edges)


def _phase(region: Region, loop: Loop, modulus: int, *, in_step: bool) -> Formula:
    """How far a launch begins behind the last place that moves all streams by whole pixels."""
    if modulus == 1 or in_step:  # other launches are refused
        return constant(0)
    if loop.min is not None:
        return constant(loop.min % modulus)
    return variable(phase_variable(region.names.minimum(loop.var), modulus))


def phase_variable(minimum: str, modulus: int) -> str:
    """What formulas call the remainder of a region's first pixel; no name of a user's has a space."""
    return f"{minimum} mod {modulus}"


class _Span(NamedTuple):
    """Pixels of a stream along a dimension, the numbers of its first word and of the one behind its last, its words."""

    pixels: Formula
    start: Formula
    end: Formula
    words: Formula


def _span(domain: Domain, d: int, begin: Formula, extent: Formula, lanes: int, ranges: Ranges) -> _Span:
    """What a launch has of a stream along a dimension."""
    first, last = domain.first[d], domain.last[d]
    corner = first(0)
    start = _known(floor_div(_known(first.formula(begin) - corner, ranges), lanes), ranges)
    if first.period == last.period == 1:  # as many pixels wherever it begins
        pixels = extent * last.step + (last(0) - corner - last.step + 1)
        if lanes == 1:
            return _Span(pixels, start, start + pixels, pixels)
        if begin.is_constant:
            words = ceil_div(pixels + (first(begin.value) - corner) % lanes, lanes)
            return _Span(pixels, start, start + words, words)
    last_pixel = last.formula(begin + extent - 1) - corner
    end = floor_div(last_pixel, lanes) + 1
    return _Span(last_pixel + 1 - (first.formula(begin) - corner), start, end, end - start)


_Edge = tuple[str, tuple[int, int, Formula]]


def _edges(
    region: Region,
    name: str,
    domain: Domain,
    d: int,
    begin: Formula,
    extent: Formula,
    rates: Rates,
    ranges: Ranges,
) -> tuple[_Edge, ...]:
    """Variables for the first and the last pixel that a launch needs of a stream along a dimension.

    None if it needs its whole domain, and only the last one where it always begins with that.
    """
    needed = domain.needed[d]
    if needed is None:
        return ()
    loop, names, first, last = region.loops[d], region.names, domain.first[d], domain.last[d]
    origin = constant(loop.min) if loop.min is not None else variable(names.minimum(loop.var))
    step = int(first.rate * rates.moduli[d])
    corner = floor_div(origin, rates.moduli[d]) * step + first(0)
    top = last.formula(begin + extent - 1).greatest(ranges) - first(0)
    of_last = (f"{names[name]} last {names[loop.var]}", (0, top, needed[1] - corner))
    if needed[0] == first.formula(origin):
        return (of_last,)
    most = max(last(phase) for phase in range(rates.moduli[d])) - first(0)
    return (f"{names[name]} first {names[loop.var]}", (0, most, needed[0] - corner)), of_last


def _within(span: _Span, edges: Sequence[_Edge], lanes: int) -> _Span:
    """What a launch has of a stream of which it needs less than its domain."""
    if not edges:
        return span
    last = variable(edges[-1][0])
    start = floor_div(variable(edges[0][0]), lanes) if len(edges) > 1 else span.start
    first = variable(edges[0][0]) if len(edges) > 1 else span.start * lanes
    end = floor_div(last, lanes) + 1
    return _Span(last + 1 - first, start, end, end - start)


def _known(formula: Formula, ranges: Ranges) -> Formula:
    """A formula, as a number where it can be no other."""
    least = formula.least(ranges)
    return constant(least) if least == formula.greatest(ranges) else formula


def _groups(scan: Sequence[Formula]) -> tuple[tuple[int, ...], ...]:
    groups: list[tuple[int, ...]] = [(0,)]
    for d in range(1, len(scan)):
        if scan[d - 1].is_constant:
            groups[-1] += (d,)
        else:
            groups.append((d,))
    return tuple(groups)


def _ranges(maxima: dict[str, int]) -> dict[str, Range]:
    return {name: (1, most) for name, most in maxima.items()}


def _phase_ranges(phases: dict[str, tuple[str, int]]) -> dict[str, Range]:
    return {name: (0, modulus - 1) for name, (_, modulus) in phases.items()}
