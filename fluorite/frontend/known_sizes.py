"""What a user said of sizes without a run: ``set_bounds``, ranges of Params, estimates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fluorite.frontend.algorithm.decode_expr import decode_optional
from fluorite.frontend.algorithm.intervals import ANYWHERE, Interval, interval
from fluorite.frontend.halide_io import DimensionBounds, Loaded, ScalarBounds
from fluorite.frontend.region.sizes import Sizes
from fluorite.frontend.tables.rewrite import find_func

__all__ = ["estimated", "limited", "promised"]


def promised(loaded: Loaded) -> Sizes:
    """Sizes that are the same in every run."""
    return _sizes(loaded, {}, False)


def limited(loaded: Loaded) -> Sizes:
    """The same, and where values of Params lie."""
    ranges = loaded.scalar_bounds
    return _sizes(loaded, {name: Interval(one.min, one.max) for name, one in ranges.items()}, False)


def estimated(loaded: Loaded) -> Sizes:
    """The same, and where none is promised, the estimates."""
    ranges = loaded.scalar_bounds
    return _sizes(loaded, {name: _estimated(one) for name, one in ranges.items()}, True)


def _estimated(one: ScalarBounds) -> Interval:
    return Interval(one.min, one.max) if one.estimate is None else Interval(one.estimate, one.estimate)


def _sizes(loaded: Loaded, params: dict[str, Interval], estimates: bool) -> Sizes:
    variables = dict(params)
    for name, dimensions in loaded.bounds.items():
        for number, bounds in enumerate(dimensions):
            for what, where in zip(("min", "extent"), _dimension(bounds, estimates), strict=True):
                variables[f"{name}.{what}.{number}"] = where
    for buffer in loaded.pipeline.buffers.values():
        for number, (least, extent, _) in enumerate(buffer.dims):
            for what, value in (("min", least), ("extent", extent)):
                variables[f"{buffer.name}.{what}.{number}"] = Interval(value, value)
    return Sizes(variables, {name: tuple(_output(loaded, name, estimates)) for name in loaded.pipeline.outputs})


def _dimension(bounds: DimensionBounds, estimates: bool) -> tuple[Interval, Interval]:
    least, extent = bounds.min, bounds.extent
    if estimates:
        least = bounds.min_estimate if least is None else least
        extent = bounds.extent_estimate if extent is None else extent
    return Interval(least, least), Interval(extent, extent)


def _output(loaded: Loaded, name: str, estimates: bool) -> Iterator[tuple[Interval, Interval]]:
    """Least coordinate and extent of each dimension of an output, as its first buffer has them: the others must too."""
    func = find_func(loaded.root, name)
    buffer = func.output_buffers_names[0]
    inside = next((p.buffer_constraints for p in loaded.root.parameters if p.name == buffer), ())
    for number, var in enumerate(func.args):
        # The pipeline's own expressions may ask for the size of an output buffer, which is then an external one.
        least, extent = ANYWHERE, ANYWHERE
        if buffer in loaded.bounds:
            least, extent = _dimension(loaded.bounds[buffer][number], estimates)
        elif inside:
            least, extent = _constraint(inside[number], estimates)
        for estimate in func.func_schedule.estimates if estimates else ():
            if estimate.var == var:
                least = _number(estimate.min) if least == ANYWHERE else least
                extent = _number(estimate.extent) if extent == ANYWHERE else extent
        yield least, extent


def _constraint(of: Any, estimates: bool) -> tuple[Interval, Interval]:
    least, extent = _number(of.min), _number(of.extent)
    if estimates:
        least = _number(of.min_estimate) if least == ANYWHERE else least
        extent = _number(of.extent_estimate) if extent == ANYWHERE else extent
    return least, extent


def _number(expr: Any) -> Interval:
    """Value of an expression table that depends on nothing."""
    decoded = decode_optional(expr)
    return ANYWHERE if decoded is None else interval(decoded, lambda _: ANYWHERE)
