"""Values that depend on no input, computed by Halide itself.

Filter kernels, lookup tables and gains are often written in floating point with exponentials; whatever Halide
makes of them is what the hardware must hold. Nothing of Halide's arithmetic is modelled here. Float maths
runs under ``strict_float``, so that a value does not depend on what it is compiled together with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import halide as hl
import numpy as np
from numpy.typing import NDArray

from fluorite.errors import UnsupportedError, UsageError
from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.decode_expr import decode_type
from fluorite.frontend.algorithm.encode_expr import encode_expr, encode_type
from fluorite.frontend.algorithm.structure import Structure
from fluorite.frontend.cut import golden, plain_func
from fluorite.frontend.halide_errors import HALIDE_ERRORS, one_line
from fluorite.frontend.halide_io import halide_type, to_halide
from fluorite.frontend.tables.rewrite import find_func
from fluorite.frontend.tables.slots import HALIDE_VERSION, SERIALIZATION_VERSION
from fluorite.frontend.tables.table import Table, table

__all__ = ["Constants", "evaluate_expr", "evaluate_exprs", "evaluate_func", "strict_target"]

_EXPRESSIONS = "fluorite$constants"  # the dollar keeps it apart from any Func of the user's
_BATCH = 32  # expressions compiled into one function: more save little and make LLVM slow


def strict_target() -> Any:
    """Return the JIT's target with ``strict_float``: no contraction to FMA, no reassociation."""
    return hl.get_jit_target_from_environment().with_feature(hl.TargetFeature.StrictFloat)


class Constants:
    """The constants of one pipeline; compiles each Func once and keeps what it computed.

    Parameters
    ----------
    root : Table
        The pipeline.
    """

    def __init__(self, root: Table) -> None:
        self._root = root
        self._compiled: dict[str, _Compiled] = {}
        self._points: dict[tuple[str, tuple[int, ...]], list[int | float]] = {}
        self._structure = Structure()
        self._exprs: dict[int, int | float] = {}  # by structure

    def of_func(self, func: str, value_index: int, point: Sequence[int]) -> int | float:
        """Value of an input-free Func at a point."""
        key = func, tuple(point)
        if key not in self._points:
            arrays = self.region(func, [(coordinate, 1) for coordinate in point])
            self._points[key] = [_scalar(array) for array in arrays]
        return self._points[key][value_index]

    def of_expr(self, expr: ir.Expr) -> int | float:
        """Value of an expression without variables."""
        number = self._structure.number(expr)
        if number not in self._exprs:
            self._exprs[number] = evaluate_expr(expr, self._root)
        return self._exprs[number]

    def region(self, func: str, region: Sequence[tuple[int, int]]) -> list[NDArray[Any]]:
        """Values over a region, as :func:`evaluate_func`."""
        if func not in self._compiled:
            self._compiled[func] = _Compiled(self._root, func)
        return self._compiled[func].realize(region)


def evaluate_func(
    root: Table, parameters: Mapping[str, Any], func_name: str, region: Sequence[tuple[int, int]]
) -> list[NDArray[Any]]:
    """Realize an input-free Func over a region.

    Parameters
    ----------
    root : Table
        The pipeline.
    parameters : mapping
        ``hl.Parameter`` by name: what the Func may depend on besides constants. With scalar Params in it, the
        result is that of their present values.
    func_name : str
        The Func.
    region : sequence of (int, int)
        ``(min, extent)`` of each dimension, innermost first.

    Returns
    -------
    list of ndarray
        One per Tuple element. Axes are reversed: a Func ``f(x, y)`` gives ``array[y, x]``.

    Raises
    ------
    UsageError
        If the Func depends on parameters that are not given, or the region has the wrong rank.
    UnsupportedError
        If Halide cannot compute it: a ``require`` in it fails, or a Buffer is too small.
    """
    return _Compiled(root, func_name, parameters).realize(region)


