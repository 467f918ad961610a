"""Every operation on 8-bit types and bool, on all pairs of values."""

import halide as hl
import numpy as np
import pytest

from tests.hwgen.operations import all_pairs, check

U1, U8, I8, U16, I16 = hl.UInt(1), hl.UInt(8), hl.Int(8), hl.UInt(16), hl.Int(16)
TYPES = {"uint8": U8, "int8": I8}


def constant(value, type_):
    return hl.cast(type_, value)


ARITHMETIC = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "neg": lambda a, b: -a,
    "square": lambda a, b: a * a,
    "min": lambda a, b: hl.min(a, b),
    "max": lambda a, b: hl.max(a, b),
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "not": lambda a, b: ~a,
    "and mask": lambda a, b: a & 15,
    "or mask": lambda a, b: a | 31,
    "xor mask": lambda a, b: a ^ 127,
    "xor few": lambda a, b: a ^ 85,
    "select": lambda a, b: hl.select(a < b, b - a, a),
    "select own": lambda a, b: hl.select(hl.i16(a) < 0, -hl.i16(a), hl.i16(a)),
    "clamp": lambda a, b: hl.clamp(a, constant(3, a.type()), constant(100, a.type())),
    "absd": hl.absd,
    "absd wide": lambda a, b: hl.absd(hl.i16(a), hl.i16(b)),
    "abs": lambda a, b: hl.abs(hl.i8(a)),
    "abs of clamp": lambda a, b: hl.abs(hl.clamp(hl.i16(a), -5, 9)),
    "saturating_add": hl.saturating_add,
    "saturating_sub": hl.saturating_sub,
    "halving_add": hl.halving_add,
    "halving_sub": hl.halving_sub,
    "rounding_halving_add": hl.rounding_halving_add,
    "widening_add": hl.widening_add,
    "widening_sub": hl.widening_sub,
    "widening_mul": hl.widening_mul,
    "mux": lambda a, b: hl.mux(a, [b, a, b + 1, a ^ b, b, a - b, b | 1]),
    "likely": lambda a, b: hl.likely(a) + hl.likely_if_innermost(b),
}

CASTS = {
    "i8": lambda a, b: hl.cast(I8, a),
    "u8": lambda a, b: hl.cast(U8, a),
    "bool": lambda a, b: hl.cast(U1, a),
    "from bool": lambda a, b: hl.cast(U8, a < b) + hl.cast(U8, a == b),
    "from bool signed": lambda a, b: hl.cast(I8, a < b) - hl.cast(I8, b < a),
    "i64": lambda a, b: hl.cast(hl.Int(64), a),
    "u64": lambda a, b: hl.cast(hl.UInt(64), a),
    "reinterpret": lambda a, b: hl.reinterpret(U8, a),
    "reinterpret signed": lambda a, b: hl.reinterpret(I8, b),
    "saturating u8": lambda a, b: hl.saturating_cast(U8, hl.i16(a) * 2),
    "saturating i8": lambda a, b: hl.saturating_cast(I8, hl.i16(a) * 3 - hl.i16(b)),
    "i8_sat": lambda a, b: hl.i8_sat(a),
    "u8_sat": lambda a, b: hl.u8_sat(b),
    "u64_sat": lambda a, b: hl.u64_sat(a),
}

