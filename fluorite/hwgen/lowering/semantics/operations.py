"""Halide's integer operations in terms of the stream graph's.

Each function takes streams whose ranges lie in their Halide types and gives one whose range lies in the result
type. The rules are Halide's own, measured against its JIT: narrow types wrap, division is Euclidean, shifts by a
negative amount go the other way. Overflow of i32 and i64 is undefined in Halide; hardware keeps the low bits, and
``overflow`` numbers a warning. Division, shifts and searches for bits have modules of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fluorite.frontend.algorithm import ir
from fluorite.hwgen.lowering.semantics.bits import concatenate, leading_zeros, multiplex, trailing_zeros
from fluorite.hwgen.lowering.semantics.divide import divide, divide_to_zero, modulo_to_zero
from fluorite.hwgen.lowering.semantics.shift import lerp, rounding_shift, shift
from fluorite.hwgen.streams.builder import Builder, fits
from fluorite.hwgen.streams.graph import Ref

__all__ = ["binary", "convert", "intrinsic"]

Overflow = Callable[[], int]  # the number of the warning that this operation may overflow


def convert(build: Builder, value: Ref, type_: ir.Type) -> Ref:
    """``cast``: the low bits of an integer under another integer type."""
    return build.wrap(value, type_.bits, type_.is_signed)


def _saturate(build: Builder, value: Ref, type_: ir.Type) -> Ref:
    return build.clamp(value, type_.min, type_.max)


def _arithmetic(build: Builder, value: Ref, type_: ir.Type, overflow: Overflow) -> Ref:
    """Bring an exact result into its type.

    What may overflow here may yet turn out not to, once the ranges of all operands are known: the warning stays with
    the node.
    """
    undefined = type_.is_signed and type_.bits >= 32 and not fits(value, type_.min, type_.max)
    return build.wrap(value, type_.bits, type_.is_signed, overflow() if undefined else 0)


def binary(build: Builder, op: ir.BinaryOp, type_: ir.Type, a: Ref, b: Ref, overflow: Overflow) -> Ref:
    """A binary operation; ``type_`` is the result's."""
    match op:
        case ir.BinaryOp.ADD:
            return _arithmetic(build, build.add(a, b), type_, overflow)
        case ir.BinaryOp.SUB:
            return _arithmetic(build, build.sub(a, b), type_, overflow)
        case ir.BinaryOp.MUL:
            return _arithmetic(build, build.mul(a, b), type_, overflow)
        case ir.BinaryOp.DIV:
            return divide(build, a, b, type_)
        case ir.BinaryOp.MOD:
            return build.modulo(a, build.abs(b))
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


def intrinsic(
    build: Builder, name: str, type_: ir.Type, args: Sequence[Ref], types: Sequence[ir.Type], overflow: Overflow
) -> Ref | None:
    """A call of one of Halide's intrinsics, or None if hardware has none of that name; ``types`` are the operands'."""
    match name:
        case (
            "likely"
            | "likely_if_innermost"
            | "strict_float"
            | "return_second"
            | "promise_clamped"
            | "unsafe_promise_clamped"
            | "memoize_expr"
        ):
            return args[1] if name == "return_second" else args[0]
        case "abs":
            return build.abs(args[0])
        case "absd":
            return build.abs(build.sub(args[0], args[1]))
        case "div_round_to_zero":
            return divide_to_zero(build, args[0], args[1], type_)
        case "mod_round_to_zero":
            return modulo_to_zero(build, args[0], args[1])
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
        case "widening_add" | "widen_right_add":
            return _arithmetic(build, build.add(args[0], args[1]), type_, overflow)
        case "widening_sub" | "widen_right_sub":
            return _arithmetic(build, build.sub(args[0], args[1]), type_, overflow)
        case "widening_mul" | "widen_right_mul":
            return _arithmetic(build, build.mul(args[0], args[1]), type_, overflow)
        case "shift_left" | "widening_shift_left":
            return shift(build, args[0], args[1], type_)
        case "shift_right" | "widening_shift_right":
            return shift(build, args[0], build.linear([(-1, args[1])]), type_)
        case "rounding_shift_left":
            return rounding_shift(build, args[0], args[1], type_)
        case "rounding_shift_right":
            return rounding_shift(build, args[0], build.linear([(-1, args[1])]), type_)
        case "mul_shift_right" | "rounding_mul_shift_right":
            wide = ir.Type(type_.code, 2 * type_.bits)
            move = shift if name == "mul_shift_right" else rounding_shift
            product = build.mul(args[0], args[1])
            return _saturate(build, move(build, product, build.linear([(-1, args[2])]), wide), type_)
        case "lerp":
            return lerp(build, args[0], args[1], args[2], type_, types[2])
        case "mux":
            return multiplex(build, build.wrap(args[0], types[0].bits, False), args[1:])
        case "count_leading_zeros":
            return leading_zeros(build, build.wrap(args[0], type_.bits, False), type_.bits)
        case "count_trailing_zeros":
            return trailing_zeros(build, build.wrap(args[0], type_.bits, False), type_.bits)
        case "popcount":
            return build.linear([(1, build.bit(args[0], position)) for position in range(type_.bits)])
        case "bitwise_and" | "bitwise_or" | "bitwise_xor":
            return build.bitwise(name.removeprefix("bitwise_"), args[0], args[1])
        case "bitwise_not":
            return build.linear([(-1, args[0])], -1 if type_.is_signed else type_.max)
        case "concat_bits":
            parts = [build.wrap(a, t.bits, False) for a, t in zip(args, types, strict=True)]
            return build.wrap(concatenate(build, parts, types[0]), type_.bits, type_.is_signed)
        case "extract_bits":
            source = ir.Type(ir.TypeCode.UINT, types[0].bits)
            moved = shift(build, build.wrap(args[0], source.bits, False), build.linear([(-1, args[1])]), source)
            return build.wrap(moved, type_.bits, type_.is_signed)
    return None
