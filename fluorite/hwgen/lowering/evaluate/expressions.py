"""Expressions run: numbers fold, indices stay indices, and data are what the stage's arithmetic makes of them.

A pure variable stands for a position of the scan, an RVar for a number; every operation is applied to the values of its
operands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeAlias, TypeVar

from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.visit import children
from fluorite.frontend.region.region import Region
from fluorite.hwgen.lowering.evaluate.arithmetic import Arithmetic
from fluorite.hwgen.lowering.evaluate.diagnostics import Diagnostics
from fluorite.hwgen.lowering.evaluate.indices import Affine, Tree, Value, moved_by, with_children
from fluorite.hwgen.lowering.evaluate.refusals import as_input
from fluorite.hwgen.lowering.evaluate.software_only import SOFTWARE_ONLY, software_only

__all__ = ["Expressions", "Read"]

D = TypeVar("D")

Read: TypeAlias = Callable[[ir.Call, tuple[Value[D], ...]], Value[D]]
"""Gives the value of a read, a call of a Func or image at these indices."""


class Expressions(Generic[D]):
    """Evaluates the expressions of one stage.

    Parameters
    ----------
    region : Region
        The stage's.
    diagnostics : Diagnostics
        Says what has no hardware.
    data : Arithmetic
        What data are.
    """

    def __init__(self, region: Region, diagnostics: Diagnostics, data: Arithmetic[D]) -> None:
        self._region = region
        self._diagnostics = diagnostics
        self._arithmetic = data

    def value(
        self, expr: ir.Expr, variables: Mapping[str, Value[D]], read: Read[D], memo: dict[int, Value[D]]
    ) -> Value[D]:
        """Value of an expression.

        Parameters
        ----------
        expr : ir.Expr
            The expression.
        variables : mapping of str to Value
            What its variables stand for.
        read : callable
            What its reads give.
        memo : dict
            Values by the id of the expression, of expressions of the same variables and reads.

        Raises
        ------
        UnsupportedError
            The expression has no hardware.
        """
        # A walk in post-order without recursion: an unrolled sum is deeper than Python's stack.
        stack: list[tuple[ir.Expr, bool]] = [(expr, False)]
        while stack:
            node, ready = stack.pop()
            if id(node) in memo:
                continue
            operands = children(node)
            if isinstance(node, ir.Call) and node.name in SOFTWARE_ONLY:
                raise self._diagnostics.unsupported(*software_only(node, self._diagnostics.names))
            if not ready and operands:
                stack.append((node, True))
                stack.extend((child, False) for child in reversed(operands))
            else:
                memo[id(node)] = self._apply(node, [memo[id(child)] for child in operands], variables, read)
        return memo[id(expr)]

    def data(self, value: Value[D]) -> D:
        """A value as data: an index becomes a coordinate.

        Raises
        ------
        UnsupportedError
            It is a float.
        """
        if isinstance(value, Affine):
            return self._arithmetic.coordinate(value)
        if isinstance(value, Tree):
            if value.is_constant:
                raise self._diagnostics.unsupported(
                    f"a value of type {value.expr.type}",
                    "streams carry integers",
                    "convert it to an integer type first",
                )
            return self._tree_data(value.expr, value)
        return value

    def stream(self, value: Value[D], type_: ir.Type) -> D:
        """A stage's value, of this type, as data.

        Raises
        ------
        UnsupportedError
            It is a float.
        """
        if not type_.is_integer:
            raise self._diagnostics.unsupported(
                f"a value of type {type_}",
                "streams carry integers",
                "convert to an integer type in the hardware's last Func",
            )
        return self.data(value)

    def literal(self, value: int | float, type_: ir.Type) -> Value[D]:
        """A number of a type."""
        return self._arithmetic.const(int(value)) if type_.is_integer else Tree(ir.Imm(type_, float(value)), {}, {})

    def number(self, value: Value[D]) -> int | None:
        """The integer that a value always is, or None."""
        return None if isinstance(value, Affine | Tree) else self._arithmetic.number(value)

    def numbers(self, values: Sequence[Value[D]]) -> list[int] | None:
        """The integers that values are, or None if not all of them are."""
        numbers = [self.number(value) for value in values]
        return [n for n in numbers if n is not None] if None not in numbers else None

    def _apply(
        self, node: ir.Expr, values: list[Value[D]], variables: Mapping[str, Value[D]], read: Read[D]
    ) -> Value[D]:
        if isinstance(node, ir.Call) and node.call_type in (ir.CallType.HALIDE, ir.CallType.IMAGE):
            return read(node, tuple(values))
        if isinstance(node, ir.Variable):
            return self._variable(node, variables)
        if isinstance(node, ir.Binary):
            moved = self._moved(node.op, *values)
            if moved is not None:
                return moved
        if isinstance(node, ir.Imm):
            return self.literal(node.value, node.type)
        if isinstance(node, ir.Call) and node.name in ("likely", "likely_if_innermost"):
            return values[0]
        floating = not node.type.is_integer or any(not child.type.is_integer for child in children(node))
        if floating or any(isinstance(value, Affine | Tree) for value in values):
            kept = self._kept(node, values, floating=floating)
            if kept is not None:
                return kept
        return self._operate(node, [self.data(value) for value in values])

    def _operate(self, node: ir.Expr, operands: Sequence[D]) -> D:
        result = self._arithmetic.operate(node, operands)
        if result is None:
            raise self._diagnostics.unsupported(
                self._diagnostics.show(node), "this operation has no hardware", as_input("it")
            )
        return result

    def _moved(self, op: ir.BinaryOp, a: Value[D], b: Value[D]) -> Affine | None:
        """``position + number`` and ``position - number`` stay positions; None for any other operation."""
        if op is ir.BinaryOp.ADD and isinstance(b, Affine):
            a, b = b, a
        number = self.number(b)
        if not isinstance(a, Affine) or number is None or op not in (ir.BinaryOp.ADD, ir.BinaryOp.SUB):
            return None
        return moved_by(a, number if op is ir.BinaryOp.ADD else -number)

    def _kept(self, node: ir.Expr, values: Sequence[Value[D]], *, floating: bool) -> Value[D] | None:
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
                number = self.number(value)
                has_data |= number is None
                literals.append(ir.Imm(child.type, number or 0))
        if floating and (has_data or indices or metadata):
            float_type = (
                node.type
                if not node.type.is_integer
                else next(child.type for child in children(node) if not child.type.is_integer)
            )
            raise self._diagnostics.unsupported(
                self._diagnostics.show(node),
                f"{float_type} arithmetic has no hardware",
                f"use integer or fixed-point arithmetic, or {as_input('the integer that comes of it')}",
            )
        if has_data:
            return None
        kept = with_children(node, literals)
        if indices or metadata or not node.type.is_integer:
            tree = Tree(kept, indices, metadata)
            self._diagnostics.inherit(tree, values)
            return tree
        return self._arithmetic.const(int(self._region.constants.of_expr(kept)))

    def _variable(self, node: ir.Variable, variables: Mapping[str, Value[D]]) -> Value[D]:
        if not node.param and node.name in variables:
            return variables[node.name]
        if node.param == node.name and node.type.is_integer:
            return self._arithmetic.param(node)
        if node.param and node.param != node.name and node.type.is_integer:
            return Tree(node, {}, {node.name: node})
        if node.param:
            raise self._diagnostics.unsupported(
                node.name, "only integer scalar Params reach the hardware", "compute what depends on it in software"
            )
        raise self._diagnostics.unsupported(node.name, "the variable is not bound here", "define the Func over it")

    def _tree_data(self, expr: ir.Expr, tree: Tree) -> D:
        """An index expression computed as data; ``tree`` says what its variables are."""
        if isinstance(expr, ir.Imm):
            return self._arithmetic.const(int(expr.value))
        if isinstance(expr, ir.Variable):
            if expr.name in tree.indices:
                return self._arithmetic.coordinate(tree.indices[expr.name])
            return self._arithmetic.metadata(expr)
        return self._operate(expr, [self._tree_data(child, tree) for child in children(expr)])
