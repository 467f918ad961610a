"""Taps: what ``accelerate(taps=...)`` names, as far as it needs no memory that software fills."""

from __future__ import annotations

from collections.abc import Collection

from fluorite.errors import ScheduleError
from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.visit import expressions, walk

__all__ = ["check_taps"]


def check_taps(pipeline: ir.Pipeline, name: str, taps: Collection[str], reached: Collection[str]) -> None:
    """Refuse taps that are not there, or whose values only a run of the software gives.

    A Func of constants is a constant or a ROM, and a scalar Param a register, whether named as taps or not.

    Parameters
    ----------
    pipeline : ir.Pipeline
        The pipeline.
    name : str
        The accelerated Func.
    taps : collection of str
        Funcs, ImageParams and Params that ``accelerate()`` names.
    reached : collection of str
        All Funcs that the accelerated one reads, itself included.

    Raises
    ------
    ScheduleError
        A tap is not read, or would need a coefficient memory.
    """
    params = {
        node.param
        for func in reached
        if func in pipeline.funcs
        for expr in expressions(pipeline.funcs[func])
        for node in walk(expr)
        if isinstance(node, ir.Variable | ir.Call) and node.param
    }
    for tap in taps:
        if tap not in params and (tap not in reached or tap not in pipeline.funcs):
            raise ScheduleError(name, f"tap {tap}", "the accelerated Func does not read it", "remove it from the taps")
        if tap in params and not pipeline.parameters[tap].is_buffer:
            continue
        if tap in params or _reads_images(pipeline, tap, set()):
            raise ScheduleError(
                name,
                f"tap {tap}",
                "its values are there only in a run, and memories that software fills are not supported",
                "pass each value as a scalar hl.Param, or make it a Func of constants or an hl.Buffer",
            )


def _reads_images(pipeline: ir.Pipeline, name: str, seen: set[str]) -> bool:
    """Whether a Func depends on an image."""
    seen.add(name)
    func = pipeline.funcs[name]
    if func.init is None:
        return True
    for expr in expressions(func):
        for node in walk(expr):
            if isinstance(node, ir.Call) and node.call_type is ir.CallType.IMAGE and node.param:
                return True
            callee = node.name if isinstance(node, ir.Call) and node.call_type is ir.CallType.HALIDE else ""
            if callee and callee not in seen and _reads_images(pipeline, callee, seen):
                return True
    return False
