"""Outputs beside the accelerated Func: what of their arguments the launch scans, and what every cycle has whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fluorite.errors import ScheduleError, UnsupportedError
from fluorite.frontend.algorithm import ir
from fluorite.frontend.annotations import Accelerate, annotations_of
from fluorite.frontend.region.region import Channel, Loop, SideOutput

__all__ = ["sides_of"]


def sides_of(
    pipeline: ir.Pipeline, func: ir.Func, accelerate: Accelerate, loops: Sequence[Loop], channels: Sequence[Channel]
) -> tuple[SideOutput, ...]:
    """The outputs beside an accelerated Func, in the order of ``accelerate()``.

    Parameters
    ----------
    pipeline : ir.Pipeline
        The pipeline.
    func : ir.Func
        The accelerated Func.
    accelerate : Accelerate
        Its annotation.
    loops, channels
        What a launch of it scans, and what every cycle has whole.

    Raises
    ------
    ScheduleError
        An output is none of the pipeline's Funcs, or does not come with the accelerated Func's scan.
    UnsupportedError
        It is an extern stage.
    """
    return tuple(_side(pipeline, func, name, loops, channels) for name in accelerate.outputs)


def _side(
    pipeline: ir.Pipeline, func: ir.Func, name: str, loops: Sequence[Loop], channels: Sequence[Channel]
) -> SideOutput:
    construct = f"accelerate(..., outputs=[{name}])"
    if name not in pipeline.funcs:
        raise ScheduleError(
            func.name,
            construct,
            f"{name} is not part of the pipeline, because nothing reads it",
            f"give fluorite.compile hl.Pipeline([{func.name}, {name}]), or leave {name} out",
        )
    side = pipeline.funcs[name]
    if side.extern is not None:
        raise UnsupportedError(
            name,
            f"define_extern({side.extern.function})",
            "an extern stage has no algorithm that could become hardware",
            "name a Func that is defined in Halide",
        )
    others = [other for other in pipeline.funcs if other != func.name and name in _given(pipeline, other)]
    if others:
        raise ScheduleError(
            func.name,
            construct,
            f"{name} is given by the accelerator {others[0]}",
            "leave one of the two calls out",
        )
    numbers = {loop.var: d for d, loop in enumerate(loops)}
    missing = [loop.var for loop in loops if loop.var not in side.args]
    if missing:
        raise ScheduleError(
            func.name,
            construct,
            f"{name}({', '.join(side.args)}) has no argument {missing[0]}, along which {func.name} is scanned",
            f"define {name} by the Vars of {func.name}",
        )
    found = tuple(_channel(func, side, position, channels) for position in _others(side, numbers))
    return SideOutput(name, tuple(numbers.get(arg) for arg in side.args), found)


def _given(pipeline: ir.Pipeline, name: str) -> tuple[str, ...]:
    """What the accelerator of a Func gives, if it has one."""
    accelerate = annotations_of(pipeline.funcs[name]).accelerate
    return (name, *accelerate.outputs) if accelerate else ()


def _others(side: ir.Func, scanned: dict[str, int]) -> Iterator[int]:
    return (position for position, arg in enumerate(side.args) if arg not in scanned)


def _channel(func: ir.Func, side: ir.Func, position: int, channels: Sequence[Channel]) -> Channel:
    """What of an argument every cycle has: its own ``bound``, or what the accelerated Func has of the same Var."""
    var = side.args[position]
    for bound in side.schedule.bounds:
        if bound.var == var and isinstance(bound.min, ir.Imm) and isinstance(bound.extent, ir.Imm):
            return Channel(var, position, int(bound.min.value), int(bound.extent.value))
    for channel in channels:
        if channel.var == var:
            return Channel(var, position, channel.min, channel.extent)
    raise ScheduleError(
        side.name,
        f"dimension {var} of an output beside {func.name}",
        f"{func.name} does not scan {var}, so every cycle has all of it, and needs a fixed extent",
        f"give {side.name}.bound({var}, min, extent), in numbers",
    )
