"""Directives without effect: what stands on a Func that became hardware, and says nothing to hardware."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from fluorite.frontend.algorithm import ir
from fluorite.frontend.annotations import annotations_of
from fluorite.frontend.region.extract import funcs_inside, funcs_outside
from fluorite.frontend.region.region import Region
from fluorite.frontend.tables.directives import CALLS, bounds, definitions, number, split_call, storage, user_name
from fluorite.frontend.tables.rewrite import find_func
from fluorite.frontend.tables.table import Table

__all__ = ["ignored_directives"]

_Place = tuple[str, str]  # Func and loop
_INLINED, _ROOT = ("", ""), ("", "__root")


def ignored_directives(root: Table, pipeline: ir.Pipeline, regions: Sequence[Region]) -> tuple[str, ...]:
    """Every directive that is not followed, as a call: ``"blur.update(0).parallel(y)"``.

    A directive that asks for what hardware does anyway counts as followed: as many lanes as the accelerated Func has, a
    line-buffered stage that is computed and stored where the accelerated Func is, a constant computed once, a
    reduction unrolled whole.

    Parameters
    ----------
    root : Table
        The pipeline, as Halide serialized it.
    pipeline : ir.Pipeline
        The same, decoded.
    regions : sequence of Region
        Its accelerators.
    """
    inputs = {name: [i.name for i in region.inputs] for region in regions for name in region.outputs}
    software = funcs_outside(pipeline, inputs)
    used = {*inputs, *(name for names in inputs.values() for name in names)}
    found: list[str] = []
    for region in regions:
        inside = funcs_inside(pipeline, region.outputs, inputs[region.name])
        used.update(inside)
        own = _accelerator(root, region, inside)
        for name in reversed(inside):
            func = find_func(root, name)
            if name == region.name:
                found += [f"{name}.{call}" for call in _of_the_accelerated(func, own)]
            elif name not in software:  # there its schedule is followed
                found += [f"{name}.{call}" for call in _of_one_inside(func, own)]
    for name in software:
        if name not in used:
            tags = annotations_of(pipeline.funcs[name])
            found += [f"{name}.linebuffer()"] * tags.linebuffer
            found += [f"{name}.fifo_depth({consumer}, {depth})" for consumer, depth in tags.fifo_depths]
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class _Accelerator:
    """What a schedule inside an accelerator may say, because it is done anyway.

    Attributes
    ----------
    region : Region
        The accelerator's.
    level : tuple of (str, str)
        Where the accelerated Func is computed.
    innermost : frozenset of (str, str)
        The innermost loop of each Func inside: what is computed there is computed for each pixel.
    launch : frozenset of (str, str)
        The loops that ``accelerate()`` names: what is computed and stored there is line-buffered.
    lanes : dict of str to int
        Neighbours computed side by side, by variable.
    order : list of str
        Variables, innermost first.
    """

    region: Region
    level: _Place
    innermost: frozenset[_Place]
    launch: frozenset[_Place]
    lanes: dict[str, int]
    order: list[str]


def _accelerator(root: Table, region: Region, inside: Sequence[str]) -> _Accelerator:
    accelerate = annotations_of(region.func).accelerate
    assert accelerate is not None
    names = [user_name(var) for var in (accelerate.compute_var, accelerate.store_var)]
    innermost = {(region.name, names[0])}
    for name in inside:
        for _, stage in definitions(find_func(root, name)):
            innermost.add((name, user_name(stage.stage_schedule.dims[0].var)))
    channels = {channel.var: channel.extent for channel in region.channels}
    return _Accelerator(
        region,
        _place(find_func(root, region.name).func_schedule.compute_level),
        frozenset(innermost),
        frozenset((region.name, name) for name in names),
        channels | {loop.var: loop.lanes for loop in region.loops},
        [*channels, *(loop.var for loop in region.loops)],
    )


def _of_the_accelerated(func: Table, own: _Accelerator) -> Iterator[str]:
    """Directives of the accelerated Func that are not followed.

    The loops of its first definition are followed: they are the hardware's, or software's around a launch.
    """
    levels = func.func_schedule
    if _place(levels.store_level) not in (_INLINED, _place(levels.compute_level)) and not levels["async"]:
        yield _at("store", levels.store_level)
    for name, stage in definitions(func):
        if name:
            yield from _of_a_definition(name, func, stage, own)
        else:
            yield from _calls_on_loops(stage, own, ("Parallel",))


def _of_one_inside(func: Table, own: _Accelerator) -> Iterator[str]:
    """Directives that are not followed of a Func inside an accelerator: a stage, an inlined Func or a constant."""
    schedule = func.func_schedule
    allowed: Collection[_Place] = own.innermost
    if func.name in own.region.stages:
        allowed = {own.level, _ROOT} | own.launch
    elif own.region.depends_on_no_input(func.name):
        allowed = {own.level, _ROOT} | own.innermost
    before = _INLINED
    for what in ("compute", "store", "hoist_storage"):
        level = schedule[f"{what}_level"]
        if _place(level) not in (_INLINED, before, *allowed):
            yield _at(what, level)
        before = _place(level)
    if schedule.memory_type != "Auto":
        yield f"store_in(MemoryType.{schedule.memory_type})"
    for field, call in (("memoized", "memoize()"), ("async", "async_()")):
        if schedule[field]:
            yield call
    if schedule.ring_buffer is not None and schedule.ring_buffer.kind != "UndefinedExpr":
        yield "ring_buffer()"
    for field in ("trace_loads", "trace_stores", "trace_realizations"):
        if func[field]:
            yield f"{field}()"
    fixed = {(channel.var, channel.min, channel.extent) for channel in own.region.channels}
    for call, bound in bounds(func):
        if (bound.var, number(bound.min), number(bound.extent)) not in fixed:
            yield call
    yield from (call for call, _, _ in storage(func))
    stored = [dim.var for dim in schedule.storage_dims]
    if stored != list(func.args):
        yield f"reorder_storage({', '.join(stored)})"
    for name, stage in definitions(func):
        yield from _of_a_definition(name, func, stage, own)


def _of_a_definition(name: str, func: Table, stage: Table, own: _Accelerator) -> Iterator[str]:
    """Directives that are not followed of a definition, or update, whose loops are not those that hardware scans."""
    schedule = stage.stage_schedule
    calls = list(_calls_on_loops(stage, own, tuple(CALLS)))
    reductions = {rvar.var for rvar in schedule.rvars}
    of_loops = {dim.var for dim in schedule.dims if dim.for_type in CALLS}
    divided = False
    for split in schedule.splits:
        named = {split.inner, split.outer} & of_loops or split.old_var.split(".")[0] in reductions
        if split.split_type == "FuseVars":
            divided = True
            calls.append(f"fuse({', '.join(user_name(split[part]) for part in ('inner', 'outer', 'old_var'))})")
        elif split.split_type == "SplitVar" and not named:  # by what was made of its loops
            divided = True
            calls.append(split_call(split, stage))
    loops = [dim.var.split(".")[0] for dim in schedule.dims if dim.dim_type == "PureVar"]
    order = list(dict.fromkeys(var for var in loops if var in func.args))
    usual = [var for var in func.args if var in order]
    if not divided and order not in (usual, [var for var in own.order if var in order]):
        calls.append(f"reorder({', '.join(order)})")
    level = schedule.fuse_level.fuse_level if schedule.fuse_level else None
    if level is not None and level.var_name not in ("", "__root") and level.func_name != func.name:
        calls.append(f"compute_with({level.func_name}, {user_name(level.var_name)})")
    yield from (f"{name}{call}" for call in calls)


def _calls_on_loops(stage: Table, own: _Accelerator, kinds: Collection[str]) -> Iterator[str]:
    """``unroll()`` and the like, where the accelerated Func's own loops do not do the same."""
    schedule = stage.stage_schedule
    made = {part: split for split in schedule.splits for part in (split.inner, split.outer)}
    for dim in schedule.dims:
        if dim.for_type in kinds:
            split = made.get(dim.var)
            factor = number(split.factor) if split is not None and dim.var == split.inner else None
            root = dim.var.split(".")[0]
            if dim.for_type == "Unrolled" and (dim.dim_type != "PureVar" or _is_done(own, root, factor)):
                continue
            kept = split is not None and user_name(split.outer) == user_name(split.old_var)
            yield split_call(split, stage) if split and kept else f"{CALLS[dim.for_type]}({user_name(dim.var)})"
        if dim.partition_policy != "Auto" and kinds:
            yield f"partition({user_name(dim.var)}, Partition.{dim.partition_policy})"
    yield from (f"prefetch({prefetch.name}, ...)" for prefetch in schedule.prefetches)


def _is_done(own: _Accelerator, var: str, factor: int | None) -> bool:
    """Whether the accelerated Func is unrolled like this too: by a factor, or whole where that is None."""
    if factor is None:
        return var in {channel.var for channel in own.region.channels}
    return own.lanes.get(var) == factor


def _place(level: Table) -> _Place:
    """Func and loop of a LoopLevel."""
    return level.func_name, user_name(level.var_name)


def _at(what: str, level: Table) -> str:
    """The call that sets a LoopLevel: ``compute_root()``, ``store_at(output, y)``."""
    func, var = _place(level)
    call = what if what == "hoist_storage" else f"{what}_at"
    if var != "__root":
        return f"{call}({func}, {'Var.outermost()' if var == '__outermost' else var})"
    return f"{what}_root()"
