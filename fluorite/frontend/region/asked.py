"""What is asked of each Func: the region that its readers and the pipeline's outputs need of it, as far as it is known.

Halide infers these regions too, but in the code that it makes; it gives out those of one run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.intervals import ANYWHERE, Interval, interval
from fluorite.frontend.algorithm.visit import children, walk
from fluorite.frontend.annotations import annotations_of
from fluorite.frontend.region.sizes import Sizes, span, within

__all__ = ["Asked", "asked"]

_Region = tuple[Interval, ...]
_Certain = tuple[Interval | None, ...]
_Of = Callable[[ir.Variable], Interval]

_ROUNDS: Final = 3  # of an update that reads or writes other elements; what grows still is taken for unknown


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of one dimension of a Func.

    Attributes
    ----------
    most : Interval
        No run asks for more.
    least : Interval or None
        Every run asks for this; None if for nothing that is known.
    """

    most: Interval
    least: Interval | None

    @property
    def always(self) -> Interval | None:
        """What every run asks for, if that is always the same."""
        return self.most if self.least == self.most and self.most.extent is not None else None


def asked(pipeline: ir.Pipeline, sizes: Sizes) -> dict[str, tuple[Asked, ...]]:
    """What is asked of each Func that is read, by dimension.

    Parameters
    ----------
    pipeline : ir.Pipeline
        The pipeline.
    sizes : Sizes
        What is known of its outputs, images and Params.
    """
    computed = _computed(pipeline)
    regions: dict[str, _Region] = {}
    least: dict[str, _Certain] = {}
    for name, size in sizes.outputs.items():
        regions[name] = tuple(span(*one) for one in size)
        least[name] = tuple(span(*one) if all(end.number is not None for end in one) else None for one in size)
    for name in reversed(pipeline.funcs):  # readers first
        func = pipeline.funcs[name]
        if name not in regions:
            continue
        region, certain = _with_updates(func, regions[name], sizes), least[name]
        if name in computed:
            region = tuple(_scheduled(func, number, one, sizes) for number, one in enumerate(region))
            certain = tuple(_surely_scheduled(func, number, one, sizes) for number, one in enumerate(certain))
        regions[name], least[name] = region, certain
        for callee, needed, surely in _reads(func, region, certain, sizes):
            if callee != name and callee in pipeline.funcs:
                everything = (ANYWHERE,) * len(pipeline.funcs[callee].args)
                nothing = (None,) * len(everything)
                regions[callee] = _union(regions.get(callee), needed or everything)
                least[callee] = tuple(map(_more, least.get(callee, nothing), surely or nothing))
    return {name: tuple(map(Asked, region, least[name])) for name, region in regions.items()}


def _computed(pipeline: ir.Pipeline) -> set[str]:
    """The Funcs that get memory, at whatever loop: schedules of others mean nothing."""
    found = {*pipeline.outputs}
    for name, func in pipeline.funcs.items():
        accelerate = annotations_of(func).accelerate
        found |= (
            {name, *accelerate.inputs, *accelerate.outputs}
            if accelerate
            else {name}
            if func.schedule.compute_level.var
            else set()
        )
    return found


def _union(one: _Region | None, other: _Region) -> _Region:
    return other if one is None else tuple(a.union(b) for a, b in zip(one, other, strict=True))


def _more(one: Interval | None, other: Interval | None) -> Interval | None:
    return other if one is None else one if other is None else one.union(other)


def _reads(func: ir.Func, region: _Region, certain: _Certain, sizes: Sizes) -> Iterator[tuple[str, _Region, _Certain]]:
    """Each Func that is read, what is read of it at most and in every run; both are empty if nothing is known."""
    if func.extern is not None:  # which says what it reads in a run
        for argument in func.extern.arguments:
            if argument.kind == "FuncArg":
                yield argument.name, (), ()
        return
    for definition in _definitions(func):
        of = within(definition, dict(zip(func.args, region, strict=True)), sizes)
        known = {var: one for var, one in zip(func.args, certain, strict=True) if one is not None}
        surely = within(definition, known, sizes)
        for expr in (*definition.args, *definition.values, definition.predicate, *_reduced(definition)):
            for node in walk(expr):
                if isinstance(node, ir.Call) and node.call_type is ir.CallType.HALIDE:
                    indices = tuple(_index(arg, surely) for arg in node.args)
                    guarded = not isinstance(definition.predicate, ir.Imm)
                    yield node.name, tuple(interval(arg, of) for arg in node.args), () if guarded else indices


def _index(index: ir.Expr, of: _Of) -> Interval | None:
    """All that an index is in every run, if it is a sum in which nothing is twice: both its ends are then reached."""
    variables: list[str] = []
    work = [index]
    while work:
        match node := work.pop():
            case ir.Imm():
                pass
            case ir.Variable(name=name):
                variables.append(name)
            case ir.Binary(op=ir.BinaryOp.ADD | ir.BinaryOp.SUB):
                work += children(node)
            case _:
                return None
    found = interval(index, of)
    return found if len(set(variables)) == len(variables) and found.extent is not None else None


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
        for callee, needed, _ in _reads(func, region, (None,) * len(region), sizes) if func.updates else ():
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


def _surely_scheduled(func: ir.Func, dimension: int, region: Interval | None, sizes: Sizes) -> Interval | None:
    """What is computed in every run where every run asks for this."""
    bounds = [bound for bound in func.schedule.bounds if bound.var == func.args[dimension]]
    if any(end and interval(end, sizes.of).number is None for bound in bounds for end in (bound.min, bound.extent)):
        return None
    if region is None and not any(bound.min and bound.extent for bound in bounds):
        return None
    if annotations_of(func).accelerate is None:
        found = _scheduled(func, dimension, region or ANYWHERE, sizes)
    else:  # its loops are hardware, and software has none of them
        found = region or ANYWHERE
        for bound in bounds:
            found = _bounded(bound, found, sizes.of)
    return found if found.extent is not None else None


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
