"""Where a run writes to: buffers of the user's, which may begin anywhere, or new ones of given sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import halide as hl
import numpy as np

from fluorite.errors import UsageError
from fluorite.frontend.algorithm import ir
from fluorite.frontend.halide_io import halide_type
from fluorite.hwgen.formula import variable
from fluorite.hwgen.generate import Generated
from fluorite.hwgen.output_sizes import output_sizes, size_formulas, size_variable
from fluorite.run.images import check_extents

__all__ = ["Destination", "Output", "destination", "new_buffers"]

Output: TypeAlias = "Sequence[int] | hl.Buffer | Sequence[hl.Buffer]"


@dataclass(frozen=True, slots=True)
class Destination:
    """What a run writes.

    Attributes
    ----------
    given : list
        The argument of ``Pipeline.realize``: sizes of new buffers, or the buffers.
    values : int
        Values of an output.
    made : bool
        Whether the buffers are new ones, which the caller has not.
    """

    given: list[Any]
    values: int
    made: bool = False


def destination(pipeline: ir.Pipeline, accelerators: Sequence[Generated], output: Output) -> Destination:
    """Look at the argument of ``realize``; whether buffers suit the pipeline is for Halide to say.

    Raises
    ------
    UsageError
        These are no sizes of the output, nor buffers.
    """
    if isinstance(output, hl.Buffer):
        output = [output]
    given = list(output) if isinstance(output, Sequence | np.ndarray) else [output]
    if given and all(isinstance(one, hl.Buffer) for one in given):
        return Destination(given, math.prod(given[0].dim(d).extent() for d in range(given[0].dimensions())))
    whole = all(isinstance(n, (int, np.integer)) and 0 <= n < 1 << 31 for n in given)
    formulas = size_formulas(pipeline, accelerators)
    for name in pipeline.outputs:
        dimensions = len(pipeline.funcs[name].args)
        beside = formulas[name] != tuple(variable(size_variable(d)) for d in range(dimensions))
        if (len(given) != dimensions or not whole) and not beside:
            plural = "" if dimensions == 1 else "s"
            raise UsageError(
                f"{name} takes {dimensions} size{plural} of 0 to {(1 << 31) - 1}, or hl.Buffers to write to, "
                f"not {output!r}"
            )
        own = [formula.evaluate({size_variable(d): n for d, n in enumerate(given)}) for formula in formulas[name]]
        for type_ in pipeline.funcs[name].types:
            check_extents(name, own, -(-type_.bits // 8))  # Halide would crash
    sizes = output_sizes(pipeline, accelerators, [int(n) for n in given])
    if all(list(own) == [int(n) for n in given] for own in sizes.values()):
        return Destination([int(n) for n in given], math.prod(given))
    return Destination(new_buffers(pipeline, sizes), math.prod(given), made=True)


def new_buffers(pipeline: ir.Pipeline, sizes: Mapping[str, Sequence[int]]) -> list[hl.Buffer]:
    """Buffers for all outputs, a Tuple element each, given the sizes of each output Func."""
    return [
        hl.Buffer(halide_type(t), list(sizes[name])) for name in pipeline.outputs for t in pipeline.funcs[name].types
    ]
