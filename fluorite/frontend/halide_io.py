"""Between Halide's objects and ours: serialize and read a pipeline, write and deserialize one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import halide as hl
import numpy as np
from numpy.typing import NDArray

from fluorite.errors import UsageError
from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.decode import decode
from fluorite.frontend.algorithm.decode_expr import decode_type, operands
from fluorite.frontend.naming import buffer_names, func_names, output_name, renamed
from fluorite.frontend.tables import wire
from fluorite.frontend.tables.buffers import planar
from fluorite.frontend.tables.rewrite import apply_wrappers, tables

__all__ = [
    "DimensionBounds", "Loaded", "ScalarBounds", "halide_type", "image_params", "load", "parameter_bounds",
    "plainly_named", "scalar_bounds", "to_buffer", "to_halide",
]  # fmt: skip


@dataclass(frozen=True)
class Loaded:
    """A user's pipeline as fluorite sees it.

    Attributes
    ----------
    root : Table
        The serialized pipeline, for cutting: constant buffers planar, wrappers of ``in_()`` called by name.
    parameters : dict
        The ``hl.Parameter`` behind each ImageParam and Param, by name; they stay linked to the user's objects.
    pipeline : ir.Pipeline
        The same pipeline decoded.
    bounds : dict
        What the user fixed or estimated of each ImageParam's dimensions; it is not in the bytes.
    plain_names : dict
        By Halide's name, the plain name of each Func that goes by another here.
    """

    root: wire.Table
    parameters: dict[str, Any]
    pipeline: ir.Pipeline
    bounds: dict[str, tuple[DimensionBounds, ...]]
    plain_names: dict[str, str] = field(default_factory=dict)

    def plain_name(self, name: str) -> str:
        """Name in this pipeline of what Halide, or the user, calls so."""
        return self.plain_names.get(name, name)

    @cached_property
    def scalar_bounds(self) -> dict[str, ScalarBounds]:
        """What the user set of each integer Param's value, by name; it is not in the bytes."""
        return scalar_bounds(self.parameters)


@dataclass(frozen=True, slots=True)
class ScalarBounds:
    """``set_range`` and ``set_estimate`` of a Param; None where there is no constant."""

    min: int | None
    max: int | None
    estimate: int | None


@dataclass(frozen=True, slots=True)
class DimensionBounds:
    """``set_bounds`` and ``set_estimates`` of one dimension of an ImageParam; None where there is no constant."""

    min: int | None
    extent: int | None
    min_estimate: int | None
    extent_estimate: int | None


def load(pipeline: Any) -> Loaded:
    """Read a pipeline out of Halide. The user's objects are not changed.

    One thing does not survive Halide's serializer: the literal ``-0.0`` becomes ``0.0``.

    Parameters
    ----------
    pipeline : halide.Func or halide.Pipeline
        The output Func, or the pipeline of several.

    Raises
    ------
    UsageError
        If it is neither, Halide cannot serialize it, or a name stands for two things.
    """
    if isinstance(pipeline, hl.Func):
        if not pipeline.defined():
            raise UsageError(f"the Func {pipeline.name()} is not defined")
        pipeline = hl.Pipeline(pipeline)
    if not isinstance(pipeline, hl.Pipeline):
        raise UsageError(f"a pipeline must be a halide.Func or a halide.Pipeline, not {pipeline!r}")
    try:
        data, parameters = hl.serialize_pipeline(pipeline, get_params=True)
    except (hl.HalideError, RuntimeError) as error:
        raise UsageError(f"Halide cannot serialize the pipeline: {error}") from error
    root = apply_wrappers(planar(wire.read(data)))
    _refuse_ambiguous_names(root)
    return Loaded(root, parameters, decode(root), parameter_bounds(parameters))


def plainly_named(loaded: Loaded) -> Loaded:
    """Give the Funcs and Buffers of a pipeline their plain names, see :mod:`fluorite.frontend.naming`."""
    names = loaded.root.func_names_in_order
    funcs = func_names(
        names, [p.name for p in loaded.root.external_parameters if not (p.is_buffer and p.name in names)]
    )
    buffers = buffer_names([buffer.name for buffer in loaded.root.buffers])
    if not funcs and not buffers:
        return loaded
    root = renamed(loaded.root, funcs, buffers)
    parameters = {}
    for name, parameter in loaded.parameters.items():
        plain = output_name(name, funcs) if parameter.is_buffer() else name
        parameters[plain] = parameter if plain == name else _copy_of_output(parameter, plain)
    return Loaded(root, parameters, decode(root), parameter_bounds(parameters), funcs)


def _copy_of_output(parameter: Any, name: str) -> Any:
    """An output buffer's ``hl.Parameter`` under another name: Halide reads its name, which cannot be changed."""
    copy = hl.Parameter(parameter.type(), True, parameter.dimensions(), name)
    copy.set_host_alignment(parameter.host_alignment())
    copy.store_in(parameter.memory_type())
    for d in range(parameter.dimensions()):
        for what in ("min", "extent", "stride"):
            getattr(copy, f"set_{what}_constraint")(d, getattr(parameter, f"{what}_constraint")(d))
        for what in ("min", "extent"):
            estimate = getattr(parameter, f"{what}_constraint_estimate")(d)
            getattr(copy, f"set_{what}_constraint_estimate")(d, estimate)
    return copy


