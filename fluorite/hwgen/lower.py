"""Lowering: a region's algorithm becomes stream expressions, one per stage and lane.

Every Func that is not a stage is inlined by running its definition on streams: a pure variable stands for "scan dimension d,
so many pixels away", an RVar for a number, and a read of a stage or input at such indices becomes a tap. The walk runs twice:
once to learn which taps exist (hence each stage's domain), once to build.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import TypeAlias

from fluorite.errors import UnsupportedError
from fluorite.frontend import ir
from fluorite.frontend.loops import unrolled_whole
from fluorite.frontend.pretty import show
from fluorite.frontend.region import Region
from fluorite.frontend.visit import children
from fluorite.hwgen import semantics
from fluorite.hwgen.graph import Graph, Ref
from fluorite.hwgen.names import identifier
from fluorite.hwgen.ops import Builder, constant_value

__all__ = ["Affine", "Domain", "Lowered", "lower", "stage_key"]

_INLINE_REDUCTIONS = ("sum", "product", "maximum", "minimum")


@dataclass(frozen=True, slots=True)
class Affine:
    """An index that moves with the scan: ``lanes * word + offset`` pixels from the launch's origin along ``dimension``."""

    dimension: int
    offset: int


# A stream, an index, or a float constant kept as the (closed) expression that Halide will evaluate.
Value: TypeAlias = Ref | Affine | ir.Expr


@dataclass(frozen=True, slots=True)
class Domain:
    """Which pixels of a stream a launch computes.

    Attributes
    ----------
    dimensions : tuple of int or None
        Scan dimension along which each argument of the Func runs; None for an argument that is a number wherever it is read:
        a channel, all of which are computed in every cycle.
    lo, hi : tuple of int
        Along each scan dimension, the pixels relative to the output's own: from ``min + lo`` to ``max + hi``.
    channels : tuple of (int, int)
        Least and greatest number of each channel argument, in the order of the arguments.
    """

    dimensions: tuple[int | None, ...]
    lo: tuple[int, ...]
    hi: tuple[int, ...]
    channels: tuple[tuple[int, int], ...] = ()

    @property
    def channel_count(self) -> int:
        """Values a pixel."""
        return math.prod(hi - lo + 1 for lo, hi in self.channels)

    def channel(self, numbers: Sequence[int]) -> int:
        """Which value of a pixel these channel arguments are, the first argument fastest."""
        index, stride = 0, 1
        for number, (lo, hi) in zip(numbers, self.channels, strict=True):
            index += (number - lo) * stride
            stride *= hi - lo + 1
        return index

    def channel_numbers(self) -> list[tuple[int, ...]]:
        """The channel arguments of every value of a pixel, in order."""
        ranges = [range(lo, hi + 1) for lo, hi in reversed(self.channels)]
        return [tuple(reversed(numbers)) for numbers in product(*ranges)]


