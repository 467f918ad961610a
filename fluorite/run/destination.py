"""Where a run writes to: buffers of the user's, which may begin anywhere, or new ones of given sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import halide as hl
import numpy as np

from fluorite.errors import UsageError
from fluorite.frontend.algorithm import ir
from fluorite.run.images import check_extents

__all__ = ["Destination", "Output", "destination"]

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
    """

    given: list[Any]
    values: int


def destination(pipeline: ir.Pipeline, output: Output) -> Destination:
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
    for name in pipeline.outputs:
        dimensions = len(pipeline.funcs[name].args)
        if len(given) != dimensions or not whole:
            plural = "" if dimensions == 1 else "s"
            raise UsageError(
                f"{name} takes {dimensions} size{plural} of 0 to {(1 << 31) - 1}, or hl.Buffers to write to, "
                f"not {output!r}"
            )
        for type_ in pipeline.funcs[name].types:
            check_extents(name, given, -(-type_.bits // 8))  # Halide would crash
    return Destination([int(n) for n in given], math.prod(given))
