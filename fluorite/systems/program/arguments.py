"""What a design's program takes on its command line and leaves in files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fluorite.errors import SimulationError

__all__ = ["program_options", "take"]

Array = np.ndarray[Any, Any]


def program_options(outputs: Sequence[Array], scalars: Mapping[str, str], repeat: int) -> list[str]:
    """Options of ``main.c``: the size of the outputs, values of scalar inputs, how many times the pipeline runs."""
    height, width = outputs[0].shape[-2:] if outputs[0].ndim > 1 else (1, outputs[0].shape[0])
    options = ["--size", f"{width}x{height}", "--repeat", str(repeat)]
    for name, value in scalars.items():
        options += ["--set", f"{name}={ {'true': '1', 'false': '0'}.get(value.lower(), value) }"]
    return options


def take(array: Array, written: Array) -> None:
    """Fill in an output from what the program wrote.

    Raises
    ------
    SimulationError
        It has another type or shape.
    """
    if written.shape != array.shape or written.dtype != array.dtype:
        must, wrote = (f"{a.dtype} of shape {a.shape}" for a in (array, written))
        raise SimulationError(f"the program must write {must}, not {wrote}")
    array[...] = written
