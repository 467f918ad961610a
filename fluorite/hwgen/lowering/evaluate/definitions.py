"""Definitions run: what a Func is at a point, its pure definition and its updates one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Generic, TypeVar

from fluorite.errors import UnsupportedError
from fluorite.frontend.algorithm import ir
from fluorite.frontend.region.loops import leaves
from fluorite.frontend.region.region import Region
from fluorite.hwgen.lowering.evaluate.arithmetic import Arithmetic, Streams
from fluorite.hwgen.lowering.evaluate.calls import Before, Calls, Running
from fluorite.hwgen.lowering.evaluate.diagnostics import Caller, Diagnostics, Origin
from fluorite.hwgen.lowering.evaluate.expressions import Expressions
from fluorite.hwgen.lowering.evaluate.indices import Affine, Tree, Value
from fluorite.hwgen.lowering.evaluate.recursion import Recursion, places_of
from fluorite.hwgen.lowering.evaluate.reductions import steps_of
from fluorite.hwgen.lowering.evaluate.refusals import as_input

__all__ = ["Definitions"]

D = TypeVar("D")


class Definitions(Generic[D]):
    """Runs the definition of one stage, and of the Funcs that are inlined into it.

    Parameters
    ----------
    region : Region
        The stage's.
    stage : str
        The stage.
    diagnostics : Diagnostics
        Says what has no hardware.
    data : Arithmetic
        What data are.
    streams : Streams
        What reads of other stages and of inputs are.
    """

    def __init__(
        self, region: Region, stage: str, diagnostics: Diagnostics, data: Arithmetic[D], streams: Streams[D]
    ) -> None:
        self._region = region
        self._stage = stage
        self._diagnostics = diagnostics
        self._arithmetic = data
        self._expressions = Expressions(region, diagnostics, data)
        self._calls = Calls(region, stage, diagnostics, data, self._expressions, streams, self._inlined)
        self._memo: dict[object, tuple[Value[D], ...]] = {}

    def values(self, func: ir.Func, args: Sequence[Value[D]]) -> tuple[D, ...]:
        """Values of a Func at a point as data, one per Tuple element.

        Raises
        ------
        UnsupportedError
            A construct has no hardware.
        """
        values = self._inlined(func, args, {})
        return tuple(self._expressions.stream(v, type_) for v, type_ in zip(values, func.types, strict=True))

    def _inlined(self, func: ir.Func, args: Sequence[Value[D]], origins: Mapping[str, Origin]) -> tuple[Value[D], ...]:
        """Values of a Func at a point, its definitions run in order."""
        key = (func.name, tuple(args))
        if key in self._memo:
            return self._memo[key]
        self._diagnostics.callers.append(Caller(func, origins, any(isinstance(arg, Tree) for arg in args)))
        if func.init is None:
            raise self._diagnostics.unsupported(
                f"define_extern({func.extern.function})" if func.extern else "no definition",
                "hardware needs a definition to compile",
                "compute it in software and pass it as an input of accelerate()",
            )
        self._refuse_specializations(func.init)
        point: dict[str, Value[D]] = dict(zip(func.args, args, strict=True))
        before: Before[D] = (None,) * len(func.types)
        values = self._assigned(func.init, point, Running(func, tuple(args), before), {})
        for number in range(len(func.updates)):
            values = self._update(number, point, Running(func, tuple(args), values))
        defined = tuple(value for value in values if value is not None)
        if len(defined) != len(values):
            raise self._diagnostics.unsupported(
                "undef()", "no update defines the value at all pixels", "give the pure definition a value"
            )
        self._diagnostics.callers.pop()
        self._memo[key] = defined
        return defined

    def _assigned(
        self, definition: ir.Definition, point: Mapping[str, Value[D]], running: Running[D], memo: dict[int, Value[D]]
    ) -> Before[D]:
        """Values of a definition at a point; one that is ``undef()`` stays as it was before."""
        read = partial(self._calls.read, running)
        return tuple(
            old if _is_undefined(expr) else self._expressions.value(expr, point, read, memo)
            for expr, old in zip(definition.values, running.before, strict=True)
        )

    def _update(self, number: int, point: Mapping[str, Value[D]], running: Running[D]) -> Before[D]:
        """Values after an update over its whole reduction domain."""
        func, values = running.func, running.before
        update = func.updates[number]
        self._refuse_specializations(update)
        places = places_of(func, number, running.args)
        if places and func.name == self._stage:
            return self._recursive(number, point, running, places)
        for arg, name, own in zip(update.args, func.args, running.args, strict=True):
            is_own_element = isinstance(arg, ir.Variable) and arg.name == name
            if not is_own_element and self._expressions.number(own) is None:
                raise self._other_element(func, number)
        steps = self._steps(func, number)
        if len(steps) == 1:
            return self._stepped(number, point, running, steps[0])
        if None in values:
            raise self._diagnostics.unsupported(
                "undef()", "a reduction in time begins with a value", "give the pure definition a value"
            )
        before = [self._expressions.stream(v, t) for v, t in zip(values, func.types, strict=True) if v is not None]

        def stepped(step: Sequence[tuple[int, ...]]) -> Callable[[Sequence[D]], Sequence[D]]:
            def run(so_far: Sequence[D]) -> Sequence[D]:
                after = self._stepped(number, point, replace(running, before=tuple(so_far)), step)
                return [self._expressions.stream(v, t) for v, t in zip(after, func.types, strict=True) if v is not None]

            return run

        return tuple(self._arithmetic.in_time(before, [stepped(step) for step in steps]))

    def _recursive(
        self, number: int, point: Mapping[str, Value[D]], running: Running[D], places: Mapping[str, Affine]
    ) -> Before[D]:
        """Values after an update that goes over the image itself."""
        func = running.func
        update = func.updates[number]
        others = [rvar.var for rvar in update.schedule.rvars if rvar.var not in places]
        if others:
            raise self._diagnostics.unsupported(
                f"update {number} goes over the image, and over {others[0].replace('$', '.')} at each pixel",
                "recursion along the scan and a reduction are two updates",
                "reduce in a Func of its own, and read that in the recursion",
            )
        here: dict[str, Value[D]] = {**point, **places}
        memo: dict[int, Value[D]] = {}
        running = replace(running, over=number, furthest=set())
        read = partial(self._calls.read, running)
        at = tuple(self._expressions.value(arg, here, read, memo) for arg in update.args)
        is_written = self._is_written(number, at, running)  # and not another channel
        predicate = self._expressions.data(self._expressions.value(update.predicate, here, read, memo))
        new = self._assigned(update, here, running, memo) if is_written else running.before
        along = [places[root].dimension for leaf in leaves(update.schedule) for root in leaf.roots if root in places]
        if along != sorted(along) and any(part > 0 for by in running.furthest for part in by):
            raise self._diagnostics.unsupported(
                f"update {number} in another order of loops than the scan's",
                "it reads a pixel that only the scan has come to before",
                "let the RVars be in the order of the Func's arguments",
            )
        for rvar in update.schedule.rvars:
            d = places[rvar.var].dimension
            if not any(by[d] for by in running.furthest):
                inside = self._expressions.data(self._expressions.value(_is_in(rvar), here, read, {}))
            else:
                before, behind = (max(0, *(sign * by[d] for by in running.furthest)) for sign in (-1, 1))
                recursion = Recursion(func.name, d, *self._ends(rvar), before, behind)
                self._arithmetic.recurs(recursion)
                inside = self._arithmetic.inside(places[rvar.var], recursion)
            if self._arithmetic.number(inside) != 1:
                predicate = self._arithmetic.select(inside, predicate, self._arithmetic.const(0))
        values = tuple(
            self._select(predicate, n, v, type_) for n, v, type_ in zip(new, running.before, func.types, strict=True)
        )
        data = [self._expressions.stream(v, t) for v, t in zip(values, func.types, strict=True) if v is not None]
        self._arithmetic.written(number, running.args, data)
        return values

    def _ends(self, rvar: ir.ReductionVariable) -> tuple[Tree | int, Tree | int]:
        """The first value of an RVar and its last: numbers, or what follows from extents and mins of images."""
        nowhere: Running[D] = Running(self._region.func, (), ())
        read = partial(self._calls.read, nowhere)
        one = ir.Imm(rvar.min.type, 1)
        behind = ir.Binary(ir.BinaryOp.ADD, rvar.min, rvar.extent, rvar.min.type)
        ends: list[Tree | int] = []
        for expr in (rvar.min, ir.Binary(ir.BinaryOp.SUB, behind, one, rvar.min.type)):
            value = self._expressions.value(expr, {}, read, {})
            number = self._expressions.number(value)
            if number is not None:
                ends.append(number)
            elif isinstance(value, Tree) and not value.indices:
                ends.append(value)
            else:
                raise self._diagnostics.unsupported(
                    f"bounds of {rvar.var.replace('$', '.')}",
                    "where a recursion begins and ends follows from numbers and from extents of images",
                    "use numbers",
                )
        return ends[0], ends[1]

    def _stepped(
        self, number: int, point: Mapping[str, Value[D]], running: Running[D], step: Sequence[tuple[int, ...]]
    ) -> Before[D]:
        """Values after some values of an update's RVars, one after the other."""
        func, values = running.func, running.before
        update = func.updates[number]
        names = [rvar.var for rvar in update.schedule.rvars]
        for numbers in step:
            here: dict[str, Value[D]] = dict(point)
            here.update((n, self._arithmetic.const(v)) for n, v in zip(names, numbers, strict=True))
            memo: dict[int, Value[D]] = {}
            so_far = replace(running, before=values)
            read = partial(self._calls.read, so_far)
            written = tuple(self._expressions.value(arg, here, read, memo) for arg in update.args)
            if not self._is_written(number, written, running):
                continue
            predicate = self._expressions.data(self._expressions.value(update.predicate, here, read, memo))
            new = self._assigned(update, here, so_far, memo)
            values = tuple(
                self._select(predicate, n, v, type_) for n, v, type_ in zip(new, values, func.types, strict=True)
            )
        return values

    def _is_written(self, number: int, written: tuple[Value[D], ...], running: Running[D]) -> bool:
        """Whether an update writes the channel that is computed, or another one."""
        for one, own in zip(written, running.args, strict=True):
            if one != own and self._expressions.numbers([one, own]) is None:
                raise self._other_element(running.func, number)
        return written == running.args

    def _other_element(self, func: ir.Func, number: int) -> UnsupportedError:
        return self._diagnostics.unsupported(
            f"update {number} of element ({', '.join(self._diagnostics.show(a) for a in func.updates[number].args)})",
            "an update must write the pixel it is computed for",
            f"write {func.name}[{', '.join(func.args)}] = ..., or {as_input('it')}",
        )

    def _steps(self, func: ir.Func, number: int) -> list[list[tuple[int, ...]]]:
        """What the RVars of an update are, in the steps that its schedule takes: by step, one after the other."""
        ranges: list[range] = []
        for rvar in func.updates[number].schedule.rvars:
            spoken = f"bounds of {rvar.var.replace('$', '.')}"
            lo, extent = (self._bound(expr, spoken) for expr in (rvar.min, rvar.extent))
            ranges.append(range(lo, lo + extent))
        own = func.name == self._stage
        return steps_of(self._region, self._diagnostics, func, number, ranges, in_time=own)

    def _bound(self, expr: ir.Expr, construct: str) -> int:
        nowhere: Running[D] = Running(self._region.func, (), ())
        read = partial(self._calls.read, nowhere)
        data = self._expressions.data(self._expressions.value(expr, {}, read, {}))
        number = self._arithmetic.number(data)
        if number is None:
            raise self._diagnostics.unsupported(construct, "a reduction domain needs constant bounds", "use numbers")
        return number

    def _select(self, condition: D, new: Value[D] | None, old: Value[D] | None, type_: ir.Type) -> Value[D] | None:
        known = self._arithmetic.number(condition)
        if known is not None:
            return new if known else old
        if new is old:
            return old
        if new is None or old is None:
            raise self._diagnostics.unsupported(
                "undef()",
                "an update under a condition leaves pixels that nothing defines",
                "give the pure definition a value",
            )
        return self._arithmetic.select(
            condition, self._expressions.stream(new, type_), self._expressions.stream(old, type_)
        )

    def _refuse_specializations(self, definition: ir.Definition) -> None:
        if definition.specializations:
            raise self._diagnostics.unsupported(
                "specialize()", "an accelerator has one schedule", "remove the specialization"
            )


def _is_in(rvar: ir.ReductionVariable) -> ir.Expr:
    """Whether an RVar is one of its values."""
    flag, type_ = ir.Type(ir.TypeCode.UINT, 1), rvar.min.type
    one = ir.Variable(rvar.var, type_)
    end = ir.Binary(ir.BinaryOp.ADD, rvar.min, rvar.extent, type_)
    begun, goes_on = ir.Binary(ir.BinaryOp.LE, rvar.min, one, flag), ir.Binary(ir.BinaryOp.LT, one, end, flag)
    return ir.Binary(ir.BinaryOp.AND, begun, goes_on, flag)


def _is_undefined(expr: ir.Expr) -> bool:
    return isinstance(expr, ir.Call) and expr.name == "undef"
