"""Expressions run on streams.

A pure variable stands for "scan dimension d, so many pixels away", an RVar for a number, and every operation is
applied to the values of its operands: numbers fold, indices stay indices, data become nodes of the stream graph.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from fluorite.errors import UnsupportedError
from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.pretty import show
from fluorite.frontend.algorithm.visit import children
from fluorite.frontend.region.region import Region
from fluorite.hwgen.formula import Formula, constant, variable
from fluorite.hwgen.lowering.indices import Origin, as_input, is_border_helper, is_reduction_helper
from fluorite.hwgen.lowering.semantics import operations as semantics
from fluorite.hwgen.lowering.software_only import SOFTWARE_ONLY, software_only
from fluorite.hwgen.lowering.values import Affine, Lowered, Tree, Value
from fluorite.hwgen.streams.builder import Builder, constant_value
from fluorite.hwgen.streams.graph import Ref

__all__ = ["Before", "Caller", "Expressions", "with_children"]

Before: TypeAlias = tuple[Value | None, ...]
"""Values of a Func before an update of it; None where ``undef()`` left one out."""


@dataclasses.dataclass(frozen=True, slots=True)
class Caller:
    """A Func that is being run, and the point that it is run at."""

    func: ir.Func
    args: tuple[Value, ...]


class Expressions:
    """Runs expressions. What a read of a Func or image means is up to the subclass.

    Parameters
    ----------
    region : Region
        Whose Funcs are run.
    lowered : Lowered
        Where nodes and needs are collected.
    """

    def __init__(self, region: Region, lowered: Lowered) -> None:
        self.region = region
        self.lowered = lowered
        self.build = Builder(lowered.graph)
        self.lanes = tuple(loop.lanes for loop in region.loops)
        self.inputs = {i.name: i for i in region.inputs}
        self.stages = set(region.stages)
        self.origins: dict[Value, Origin] = {}  # of indices that are not a position plus a number
        self.stage = ""  # being lowered
        self.callers: list[Caller] = []  # whose definitions are being run, the innermost last
        self.names: dict[str, str] = {}  # what the user calls Funcs of Halide's own

    def _read(self, call: ir.Call, args: tuple[Value, ...], func: ir.Func, before: Before) -> Value:
        """A call of a Func or image."""
        raise NotImplementedError

    def _eval(
        self, expr: ir.Expr, env: Mapping[str, Value], func: ir.Func, before: Before, memo: dict[int, Value]
    ) -> Value:
        """Value of an expression; an explicit post-order walk, since an unrolled sum is deeper than Python's stack."""
        stack: list[tuple[ir.Expr, bool]] = [(expr, False)]
        while stack:
            node, ready = stack.pop()
            if id(node) in memo:
                continue
            operands = children(node)
            if isinstance(node, ir.Call) and node.name in SOFTWARE_ONLY:
                raise self._unsupported(*software_only(node, self.names))
            if not ready and operands:
                stack.append((node, True))
                stack.extend((child, False) for child in reversed(operands))
            else:
                memo[id(node)] = self._apply(node, [memo[id(child)] for child in operands], env, func, before)
        return memo[id(expr)]

    def _apply(
        self, node: ir.Expr, values: list[Value], env: Mapping[str, Value], func: ir.Func, before: Before
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
        if isinstance(node, ir.Call) and node.name in ("likely", "likely_if_innermost"):
            return values[0]
        floating = not node.type.is_integer or any(not child.type.is_integer for child in children(node))
        if floating or any(isinstance(value, Affine | Tree) for value in values):
            kept = self._tree(node, values, floating=floating)
            if kept is not None:
                return kept
        return self._operation(node, [self._data(value) for value in values])

    def _operation(self, node: ir.Expr, data: list[Ref]) -> Ref:
        result = self._operate(node, data)
        if result is None:
            raise self._unsupported(self._show(node), "this operation has no hardware", as_input("it"))
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

    def _tree(self, node: ir.Expr, values: Sequence[Value], *, floating: bool) -> Value | None:
        """An operation on indices and constants, kept as it is; None if it has data among its operands."""
        literals: list[ir.Expr] = []
        indices: dict[str, Affine] = {}
        metadata: dict[str, ir.Variable] = {}
        has_data = False
        for child, value in zip(children(node), values, strict=True):
            if isinstance(value, Tree):
                literals.append(value.expr)
                indices.update(value.indices)
                metadata.update(value.metadata)
            elif isinstance(value, Affine):
                name = f"index {value.dimension} {value.offset}"
                literals.append(ir.Variable(name, child.type))
                indices[name] = value
            else:
                number = constant_value(value)
                has_data |= number is None
                literals.append(ir.Imm(child.type, number or 0))
        if floating and (has_data or indices or metadata):
            float_type = (
                node.type
                if not node.type.is_integer
                else next(child.type for child in children(node) if not child.type.is_integer)
            )
            raise self._unsupported(
                self._show(node),
                f"{float_type} arithmetic has no hardware",
                f"use integer or fixed-point arithmetic, or {as_input('the integer that comes of it')}",
            )
        if has_data:
            return None
        kept = with_children(node, literals)
        if indices or metadata or not node.type.is_integer:
            tree = Tree(kept, indices, metadata)
            origin = next((self.origins[value] for value in values if value in self.origins), None)
            if origin:
                self.origins[tree] = origin
            return tree
        return self.build.const(int(self.region.constants.of_expr(kept)))

    def _literal(self, value: int | float, type_: ir.Type) -> Value:
        return self.build.const(int(value)) if type_.is_integer else Tree(ir.Imm(type_, float(value)), {}, {})

    def _variable(self, node: ir.Variable, env: Mapping[str, Value]) -> Value:
        if not node.param and node.name in env:
            return env[node.name]
        if node.param == node.name and node.type.is_integer:
            self.lowered.parameters[node.param] = node.type
            name = self.region.names.param(node.param)
            return self._setting(name, node.type.min, node.type.max, variable(name))
        if node.param and node.param != node.name and node.type.is_integer:
            return Tree(node, {}, {node.name: node})
        if node.param:
            raise self._unsupported(
                node.name, "only integer scalar Params reach the hardware", "compute what depends on it in software"
            )
        raise self._unsupported(node.name, "the variable is not bound here", "define the Func over it")

    def _setting(self, name: str, lo: int, hi: int, formula: Formula) -> Ref:
        if formula.is_constant:
            return self.build.const(formula.value)
        self.lowered.settings[name] = (lo, hi, formula)
        return self.build.setting(name, lo, hi)

    def _data(self, value: Value) -> Ref:
        """A value as a stream: an index used as data is a coordinate."""
        if isinstance(value, Ref):
            return value
        if isinstance(value, Tree):
            if value.is_constant:
                raise self._unsupported(
                    f"a value of type {value.expr.type}",
                    "streams carry integers",
                    "convert it to an integer type first",
                )
            return self._tree_data(value.expr, value)
        loop = self.region.loops[value.dimension]
        names = self.region.names
        name = f"origin_{names[loop.var]}"
        # A survey does not know yet how far beyond the launch a stage is computed: a position may be any number there.
        domain = self.lowered.domains.get(self.stage)
        minimum = None if domain is None else loop.min
        lowest = variable(names.minimum(loop.var)) if minimum is None else constant(minimum)
        origin = self._setting(name, -(1 << 30), (1 << 30) - 1, lowest)
        word = self._word(self.stage, value.dimension)
        index = self.build.linear([(self.lanes[value.dimension], word), (1, origin)], value.offset)
        if minimum is None or domain is None:
            return index
        # Beyond the stage's own extent nothing counts.
        d, first = value.dimension, minimum + value.offset
        words = -(-(loop.max_extent + domain.hi[d] - domain.lo[d]) // loop.lanes)
        return self.build.within(index, first, first + loop.lanes * (words - 1))

    def _word(self, stream: str, dimension: int) -> Ref:
        """The scan's position along a dimension, which is the number of every stream's word there.

        Its range is the scan's and not one stream's: a stage that reads a stream may go on when that one has ended. The
        position is counted for each stream that asks for it, when its words come: one count for all would have to be
        held for some of them, as long as they are apart.
        """
        loop = self.region.loops[dimension]
        domains = self.lowered.domains.values()  # none in a survey, whose streams are thrown away
        halo = max((domain.hi[dimension] - domain.lo[dimension] for domain in domains), default=0)
        words = -(-(loop.max_extent + halo) // loop.lanes)
        return self.build.coord(stream, dimension, words)

    def _tree_data(self, expr: ir.Expr, tree: Tree) -> Ref:
        """An index expression as a stream."""
        if isinstance(expr, ir.Imm):
            return self.build.const(int(expr.value))
        if isinstance(expr, ir.Variable):
            if expr.name in tree.indices:
                return self._data(tree.indices[expr.name])
            self.lowered.metadata[expr.name] = expr
            name = self.region.names.metadata(expr.name)
            return self._setting(name, expr.type.min, expr.type.max, variable(name))
        return self._operation(expr, [self._tree_data(child, tree) for child in children(expr)])

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
            f"{self._spoken()}: {self._show(node)}: may overflow {type_}, which Halide leaves undefined; "
            f"the hardware keeps the low {type_.bits} bits"
        )
        if message not in self.lowered.notes:
            self.lowered.notes.append(message)
        return 1 + self.lowered.notes.index(message)

    def _unsupported(self, construct: str, rule: str, way_out: str) -> UnsupportedError:
        return UnsupportedError(self._spoken(), construct, rule, way_out)

    def _show(self, expr: ir.Expr) -> str:
        return show(expr, names=self.names)

    def _spoken(self) -> str:
        """Name of the Func that is being run, or of the user's one that it is run for, if Halide made it."""
        for caller in reversed(self.callers):
            func, name = caller.func, caller.func.name
            if name in self.stages or not (is_border_helper(func) or is_reduction_helper(func)):
                return name
        return self.region.name


def with_children(node: ir.Expr, children: Sequence[ir.Expr]) -> ir.Expr:
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


def _affine(op: ir.BinaryOp, a: Value, b: Value) -> Value | None:
    """``index + number`` and ``index - number`` stay indices."""
    if op is ir.BinaryOp.ADD and isinstance(b, Affine):
        a, b = b, a
    if isinstance(a, Affine) and isinstance(b, Ref) and op in (ir.BinaryOp.ADD, ir.BinaryOp.SUB):
        number = constant_value(b)
        if number is not None:
            return Affine(a.dimension, a.offset + (number if op is ir.BinaryOp.ADD else -number))
    return None