def evaluate_expr(expr: ir.Expr, root: Table | None = None) -> int | float:
    """Evaluate an expression without variables.

    Parameters
    ----------
    expr : ir.Expr
        The expression. It may call input-free Funcs if the pipeline is given.
    root : Table, optional
        The pipeline it is from.

    Returns
    -------
    int or float
        By the type of the expression; a ``bool`` gives 0 or 1.
    """
    return evaluate_exprs([expr], root)[0]


def evaluate_exprs(exprs: Sequence[ir.Expr], root: Table | None = None) -> list[int | float]:
    """Evaluate many expressions with few compilations, as :func:`evaluate_expr` each."""
    empty = table("Pipeline", halide_version=HALIDE_VERSION, serialization_version=SERIALIZATION_VERSION)
    values: list[int | float] = []
    for start in range(0, len(exprs), _BATCH):
        values += _evaluate_batch(exprs[start : start + _BATCH], root or empty)
    return values


def _evaluate_batch(exprs: Sequence[ir.Expr], root: Table) -> list[int | float]:
    name = _EXPRESSIONS
    index = {func: i for i, func in enumerate(root.func_names_in_order)}
    values = tuple(encode_expr(expr, index) for expr in exprs)
    func, outputs = plain_func(name, tuple(encode_type(expr.type) for expr in exprs), values)
    extended = root.replace(
        funcs=(*root.funcs, func),
        func_names_in_order=(*root.func_names_in_order, name),
        parameters=(*root.parameters, *outputs),
    )
    return [_scalar(array) for array in _Compiled(extended, name).realize([])]


class _Compiled:
    """One input-free Func, compiled when it is first realized."""

    def __init__(self, root: Table, func_name: str, parameters: Mapping[str, Any] | None = None) -> None:
        parameters = parameters or {}
        func = find_func(root, func_name)
        self.name = func_name
        self.types = [halide_type(decode_type(of)) for of in func.output_types]
        self.rank = len(func.args)
        # What the user computes stays computed: a chain of stencils must not multiply out. What is inline stays
        # inline: it may be called at unbounded coordinates.
        computed = {f.name for f in root.funcs if f.func_schedule.compute_level.var_name}
        cut = golden(root, func_name, (), computed)
        for parameter in cut.external_parameters:
            if parameter.name not in parameters:
                raise UsageError(f"{func_name} is not constant: it depends on {parameter.name}")
        self.pipeline = to_halide(cut, parameters)
        if func.updates and self.rank:
            self.pipeline = _copied(self.pipeline, self.rank, len(self.types))
        self.target = strict_target()

    def realize(self, region: Sequence[tuple[int, int]]) -> list[NDArray[Any]]:
        """Compute a region of ``(min, extent)``."""
        if len(region) != self.rank:
            raise UsageError(f"{self.name} has {self.rank} dimensions, the region has {len(region)}")
        buffers = [hl.Buffer(of, [extent for _, extent in region]) for of in self.types]
        for buffer in buffers:
            if region:
                buffer.set_min([least for least, _ in region])
        try:
            self.pipeline.realize(buffers if len(buffers) > 1 else buffers[0], self.target)
        except HALIDE_ERRORS as error:
            name = "an expression" if self.name == _EXPRESSIONS else self.name
            raise UnsupportedError(
                name,
                "a value that depends on no input",
                f"Halide cannot compute {name}: {one_line(error)}",
                "make it one that Halide can, or leave what reads it to software",
            ) from error
        return [np.array(buffer) for buffer in buffers]


def _copied(pipeline: Any, rank: int, elements: int) -> Any:
    """Make a pipeline of a copy of the output, so that Halide computes all that its updates touch, asked for or not."""
    (whole,), copy = pipeline.outputs(), hl.Func("fluorite_copy")
    variables = tuple(hl.Var(f"v{number}") for number in range(rank))
    value = whole.compute_root()[variables]
    copy[variables] = tuple(value[element] for element in range(elements)) if elements > 1 else value
    return hl.Pipeline(copy)


def _scalar(array: NDArray[Any]) -> int | float:
    value = array.item()
    return value if isinstance(value, float) else int(value)