COUNTS = {
    "clz": lambda a, b: hl.count_leading_zeros(a),
    "ctz": lambda a, b: hl.count_trailing_zeros(a),
    "popcount": lambda a, b: hl.popcount(a),
    "clz 16": lambda a, b: hl.count_leading_zeros(hl.i16(a)),
    "ctz 32": lambda a, b: hl.count_trailing_zeros(hl.u32(a) << 9),
    "popcount 64": lambda a, b: hl.popcount(hl.i64(a)),
    "concat_bits": lambda a, b: hl.concat_bits([hl.u8(a), hl.u8(b)]),
    "concat_bits of signed": lambda a, b: hl.i64(hl.concat_bits([hl.i8(a), hl.i8(b)])),
    "concat_bits of four": lambda a, b: hl.i64(hl.concat_bits([hl.i8(a), hl.i8(b), hl.i8(b), hl.i8(a)])),
    "concat_bits of i16": lambda a, b: hl.i64(hl.concat_bits([hl.i16(a), hl.i16(b)])),
    "extract_bits of signed": lambda a, b: hl.i32(hl.extract_bits(U8, hl.concat_bits([hl.i8(a), hl.i8(b)]), 8)),
    "popcount of signed": lambda a, b: hl.i32(hl.popcount(hl.i8(a))),
    "clz of signed": lambda a, b: hl.i32(hl.count_leading_zeros(hl.i8(a))),
    "ctz of signed": lambda a, b: hl.i32(hl.count_trailing_zeros(hl.i8(a))),
    "not of signed": lambda a, b: hl.i32(~hl.i8(a)),
    "abs of signed": lambda a, b: hl.i32(hl.abs(hl.i8(a))),
    "extract_bits": lambda a, b: hl.extract_bits(U8, hl.concat_bits([hl.u8(a), hl.u8(b)]), 3),
    "extract_bits by data": lambda a, b: hl.extract_bits(U8, hl.u16(a) * 77, hl.u8(b) & 7),
}

DIVISIONS = {
    "div": lambda a, b: a / b,
    "floordiv": lambda a, b: a // b,
    "mod": lambda a, b: a % b,
    "remainder written out": lambda a, b: hl.u16(a) - hl.u16(a) / 7 * 7,
}


@pytest.mark.parametrize("dtype", TYPES)
def test_arithmetic(dtype):
    a, b = all_pairs(dtype, dtype)
    type_ = TYPES[dtype]
    check({"a": type_, "b": type_}, ARITHMETIC | CASTS | COUNTS, {"a": a, "b": b})


@pytest.mark.parametrize("dtype", TYPES)
def test_division(dtype):
    a, b = all_pairs(dtype, dtype)
    type_ = TYPES[dtype]
    divisors = [1, 2, 3, 7, 8, 10, 25, 100, 127, -1, -2, -3, -10, -128] if dtype == "int8" else [1, 3, 5, 64, 93, 255]
    by_constant = {}
    for d in divisors:
        by_constant[f"div {d}"] = lambda a, b, d=d: a / constant(d, a.type())
        by_constant[f"mod {d}"] = lambda a, b, d=d: a % constant(d, a.type())
    check({"a": type_, "b": type_}, DIVISIONS | by_constant, {"a": a, "b": b})


def test_division_that_rounds_to_zero():
    a, b = all_pairs("int8", "int8")
    b = np.where((b == 0) | ((a == -128) & (b == -1)), np.int8(5), b)  # undefined: the JIT itself would trap
    operations = {
        "div": hl.div_round_to_zero,
        "mod": hl.mod_round_to_zero,
        "div 7": lambda a, b: hl.div_round_to_zero(a, hl.i8(7)),
        "div -3": lambda a, b: hl.div_round_to_zero(a, hl.i8(-3)),
        "mod -3": lambda a, b: hl.mod_round_to_zero(a, hl.i8(-3)),
    }
    check({"a": I8, "b": I8}, operations, {"a": a, "b": b})


SHIFTS = {
    "left": lambda a, b: a << b,
    "right": lambda a, b: a >> b,
    "rounding left": hl.rounding_shift_left,
    "rounding right": hl.rounding_shift_right,
    "widening left": hl.widening_shift_left,
    "widening right": hl.widening_shift_right,
}


@pytest.mark.parametrize("signed_amount", [False, True])
def test_shifts(signed_amount):
    """Amounts of the type's width or more are undefined and left out."""
    a, b = all_pairs("uint8", "int8" if signed_amount else "uint8")
    b = (b & 15) - 7 if signed_amount else b & 7
    b = np.minimum(b, 7)
    operations = {}
    for name, of in (("unsigned", hl.u8), ("signed", hl.i8)):
        for shift, function in SHIFTS.items():
            operations[f"{shift} {name}"] = lambda a, b, of=of, function=function: function(of(a), b)
            for amount in (0, 5, -6) if signed_amount else (0, 1, 7):
                amount_type = I8 if signed_amount else U8
                operations[f"{shift} {name} {amount}"] = lambda a, b, of=of, f=function, n=amount, t=amount_type: f(
                    of(a), constant(n, t)
                )
    check({"a": U8, "b": I8 if signed_amount else U8}, operations, {"a": a, "b": b})


