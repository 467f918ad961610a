"""Definitions run on streams: how a Func that is not a stage is inlined, and what a read of a Func stands for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from itertools import product

from fluorite.frontend import ir
from fluorite.frontend.loops import unrolled_whole
from fluorite.frontend.pretty import show
from fluorite.frontend.region import Region
from fluorite.hwgen.expressions import Expressions
from fluorite.hwgen.graph import Ref
from fluorite.hwgen.ops import constant_value
from fluorite.hwgen.tables import TableRead, is_table
from fluorite.hwgen.values import Affine, Lowered, Tree, Value

__all__ = ["Definitions"]

_INLINE_REDUCTIONS = ("sum", "product", "maximum", "minimum")


class Definitions(Expressions):
    """Runs definitions. What reading a stream means is up to the subclass."""

    def __init__(self, region: Region, lowered: Lowered) -> None:
        super().__init__(region, lowered)
        self.memo: dict[object, tuple[Value, ...]] = {}

    def _tap(self, call: ir.Call, name: str, args: tuple[Value, ...]) -> Value:
        """A read of another stream."""
        raise NotImplementedError

    # --- calls ----------------------------------------------------------------------------------------------------

    def _call(self, func: ir.Func, args: Sequence[Value]) -> tuple[Value, ...]:
        """Values of a Func at a point, its definitions run in order."""
        key = (func.name, tuple(args))
        if key in self.memo:
            return self.memo[key]
        caller, self.caller = self.caller, func.name
        if func.init is None:
            raise self._unsupported(
                f"define_extern({func.extern.function})" if func.extern else "no definition",
                "hardware needs a definition to compile",
                "compute it in software and pass it as an input of accelerate()",
            )
        if func.init.specializations:
            raise self._unsupported("specialize()", "an accelerator has one schedule", "remove the specialization")
        env: dict[str, Value] = dict(zip(func.args, args, strict=True))
        values = self._values(func.init.values, env, func, ())
        for number, update in enumerate(func.updates):
            values = self._update(func, number, update, env, values)
        self.caller = caller
        self.memo[key] = values
        return values

    def _values(
        self, exprs: Sequence[ir.Expr], env: Mapping[str, Value], func: ir.Func, before: tuple[Value, ...]
    ) -> tuple[Value, ...]:
        memo: dict[int, Value] = {}
        return tuple(self._eval(expr, env, func, before, memo) for expr in exprs)

    def _update(
        self, func: ir.Func, number: int, update: ir.Definition, env: dict[str, Value], values: tuple[Value, ...]
    ) -> tuple[Value, ...]:
        """Run one update over its whole reduction domain."""
        if update.specializations:
            raise self._unsupported("specialize()", "an accelerator has one schedule", "remove the specialization")
        for arg, name in zip(update.args, func.args, strict=True):
            if not (isinstance(arg, ir.Variable) and arg.name == name):
                raise self._unsupported(
                    f"update {number} of element ({', '.join(show(a) for a in update.args)})",
                    "an update must write the element it is computed for",
                    f"write {func.name}[{', '.join(func.args)}] = ...",
                )
        ranges: list[range] = []
        for rvar in update.schedule.rvars:
            lo, extent = (self._number(e, f"bounds of {rvar.var}") for e in (rvar.min, rvar.extent))
            ranges.append(range(lo, lo + extent))
            anonymous = not update.schedule.touched and func.name.split("$")[0] in _INLINE_REDUCTIONS
            if not anonymous and not unrolled_whole(update.schedule, rvar.var, extent):
                short = rvar.var.replace("$", ".")
                raise self._unsupported(
                    f"update {number} reduces over {short} ({extent} values) in time",
                    "one pixel a cycle needs the whole reduction in space",
                    f"add {func.name}.update({number}).unroll({short})",
                )
        names = [rvar.var for rvar in update.schedule.rvars]
        for reverse in product(*reversed(ranges)):
            point = dict(env)
            point.update({n: self.build.const(v) for n, v in zip(names, reversed(reverse), strict=True)})
            memo: dict[int, Value] = {}
            predicate = self._eval(update.predicate, point, func, values, memo)
            new = tuple(self._eval(expr, point, func, values, memo) for expr in update.values)
            values = tuple(
                self._select(predicate, n, v, type_) for n, v, type_ in zip(new, values, func.types, strict=True)
            )
        return values

    def _select(self, predicate: Value, new: Value, old: Value, type_: ir.Type) -> Value:
        condition = self._data(predicate)
        known = constant_value(condition)
        if known is not None:
            return new if known else old
        return self.build.select(condition, self._stream(new, type_), self._stream(old, type_))

    # --- reads -----------------------------------------------------------------------------------------------------

    def _read(self, call: ir.Call, args: tuple[Value, ...], func: ir.Func, before: tuple[Value, ...]) -> Value:
        """A call of a Func or image."""
        name = call.name if call.call_type is ir.CallType.IMAGE else self.region.callee(self.caller, call.name)
        if name == func.name:
            return self._self_read(call, args, func, before)
        image = None if name in self.inputs else self._image_read(name)
        if image is not None:  # the Func through which Halide reads an ImageParam is not the user's
            call = dataclasses.replace(image, args=call.args)
            name = image.name
        if name in self.inputs or (name in self.stages and name != self.stage):
            return self._tap(call, name, args)
        if call.call_type is ir.CallType.IMAGE:
            return self._image(call, args)
        callee = self.region.pipeline.funcs[name]
        numbers = _numbers(args)
        if numbers is not None and self.region.depends_on_no_input(name):
            return self._literal(self.region.constants.of_func(name, call.value_index, numbers), call.type)
        by_position = any(isinstance(arg, Affine | Tree) for arg in args)
        if self.region.depends_on_no_input(name) and is_table(self.region, name, by_position=by_position):
            return self._table(call, name, args)
        return self._call(callee, args)[call.value_index]

    def _table(self, call: ir.Call, name: str, args: Sequence[Value]) -> Ref:
        """A read of what needs no input, at an index that moves."""
        if not call.type.is_integer:
            raise self._unsupported(
                f"{show(call)} of type {call.type}", "tables hold integers", f"convert to an integer type in {name}"
            )
        indices = [self._data(arg) for arg in args]
        positional = tuple(not isinstance(arg, Ref) for arg in args)
        is_buffer = call.call_type is ir.CallType.IMAGE
        read = TableRead(self.caller, show(call), name, call.value_index, is_buffer, positional, max(self.lanes) - 1)
        if read not in self.lowered.tables:
            self.lowered.tables.append(read)
        number = self.lowered.tables.index(read)
        return self.build.graph.intern("table", indices, (number,), call.type.min, call.type.max)

    def _image_read(self, name: str) -> ir.Call | None:
        """The read of an ImageParam that a Func consists of, if it does nothing else."""
        func = self.region.pipeline.funcs.get(name)
        if func is None or func.init is None or func.updates or len(func.init.values) != 1:
            return None
        value = func.init.values[0]
        if isinstance(value, ir.Call) and value.param and name.split("$")[0] == f"{value.name}_im":
            return value
        return None

    def _self_read(self, call: ir.Call, args: tuple[Value, ...], func: ir.Func, before: tuple[Value, ...]) -> Value:
        for arg, own in zip(call.args, func.args, strict=True):
            if not (isinstance(arg, ir.Variable) and arg.name == own):
                raise self._unsupported(
                    f"{show(call)} in its own update",
                    "an update may read only the element it writes (recursion along the scan is not supported)",
                    "compute it in software, or as separate Funcs",
                )
        return before[call.value_index]

    def _image(self, call: ir.Call, args: tuple[Value, ...]) -> Value:
        numbers = _numbers(args)
        if call.image and numbers is not None:
            index = ir.Type(ir.TypeCode.INT, 32)
            at = dataclasses.replace(call, args=tuple(ir.Imm(index, n) for n in numbers))
            return self._literal(self.region.constants.of_expr(at), call.type)
        if call.image:
            return self._table(call, call.name, args)
        raise self._unsupported(
            f"{show(call)} reads the ImageParam {call.name}",
            "an accelerator reads only its inputs",
            f"name {call.name} in the inputs of accelerate()",
        )


def _numbers(values: Sequence[Value]) -> list[int] | None:
    """The indices, if all of them are numbers."""
    numbers = [constant_value(value) if isinstance(value, Ref) else None for value in values]
    return [n for n in numbers if n is not None] if None not in numbers else None
