"""Where in the software's loops an accelerated Func may be computed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fluorite.errors import ScheduleError
from fluorite.frontend.region.loops import matches
from fluorite.frontend.tables.rewrite import find_func
from fluorite.frontend.tables.table import Table

__all__ = ["refuse_vector_loops"]

_NO_CALLS: Final = {
    "Vectorized": "the vectorized",
    "GPUBlock": "a GPU's",
    "GPUThread": "a GPU's",
    "GPULane": "a GPU's",
}
"""Loops in which a C function cannot be called, and what they are."""


def refuse_vector_loops(root: Table, func_name: str) -> None:
    """Refuse an accelerated Func that is computed inside a vectorized loop or one of a GPU, however far out that is.

    Halide runs the steps of such a loop at once, but calls an extern stage once: the region it asks for is that of one
    step, with the coordinates of several.

    Parameters
    ----------
    root : Table
        The software part, all accelerators cut.
    func_name : str
        The accelerated Func.

    Raises
    ------
    ScheduleError
        It is computed inside such a loop, which the message names.
    """
    for place, loop, kind in _loops_around(root, func_name):
        if kind in _NO_CALLS:
            raise ScheduleError(
                func_name,
                f"computed inside {_NO_CALLS[kind]} loop {loop} of {place}",
                "an accelerator is launched by C code, once in each step of a loop",
                f"compute {func_name} outside of that loop, or make the loop a serial one",
            )


def _loops_around(root: Table, name: str) -> Iterator[tuple[str, str, str]]:
    """Func, loop and ForType of every loop around the place where a Func is computed, in every specialization."""
    seen: set[str] = set()  # a Func that is computed inside itself is Halide's to refuse
    while name not in seen:
        seen.add(name)
        level = find_func(root, name).func_schedule.compute_level
        if not level.func_name:
            return
        name = level.func_name
        consumer = find_func(root, name)
        for stage in _definitions((consumer.init_def, *consumer.updates)):
            around = False
            for dim in stage.stage_schedule.dims:
                around = around or matches(dim.var, level.var_name)
                if around:
                    yield name, dim.var.rsplit(".", 1)[-1], dim.for_type


def _definitions(stages: tuple[Table | None, ...]) -> Iterator[Table]:
    """These definitions, each followed by its specializations."""
    for stage in stages:
        if stage is not None:
            yield stage
            yield from _definitions(tuple(special.definition for special in stage.specializations))
