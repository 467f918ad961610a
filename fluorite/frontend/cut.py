"""The hardware/software split: two pipelines cut out of the user's, at the edges of one accelerator.

Both work on the tables of the serialized pipeline, so Halide compiles what it would have compiled anyway.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from fluorite.errors import UsageError
from fluorite.frontend.algorithm import ir
from fluorite.frontend.annotations import TAG_PREFIX
from fluorite.frontend.cut_refusals import (
    refuse_device,
    refuse_prefetch,
    refuse_register,
    refuse_schedule,
    refuse_side,
    refuse_tuple,
)
from fluorite.frontend.region.signature import StageSignature
from fluorite.frontend.tables.rewrite import apply_wrappers, find_func, prune, reachable, transform
from fluorite.frontend.tables.table import Table, table

__all__ = ["golden", "plain_func", "software", "with_stages"]

_INT32 = table("Type", code="Int", bits=32, lanes=1)
_TRUE = table("UIntImm", value=1, type=table("Type", code="UInt", bits=1, lanes=1))
_UNDEFINED = table("UndefinedExpr")
_INLINED = table("LoopLevel", stage_index=-1)
_ROOT = table("LoopLevel", stage_index=-1, var_name="__root")


def software(root: Table, stage: StageSignature) -> Table:
    """Replace the accelerated Func by an extern stage.

    Apply it once per accelerator.

    Before
        ``hw(x, y) = ...f(x, y)...gain...``
    After
        ``hw.define_extern("symbol", [f, gain], ...)``, computed where ``hw`` was; an output beside it is
        ``side.define_extern("symbol__side", [hw], ...)``, computed where ``hw`` is

    Parameters
    ----------
    root : Table
        The pipeline.
    stage : StageSignature
        The accelerated Func, and what the C function that takes its place gets.

    Returns
    -------
    Table
        The pipeline without the Funcs that only the hardware needs, and without fluorite's annotations.

    Raises
    ------
    UnsupportedError
        If an input Func has a Tuple for a value, or the accelerated Func is itself an extern stage.
    ScheduleError
        If the accelerated Func, or the buffer of an input, is scheduled as no extern stage can be.
    """
    root = apply_wrappers(root)
    func_name, inputs = stage.func, stage.inputs
    func = find_func(root, func_name)
    sides = [find_func(root, side.func) for side in stage.sides]
    for other in (func, *sides):
        refuse_schedule(root, other)
    for other in (func, *sides, *(find_func(root, name) for name in inputs if not _is_image(root, name))):
        refuse_register(other)
    level = func.func_schedule.compute_level
    if level.var_name == "" or func_name in root.output_names:
        level = _ROOT
    for side in sides:
        refuse_side(root, func, side, level)
    arguments = (
        *(_buffer_argument(root, func_name, name) for name in inputs),
        *(_scalar_argument(root, scalar.variable or scalar.param) for scalar in stage.scalars),
    )
    main = table("ExternFuncArgument", arg_type="FuncArg", func_index=root.func_names_in_order.index(func_name))
    externs = {func_name: _extern(func, level, stage.symbol, arguments)}
    externs |= {
        side.name: _extern(side, level, of_side.symbol, (main,))
        for side, of_side in zip(sides, stage.sides, strict=True)
    }
    funcs = tuple(_without_tags(externs.get(other.name, other)) for other in root.funcs)
    root = root.replace(funcs=funcs)
    alive = reachable(root)
    for other in (func, *sides, *(other for other in root.funcs if other.name not in alive)):
        refuse_device(other, func_name)

    def outside(old: Table) -> Table:
        # The loops of the accelerated Func and of what was inside it are gone: what was computed in them
        # moves to just outside.
        return level if old.func_name and (old.func_name in externs or old.func_name not in alive) else old

    def rescheduled(other: Table) -> Table:
        refuse_prefetch(other, func_name, root.func_names_in_order, alive)
        schedule = other.func_schedule
        compute = outside(schedule.compute_level)
        if compute.var_name == "" and other.name in inputs:
            compute = _ROOT  # only a Func that has a buffer can be given to C
        return other.replace(
            func_schedule=schedule.replace(
                compute_level=compute,
                store_level=outside(schedule.store_level),
                hoist_storage_level=outside(schedule.hoist_storage_level),
            )
        )

    return prune(root.replace(funcs=tuple(other if other.name in externs else rescheduled(other) for other in funcs)))


def golden(root: Table, func_name: str, inputs: Sequence[str], computed: Collection[str]) -> Table:
    """Make a pipeline of the accelerated Func alone: what the hardware must be equal to.

    Before
        ``out(x, y) = ...hw...``; ``hw(x, y) = ...f(x, y)...``; ``f(x, y) = ...``
    After
        ``hw(x, y) = ...f(x, y)...`` with ``f`` an ImageParam; nothing scheduled

    Parameters
    ----------
    root : Table
        The pipeline.
    func_name : str
        The accelerated Func, from now on the output.
    inputs : sequence of str
        Funcs and ImageParams it is cut at. A Func becomes an ImageParam of the same name.
    computed : collection of str
        Funcs that get a buffer of their own, ``compute_root``; the others are inlined. Name the line-buffered
        ones, or a chain of stencils multiplies out. Funcs with updates are always computed.

    Raises
    ------
    UnsupportedError
        If an input Func has a Tuple for a value.
    """
    root = apply_wrappers(root)
    find_func(root, func_name)
    cut_at = {name: find_func(root, name) for name in inputs if not _is_image(root, name)}
    for func in cut_at.values():
        refuse_tuple(func_name, func)

    def edit(node: Table) -> Table:
        if node.kind == "Call" and node.call_type == "Halide" and node.name in cut_at:
            return node.replace(call_type="Image", func_index=-1, param_name=node.name)
        return node

    external = tuple(
        table("ExternalParameter", is_buffer=True, type=f.output_types[0], dimensions=len(f.args), name=f.name)
        for f in cut_at.values()
    )
    funcs = tuple(func if func.name in cut_at else transform(func, edit) for func in root.funcs)
    root = prune(
        root.replace(
            funcs=funcs,
            output_names=(func_name,),
            requirements=(),
            external_parameters=(*(p for p in root.external_parameters if p.name not in cut_at), *external),
        )
    )
    return root.replace(
        funcs=tuple(_unscheduled(func, func.name in computed) for func in root.funcs),
        parameters=tuple(map(_unconstrained, root.parameters)),
    )


def with_stages(root: Table, stages: Mapping[str, Collection[str]]) -> Table:
    """Schedule what is hardware as software would be; change nothing else.

    The pipeline gives the same values. Line-buffered Funcs that are inlined get a buffer where their accelerated Func
    is computed: in hardware each is computed once a pixel whatever its schedule in software is; Halide, which inlines
    it, computes it again for each tap of each reader. Accelerated Funcs lose their own loops, unless something is
    computed in them: lanes say nothing of software, which may not be able to round a bound up to them.

    Parameters
    ----------
    root : Table
        The pipeline.
    stages : mapping of str to collection of str
        By accelerated Func, its line-buffered ones. Those of several accelerators stay as they are.
    """
    root = apply_wrappers(root)
    owners: dict[str, list[str]] = {}
    for owner, names in stages.items():
        for name in names:
            owners.setdefault(name, []).append(owner)

    scheduled = [func.func_schedule for func in root.funcs]
    inside = {
        s[level].func_name for s in scheduled for level in ("compute_level", "store_level", "hoist_storage_level")
    }

    def computed(func: Table) -> Table:
        if func.name in stages and func.name not in inside:
            plain = _unscheduled(func, True)
            return func.replace(init_def=plain.init_def, updates=plain.updates)
        if len(owners.get(func.name, ())) != 1 or func.func_schedule.compute_level.var_name != "":
            return func
        (owner,) = owners[func.name]
        level = find_func(root, owner).func_schedule.compute_level
        if level.var_name == "" or owner in root.output_names:
            level = _ROOT
        plain = _unscheduled(func, True)
        levels = dict.fromkeys(("compute_level", "store_level", "hoist_storage_level"), level)
        return plain.replace(func_schedule=plain.func_schedule.replace(**levels))

    return root.replace(funcs=tuple(computed(func) for func in root.funcs))


# ---------------------------------------------------------------------------------------------
# The parts of an extern stage


def _extern(func: Table, level: Table, symbol: str, arguments: Sequence[Table]) -> Table:
    """Make an extern stage of a Func, computed at a level."""
    return func.replace(
        func_schedule=_stored_where_computed(func.func_schedule.replace(compute_level=level)),
        init_def=_extern_definition(func),
        updates=(),
        extern_arguments=tuple(arguments),
        extern_function_name=symbol,
        extern_mangling="C",
        extern_function_device_api="Host",
    )


def _extern_definition(func: Table) -> Table:
    """Make the pure definition that ``define_extern`` would have made."""
    schedule = func.init_def.stage_schedule
    values = tuple(table("Call", name="undef", call_type="Intrinsic", func_index=-1, type=t) for t in func.output_types)
    return table(
        "Definition",
        is_init=True,
        predicate=_TRUE,
        values=values,
        args=tuple(_variable(arg, _INT32) for arg in func.args),
        stage_schedule=_stage_schedule([_dim(arg, "Extern") for arg in func.args], schedule),
    )


def _stored_where_computed(schedule: Table) -> Table:
    """Undo ``store_root`` and ``store_at``, unless they are there to let the stage run ahead.

    Halide computes all that an extern stage is asked for again, so storing it further out saves nothing. But it would
    fold the storage, and no region that wraps around in it can be given to C.
    """
    if schedule["async"] or (schedule.ring_buffer is not None and schedule.ring_buffer.kind != "UndefinedExpr"):
        return schedule
    hoisted = schedule.hoist_storage_level
    if hoisted.fields == schedule.store_level.fields:
        hoisted = schedule.compute_level
    return schedule.replace(store_level=schedule.compute_level, hoist_storage_level=hoisted)


def _variable(name: str, kind: Table, param: str = "") -> Table:
    return table("Variable", name=name, type=kind, param_name=param, reduction_domain=table("ReductionDomain"))


def _dim(var: str, for_type: str = "Serial", dim_type: str = "PureVar") -> Table:
    return table("Dim", var=var, for_type=for_type, dim_type=dim_type)


def _stage_schedule(dims: Sequence[Table], old: Table, rvars: Sequence[Table] = ()) -> Table:
    """Make the schedule of a stage as it is before the user touches it."""
    level = table("LoopLevel", stage_index=-1, locked=True)
    return table(
        "StageSchedule",
        rvars=tuple(rvars),
        dims=(*dims, _dim("__outermost")),
        fuse_level=table("FuseLoopLevel", fuse_level=level),
        allow_race_conditions=False,
        override_atomic_associativity_test=old.override_atomic_associativity_test,
    )


def _buffer_argument(root: Table, func_name: str, name: str) -> Table:
    if _is_image(root, name):
        return table("ExternFuncArgument", arg_type="ImageParamArg", func_index=-1, image_param_name=name)
    func = find_func(root, name)
    refuse_tuple(func_name, func)
    return table("ExternFuncArgument", arg_type="FuncArg", func_index=root.func_names_in_order.index(name))


def _is_image(root: Table, name: str) -> bool:
    # An output buffer whose size the pipeline asks for is an external parameter too, named as its Func.
    return name not in root.func_names_in_order and any(
        p.name == name and p.is_buffer for p in root.external_parameters
    )


def _scalar_argument(root: Table, scalar: str | ir.Variable) -> Table:
    if isinstance(scalar, ir.Variable):
        if not scalar.param:
            raise UsageError(f"{scalar.name} is a variable of a Func; an extern stage takes only Params")
        code = {"int": "Int", "uint": "UInt", "float": "Float", "bfloat": "BFloat", "handle": "Handle"}
        kind = table("Type", code=code[scalar.type.code], bits=scalar.type.bits, lanes=1)
        expr = _variable(scalar.name, kind, scalar.param)
    else:
        for parameter in root.external_parameters:
            if parameter.name == scalar and not parameter.is_buffer:
                expr = _variable(scalar, parameter.type, scalar)
                break
        else:
            raise UsageError(f"the pipeline has no Param named {scalar}")
    return table("ExternFuncArgument", arg_type="ExprArg", func_index=-1, expr=expr)


def _without_tags(func: Table) -> Table:
    kept = tuple(tag for tag in func.trace_tags if not tag.startswith(TAG_PREFIX))
    return func if len(kept) == len(func.trace_tags) else func.replace(trace_tags=kept)


# ---------------------------------------------------------------------------------------------
# The golden model's schedule


def plain_func(name: str, types: Sequence[Table], values: Sequence[Table]) -> tuple[Table, tuple[Table, ...]]:
    """Make a Func without dimensions, and the parameters that stand for its output buffers.

    Parameters
    ----------
    name : str
        Its name.
    types : sequence of Table
        ``Type`` of each value.
    values : sequence of Table
        One expression per Tuple element.
    """
    names = (name,) if len(types) == 1 else tuple(f"{name}.{i}" for i in range(len(types)))
    parameters = tuple(
        table("Parameter", defined=True, is_buffer=True, type=of, name=buffer, host_alignment=max(of.bits // 8, 1))
        for buffer, of in zip(names, types, strict=True)
    )
    definition = table(
        "Definition", is_init=True, predicate=_TRUE, values=tuple(values), stage_schedule=table("StageSchedule")
    )
    func = table(
        "Func",
        name=name,
        origin_name=name,
        output_types=tuple(types),
        required_dims=-1,
        init_def=definition,
        output_buffers_names=names,
        extern_function_device_api="Host",
        extern_proxy_expr=_UNDEFINED,
    )
    return _unscheduled(func, False), parameters


def _unscheduled(func: Table, computed: bool) -> Table:
    """Give a Func the schedule it had when it was defined, or ``compute_root``."""
    computed = computed or bool(func.updates) or bool(func.extern_function_name)
    schedule = table(
        "FuncSchedule",
        store_level=_INLINED,
        compute_level=_ROOT if computed else _INLINED,
        hoist_storage_level=_INLINED,
        storage_dims=tuple(
            table("StorageDim", var=arg, alignment=_UNDEFINED, bound=_UNDEFINED, fold_factor=_UNDEFINED)
            for arg in func.args
        ),
        ring_buffer=_UNDEFINED,
        memoize_eviction_key=_UNDEFINED,
    )
    for_type = "Extern" if func.extern_function_name else "Serial"
    dims = [_dim(arg, for_type) for arg in func.args]
    init = func.init_def.replace(stage_schedule=_stage_schedule(dims, func.init_def.stage_schedule), specializations=())
    return _without_tags(func).replace(
        func_schedule=schedule, init_def=init, updates=tuple(_unscheduled_update(func, u) for u in func.updates)
    )


def _unscheduled_update(func: Table, update: Table) -> Table:
    # Reduction loops are inside; a pure argument has a loop where the left side names it.
    old = update.stage_schedule
    reductions = [_dim(rvar.var, dim_type="ImpureRVar") for rvar in old.rvars]
    pure = [
        _dim(name)
        for name, arg in zip(func.args, update.args, strict=True)
        if arg.kind == "Variable" and arg.name == name
    ]
    schedule = _stage_schedule([*reductions, *pure], old, old.rvars)
    return update.replace(stage_schedule=schedule, specializations=())


def _unconstrained(parameter: Table) -> Table:
    """Drop what the user fixed of an output buffer; what is left here is the output of the golden model."""
    fields = ("min", "extent", "stride", "min_estimate", "extent_estimate")
    constraint = table("BufferConstraint", **dict.fromkeys(fields, _UNDEFINED))
    unit = constraint.replace(stride=table("IntImm", value=1, type=_INT32))
    count = len(parameter.buffer_constraints)
    return parameter.replace(buffer_constraints=tuple(unit if d == 0 else constraint for d in range(count)))
