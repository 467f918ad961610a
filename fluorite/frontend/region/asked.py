"""What is asked of each Func: the region that its readers and the pipeline's outputs need of it, as far as it is known.

Halide infers these regions too, but in the code that it makes; it gives out those of one run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.intervals import ANYWHERE, Interval, interval
from fluorite.frontend.algorithm.visit import walk
from fluorite.frontend.annotations import annotations_of
from fluorite.frontend.region.sizes import Sizes, span, within

__all__ = ["asked"]

_Region = tuple[Interval, ...]
_Of = Callable[[ir.Variable], Interval]

_ROUNDS: Final = 3  # of an update that reads or writes other elements; what grows still is taken for unknown


def asked(pipeline: ir.Pipeline, sizes: Sizes) -> dict[str, _Region]:
    """The region that is asked of each Func that is read, an interval for each of its dimensions.

    Parameters
    ----------
    pipeline : ir.Pipeline
        The pipeline.
    sizes : Sizes
        What is known of its outputs, images and Params.
    """
    computed = _computed(pipeline)
    regions: dict[str, _Region] = {name: tuple(span(*size) for size in sizes.outputs[name]) for name in sizes.outputs}
    for name in reversed(pipeline.funcs):  # readers first
        func = pipeline.funcs[name]
        if name not in regions:
            continue
        region = _with_updates(func, regions[name], sizes)
        if name in computed:
            region = tuple(_scheduled(func, number, one, sizes) for number, one in enumerate(region))
        regions[name] = region
        for callee, needed in _reads(func, region, sizes):
            if callee != name and callee in pipeline.funcs:
                everything = (ANYWHERE,) * len(pipeline.funcs[callee].args)
                regions[callee] = _union(regions.get(callee), needed or everything)
    return regions


def _computed(pipeline: ir.Pipeline) -> set[str]:
    """The Funcs that get memory, at whatever loop: schedules of others mean nothing."""
    found = {*pipeline.outputs}
    for name, func in pipeline.funcs.items():
        accelerate = annotations_of(func).accelerate
        found |= {name, *accelerate.inputs} if accelerate else {name} if func.schedule.compute_level.var else set()
    return found


def _union(one: _Region | None, other: _Region) -> _Region:
    return other if one is None else tuple(a.union(b) for a, b in zip(one, other, strict=True))


def _reads(func: ir.Func, region: _Region, sizes: Sizes) -> Iterator[tuple[str, _Region]]:
    """Each Func that is read, and what is read of it, which is empty if that is not known."""
    if func.extern is not None:  # which says what it reads in a run
        for argument in func.extern.arguments:
            if argument.kind == "FuncArg":
                yield argument.name, ()
        return
    for definition in _definitions(func):
        of = within(definition, dict(zip(func.args, region, strict=True)), sizes)
        for expr in (*definition.args, *definition.values, definition.predicate, *_reduced(definition)):
            for node in walk(expr):
                if isinstance(node, ir.Call) and node.call_type is ir.CallType.HALIDE:
                    yield node.name, tuple(interval(arg, of) for arg in node.args)


def _definitions(func: ir.Func) -> Iterator[ir.Definition]:
    if func.init is not None:
        yield func.init
    yield from func.updates


def _reduced(definition: ir.Definition) -> Iterator[ir.Expr]:
    for rvar in definition.schedule.rvars:
        yield rvar.min
        yield rvar.extent


def _with_updates(func: ir.Func, region: _Region, sizes: Sizes) -> _Region:
    """What is asked of a Func, and what its updates read and write beside that."""
    for count in range(_ROUNDS + 1):
        grown = region
        for update in func.updates:
            of = within(update, dict(zip(func.args, region, strict=True)), sizes)
            grown = _union(grown, tuple(interval(arg, of) for arg in update.args))
        for callee, needed in _reads(func, region, sizes) if func.updates else ():
            if callee == func.name:
                grown = _union(grown, needed)
        if grown == region:
            break
        if count == _ROUNDS:
            grown = tuple(one if one == before else ANYWHERE for one, before in zip(grown, region, strict=True))
        region = grown
    return region


def _scheduled(func: ir.Func, dimension: int, region: Interval, sizes: Sizes) -> Interval:
    """What is computed where this is asked for: bounds and loops may make it more."""
    var = func.args[dimension]
    for bound in func.schedule.bounds:
        if bound.var == var:
            region = _bounded(bound, region, sizes.of)
    for definition in _definitions(func):
        for schedule in _schedules(definition):
            region = _looped(schedule, var, region)
    return region


def _bounded(bound: ir.Bound, region: Interval, of: _Of) -> Interval:
    if bound.extent is not None:
        least = Interval(region.lo, region.lo) if bound.min is None else interval(bound.min, of)
        return span(least, interval(bound.extent, of))
    if bound.modulus is None:
        return region
    modulus = interval(bound.modulus, of).number
    if modulus is None or modulus < 1 or region.lo is None or region.hi is None:
        return ANYWHERE
    if bound.remainder is None:
        return Interval(region.lo, region.hi + -(region.hi + 1 - region.lo) % modulus)
    remainder = interval(bound.remainder, of).number
    if remainder is None:
        return ANYWHERE
    return Interval(region.lo - (region.lo - remainder) % modulus, region.hi + (remainder - region.hi - 1) % modulus)


def _schedules(definition: ir.Definition) -> Iterator[ir.StageSchedule]:
    yield definition.schedule
    for special in definition.specializations:
        yield from _schedules(special.definition)


def _looped(schedule: ir.StageSchedule, var: str, region: Interval) -> Interval:
    """What split loops cover of a variable: as tails say, the last step may begin earlier or end later."""
    steps: dict[str, int] = {var: 1}  # what one step of a loop advances the variable by
    extents: dict[str, int] = {}  # of loops inside a split
    for split in schedule.splits:
        if split.kind == "FuseVars" or split.old not in steps:
            continue
        if split.kind == "RenameVar":
            steps[split.outer] = steps[split.old]
            continue
        if not isinstance(split.factor, ir.Imm) or split.factor.value < 1:
            return ANYWHERE
        factor = int(split.factor.value)
        step = steps[split.old] * factor
        steps |= {split.outer: step, split.inner: steps[split.old]}
        extents[split.inner] = factor
        if split.tail in ("GuardWithIf", "Predicate", "PredicateLoads", "PredicateStores"):
            continue
        lo, hi = region.lo, region.hi
        if lo is None or hi is None or extents.get(split.old, 0) % factor:
            return ANYWHERE
        if split.old in extents:
            continue
        if split.tail.startswith("ShiftInwards"):
            region = Interval(min(lo, hi + 1 - step), hi)
        else:
            region = Interval(lo, hi + -(hi + 1 - lo) % step)
    return region
