"""Definitions run on streams: how a Func that is not a stage is inlined, and what a read of a Func stands for."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Mapping, Sequence
from itertools import product
from math import prod

from fluorite.errors import UnsupportedError
from fluorite.frontend.algorithm import ir
from fluorite.frontend.region.loops import Leaf, left_in_time
from fluorite.frontend.region.region import Region
from fluorite.hwgen.lowering.expressions import Before, Caller, Expressions
from fluorite.hwgen.lowering.indices import Origin, as_input, is_border_helper, is_inline_reduction, rule_of_missing
from fluorite.hwgen.lowering.tables import TableRead, buffer_value, is_table
from fluorite.hwgen.lowering.values import Affine, Lowered, Tree, Value
from fluorite.hwgen.streams.builder import constant_value
from fluorite.hwgen.streams.graph import Ref
from fluorite.hwgen.streams.operations import TABLE

__all__ = ["Definitions"]

_STEPS_MAX = 1 << 12  # of an update, each of which is an operator
_PASS = re.compile(r"lambda_\d+")  # a Func that Halide puts between a border condition and the image


class Definitions(Expressions):
    """Runs definitions. What reading a stream means is up to the subclass."""

    def __init__(self, region: Region, lowered: Lowered) -> None:
        super().__init__(region, lowered)
        for name in region.pipeline.funcs:
            while name not in self.inputs and (behind := self._passed_on(self.names.get(name, name))) is not None:
                self.names[name] = behind.name
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
        self.callers.append(Caller(func, tuple(args)))
        if func.init is None:
            raise self._unsupported(
                f"define_extern({func.extern.function})" if func.extern else "no definition",
                "hardware needs a definition to compile",
                "compute it in software and pass it as an input of accelerate()",
            )
        if func.init.specializations:
            raise self._unsupported("specialize()", "an accelerator has one schedule", "remove the specialization")
        env: dict[str, Value] = dict(zip(func.args, args, strict=True))
        values = self._assigned(func, func.init, env, (None,) * len(func.types), {})
        for number, update in enumerate(func.updates):
            values = self._update(func, number, update, env, values)
        defined = tuple(value for value in values if value is not None)
        if len(defined) != len(values):
            raise self._unsupported(
                "undef()", "no update defines the value at all pixels", "give the pure definition a value"
            )
        self.callers.pop()
        self.memo[key] = defined
        return defined

    def _assigned(
        self, func: ir.Func, definition: ir.Definition, env: Mapping[str, Value], before: Before, memo: dict[int, Value]
    ) -> Before:
        """Values of a definition at a point; what is ``undef()`` is what was there before."""
        return tuple(
            old if _is_undefined(expr) else self._eval(expr, env, func, before, memo)
            for expr, old in zip(definition.values, before, strict=True)
        )

    def _update(
        self, func: ir.Func, number: int, update: ir.Definition, env: dict[str, Value], values: Before
    ) -> Before:
        """Run one update over its whole reduction domain."""
        if update.specializations:
            raise self._unsupported("specialize()", "an accelerator has one schedule", "remove the specialization")
        for arg, name, own in zip(update.args, func.args, self.callers[-1].args, strict=True):
            own_element = isinstance(arg, ir.Variable) and arg.name == name
            if not own_element and _numbers([own]) is None:
                raise self._other_element(func, number, update)
        ranges = self._ranges(func, number, update)
        names = [rvar.var for rvar in update.schedule.rvars]
        for reverse in product(*reversed(ranges)):
            point = dict(env)
            point.update({n: self.build.const(v) for n, v in zip(names, reversed(reverse), strict=True)})
            memo: dict[int, Value] = {}
            if not self._is_written(func, number, update, point, values, memo):
                continue
            predicate = self._data(self._eval(update.predicate, point, func, values, memo))
            new = self._assigned(func, update, point, values, memo)
            values = tuple(
                self._select(predicate, n, v, type_) for n, v, type_ in zip(new, values, func.types, strict=True)
            )
        return values

    def _is_written(
        self, func: ir.Func, number: int, update: ir.Definition, point: Mapping[str, Value], before: Before,
        memo: dict[int, Value],
    ) -> bool:  # fmt: skip
        """Whether an update writes the channel that is computed, or another one."""
        written = [self._eval(arg, point, func, before, memo) for arg in update.args]
        for arg, own in zip(written, self.callers[-1].args, strict=True):
            if arg != own and _numbers([arg, own]) is None:
                raise self._other_element(func, number, update)
        return tuple(written) == self.callers[-1].args

    def _other_element(self, func: ir.Func, number: int, update: ir.Definition) -> UnsupportedError:
        return self._unsupported(
            f"update {number} of element ({', '.join(self._show(a) for a in update.args)})",
            "an update must write the pixel it is computed for",
            f"write {func.name}[{', '.join(func.args)}] = ..., or {as_input('it')}",
        )

    def _ranges(self, func: ir.Func, number: int, update: ir.Definition) -> list[range]:
        """What the variables of an update's reduction domain run over, all of it in space."""
        ranges: list[range] = []
        for rvar in update.schedule.rvars:
            lo, extent = (self._number(e, f"bounds of {rvar.var.replace('$', '.')}") for e in (rvar.min, rvar.extent))
            ranges.append(range(lo, lo + extent))
        steps = prod(map(len, ranges))
        if steps > _STEPS_MAX:
            raise self._unsupported(
                f"update {number} reduces over {steps} values",
                f"one pixel a cycle needs an operator for each, and an update has {_STEPS_MAX} at most",
                f"reduce over less, or {as_input('it')}",
            )
        inline = func.name not in self.stages and is_inline_reduction(func)
        for rvar, values in zip(update.schedule.rvars, ranges, strict=True):
            left = [] if inline else left_in_time(update.schedule, rvar.var, len(values))
            if left:
                raise self._in_time(f"{func.name}.update({number})", number, rvar.var, len(values), left)
        return ranges

    def _in_time(self, update: str, number: int, rvar: str, values: int, left: Sequence[Leaf]) -> UnsupportedError:
        """Of a reduction that is not unrolled, or only in part."""
        whole, *names = (name.rsplit(".", 1)[-1].replace("$", ".") for name in (rvar, *(leaf.name for leaf in left)))
        loops = "" if names == [whole] else f", by {' and '.join(names)},"
        way_out = f"add {update}{''.join(f'.unroll({name})' for name in names)}"
        other = next((leaf.for_type for leaf in left if leaf.for_type != "Serial"), None)
        if other:  # whose loops may have names of Halide's own
            loops, way_out = "", f"call {update}.unroll({whole}) in place of what makes a loop of it {other.lower()}"
        func = self.callers[-1].func
        if func.schedule.compute_level.var and func.name not in self.stages:  # which the user meant for software
            way_out += f", or name {func.name} in the inputs of accelerate()"
        return self._unsupported(
            f"update {number} reduces over {whole} ({values} values){loops} in time",
            "one pixel a cycle needs the whole reduction in space",
            way_out,
        )

    def _select(self, condition: Ref, new: Value | None, old: Value | None, type_: ir.Type) -> Value | None:
        known = constant_value(condition)
        if known is not None:
            return new if known else old
        if new is old:
            return old
        if new is None or old is None:
            raise self._unsupported(
                "undef()",
                "an update under a condition leaves pixels that nothing defines",
                "give the pure definition a value",
            )
        return self.build.select(condition, self._stream(new, type_), self._stream(old, type_))

    # --- reads -----------------------------------------------------------------------------------------------------

    def _read(self, call: ir.Call, args: tuple[Value, ...], func: ir.Func, before: Before) -> Value:
        """A call of a Func or image."""
        self._note_origins(call, args, func)
        name = call.name if call.call_type is ir.CallType.IMAGE else self.region.callee(func.name, call.name)
        if name == func.name:
            return self._self_read(call, args, before)
        while name not in self.inputs and (behind := self._passed_on(name)) is not None:
            call = dataclasses.replace(behind, args=call.args)
            name = behind.name
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
                f"{self._show(call)} of type {call.type}",
                "tables hold integers",
                f"convert to an integer type in {name}",
            )
        indices = [self._data(arg) for arg in args]
        positional = tuple(not isinstance(arg, Ref) for arg in args)
        is_buffer = call.call_type is ir.CallType.IMAGE
        read = TableRead(
            self._spoken(), self._show(call), name, call.value_index, is_buffer, positional, max(self.lanes) - 1
        )
        if read not in self.lowered.tables:
            self.lowered.tables.append(read)
        number = self.lowered.tables.index(read)
        return self.build.graph.intern("table", indices, TABLE.attributes(number), call.type.min, call.type.max)

    def _note_origins(self, call: ir.Call, args: Sequence[Value], func: ir.Func) -> None:
        """Keep where an index was written, for messages: what only passes a Func's arguments on was written before."""
        if is_border_helper(func):
            return
        for arg, value in zip(call.args, args, strict=True):
            known = isinstance(value, Tree) and value in self.origins
            if not isinstance(arg, ir.Variable | ir.Imm) and not isinstance(value, Affine) and not known:
                self.origins[value] = Origin(self._spoken(), self._show(arg), self._show(call))

    def _passed_on(self, name: str) -> ir.Call | None:
        """The read that a Func of Halide's own consists of: the one that reads an ImageParam, or stands before it."""
        func = self.region.pipeline.funcs.get(name)
        if func is None or func.init is None or func.updates or len(func.init.values) != 1:
            return None
        value = func.init.values[0]
        if not isinstance(value, ir.Call):
            return None
        if value.param and (name + "$").startswith(f"{value.name}_im$"):
            return value
        same = [
            isinstance(arg, ir.Variable) and arg.name == own for arg, own in zip(value.args, func.args, strict=False)
        ]
        if (
            _PASS.fullmatch(name)
            and value.call_type is ir.CallType.HALIDE
            and len(same) == len(func.args)
            and all(same)
        ):
            return value
        return None

    def _self_read(self, call: ir.Call, args: tuple[Value, ...], before: Before) -> Value:
        if args != self.callers[-1].args:
            raise self._unsupported(
                f"{self._show(call)} in its own update",
                "an update may read only the element it writes (recursion along the scan is not supported)",
                f"write it as separate Funcs, or {as_input('it')}",
            )
        value = before[call.value_index]
        if value is None:
            raise self._unsupported(
                f"{self._show(call)} in its own update", "it is undef() there", "give the pure definition a value"
            )
        return value

    def _image(self, call: ir.Call, args: tuple[Value, ...]) -> Value:
        numbers = _numbers(args)
        if call.image and numbers is not None:
            stored = buffer_value(self.region.pipeline.buffers[call.image], numbers)
            if stored is not None:
                return self._literal(stored, call.type)
            index = ir.Type(ir.TypeCode.INT, 32)  # Halide says what is wrong with it
            at = dataclasses.replace(call, args=tuple(ir.Imm(index, n) for n in numbers))
            return self._literal(self.region.constants.of_expr(at), call.type)
        if call.image:
            return self._table(call, call.name, args)
        construct = f"{self._show(call)} reads the ImageParam {call.name}"
        if any(isinstance(arg, Ref) and constant_value(arg) is None for arg in args):
            raise self._unsupported(
                construct,
                "what is read at an index by data is a table, and a table is constant",
                f"make {call.name} a constant hl.Buffer, or {as_input(self._show(call))}",
            )
        moving = _dimensions(args)
        if len(moving) < len(self.lanes):
            raise self._unsupported(construct, self._missing(moving), self._instead(call, moving))
        raise self._unsupported(
            construct, "an accelerator reads only its inputs", f"name {call.name} in the inputs of accelerate()"
        )

    def _missing(self, moving: Collection[int]) -> str:
        """The rule that a read breaks whose indices move along some of the scan's dimensions only."""
        scanned = [loop.var for loop in self.region.loops]
        return rule_of_missing([var for d, var in enumerate(scanned) if d in moving], scanned)

    def _instead(self, call: ir.Call, moving: Collection[int]) -> str:
        """What to write instead of such a read."""
        scanned = " and ".join(loop.var for loop in self.region.loops)
        copy = f"compute {self._show(call)} in software, as a Func over {scanned} that is an input of accelerate()"
        return copy if moving or call.call_type is not ir.CallType.IMAGE else f"pass it as a scalar hl.Param, or {copy}"


def _dimensions(args: Sequence[Value]) -> set[int]:
    """Scan dimensions along which a read moves."""
    moving: set[int] = set()
    for arg in args:
        if isinstance(arg, Affine):
            moving.add(arg.dimension)
        elif isinstance(arg, Tree):
            moving.update(index.dimension for index in arg.indices.values())
    return moving


def _is_undefined(expr: ir.Expr) -> bool:
    return isinstance(expr, ir.Call) and expr.name == "undef"


def _numbers(values: Sequence[Value]) -> list[int] | None:
    """The indices, if all of them are numbers."""
    numbers = [constant_value(value) if isinstance(value, Ref) else None for value in values]
    return [n for n in numbers if n is not None] if None not in numbers else None