@dataclass(slots=True)
class Lowered:
    """All stages as expressions over taps.

    Attributes
    ----------
    graph : Graph
        Nodes; reads of other stages and of inputs are ``tap`` nodes.
    bodies : dict
        Per (stage key, lane, channel), its value.
    domains : dict
        Per stage or input name, what a launch computes or reads of it.
    parameters : dict
        Scalar Params read, with their types.
    origins : dict
        Scan dimensions whose absolute coordinate is used, with the setting's name.
    notes : list of str
        Warnings of overflow; a ``wrap`` node's note counts from 1.
    """

    graph: Graph
    bodies: dict[tuple[str, int, int], Ref] = field(default_factory=dict)
    domains: dict[str, Domain] = field(default_factory=dict)
    parameters: dict[str, ir.Type] = field(default_factory=dict)
    origins: dict[int, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def stage_key(name: str, value_index: int) -> str:
    """Name of the stream of one Tuple element of a stage."""
    return name if value_index == 0 else f"{name}.{value_index}"


def lower(region: Region) -> Lowered:
    """Lower a region.

    Raises
    ------
    UnsupportedError
        A construct has no hardware here; the message names Func, construct, rule and way out.
    """
    survey = _Walk(region, {}, survey=True)
    survey.run()
    for name in survey.inputs:
        if name not in survey.reads:
            raise UnsupportedError(
                region.name, f"input {name}", "nothing that is computed reads it", "remove it from the inputs"
            )
    walk = _Walk(region, survey.reads, survey=False)
    walk.run()
    return walk.lowered


class _Walk:
    """One pass over a region's stages, consumers first."""

    def __init__(self, region: Region, domains: Mapping[str, Domain], *, survey: bool) -> None:
        self.region = region
        self.survey = survey
        self.inputs = {i.name: i for i in region.inputs}
        self.stages = set(region.stages)
        self.lanes = tuple(1 if survey else loop.lanes for loop in region.loops)
        self.lowered = Lowered(Graph(len(region.loops)), domains=dict(domains))
        self.build = Builder(self.lowered.graph)
        self.reads: dict[str, Domain] = dict(domains)  # while surveying, what consumers read so far
        self.stage = ""  # being lowered
        self.caller = ""  # whose definition is being run
        self.memo: dict[object, tuple[Value, ...]] = {}

    # --- stages ---------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Lower every stage, so that a producer's readers are all known before it."""
        region = self.region
        if self.survey:
            own: list[int | None] = [None] * len(region.func.args)
            for d, loop in enumerate(region.loops):
                own[loop.position] = d
            zero = (0,) * len(region.loops)
            by_position = sorted(region.channels, key=lambda channel: channel.position)
            channels = tuple((c.min, c.min + c.extent - 1) for c in by_position)
            self.reads[region.name] = Domain(tuple(own), zero, zero, channels)
        for name in reversed(region.stages):
            if name not in self.reads:
                continue  # not read by anything that is left
            self.stage = name
            self.memo = {}
            func, domain = region.pipeline.funcs[name], self.reads[name]
            lo = (0,) * len(domain.lo) if self.survey else domain.lo
            for lane, offsets in enumerate(self._lane_offsets()):
                for channel, numbers in enumerate(domain.channel_numbers()):
                    left = iter(numbers)
                    indices = [
                        self.build.const(next(left)) if d is None else Affine(d, lo[d] + offsets[d])
                        for d in domain.dimensions
                    ]
                    for index, value in enumerate(self._call(func, indices)):
                        body = self._stream(value, func.types[index])
                        self.lowered.bodies[stage_key(name, index), lane, channel] = body

    def _lane_offsets(self) -> Iterator[tuple[int, ...]]:
        """Offset of each lane along each scan dimension, dimension 0 fastest."""
        for reverse in product(*(range(n) for n in reversed(self.lanes))):
            yield tuple(reversed(reverse))

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
        return self._call(callee, args)[call.value_index]

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

    def _tap(self, call: ir.Call, name: str, args: tuple[Value, ...]) -> Value:
        """A read of another stream at some pixels' distance."""
        offsets: dict[int, int] = {}
        numbers: list[int] = []
        for position, arg in enumerate(args):
            number = constant_value(arg) if isinstance(arg, Ref) else None
            if number is not None:
                numbers.append(number)
            elif isinstance(arg, Affine) and arg.dimension not in offsets:
                offsets[arg.dimension] = arg.offset
            else:
                raise self._unsupported(
                    f"index {show(call.args[position])} in {show(call)}",
                    f"a stream is read at a pure variable plus a constant in each of the {len(self.lanes)} scanned dimensions",
                    f"compute {name} at this index in software, or remove {name} from the inputs and stages",
                )
        dimensions = tuple(arg.dimension if isinstance(arg, Affine) else None for arg in args)
        if len(offsets) != len(self.lanes):
            raise self._unsupported(
                f"{show(call)} scans {len(offsets)} dimensions",
                f"every stream of this accelerator scans the {len(self.lanes)} dimensions of {self.region.name}",
                f"give {name} the dimensions of {self.region.name}",
            )
        type_ = (
            self.inputs[name].type if name in self.inputs else self.region.pipeline.funcs[name].types[call.value_index]
        )
        key = stage_key(name, call.value_index)
        distances = tuple(offsets[d] for d in range(len(offsets)))
        if self.survey:
            self._record(name, dimensions, distances, tuple(numbers), call)
            return self.build.source("tap", (key, *distances, *numbers), type_.min, type_.max)
        domain = self.reads[name]
        lane, stride = 0, 1
        delay: list[int] = []
        for d, lanes in enumerate(self.lanes):
            word, within = divmod(distances[d] - domain.lo[d], lanes)
            lane += within * stride
            stride *= lanes
            delay.append(-word)
        tap = self.build.source("tap", (key, lane, domain.channel(numbers)), type_.min, type_.max)
        return tap.shifted(tuple(delay))

    def _record(
        self,
        name: str,
        dimensions: tuple[int | None, ...],
        distances: tuple[int, ...],
        numbers: tuple[int, ...],
        call: ir.Call,
    ) -> None:
        """Add a read to what is known of a stream: offsets add up along the way from the output."""
        own = self.reads[self.stage]
        lo = tuple(o + d for o, d in zip(own.lo, distances, strict=True))
        hi = tuple(o + d for o, d in zip(own.hi, distances, strict=True))
        known = self.reads.setdefault(name, Domain(dimensions, lo, hi, tuple((n, n) for n in numbers)))
        if known.dimensions != dimensions:
            raise self._unsupported(
                f"{show(call)} scans {name} in another way than elsewhere",
                "a stream has one raster order, and an argument is a number in all reads or in none",
                f"make a copy of {name} for this read in software",
            )
        self.reads[name] = Domain(
            dimensions,
            tuple(map(min, known.lo, lo)),
            tuple(map(max, known.hi, hi)),
            tuple((min(a, n), max(b, n)) for (a, b), n in zip(known.channels, numbers, strict=True)),
        )

    def _image(self, call: ir.Call, args: tuple[Value, ...]) -> Value:
        numbers = _numbers(args)
        if call.image and numbers is not None:
            index = ir.Type(ir.TypeCode.INT, 32)
            at = dataclasses.replace(call, args=tuple(ir.Imm(index, n) for n in numbers))
            return self._literal(self.region.constants.of_expr(at), call.type)
        if call.image:
            raise self._unsupported(
                f"{show(call)} reads a constant Buffer",
                "a table indexed by data or position is not supported",
                "unroll the index",
            )
        raise self._unsupported(
            f"{show(call)} reads the ImageParam {call.name}",
            "an accelerator reads only its inputs",
            f"name {call.name} in the inputs of accelerate()",
        )

    # --- expressions ----------------------------------------------------------------------------------------------

    def _eval(
        self, expr: ir.Expr, env: Mapping[str, Value], func: ir.Func, before: tuple[Value, ...], memo: dict[int, Value]
    ) -> Value:
        """Value of an expression; an explicit post-order walk, since an unrolled sum is deeper than Python's stack."""
        stack: list[tuple[ir.Expr, bool]] = [(expr, False)]
        while stack:
            node, ready = stack.pop()
            if id(node) in memo:
                continue
            operands = children(node)
            if not ready and operands:
                stack.append((node, True))
                stack.extend((child, False) for child in reversed(operands))
            else:
                memo[id(node)] = self._apply(node, [memo[id(child)] for child in operands], env, func, before)
        return memo[id(expr)]

    def _apply(
        self, node: ir.Expr, values: list[Value], env: Mapping[str, Value], func: ir.Func, before: tuple[Value, ...]
    ) -> Value:
        if isinstance(node, ir.Call) and node.call_type in (ir.CallType.HALIDE, ir.CallType.IMAGE):
            return self._read(node, tuple(values), func, before)
        if isinstance(node, ir.Variable):
            return self._variable(node, env)
        if isinstance(node, ir.Binary):
            moved = _affine(node.op, *values)
            if moved is not None:
                return moved
        if isinstance(node, ir.Imm):
            return self._literal(node.value, node.type)
        if not node.type.is_integer or any(not isinstance(value, Ref | Affine) for value in values):
            return self._fold(node, values)
        data = [self._data(value) for value in values]
        try:
            result = self._operate(node, data)
        except semantics.NotSupported as reason:
            raise self._unsupported(show(node), reason.rule, reason.way_out) from None
        if result is None:
            raise self._unsupported(show(node), "this operation has no hardware", "rewrite it, or leave it to software")
        return result

    def _operate(self, node: ir.Expr, data: list[Ref]) -> Ref | None:
        build = self.build
        match node:
            case ir.Cast(type=type_):
                return semantics.convert(build, data[0], type_)
            case ir.Reinterpret(type=type_):
                return semantics.convert(build, data[0], type_)
            case ir.Binary(op=op, type=type_):
                return semantics.binary(build, op, type_, data[0], data[1], lambda: self._overflow(node, type_))
            case ir.Not():
                return build.logical_not(data[0])
            case ir.Select():
                return build.select(data[0], data[1], data[2])
            case ir.Call(name=name, type=type_, args=args):
                types = [a.type for a in args]
                return semantics.intrinsic(build, name, type_, data, types, lambda: self._overflow(node, type_))
        return None

    def _fold(self, node: ir.Expr, values: Sequence[Value]) -> Value:
        """An expression with floats in it: Halide's own value, if all operands are constants."""
        literals: list[ir.Expr] = []
        for child, value in zip(children(node), values, strict=True):
            number = constant_value(value) if isinstance(value, Ref) else None
            if number is not None:
                literals.append(ir.Imm(child.type, number))
            elif not isinstance(value, Ref | Affine):
                literals.append(value)
            else:
                floating = node.type if not node.type.is_integer else child.type
                raise self._unsupported(
                    show(node),
                    f"{floating} arithmetic has no hardware",
                    "use integer or fixed-point arithmetic, or leave it to software",
                )
        closed = _with_children(node, literals)
        if not node.type.is_integer:
            return closed
        return self.build.const(int(self.region.constants.of_expr(closed)))

    def _literal(self, value: int | float, type_: ir.Type) -> Value:
        return self.build.const(int(value)) if type_.is_integer else ir.Imm(type_, float(value))

    def _variable(self, node: ir.Variable, env: Mapping[str, Value]) -> Value:
        if not node.param and node.name in env:
            return env[node.name]
        if node.param and "." not in node.name and node.type.is_integer:
            self.lowered.parameters[node.param] = node.type
            return self.build.setting(f"param_{identifier(node.param)}", node.type.min, node.type.max)
        if node.param:
            raise self._unsupported(
                node.name, "only integer scalar Params reach the hardware", "compute what depends on it in software"
            )
        raise self._unsupported(node.name, "the variable is not bound here", "define the Func over it")

    def _data(self, value: Value) -> Ref:
        """A value as a stream: an index used as data is a coordinate."""
        if isinstance(value, Ref):
            return value
        if not isinstance(value, Affine):
            raise self._unsupported(
                f"a value of type {value.type}", "streams carry integers", "convert it to an integer type first"
            )
        loop = self.region.loops[value.dimension]
        d = value.dimension
        words = -(-(loop.max_extent + 64) // loop.lanes)
        word = self.build.source("coord", (self.stage, d), 0, words)
        if loop.min is not None:
            return self.build.linear([(self.lanes[d], word)], loop.min + value.offset)
        name = f"origin_{loop.var}"
        self.lowered.origins[d] = name
        origin = self.build.setting(name, -(1 << 30), (1 << 30) - 1)
        return self.build.linear([(self.lanes[d], word), (1, origin)], value.offset)

    def _stream(self, value: Value, type_: ir.Type) -> Ref:
        if not type_.is_integer:
            raise self._unsupported(
                f"a value of type {type_}",
                "streams carry integers",
                "convert to an integer type in the hardware's last Func",
            )
        return self._data(value)

    def _number(self, expr: ir.Expr, what: str) -> int:
        value = constant_value(self._data(self._eval(expr, {}, self.region.func, (), {})))
        if value is None:
            raise self._unsupported(what, "a reduction domain needs constant bounds", "use numbers")
        return value

    # --- messages -------------------------------------------------------------------------------------------------

    def _overflow(self, node: ir.Expr, type_: ir.Type) -> int:
        message = (
            f"{self.caller}: {show(node)}: may overflow {type_}, which Halide leaves undefined; "
            f"the hardware keeps the low {type_.bits} bits"
        )
        if message not in self.lowered.notes:
            self.lowered.notes.append(message)
        return 1 + self.lowered.notes.index(message)

    def _unsupported(self, construct: str, rule: str, way_out: str) -> UnsupportedError:
        return UnsupportedError(self.caller or self.region.name, construct, rule, way_out)


def _with_children(node: ir.Expr, children: Sequence[ir.Expr]) -> ir.Expr:
    """The same operation on other operands."""
    match node:
        case ir.Cast() | ir.Reinterpret() | ir.Not():
            return dataclasses.replace(node, value=children[0])
        case ir.Binary():
            return dataclasses.replace(node, a=children[0], b=children[1])
        case ir.Select():
            return dataclasses.replace(node, condition=children[0], true_value=children[1], false_value=children[2])
        case ir.Call():
            return dataclasses.replace(node, args=tuple(children))
    return node


def _numbers(values: Sequence[Value]) -> list[int] | None:
    """The indices, if all of them are numbers."""
    numbers = [constant_value(value) if isinstance(value, Ref) else None for value in values]
    return [n for n in numbers if n is not None] if None not in numbers else None


def _affine(op: ir.BinaryOp, a: Value, b: Value) -> Value | None:
    """``index + number`` and ``index - number`` stay indices."""
    if op is ir.BinaryOp.ADD and isinstance(b, Affine):
        a, b = b, a
    if isinstance(a, Affine) and isinstance(b, Ref) and op in (ir.BinaryOp.ADD, ir.BinaryOp.SUB):
        number = constant_value(b)
        if number is not None:
            return Affine(a.dimension, a.offset + (number if op is ir.BinaryOp.ADD else -number))
    return None
