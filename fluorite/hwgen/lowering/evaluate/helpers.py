"""Funcs that Halide makes for the user: of ``hl.BoundaryConditions`` and of ``hl.sum()`` and kin."""

from __future__ import annotations

import re

from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.visit import walk

__all__ = ["is_border_helper", "is_inline_reduction", "is_reduction_helper"]

_BORDERS = re.compile(r"(repeat_edge|constant_exterior|repeat_image|mirror_image|mirror_interior)(\$\d+)?")
_REDUCTIONS = re.compile(r"(sum|product|maximum|minimum|argmin|argmax)(\$\d+)?")


def is_border_helper(func: ir.Func) -> bool:
    """Whether a Func is one that Halide made for the user's ``hl.BoundaryConditions``."""
    if func.init is None or func.updates or not _BORDERS.fullmatch(func.name):
        return False
    nodes = (node for value in func.init.values for node in walk(value))
    return any(isinstance(node, ir.Call) and node.name == "likely" for node in nodes)


def is_reduction_helper(func: ir.Func) -> bool:
    """Whether a Func is one that Halide made for the user's ``hl.sum()``, ``hl.argmin()`` and kin."""
    return bool(_REDUCTIONS.fullmatch(func.name)) and is_inline_reduction(func)


def is_inline_reduction(func: ir.Func) -> bool:
    """Whether a Func has the form of ``hl.sum()`` and kin, which may carry the user's name but cannot be scheduled."""
    return (
        func.init is not None
        and all(isinstance(value, ir.Imm) for value in func.init.values)
        and len(func.updates) == 1
        and not func.updates[0].schedule.touched
        and not func.schedule.compute_level.var
    )
