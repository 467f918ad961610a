"""Reductions happen in space: each step of an update is an operator of its own, unrolled whole by the user."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from fluorite.errors import UnsupportedError
from fluorite.frontend.algorithm import ir
from fluorite.frontend.region.loops import Leaf, left_in_time
from fluorite.frontend.region.region import Region
from fluorite.hwgen.lowering.evaluate.diagnostics import Diagnostics
from fluorite.hwgen.lowering.evaluate.helpers import is_inline_reduction
from fluorite.hwgen.lowering.evaluate.refusals import as_input

__all__ = ["refuse_in_time"]

_STEPS_MAX = 1 << 12  # of an update, each of which is an operator


def refuse_in_time(
    region: Region, diagnostics: Diagnostics, func: ir.Func, number: int, ranges: Sequence[range]
) -> None:
    """Refuse an update of too many steps, or with a loop that the schedule leaves in time.

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

    Raises
    ------
    UnsupportedError
        There is such a loop, or there are too many steps.
    """
    schedule = func.updates[number].schedule
    steps = prod(map(len, ranges))
    if steps > _STEPS_MAX:
        raise diagnostics.unsupported(
            f"update {number} reduces over {steps} values",
            f"one pixel a cycle needs an operator for each, and an update has {_STEPS_MAX} at most",
            f"reduce over less, or {as_input('it')}",
        )
    if func.name not in region.stages and is_inline_reduction(func):
        return
    for rvar, values in zip(schedule.rvars, ranges, strict=True):
        left = left_in_time(schedule, rvar.var, len(values))
        if left:
            raise _in_time(region, diagnostics, func, number, rvar.var, len(values), left)


def _in_time(
    region: Region, diagnostics: Diagnostics, func: ir.Func, number: int, rvar: str, values: int, left: Sequence[Leaf]
) -> UnsupportedError:
    """The refusal of a reduction that is not unrolled, or only in part.

    ``left`` are the loops over ``rvar`` that stay, ``values`` is how many values that has.
    """
    update = f"{func.name}.update({number})"
    whole, *names = (name.rsplit(".", 1)[-1].replace("$", ".") for name in (rvar, *(leaf.name for leaf in left)))
    loops = "" if names == [whole] else f", by {' and '.join(names)},"
    way_out = f"add {update}{''.join(f'.unroll({name})' for name in names)}"
    other = next((leaf.for_type for leaf in left if leaf.for_type != "Serial"), None)
    if other:  # whose loops may have names of Halide's own
        loops, way_out = "", f"call {update}.unroll({whole}) in place of what makes a loop of it {other.lower()}"
    if func.schedule.compute_level.var and func.name not in region.stages:  # which the user meant for software
        way_out += f", or name {func.name} in the inputs of accelerate()"
    return diagnostics.unsupported(
        f"update {number} reduces over {whole} ({values} values){loops} in time",
        "one pixel a cycle needs the whole reduction in space",
        way_out,
    )
