"""Halide's integer operations in terms of the stream graph's.

Each function takes streams whose ranges lie in their Halide types and gives one whose range lies in the result
type. The rules are Halide's own, measured against its JIT: narrow types wrap, division is Euclidean, shifts by a negative amount go
the other way. Overflow of i32 and i64 is undefined in Halide; hardware keeps the low bits, and ``overflow`` numbers a
warning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fluorite.frontend import ir
from fluorite.hwgen.graph import Ref
from fluorite.hwgen.ops import Builder, constant_value, fits

__all__ = ["NotSupported", "binary", "convert", "intrinsic"]

Overflow = Callable[[], int]  # the number of the warning that this operation may overflow


class NotSupported(Exception):
    """An operation without hardware yet: ``rule`` and ``way_out`` of the CompileError to raise."""

    def __init__(self, rule: str, way_out: str) -> None:
        self.rule = rule
        self.way_out = way_out
        super().__init__(rule)


def convert(build: Builder, value: Ref, type_: ir.Type) -> Ref:
    """``cast``: the low bits of an integer under another integer type."""
    return build.wrap(value, type_.bits, type_.is_signed)


def _saturate(build: Builder, value: Ref, type_: ir.Type) -> Ref:
    return build.clamp(value, type_.min, type_.max)


def _arithmetic(build: Builder, value: Ref, type_: ir.Type, overflow: Overflow) -> Ref:
    """Bring an exact result into its type.

    What may overflow here may yet turn out not to, once the ranges of all operands are known: the warning stays with the node.
    """
    undefined = type_.is_signed and type_.bits >= 32 and not fits(value, type_.min, type_.max)
    return build.wrap(value, type_.bits, type_.is_signed, overflow() if undefined else 0)


def binary(build: Builder, op: ir.BinaryOp, type_: ir.Type, a: Ref, b: Ref, overflow: Overflow) -> Ref:
    """A two-operand node; ``type_`` is that of the result."""
    match op:
        case ir.BinaryOp.ADD:
            return _arithmetic(build, build.add(a, b), type_, overflow)
        case ir.BinaryOp.SUB:
            return _arithmetic(build, build.sub(a, b), type_, overflow)
        case ir.BinaryOp.MUL:
            return _arithmetic(build, build.mul(a, b), type_, overflow)
        case ir.BinaryOp.DIV:
            divisor = _constant(b, "division by data", "divide by a constant")
            return build.wrap(build.divide(a, divisor), type_.bits, type_.is_signed)
        case ir.BinaryOp.MOD:
            divisor = _constant(b, "modulo by data", "use a constant modulus")
            return build.modulo(a, divisor)
        case ir.BinaryOp.MIN:
            return build.minimum(a, b)
        case ir.BinaryOp.MAX:
            return build.maximum(a, b)
        case ir.BinaryOp.EQ:
            return build.eq(a, b)
        case ir.BinaryOp.NE:
            return build.logical_not(build.eq(a, b))
        case ir.BinaryOp.LT:
            return build.lt(a, b)
        case ir.BinaryOp.LE:
            return build.le(a, b)
        case ir.BinaryOp.GT:
            return build.lt(b, a)
        case ir.BinaryOp.GE:
            return build.le(b, a)
        case ir.BinaryOp.AND:
            return build.bitwise("and", a, b)
        case ir.BinaryOp.OR:
            return build.bitwise("or", a, b)


def _constant(ref: Ref, rule: str, way_out: str) -> int:
    value = constant_value(ref)
    if value is None:
        raise NotSupported(f"{rule} is not supported", way_out)
    return value


def _shift(build: Builder, value: Ref, amount: int, type_: ir.Type) -> Ref:
    """Left by amount, right where it is negative; ``type_`` is that of value."""
    if amount >= 0:
        return build.wrap(build.linear([(1 << min(amount, type_.bits), value)]), type_.bits, type_.is_signed)
    return build.shift_right(value, min(-amount, type_.bits))


def intrinsic(
    build: Builder, name: str, type_: ir.Type, args: Sequence[Ref], types: Sequence[ir.Type], overflow: Overflow
) -> Ref | None:
    """An intrinsic call, or None where the name is not one known here."""
    match name:
        case (
            "likely"
            | "likely_if_innermost"
            | "strict_float"
            | "return_second"
            | "promise_clamped"
            | "unsafe_promise_clamped"
        ):
            return args[1] if name == "return_second" else args[0]
        case "abs":
            return build.abs(args[0])
        case "absd":
            return build.abs(build.sub(args[0], args[1]))
        case "saturating_cast":
            return _saturate(build, args[0], type_)
        case "saturating_add":
            return _saturate(build, build.add(args[0], args[1]), type_)
        case "saturating_sub":
            return _saturate(build, build.sub(args[0], args[1]), type_)
        case "halving_add":
            return build.shift_right(build.add(args[0], args[1]), 1)
        case "rounding_halving_add":
            return build.shift_right(build.linear([(1, args[0]), (1, args[1])], 1), 1)
        case "halving_sub":
            return build.wrap(build.shift_right(build.sub(args[0], args[1]), 1), type_.bits, type_.is_signed)
        case "widening_add":
            return build.add(args[0], args[1])
        case "widening_sub":
            return build.sub(args[0], args[1])
        case "widening_mul":
            return build.mul(args[0], args[1])
        case "widen_right_add":
            return _arithmetic(build, build.add(args[0], args[1]), type_, overflow)
        case "widen_right_sub":
            return _arithmetic(build, build.sub(args[0], args[1]), type_, overflow)
        case "widen_right_mul":
            return _arithmetic(build, build.mul(args[0], args[1]), type_, overflow)
        case "shift_left" | "shift_right":
            amount = _constant(args[1], "a shift by data", "shift by a constant")
            return _shift(build, args[0], amount if name == "shift_left" else -amount, types[0])
        case "bitwise_and" | "bitwise_or" | "bitwise_xor":
            return build.bitwise(name.removeprefix("bitwise_"), args[0], args[1])
        case "bitwise_not":
            return build.linear([(-1, args[0])], -1 if type_.is_signed else type_.max)
    return None
