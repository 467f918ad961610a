"""A Func's directives as the calls that made them, and those that make no sense whatever they are for.

Halide refuses the latter, but the cut hides them from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fluorite.errors import ScheduleError
from fluorite.frontend.tables.table import Table

__all__ = ["CALLS", "bounds", "definitions", "number", "refuse_directives", "split_call", "storage", "user_name"]

CALLS: Final = {"Unrolled": "unroll", "Vectorized": "vectorize", "Parallel": "parallel"}
"""The call that makes a loop of each ForType."""


def refuse_directives(func: Table) -> None:
    """Refuse factors, extents and alignments that are not positive, and bounds that contradict each other.

    Halide refuses the first when it compiles the Func, or computes something else in silence, and the last when it
    runs it. Of a Func that becomes hardware it does neither.

    Parameters
    ----------
    func : Table
        A Func in hardware, or one that is given to it.

    Raises
    ------
    ScheduleError
        Such a directive stands on it.
    """
    for _, stage in definitions(func):
        for split in stage.stage_schedule.splits:
            _positive(func, split_call(split, stage), number(split.factor), "a factor")
    for directive, what, value in storage(func):
        _positive(func, directive, value, what)
    known: dict[tuple[str, str], tuple[int, str]] = {}
    for directive, bound in bounds(func):
        _positive(func, directive, number(bound.modulus), "an alignment")
        _positive(func, directive, number(bound.extent), "an extent")
        for what in ("min", "extent"):
            value = number(bound[what])
            if value is not None:
                before, by = known.setdefault((bound.var, what), (value, directive))
                if before != value:
                    rule = f"{by} says otherwise, and both must hold"
                    raise ScheduleError(func.name, directive, rule, "leave one of them out")


def definitions(func: Table) -> Iterator[tuple[str, Table]]:
    """Each definition of a Func with what stands before its directives, such as ``update(0).``.

    That is empty for the first definition. Specializations follow what they specialize.
    """
    pending = [("", func.init_def), *((f"update({n}).", update) for n, update in enumerate(func.updates))]
    while pending:
        name, stage = pending.pop(0)
        if stage is not None:
            yield name, stage
            pending = [(name, special.definition) for special in stage.specializations] + pending


def user_name(var: str) -> str:
    """What the user calls a loop: Halide puts what was split before it, and a dollar into an RDom's dimensions."""
    return var.rsplit(".", 1)[-1].replace("$", ".")


def number(expr: Table | None) -> int | None:
    """The value of a literal, else None."""
    return int(expr.value) if expr is not None and expr.kind in ("IntImm", "UIntImm") else None


def split_call(split: Table, stage: Table) -> str:
    """The call that made a split: ``unroll(x, 2)``, ``vectorize(x, 8)``, ``split(x, xo, xi, 16)``."""
    old, outer, inner = (user_name(split[which]) for which in ("old_var", "outer", "inner"))
    kinds = {dim.var: CALLS[dim.for_type] for dim in stage.stage_schedule.dims if dim.for_type in CALLS}
    call = kinds.get(split.inner, kinds.get(split.outer))
    if outer == old and call:  # what these make of a loop keeps its name
        return f"{call}({old}, {_shown(split.factor)})"
    return f"split({old}, {outer}, {inner}, {_shown(split.factor)})"


def bounds(func: Table) -> Iterator[tuple[str, Table]]:
    """Each ``bound()``, ``bound_extent()``, ``align_bounds()`` and ``align_extent()``: the call, and its table."""
    for bound in func.func_schedule.bounds:
        var, names = user_name(bound.var), ("min", "extent", "modulus", "remainder")
        low, extent, modulus, remainder = (_defined(bound[name]) for name in names)
        if modulus is not None:
            call = "align_extent" if remainder is None else "align_bounds"
            if remainder is not None and remainder.kind == "Mod":
                remainder = remainder.a  # as it was given
            arguments = [modulus] if remainder is None else [modulus, remainder]
        else:
            call = "bound_extent" if low is None else "bound"
            arguments = [expr for expr in (low, extent) if expr is not None]
        yield f"{call}({', '.join([var, *map(_shown, arguments)])})", bound


def storage(func: Table) -> Iterator[tuple[str, str, int | None]]:
    """Each directive on a dimension's storage: the call, what its number is, and the number if it is a literal."""
    for dim in func.func_schedule.storage_dims:
        for field, call, what in (
            ("alignment", "align_storage", "an alignment"),
            ("bound", "bound_storage", "an extent"),
            ("fold_factor", "fold_storage", "a factor"),
        ):
            if _defined(dim[field]) is not None:
                yield f"{call}({user_name(dim.var)}, {_shown(dim[field])})", what, number(dim[field])


def _defined(expr: Table | None) -> Table | None:
    return None if expr is None or expr.kind == "UndefinedExpr" else expr


def _shown(expr: Table | None) -> str:
    value = number(expr)
    return "..." if value is None else str(value)


def _positive(func: Table, directive: str, value: int | None, what: str) -> None:
    if value is not None and value < 1:
        raise ScheduleError(func.name, directive, f"{what} is at least 1", "give a positive number, or leave it out")