def test_multiplications_that_shift_and_interpolations():
    a, b = all_pairs()
    operations = {}
    for name, of in (("unsigned", hl.u8), ("signed", hl.i8)):
        for q in (0, 1, 7, 8, 12, 15):
            operations[f"mul_shift_right {name} {q}"] = lambda a, b, of=of, q=q: hl.mul_shift_right(of(a), of(b), q)
            operations[f"rounding {name} {q}"] = lambda a, b, of=of, q=q: hl.rounding_mul_shift_right(of(a), of(b), q)
        by_data = hl.u8(11)
        operations[f"by data {name}"] = lambda a, b, of=of: hl.mul_shift_right(of(a), of(b), hl.u8(a ^ b) & 15)
        operations[f"rounding by data {name}"] = lambda a, b, of=of: hl.rounding_mul_shift_right(
            of(a), of(b), hl.u8(a + b) & 15
        )
        operations[f"widen_right_mul {name}"] = lambda a, b, of=of: hl.widen_right_mul(
            hl.i16(a) * 5 if of is hl.i8 else hl.u16(a) * 5, of(b)
        )
        for right in ("add", "sub"):
            function = getattr(hl, f"widen_right_{right}")
            operations[f"widen_right_{right} {name}"] = lambda a, b, of=of, f=function: f(
                hl.i16(a) * 250 if of is hl.i8 else hl.u16(a) * 250, of(b)
            )
        operations[f"lerp {name}"] = lambda a, b, of=of: hl.lerp(of(a), of(b), hl.u8(a * 7 + b * 31))
        operations[f"lerp {name} by b"] = lambda a, b, of=of: hl.lerp(of(a), of(200), b)
        operations[f"lerp {name} 16-bit weight"] = lambda a, b, of=of: hl.lerp(
            of(a), of(b), hl.u16(a) * 256 + hl.u16(b) * 77
        )
        operations[f"lerp {name} 32-bit weight"] = lambda a, b, of=of: hl.lerp(
            of(a), of(b), hl.u32(a) * 0x1000003 + hl.u32(b) * 0x89011
        )
        del by_data
    operations["lerp wide"] = lambda a, b: hl.lerp(hl.u16(a) * 257, hl.u16(b) * 200, hl.u8(a ^ b))
    operations["lerp bool"] = lambda a, b: hl.lerp(a < 50, b < 90, hl.u8(a + b))
    check({"a": U8, "b": U8}, operations, {"a": a, "b": b})


def test_bool():
    """Arithmetic and logic on one bit."""
    a = np.array([[0, 1, 0, 1] * 10] * 40, np.uint8)
    b = np.array([[0, 0, 1, 1] * 10] * 40, np.uint8)
    operations = {
        "add": lambda a, b: a + b,
        "sub": lambda a, b: a - b,
        "mul": lambda a, b: a * b,
        "div": lambda a, b: a / b,
        "mod": lambda a, b: a % b,
        "min": lambda a, b: hl.min(a, b),
        "max": lambda a, b: hl.max(a, b),
        "lt": lambda a, b: a < b,
        "le": lambda a, b: a <= b,
        "eq": lambda a, b: a == b,
        "ne": lambda a, b: a != b,
        "and": lambda a, b: a & b,
        "or": lambda a, b: a | b,
        "xor": lambda a, b: a ^ b,
        "not": lambda a, b: ~a,
        "select": lambda a, b: hl.select(a, ~b, b),
    }
    wrapped = {
        name: lambda a, b, f=function: hl.cast(U8, f(hl.cast(U1, a), hl.cast(U1, b)))
        for name, function in operations.items()
    }
    check({"a": U8, "b": U8}, wrapped, {"a": a, "b": b})