def _refuse_ambiguous_names(root: wire.Table) -> None:
    # Halide would fail too, but much later and in other words: it finds buffers by name.
    funcs = {func.name for func in root.funcs}
    for node in tables(root):
        if node.kind == "Call" and node.call_type == "Image" and node.param_name in funcs:
            raise UsageError(
                f"a Func and an ImageParam are both named {node.param_name}: give one of them another name"
            )


def to_halide(root: wire.Table, parameters: Mapping[str, Any]) -> Any:
    """Give a pipeline back to Halide.

    Parameters
    ----------
    root : Table
        What to write, for instance a cut pipeline.
    parameters : mapping
        ``hl.Parameter`` by name, as in :class:`Loaded`; those that are not referred to are ignored.

    Returns
    -------
    halide.Pipeline
    """
    # Halide ends the process on a name it does not find in either list, so that is checked here.
    known = {parameter.name for parameter in root.parameters} | set(parameters)
    for parameter in root.external_parameters:
        if parameter.name not in known:
            raise UsageError(f"the pipeline refers to the parameter {parameter.name}, which was not given")
    return hl.deserialize_pipeline(wire.write(root), dict(parameters))


def image_params(root: wire.Table, names: Collection[str]) -> dict[str, Any]:
    """Make new ImageParams for external buffers of a pipeline, for instance the inputs of a golden model.

    Parameters
    ----------
    root : Table
        The pipeline, as cut.
    names : collection of str
        Which external buffers to make one for; others are passed over.

    Returns
    -------
    dict
        ``hl.ImageParam`` by name. ``.parameter()`` is what :func:`to_halide` takes, ``.set()`` gives it data.
    """
    return {
        p.name: hl.ImageParam(halide_type(decode_type(p.type)), p.dimensions, p.name)
        for p in root.external_parameters
        if p.is_buffer and p.name in names
    }


def halide_type(of: ir.Type) -> Any:
    """Return the ``hl.Type`` of a scalar type."""
    make = {
        ir.TypeCode.INT: hl.Int,
        ir.TypeCode.UINT: hl.UInt,
        ir.TypeCode.FLOAT: hl.Float,
        ir.TypeCode.BFLOAT: hl.BFloat,
    }
    if of.code not in make:
        raise UsageError(f"Halide has no buffers of type {of}")
    return make[of.code](of.bits)


def to_buffer(array: NDArray[Any]) -> Any:
    """Return an ``hl.Buffer`` on the memory of an array in this machine's byte order, which must stay alive.

    Halide's bindings know uint64 by one of its two names in C only, and numpy by the other.
    """
    return hl.Buffer(array.view(np.ulonglong) if array.dtype == np.uint64 else array)


def parameter_bounds(parameters: Mapping[str, Any]) -> dict[str, tuple[DimensionBounds, ...]]:
    """Read what the user set on the dimensions of each ImageParam.

    Parameters
    ----------
    parameters : mapping
        ``hl.Parameter`` by name; scalar ones are passed over.

    Returns
    -------
    dict
        By name, one entry per dimension, innermost first.
    """
    return {
        name: tuple(
            DimensionBounds(
                _constant(parameter.min_constraint(d)),
                _constant(parameter.extent_constraint(d)),
                _constant(parameter.min_constraint_estimate(d)),
                _constant(parameter.extent_constraint_estimate(d)),
            )
            for d in range(parameter.dimensions())
        )
        for name, parameter in parameters.items()
        if parameter.is_buffer()
    }


def scalar_bounds(parameters: Mapping[str, Any]) -> dict[str, ScalarBounds]:
    """Read what the user set on each integer Param.

    Parameters
    ----------
    parameters : mapping
        ``hl.Parameter`` by name; buffers and Params of other types are passed over.
    """
    return {
        name: ScalarBounds(
            _constant(parameter.min_value()), _constant(parameter.max_value()), _constant(parameter.estimate())
        )
        for name, parameter in parameters.items()
        if not parameter.is_buffer() and (parameter.type().is_int() or parameter.type().is_uint())
    }


def _constant(expr: Any) -> int | None:
    """Value of an ``hl.Expr`` that depends on nothing, else None."""
    if not expr.defined():
        return None
    # hl.evaluate would also give what a Param holds right now, so look inside first: an Expr can only be
    # looked into as the value of a Func.
    probe = hl.Func("fluorite_probe")
    probe[()] = expr
    (value,) = wire.read(hl.serialize_pipeline(hl.Pipeline(probe))).funcs[0].init_def.values
    pending = [value]
    while pending:
        node = pending.pop()
        if node.kind == "Call" or (node.kind == "Variable" and (node.param_name or node.image_name)):
            return None
        pending += operands(node)
    return int(hl.evaluate(expr))
