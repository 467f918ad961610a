"""What one launch of an accelerator covers: the dimensions that it scans, and those that every cycle computes whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fluorite.errors import ScheduleError, UnsupportedError
from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.pretty import show
from fluorite.frontend.annotations import Accelerate
from fluorite.frontend.region.loops import Leaf, inside, leaves, matches
from fluorite.frontend.region.region import Channel, Loop

__all__ = ["Unsized", "loops_of", "unrolled", "unsized"]

_MAX_DIMENSIONS = 4  # of a stream: what drivers and simulators step through


def loops_of(func: ir.Func, accelerate: Accelerate) -> tuple[tuple[Loop, ...], tuple[Channel, ...]]:
    """The loops of one launch, those inside ``store_var``: scanned ones, and dimensions unrolled whole.

    Parameters
    ----------
    func : ir.Func
        The accelerated Func.
    accelerate : Accelerate
        Its annotation.

    Raises
    ------
    ScheduleError
        The Func's schedule does not describe a scan.
    UnsupportedError
        It is an extern stage.
    """
    name = func.name
    if func.extern is not None:
        raise UnsupportedError(
            name,
            f"define_extern({func.extern.function})",
            "an extern stage has no algorithm that could become hardware",
            "accelerate a Func that is defined in Halide",
        )
    if func.init is None or not func.args:
        raise ScheduleError(
            name, "accelerate()", "it has no pure dimension to scan", "accelerate a Func of one dimension or more"
        )
    extents = _extents(func)
    all_leaves = leaves(func.init.schedule, extents)
    inner = _inside(name, all_leaves, accelerate.store_var)
    _check_leaves(name, all_leaves, inner)
    channels = tuple(_channel(func, var) for var in _unrolled(func, inner))
    scanned = [leaf for leaf in inner if leaf.for_type != "Unrolled"]
    if not scanned:
        raise ScheduleError(
            name,
            f"accelerate(..., {accelerate.compute_var}, {accelerate.store_var})",
            "no loop is left inside a launch",
            "choose an outer store_var",
        )
    if not matches(scanned[0].name, accelerate.compute_var):
        raise ScheduleError(
            name,
            f"compute_var {accelerate.compute_var}",
            f"the innermost loop that is not unrolled is {scanned[0].name}",
            f"accelerate at {scanned[0].name.rsplit('.', 1)[-1]}, or reorder",
        )
    loops: list[Loop] = []
    for leaf in scanned:
        var = leaf.roots[0]
        own = [other for other in inner if other.roots == (var,)]
        if any(loop.var == var for loop in loops):
            raise ScheduleError(
                name,
                f"two loops over {var} inside a launch",
                "a launch scans each dimension once",
                "put the outer one outside store_var",
            )
        if own[-1] is not leaf and own[-1].for_type == "Unrolled":
            raise ScheduleError(
                name, f"unroll of {own[-1].name}", "lanes are neighbours", f"unroll the innermost loop over {var}"
            )
        loops.append(_loop(func, var, own, extents))
    for var in func.args:
        if var not in {loop.var for loop in loops} | {channel.var for channel in channels}:
            raise ScheduleError(
                name, f"dimension {var}", "no loop inside a launch scans it", "choose an outer store_var"
            )
    if len(loops) > _MAX_DIMENSIONS:
        raise ScheduleError(
            name,
            f"a launch of {len(loops)} dimensions",
            f"streams have at most {_MAX_DIMENSIONS}",
            "unroll a dimension whole",
        )
    return tuple(loops), channels


@dataclass(frozen=True, slots=True)
class Unsized:
    """Dimensions of an accelerated Func whose size no number of its schedule says.

    Attributes
    ----------
    channels : tuple of str
        Of those that are unrolled whole, the ones without least coordinate or extent.
    loops : tuple of str
        Of those that a launch scans whole, the ones without a ``bound``.
    """

    channels: tuple[str, ...]
    loops: tuple[str, ...]


def unrolled(func: ir.Func, accelerate: Accelerate) -> list[str]:
    """The dimensions of an accelerated Func that every cycle computes whole."""
    return _unrolled(func, _inside_or_none(func, accelerate))


def unsized(func: ir.Func, accelerate: Accelerate) -> Unsized:
    """The dimensions that have no size yet; none of a Func that :func:`loops_of` refuses for another reason."""
    inner = _inside_or_none(func, accelerate)
    if func.init is None or not inner:
        return Unsized((), ())
    channels, extents = _unrolled(func, inner), _extents(func)
    names = {leaf.name for leaf in inner}
    scanned = dict.fromkeys(var for leaf in inner for var in leaf.roots if var not in channels)
    return Unsized(
        tuple(var for var in channels if _fixed(func, var) is None),
        tuple(
            var for var in scanned if var not in extents and not inside(func.init.schedule, var, names, extents).tails
        ),
    )


def _inside_or_none(func: ir.Func, accelerate: Accelerate) -> list[Leaf]:
    """The loops inside ``store_var``, or none where :func:`loops_of` says why there are none."""
    if func.init is None or func.extern is not None:
        return []
    try:
        return _inside(func.name, leaves(func.init.schedule, _extents(func)), accelerate.store_var)
    except ScheduleError:
        return []


def _extents(func: ir.Func) -> dict[str, int]:
    """The extents that bounds give in numbers."""
    return {bound.var: int(bound.extent.value) for bound in func.schedule.bounds if isinstance(bound.extent, ir.Imm)}


def _unrolled(func: ir.Func, inner: Sequence[Leaf]) -> list[str]:
    """The dimensions that every cycle of a launch computes whole."""
    loops = {var: [leaf.for_type for leaf in inner if var in leaf.roots] for var in func.args}
    return [var for var, types in loops.items() if types and set(types) == {"Unrolled"}]


def _check_leaves(name: str, all_leaves: Sequence[Leaf], inner: Sequence[Leaf]) -> None:
    """Refuse loops that hardware has not, anywhere or inside a launch."""
    for leaf in all_leaves:
        if leaf.for_type == "Vectorized":
            raise ScheduleError(
                name,
                f"vectorize of {leaf.name}",
                "hardware has lanes, not vectors",
                "use unroll for more pixels a cycle",
            )
        if leaf.for_type.startswith("GPU"):
            raise ScheduleError(
                name,
                f"{leaf.name} as a loop of a GPU",
                "an accelerated Func is computed by the accelerator alone",
                "leave the schedule for other devices out",
            )
    for leaf in inner:
        if len(leaf.roots) != 1:
            raise ScheduleError(
                name,
                f"fuse into {leaf.name}",
                "a launch scans the Func's own dimensions",
                "leave the dimensions inside a launch unfused",
            )


def _fixed(func: ir.Func, var: str) -> tuple[int, int] | None:
    """Least coordinate and extent of a dimension that a ``bound`` gives in numbers."""
    for bound in func.schedule.bounds:
        if bound.var == var and isinstance(bound.min, ir.Imm) and isinstance(bound.extent, ir.Imm):
            return int(bound.min.value), int(bound.extent.value)
    return None


def _channel(func: ir.Func, var: str) -> Channel:
    """A dimension unrolled whole, which needs a ``bound``, given or known."""
    if (fixed := _fixed(func, var)) is not None:
        return Channel(var, func.args.index(var), *fixed)
    raise ScheduleError(
        func.name,
        f"unroll of all of {var}",
        "what every cycle computes whole needs a fixed extent",
        f"give {func.name}.bound({var}, min, extent), in numbers",
    )


def _inside(name: str, all_leaves: Sequence[Leaf], store_var: str) -> list[Leaf]:
    """The loops inside ``store_var``, which a launch runs."""
    if store_var == "__outermost":
        return list(all_leaves)
    for position, leaf in enumerate(all_leaves):
        if matches(leaf.name, store_var):
            return list(all_leaves[:position])
    raise ScheduleError(
        name,
        f"store_var {store_var}",
        "the Func has no such loop",
        f"use one of {', '.join(leaf.name.rsplit('.', 1)[-1] for leaf in all_leaves)}, or hl.Var.outermost()",
    )


def _loop(func: ir.Func, var: str, inner: Sequence[Leaf], extents: dict[str, int]) -> Loop:
    """One scan dimension: its lanes, and its extent from the split, the bound or the estimate."""
    assert func.init is not None
    position = func.args.index(var)
    lanes = 1
    for leaf in inner:
        if leaf.for_type == "Unrolled":
            if leaf.extent is None:
                raise ScheduleError(
                    func.name, f"unroll of {leaf.name}", "the number of lanes is not known", f"unroll({var}, lanes)"
                )
            lanes *= leaf.extent
    covered = inside(func.init.schedule, var, {leaf.name for leaf in inner}, extents)
    if covered.tails:  # a software loop over launches remains
        if covered.extent is None:
            raise ScheduleError(
                func.name, f"split of {var}", "the extent of a launch is not a number", "split by constant factors"
            )
        if any(bound.var == var and bound.min is None and bound.extent is not None for bound in func.schedule.bounds):
            raise ScheduleError(
                func.name,
                f"bound_extent({var}, ...)",
                "Halide moves each tile so that it ends where the extent does",
                f"leave it out, or give {func.name}.bound({var}, min, extent)",
            )
        fixed = all(tail in ("RoundUp", "ShiftInwards") for tail in covered.tails)
        return Loop(var, position, lanes, covered.extent, fixed)
    for bounds, fixed in ((func.schedule.bounds, True), (func.schedule.estimates, False)):
        for bound in reversed(bounds):  # of several estimates the last one holds
            if bound.var == var and isinstance(bound.extent, ir.Imm):
                if bound.extent.value < 1:
                    raise ScheduleError(
                        func.name,
                        f"extent of {var}",
                        f"a launch of {bound.extent.value} pixels computes nothing",
                        "give bound() or set_estimate() the largest extent there will be",
                    )
                least = int(bound.min.value) if fixed and isinstance(bound.min, ir.Imm) else None
                return Loop(var, position, lanes, int(bound.extent.value), fixed, True, least)
    given = next((b for b in (*func.schedule.bounds, *func.schedule.estimates) if b.var == var and b.extent), None)
    if given is not None and given.extent is not None:
        raise ScheduleError(
            func.name,
            f"extent of {var}",
            f"a launch needs a greatest extent that is a number, and {show(given.extent)} is none",
            f"add {func.name}.set_estimate({var}, min, extent) with the largest there will be, or tile {func.name}",
        )
    raise ScheduleError(
        func.name,
        f"extent of {var}",
        "a launch needs a greatest extent",
        f"tile {func.name}, or give {func.name}.bound({var}, min, extent) or set_estimate({var}, min, extent)",
    )
