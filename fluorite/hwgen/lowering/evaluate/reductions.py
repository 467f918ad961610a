"""Reductions in space and in time: which values of an update's RVars are taken in one step, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

from fluorite.errors import UnsupportedError
from fluorite.frontend.algorithm import ir
from fluorite.frontend.region.loops import Leaf, left_in_time, update_steps
from fluorite.frontend.region.region import Region
from fluorite.hwgen.lowering.evaluate.diagnostics import Diagnostics
from fluorite.hwgen.lowering.evaluate.helpers import is_inline_reduction
from fluorite.hwgen.lowering.evaluate.refusals import as_input

__all__ = ["steps_of"]

_STEPS_MAX = 1 << 12  # of an update, each of which is an operator


def steps_of(
    region: Region,
    diagnostics: Diagnostics,
    func: ir.Func,
    number: int,
    ranges: Sequence[range],
    *,
    in_time: bool,
) -> list[list[tuple[int, ...]]]:
    """The steps of an update: what its RVars are, by step, one after the other.

    Loops that the schedule unrolls are in space, and are in one step; the others are steps in time.

    Parameters
    ----------
    region : Region
        Where the Func is run.
    diagnostics : Diagnostics
        Says what is refused.
    func, number
        The Func, and which of its updates.
    ranges : sequence of range
        What the variables of its reduction domain run over.
    in_time : bool
        Whether the Func is a stage, which may take its time; what is inlined is in space.

    Raises
    ------
    UnsupportedError
        There are too many values, or a loop is neither in space nor in time.
    """
    schedule = func.updates[number].schedule
    count = prod(map(len, ranges))
    if count > _STEPS_MAX:
        raise diagnostics.unsupported(
            f"update {number} reduces over {count} values",
            f"one pixel a cycle needs an operator for each, and an update has {_STEPS_MAX} at most",
            f"reduce over less, or {as_input('it')}",
        )
    whole = [tuple(reversed(reverse)) for reverse in product(*reversed(ranges))]
    if func.name not in region.stages and is_inline_reduction(func):
        return [whole]
    left = [
        (rvar.var, len(values), loops)
        for rvar, values in zip(schedule.rvars, ranges, strict=True)
        if (loops := left_in_time(schedule, rvar.var, len(values)))
    ]
    for name, values, loops in left:
        if not in_time or any(leaf.for_type != "Serial" for leaf in loops):
            raise _left(region, diagnostics, func, number, name, values, loops)
    if not left:
        return [whole]
    names = [rvar.var for rvar in schedule.rvars]
    steps = []
    for step in update_steps(schedule, dict(zip(names, map(len, ranges), strict=True))):
        points = [tuple(values.start + point[n] for n, values in zip(names, ranges, strict=True)) for point in step]
        steps.append(points)
    return steps


def _left(
    region: Region, diagnostics: Diagnostics, func: ir.Func, number: int, rvar: str, values: int, left: Sequence[Leaf]
) -> UnsupportedError:
    """The refusal of loops over ``rvar``, which has so many values, that are neither in space nor in time."""
    update = f"{func.name}.update({number})"
    whole, *names = (name.rsplit(".", 1)[-1].replace("$", ".") for name in (rvar, *(leaf.name for leaf in left)))
    construct = f"update {number} reduces over {whole} ({values} values)"
    other = next((leaf.for_type for leaf in left if leaf.for_type != "Serial"), None)
    if other:
        return diagnostics.unsupported(
            f"{construct} in a loop that is {other.lower()}",
            "hardware unrolls a loop, or takes a step for each of its values",
            f"call {update}.unroll({whole}) in its place, or leave the loop serial",
        )
    loops = "" if names == [whole] else f", by {' and '.join(names)},"
    ways = [f"add {update}{''.join(f'.unroll({name})' for name in names)}", f"call {func.name}.linebuffer()"]
    if func.schedule.compute_level.var and func.name not in region.stages:  # which the user meant for software
        ways.append(f"name {func.name} in the inputs of accelerate()")
    return diagnostics.unsupported(
        f"{construct}{loops} in time", "an inlined Func is computed whole wherever it is read", ", or ".join(ways)
    )
