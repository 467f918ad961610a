"""What cannot be cut: schedules that an extern stage cannot have, and what such a stage cannot read."""

from __future__ import annotations

from collections.abc import Collection

from fluorite.errors import ScheduleError, UnsupportedError
from fluorite.frontend.tables.table import Table

__all__ = ["refuse_device", "refuse_prefetch", "refuse_register", "refuse_schedule", "refuse_side", "refuse_tuple"]


def refuse_schedule(root: Table, func: Table) -> None:
    """Refuse an accelerated Func that is an extern stage already, or scheduled as none can be."""
    if func.extern_function_name:
        raise UnsupportedError(
            func.name,
            f'define_extern("{func.extern_function_name}")',
            "an extern stage has no algorithm that could become hardware",
            "accelerate a Func that is defined in Halide",
        )
    for other in root.funcs:
        for stage in (other.init_def, *other.updates):
            fuse = stage.stage_schedule.fuse_level.fuse_level
            if fuse.var_name and fuse.func_name != other.name and func.name in (other.name, fuse.func_name):
                raise ScheduleError(
                    func.name,
                    "compute_with()",
                    "the loops of an accelerated Func are hardware and cannot be shared with another Func",
                    "remove compute_with()",
                )
    for dim in func.func_schedule.storage_dims:
        if dim.bound is not None and dim.bound.kind != "UndefinedExpr":
            raise ScheduleError(
                func.name,
                f"bound_storage({dim.var}, ...)",
                "Halide asks an extern stage for all that it has room for, also what nobody reads",
                f"remove bound_storage(), or give bound_storage() to a copy of {func.name}",
            )


def refuse_device(func: Table, accelerated: str) -> None:
    """Refuse to compute on another device what is inside an accelerator."""
    for stage in (func.init_def, *func.updates):
        for dim in stage.stage_schedule.dims if stage else ():
            if dim.device_api not in ("None", "Host"):
                raise ScheduleError(
                    func.name,
                    f"{dim.device_api} as its device",
                    f"the accelerator {accelerated} computes all that is inside it",
                    "leave the schedule for other devices out",
                )


def refuse_prefetch(func: Table, accelerated: str, funcs: Collection[str], alive: Collection[str]) -> None:
    """Refuse a prefetch in software, of a Func that is not there any more."""
    if func.name not in alive:
        return
    for stage in (func.init_def, *func.updates):
        for prefetch in stage.stage_schedule.prefetches:
            if prefetch.name in funcs and prefetch.name not in alive:
                raise ScheduleError(
                    func.name,
                    f"prefetch({prefetch.name}, ...)",
                    f"it is computed inside the accelerator {accelerated} and never in memory",
                    "remove prefetch()",
                )


def refuse_register(func: Table) -> None:
    """Refuse a Func without memory for the buffer that is given to C, or with several buffers in one."""
    ring = func.func_schedule.ring_buffer
    if ring is not None and ring.kind != "UndefinedExpr":
        raise ScheduleError(
            func.name,
            "ring_buffer()",
            "Halide gives an extern stage the whole ring, which has a dimension more than the Func",
            "remove ring_buffer()",
        )
    if func.func_schedule.memory_type == "Register":
        raise ScheduleError(
            func.name,
            "store_in(MemoryType.Register)",
            "an accelerator reads and writes buffers in memory",
            "store it in MemoryType.Heap or Stack, or remove store_in()",
        )


def refuse_side(root: Table, func: Table, side: Table, level: Table) -> None:
    """Refuse an output beside an accelerated Func that is not computed where that is, or not right behind it.

    Parameters
    ----------
    root : Table
        The pipeline.
    func, side : Table
        The accelerated Func and the output.
    level : Table
        Where the accelerated Func is computed.
    """
    own = side.func_schedule.compute_level
    here = "at root" if level.var_name == "__root" else f"at {level.func_name}, {level.var_name.rsplit('.', 1)[-1]}"
    if side.name in root.output_names and level.var_name != "__root":
        raise ScheduleError(
            side.name,
            f"output of the pipeline, from the accelerator {func.name}",
            f"{func.name} is computed {here}, and each launch gives a part of {side.name}",
            f"compute {func.name} at root, or make a Func that copies {side.name} the output, computed in that loop",
        )
    if own.var_name and (own.func_name, own.var_name) != (level.func_name, level.var_name):
        raise ScheduleError(
            side.name,
            "compute_root()" if own.var_name == "__root" else f"compute_at({own.func_name}, {own.var_name})",
            f"it comes with the launches of {func.name}, which is computed {here}",
            f"compute {side.name} there, too, or leave the call out",
        )
    if func.func_schedule["async"] or side.func_schedule["async"]:
        raise ScheduleError(
            func.name,
            f"async_() and accelerate(..., outputs=[{side.name}])",
            f"{func.name} would run ahead of {side.name}, which is read out after each of its launches",
            "remove async_()",
        )


def refuse_tuple(func_name: str, func: Table) -> None:
    """Refuse an input of several values, which would be several buffers."""
    if len(func.output_types) != 1:
        raise UnsupportedError(
            func_name,
            f"accelerate([{func.name}])",
            f"the input {func.name} has a Tuple of {len(func.output_types)} values",
            "name one Func per value as an input",
        )
