"""Sizes of a pipeline's outputs: those of the first one are given, and what one accelerator gives beside it follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fluorite.frontend.algorithm import ir
from fluorite.hwgen.formula import Formula, constant, floor_div, variable
from fluorite.hwgen.generate import Generated

__all__ = ["output_sizes", "size_formulas", "size_variable"]


def size_variable(dimension: int) -> str:
    """What formulas call the first output's size along a dimension."""
    return f"size_{dimension}"


def output_sizes(
    pipeline: ir.Pipeline, accelerators: Sequence[Generated], sizes: Sequence[int]
) -> dict[str, tuple[int, ...]]:
    """The sizes of all outputs, by output Func.

    Parameters
    ----------
    pipeline : ir.Pipeline
        The pipeline.
    accelerators : sequence of Generated
        Its accelerators.
    sizes : sequence of int
        Those of the first output.
    """
    given = {size_variable(d): size for d, size in enumerate(sizes)}
    formulas = size_formulas(pipeline, accelerators)
    return {name: tuple(formula.evaluate(given) for formula in own) for name, own in formulas.items()}


def size_formulas(pipeline: ir.Pipeline, accelerators: Sequence[Generated]) -> dict[str, tuple[Formula, ...]]:
    """The sizes of all outputs, by output Func and dimension, of the first one's.

    An output at rate r beside an accelerated Func of ``n`` pixels has ``floor(r * n)``: what is made of these pixels
    and no others. All that no accelerator gives beside another output has the first one's sizes.
    """
    first, found = pipeline.outputs[0], {}
    for name in pipeline.outputs:
        beside = [
            accelerator for accelerator in accelerators if accelerator.sides and name in accelerator.region.outputs
        ]
        plain = tuple(variable(size_variable(d)) for d in range(len(pipeline.funcs[name].args)))
        found[name] = _beside(beside[0], first, name) if beside and name != first else plain
    return found


def _beside(accelerator: Generated, first: str, name: str) -> tuple[Formula, ...]:
    """Sizes of one of an accelerator's outputs."""
    region, sides = accelerator.region, {side.name: side for side in accelerator.sides}
    main: list[Formula] = [variable(size_variable(d)) for d in range(len(region.func.args))]
    if first in sides:
        given: Mapping[str, Formula] = {
            text: formula
            for loop in sides[first].loops
            for text, formula in ((loop.min, constant(0)), (loop.extent, variable(size_variable(loop.argument))))
        }
        main = [(axis.last - axis.first + 1).substituted(given) for axis in sides[first].axes]
    for channel in region.channels:
        main[channel.position] = constant(channel.extent)
    if name == region.name:
        return tuple(main)
    side = next(own for own in region.sides if own.name == name)
    channels = {channel.position: channel.extent for channel in side.channels}
    of_loop = {d: main[loop.position] for d, loop in enumerate(region.loops)}
    return tuple(
        constant(channels[place]) if d is None else floor_div(of_loop[d] * rate[0], rate[1])
        for place, (d, rate) in enumerate(zip(side.dimensions, sides[name].rates, strict=True))
    )
