"""Extents: how many words of each stream a launch has, and how long the scan is, as formulas of the launch's extents."""

from __future__ import annotations

from dataclasses import dataclass

from fluorite.frontend.region import Region
from fluorite.hwgen.formula import Formula, ceil_div, constant, maximum, variable
from fluorite.hwgen.lower import Domain

__all__ = ["Extents", "measure"]

_LEAST_ROW = 32  # words; what the schedule may rely on where the row length is a run-time value


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
    """

    pixels: dict[str, tuple[Formula, ...]]
    words: dict[str, tuple[Formula, ...]]
    scan: tuple[Formula, ...]
    maxima: dict[str, int]

    @property
    def fixed(self) -> bool:
        """Whether every launch has the same extents."""
        return all(formula.is_constant for formula in self.scan)

    @property
    def strides(self) -> tuple[int, ...]:
        """Cycles per step of each dimension at the greatest extents."""
        strides = [1]
        for formula in self.scan[:-1]:
            strides.append(strides[-1] * formula.evaluate(self.maxima))
        return tuple(strides)

    @property
    def least_strides(self) -> tuple[int, ...]:
        """Cycles per step of each dimension at the least extents."""
        strides = [1]
        for d, formula in enumerate(self.scan[:-1]):
            least = _LEAST_ROW if d == 0 else 1
            strides.append(strides[-1] * (formula.value if formula.is_constant else least))
        return tuple(strides)

    @property
    def cycles_per_launch(self) -> Formula:
        """Cycles from one launch to the next when they follow without a gap."""
        product = constant(1)
        for formula in self.scan:
            product = product * formula
        return product


def measure(region: Region, domains: dict[str, Domain]) -> Extents:
    """Sizes of every stream of a region."""
    own = [constant(loop.max_extent) if loop.fixed else variable(f"extent_{loop.var}") for loop in region.loops]
    maxima = {f"extent_{loop.var}": loop.max_extent for loop in region.loops if not loop.fixed}
    pixels: dict[str, tuple[Formula, ...]] = {}
    words: dict[str, tuple[Formula, ...]] = {}
    for name, domain in domains.items():
        pixels[name] = tuple(extent + (hi - lo) for extent, lo, hi in zip(own, domain.lo, domain.hi, strict=True))
        words[name] = tuple(ceil_div(p, loop.lanes) for p, loop in zip(pixels[name], region.loops, strict=True))
    scan = [maximum([w[d] for w in words.values()]) for d in range(len(own))]
    if len(scan) > 1 and not scan[0].is_constant:
        scan[0] = maximum([scan[0], constant(_LEAST_ROW)])
    return Extents(pixels, words, tuple(scan), maxima)


def with_least_row(extents: Extents, least_row: int) -> Extents:
    """The same with rows of at least so many cycles."""
    row = extents.scan[0]
    if least_row <= _LEAST_ROW and not row.is_constant:
        return extents
    if row.is_constant and row.value >= least_row:
        return extents
    return Extents(
        extents.pixels, extents.words, (maximum([row, constant(least_row)]), *extents.scan[1:]), extents.maxima
    )
