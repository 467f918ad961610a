"""What is known of sizes without a run: those of images, of the pipeline's outputs and of Params."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.intervals import ANYWHERE, Interval, interval

__all__ = ["Sizes", "span", "within"]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes, as far as they are known.

    Attributes
    ----------
    variables : mapping of str to Interval
        Where the value of a Param lies, by its name, and of an image's ``name.min.0``, ``name.extent.0`` and kin.
    outputs : mapping of str to tuple of (Interval, Interval)
        By output Func of the pipeline, where least coordinate and extent of each of its dimensions lie.
    """

    variables: Mapping[str, Interval]
    outputs: Mapping[str, tuple[tuple[Interval, Interval], ...]]

    def of(self, variable: ir.Variable) -> Interval:
        """Where the value of a Param, or of what is known about an image, lies; no Var or RVar is known."""
        known = variable.param or variable.image
        return self.variables.get(variable.name, ANYWHERE) if known else ANYWHERE

    def of_image(self, name: str, dimension: int) -> tuple[Interval, Interval]:
        """Where least coordinate and extent of an image's dimension lie."""
        least, extent = (self.variables.get(f"{name}.{what}.{dimension}", ANYWHERE) for what in ("min", "extent"))
        return least, extent


def span(least: Interval, extent: Interval) -> Interval:
    """All coordinates that there may be."""
    return Interval(least.lo, (least + extent + Interval(-1, -1)).hi)


def within(definition: ir.Definition, own: Mapping[str, Interval], sizes: Sizes) -> Callable[[ir.Variable], Interval]:
    """Where each variable of a definition lies: a Func's own where ``own`` says, RVars in their domain."""
    domain = {
        rvar.var: span(interval(rvar.min, sizes.of), interval(rvar.extent, sizes.of))
        for rvar in definition.schedule.rvars
    }

    def of(variable: ir.Variable) -> Interval:
        if variable.param or variable.image:
            return sizes.of(variable)
        return domain.get(variable.name, own.get(variable.name, ANYWHERE))

    return of
