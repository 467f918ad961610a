"""The serialized pipeline as typed, immutable IR."""

from __future__ import annotations

from typing import Any

from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.decode_expr import decode_expr, decode_optional, decode_type
from fluorite.frontend.tables.table import Table

__all__ = ["decode"]


def decode(root: Table) -> ir.Pipeline:
    """Decode a whole pipeline.

    Parameters
    ----------
    root : Table
        The ``Pipeline`` table that :func:`fluorite.frontend.tables.wire.read` returned.

    Returns
    -------
    ir.Pipeline
        Its Funcs come producers first.
    """
    names = root.func_names_in_order
    funcs = {table.name: _func(table, names) for table in root.funcs}
    return ir.Pipeline(
        funcs={name: funcs[name] for name in _producers_first(root)},
        outputs=tuple(root.output_names),
        parameters={
            p.name: ir.Parameter(p.name, decode_type(p.type), p.is_buffer, p.dimensions)
            for p in root.external_parameters
        },
        buffers={b.name: _buffer(b) for b in root.buffers if b.defined},
    )


def _producers_first(root: Table) -> list[str]:
    """Order the Funcs so that each comes after the Funcs it calls."""
    names = root.func_names_in_order
    tables = {table.name: table for table in root.funcs}
    order: dict[str, None] = {}
    seen: set[str] = set()
    for start in root.func_names_in_order:
        work = [(start, False)]
        while work:
            name, after = work.pop()
            if after:
                order[name] = None
            elif name not in seen:
                seen.add(name)
                work.append((name, True))
                below = sorted(_called(tables[name], names), reverse=True)
                work += ((callee, False) for callee in below if callee not in seen)
    return list(order)


def _called(func: Table, names: tuple[str, ...]) -> set[str]:
    """Names of the Funcs that a Func table refers to, wrappers excluded: they call back."""
    found = {names[a.func_index] for a in func.extern_arguments if a.arg_type == "FuncArg"}
    work: list[Any] = [func.init_def, *func.updates]
    while work:
        node = work.pop()
        if isinstance(node, tuple):
            work += node
        elif isinstance(node, Table):
            if node.kind == "Call" and node.call_type == "Halide":
                found.add(node.name)
            work += node.fields.values()
    return found


def _func(table: Table, names: tuple[str, ...]) -> ir.Func:
    extern = None
    if table.extern_function_name:
        extern = ir.ExternDefinition(
            table.extern_function_name, tuple(_extern_argument(a, names) for a in table.extern_arguments)
        )
    return ir.Func(
        name=table.name,
        args=tuple(table.args),
        types=tuple(map(decode_type, table.output_types)),
        init=None if table.init_def is None or extern else _definition(table.init_def),
        updates=tuple(map(_definition, table.updates)),
        schedule=_func_schedule(table.func_schedule, names),
        extern=extern,
        tags=tuple(table.trace_tags),
    )


def _extern_argument(table: Table, names: tuple[str, ...]) -> ir.ExternArgument:
    name = {
        "FuncArg": lambda: names[table.func_index],
        "BufferArg": lambda: table.buffer_name,
        "ImageParamArg": lambda: table.image_param_name,
    }.get(table.arg_type, str)()
    expr = decode_expr(table.expr) if table.arg_type == "ExprArg" else None
    return ir.ExternArgument(table.arg_type, name, expr)


def _definition(table: Table) -> ir.Definition:
    rvars = frozenset(rvar.var for rvar in table.stage_schedule.rvars)
    return ir.Definition(
        args=tuple(decode_expr(arg, rvars) for arg in table.args),
        values=tuple(decode_expr(value, rvars) for value in table.values),
        predicate=decode_expr(table.predicate, rvars),
        schedule=_stage_schedule(table.stage_schedule),
        specializations=tuple(
            ir.Specialization(decode_expr(s.condition, rvars), _definition(s.definition), s.failure_message or "")
            for s in table.specializations
        ),
    )


def _stage_schedule(table: Table) -> ir.StageSchedule:
    return ir.StageSchedule(
        rvars=tuple(ir.ReductionVariable(r.var, decode_expr(r.min), decode_expr(r.extent)) for r in table.rvars),
        splits=tuple(
            ir.Split(s.old_var, s.outer, s.inner, decode_optional(s.factor), s.exact, s.tail, s.split_type)
            for s in table.splits
        ),
        dims=tuple(ir.Dim(d.var, d.for_type, d.dim_type) for d in table.dims),
        touched=table.touched,
    )


def _func_schedule(table: Table, names: tuple[str, ...]) -> ir.FuncSchedule:
    return ir.FuncSchedule(
        compute_level=_loop_level(table.compute_level),
        store_level=_loop_level(table.store_level),
        bounds=tuple(map(_bound, table.bounds)),
        estimates=tuple(map(_bound, table.estimates)),
        wrappers=tuple((w.func_name, names[w.func_index]) for w in table.wrappers),
        memory_type=table.memory_type,
    )


def _loop_level(table: Table) -> ir.LoopLevel:
    return ir.LoopLevel(table.func_name, table.stage_index, table.var_name, table.is_rvar)


def _bound(table: Table) -> ir.Bound:
    return ir.Bound(table.var, *(decode_optional(table[part]) for part in ("min", "extent", "modulus", "remainder")))


def _buffer(table: Table) -> ir.Buffer:
    return ir.Buffer(
        table.name,
        decode_type(table.type),
        tuple((d.min, d.extent, d.stride) for d in table.dims),
        bytes(table.data),
    )
