"""Operations on 16 to 64 bits: all pairs of corner values, and random ones of every magnitude."""

import halide as hl
import numpy as np
import pytest

from tests.hwgen.operations import check, wide_pairs

TYPES = {
    "uint16": hl.UInt(16),
    "int16": hl.Int(16),
    "uint32": hl.UInt(32),
    "int32": hl.Int(32),
    "uint64": hl.UInt(64),
    "int64": hl.Int(64),
}

# What no value makes undefined in any type.
TOTAL = {
    "min": lambda a, b: hl.min(a, b),
    "max": lambda a, b: hl.max(a, b),
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "eq": lambda a, b: a == b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "not": lambda a, b: ~a,
    "select": lambda a, b: hl.select(a < b, b, a),
    "absd": hl.absd,
    "saturating_add": hl.saturating_add,
    "saturating_sub": hl.saturating_sub,
    "halving_add": hl.halving_add,
    "halving_sub": hl.halving_sub,
    "rounding_halving_add": hl.rounding_halving_add,
    "clz": lambda a, b: hl.count_leading_zeros(a),
    "ctz": lambda a, b: hl.count_trailing_zeros(a),
    "popcount": lambda a, b: hl.popcount(a),
    "to bool": lambda a, b: hl.cast(hl.UInt(1), a),
    "mux": lambda a, b: hl.mux(a, [b, a, b & 1]),
}
for _type in (hl.UInt(8), hl.Int(8), *TYPES.values()):
    TOTAL[f"cast to {_type}"] = lambda a, b, t=_type: hl.cast(t, a)
    TOTAL[f"saturating cast to {_type}"] = lambda a, b, t=_type: hl.saturating_cast(t, a)

WRAPPING = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "neg": lambda a, b: -a,
}

WIDENING = {
    "widening_add": hl.widening_add,
    "widening_sub": hl.widening_sub,
    "widening_mul": hl.widening_mul,
    "widening_shift_left": lambda a, b: hl.widening_shift_left(a, b & 15),
}


@pytest.mark.parametrize("dtype", TYPES)
def test_operations(dtype):
    type_ = TYPES[dtype]
    bits, signed = type_.bits(), dtype.startswith("int")
    a, b = wide_pairs(dtype, dtype)
    operations = dict(TOTAL)
    if not (signed and bits >= 32):
        operations |= WRAPPING
    if signed:
        operations["abs"] = lambda a, b: hl.abs(a)
        operations["reinterpret"] = lambda a, b: hl.reinterpret(hl.UInt(bits), a)
    else:
        operations["reinterpret"] = lambda a, b: hl.reinterpret(hl.Int(bits), a)
    if bits < 64:
        operations |= WIDENING
        for q in (1, bits - 1):
            operations[f"mul_shift_right {q}"] = lambda a, b, q=q: hl.mul_shift_right(a, b, q)
            operations[f"rounding_mul_shift_right {q}"] = lambda a, b, q=q: hl.rounding_mul_shift_right(a, b, q)
        weight = hl.UInt(bits)
        operations["lerp"] = lambda a, b: hl.lerp(a, b, hl.cast(weight, b))
        operations["lerp narrow"] = lambda a, b: hl.lerp(a, b, hl.u8(b))
    for d in (7, 64, 1000, -3 if signed else 65535):
        operations[f"div {d}"] = lambda a, b, d=d: a / hl.cast(type_, d)
        operations[f"mod {d}"] = lambda a, b, d=d: a % hl.cast(type_, d)
    amount = (
        (lambda b: hl.cast(type_, hl.clamp(b, hl.cast(type_, 1 - bits), hl.cast(type_, bits - 1))))
        if signed
        else (lambda b: b & (bits - 1))
    )
    for name, function in {
        "left": lambda a, b: a << b,
        "right": lambda a, b: a >> b,
        "rounding left": hl.rounding_shift_left,
        "rounding right": hl.rounding_shift_right,
    }.items():
        operations[f"shift {name}"] = lambda a, b, f=function: f(a, amount(b))
        operations[f"shift {name} by 3"] = lambda a, b, f=function: f(a, hl.cast(type_, 3))
    check({"a": type_, "b": type_}, operations, {"a": a, "b": b})


def test_divisions_by_data():
    """In a design of their own: what stands beside a divider of 64 bits is delayed by as many cycles."""
    inputs, operations, arrays = {}, {}, {}
    for number, dtype in enumerate(("uint16", "int32", "uint64", "int64")):
        type_ = TYPES[dtype]
        for name, array in zip("ab", wide_pairs(dtype, dtype, seed=4), strict=True):
            inputs[f"{name}_{dtype}"], arrays[f"{name}_{dtype}"] = type_, array
        operations[f"div {dtype}"] = lambda *v, n=2 * number: v[n] / v[n + 1]
        operations[f"mod {dtype}"] = lambda *v, n=2 * number: v[n] % v[n + 1]
    check(inputs, operations, arrays)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_arithmetic_that_does_not_overflow(dtype):
    """Overflow of these two is undefined in Halide: operands are kept small enough."""
    type_ = TYPES[dtype]
    bits = type_.bits()
    a, b = wide_pairs(dtype, dtype, seed=1)
    half = (a >> (bits // 2), b >> (bits // 2))
    check(
        {"a": type_, "b": type_},
        WRAPPING | {"multiply and add": lambda a, b: a * b - a + 12345},
        {"a": half[0], "b": half[1]},
    )


def test_large_constants():
    a, b = wide_pairs("uint64", "int64", seed=2)
    operations = {
        "add": lambda a, b: a + hl.u64(0xFFFFFFFFFFFF0001),
        "mul": lambda a, b: a * hl.u64(0x9E3779B97F4A7C15),
        "xor": lambda a, b: a ^ hl.u64(0x8000000000000000),
        "lt": lambda a, b: a < hl.u64(0x8000000000000001),
        "div": lambda a, b: a / hl.u64(0xFFFFFFFFFFFFFFFE),
        "mod": lambda a, b: a % hl.u64(0x8000000000000000),
        "signed and": lambda a, b: b & hl.i64(-(2**63) + 255),
        "signed max": lambda a, b: hl.max(b, hl.i64(-(2**62))),
        "signed div": lambda a, b: b / hl.i64(-(2**63)),
        "signed mod": lambda a, b: b % hl.i64(2**63 - 1),
        "signed widened": lambda a, b: hl.i64(hl.i32(b)) * hl.i64(2**31 - 1),
    }
    check({"a": hl.UInt(64), "b": hl.Int(64)}, operations, {"a": a, "b": b})


@pytest.mark.parametrize("signed", [False, True])
def test_widen_right(signed):
    wide, narrow = ("int32", "int16") if signed else ("uint32", "uint16")
    a, b = wide_pairs(wide, narrow, seed=3)
    if signed:
        a = a >> 16  # no overflow
    operations = {name: getattr(hl, name) for name in ("widen_right_add", "widen_right_sub", "widen_right_mul")}
    check({"a": TYPES[wide], "b": TYPES[narrow]}, operations, {"a": a, "b": np.asarray(b)})
