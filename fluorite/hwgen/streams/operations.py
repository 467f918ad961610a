"""The operations of the stream graph: every record, and the table of them all.

A new operation is a record here, and a rule in :mod:`fluorite.hwgen.lowering.semantics` that uses it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from amaranth.hdl import Cat, Const, Mux, Value

from fluorite.hwgen.streams.graph import Node
from fluorite.hwgen.streams.operation import Fabric, Interval, Nothing, Operation, carry_chain, lut, wiring
from fluorite.hwgen.streams.phased import ARRIVAL, CHOOSE, IN_PHASE, RESAMPLE, STATE
from fluorite.hwgen.streams.table import Table

__all__ = [
    "ABS", "ADD", "AND", "ARRIVAL", "CAT", "CHOOSE", "CONST", "COORD", "DIV", "EQ", "INPUT", "IN_PHASE", "LE", "LT",
    "MAX", "MIN", "MOD", "MUL", "NOT", "OPERATIONS", "OR", "RESAMPLE", "ROM", "SELECT", "SETTING", "SHL", "SHR",
    "STAGE", "STATE", "SUB", "SUM", "TABLE", "TAP", "WITHIN", "WRAP", "XOR", "input_of", "names_value",
    "operation_of", "value_of", "wrapped",
]  # fmt: skip

# --- sources ----------------------------------------------------------------------------------------------------------


class _Const(NamedTuple):
    value: int


class _Setting(NamedTuple):
    port: str


class _Value(NamedTuple):
    stream: str
    lane: int
    channel: int


class _Coord(NamedTuple):
    stream: str
    dimension: int


CONST = Operation(
    "const", "a number", _Const, 0, is_wiring=True, evaluate=lambda value: value, time=wiring,
    low_zeros=lambda value: (value & -value).bit_length() - 1 if value else 1,
)  # fmt: skip
SETTING = Operation("setting", "a static input port", _Setting, 0, is_source=True, is_wiring=True, time=wiring)
INPUT = Operation("input", "one value of an input stream", _Value, 0, is_source=True, is_wiring=True, time=wiring)
TAP = Operation("tap", "one value of a stage or input, before linking", _Value, 0, is_source=True, time=wiring)
COORD = Operation(
    "coord",
    "position of the scan along a dimension, from 0 at the launch's own origin; counted when the stream's word comes",
    _Coord, 0, is_source=True, is_wiring=True, time=wiring,
)  # fmt: skip


# --- identities -------------------------------------------------------------------------------------------------------


class _Within(NamedTuple):
    lo: int
    hi: int


def _same_bits(position: int, mask: int, *attributes: Any) -> int:
    return mask


STAGE = Operation(
    "stage", "a; names a stage's value and keeps it whole", _Value, is_wiring=True,
    evaluate=lambda a, *_: a, range=lambda a, *_: a, taken=_same_bits, low_zeros=lambda a, *_: a, time=wiring,
    rtl=lambda a, *_: a,
)  # fmt: skip
WITHIN = Operation(
    "within", "a, which is known to lie in lo .. hi", _Within, is_wiring=True,
    evaluate=lambda a, lo, hi: a, range=lambda a, lo, hi: Interval(max(a.lo, lo), min(a.hi, hi)),
    takes=lambda a, lo, hi: lo <= a.hi and a.lo <= hi, taken=_same_bits,
    low_zeros=lambda a, *_: a, time=wiring, rtl=lambda a, *_: a,
)  # fmt: skip

# --- arithmetic -------------------------------------------------------------------------------------------------------


class _Sum(NamedTuple):
    constant: int
    coefficients: tuple[int, ...]


class _Shift(NamedTuple):
    amount: int


def _sum(*operands_and_attributes: Any) -> int:
    *operands, constant, coefficients = operands_and_attributes
    return int(constant + sum(c * a for c, a in zip(coefficients, operands, strict=True)))


def _sum_range(*operands_and_attributes: Any) -> Interval:
    *operands, constant, coefficients = operands_and_attributes
    terms = list(zip(coefficients, operands, strict=True))
    lo = sum(c * (a.lo if c > 0 else a.hi) for c, a in terms)
    return Interval(constant + lo, constant + sum(c * (a.hi if c > 0 else a.lo) for c, a in terms))


def _product_range(a: Interval, b: Interval) -> Interval:
    corners = [x * y for x in a for y in b]
    return Interval(min(corners), max(corners))


def _quotient_range(a: Interval, b: Interval) -> Interval:
    quotients = [x // y for x in a for y in (max(b.lo, 1), max(b.hi, 1))]
    lo, hi = min(quotients), max(quotients)
    return Interval(min(lo, 0), max(hi, 0)) if b.lo == 0 else Interval(lo, hi)


def _remainder_range(a: Interval, b: Interval) -> Interval:
    top = max(b.hi - 1, 0)
    return Interval(0, top if a.lo < 0 else min(a.hi, top))


def _carries(position: int, mask: int, *attributes: Any) -> int:
    return (1 << mask.bit_length()) - 1  # carries come from below


def _two_luts_and_a_chain(node: Node, fabric: Fabric) -> float:
    return fabric.lut_ns + carry_chain(node, fabric)


SUM = Operation(
    "sum", "constant + coefficients[0] * a + coefficients[1] * b + ...", _Sum, None, is_notation=True,
    evaluate=_sum, range=_sum_range, time=carry_chain,
)  # fmt: skip
ADD = Operation(
    "add", "a + b", Nothing, 2, commutative=True, evaluate=lambda a, b: a + b,
    range=lambda a, b: Interval(a.lo + b.lo, a.hi + b.hi), taken=_carries, time=carry_chain, rtl=lambda a, b: a + b,
)  # fmt: skip
SUB = Operation(
    "sub", "a - b", Nothing, 2, evaluate=lambda a, b: a - b,
    range=lambda a, b: Interval(a.lo - b.hi, a.hi - b.lo), taken=_carries, time=carry_chain, rtl=lambda a, b: a - b,
)  # fmt: skip
MUL = Operation(
    "mul", "a * b", Nothing, 2, commutative=True, evaluate=lambda a, b: a * b, range=_product_range, taken=_carries,
    time=lambda node, fabric: fabric.multiplier_ns, rtl=lambda a, b: a * b,
    cells=lambda node, bits, _: {
        "small multiplier": node.operands[0].node.width_bits * node.operands[1].node.width_bits
    },
)  # fmt: skip
ABS = Operation(
    "abs", "|a|", Nothing, evaluate=abs,
    range=lambda a: Interval(0 if a.lo <= 0 <= a.hi else min(abs(a.lo), abs(a.hi)), max(abs(a.lo), abs(a.hi))),
    time=_two_luts_and_a_chain, rtl=lambda a: Mux(a < 0, -a, a),
    cells=lambda node, bits, _: {"adder": bits, "mux": bits},
)  # fmt: skip
DIV = Operation(
    "div", "floor(a / b), 0 where b is 0; b is never negative", Nothing, 2, is_notation=True,
    evaluate=lambda a, b: a // b if b else 0, range=_quotient_range, takes=lambda a, b: b.lo >= 0,
)  # fmt: skip
MOD = Operation(
    "mod", "a - floor(a / b) * b, 0 where b is 0; b is never negative", Nothing, 2, is_notation=True,
    evaluate=lambda a, b: a % b if b else 0, range=_remainder_range, takes=lambda a, b: b.lo >= 0,
)  # fmt: skip
SHL = Operation(
    "shl", "a * 2**amount", _Shift, is_wiring=True, evaluate=lambda a, amount: a << amount,
    range=lambda a, amount: Interval(a.lo << amount, a.hi << amount), taken=lambda _, mask, amount: mask >> amount,
    low_zeros=lambda a, amount: a + amount, time=wiring, rtl=lambda a, amount: a.shift_left(amount),
)  # fmt: skip
SHR = Operation(
    "shr", "floor(a / 2**amount)", _Shift, is_wiring=True, evaluate=lambda a, amount: a >> amount,
    range=lambda a, amount: Interval(a.lo >> amount, a.hi >> amount), taken=lambda _, mask, amount: mask << amount,
    low_zeros=lambda a, amount: max(a - amount, 0), time=wiring, rtl=lambda a, amount: a >> amount,
)  # fmt: skip

# --- comparison and choice --------------------------------------------------------------------------------------------


def _compared(node: Node, fabric: Fabric) -> float:
    width = max(operand.node.width_bits for operand in node.operands)
    return fabric.lut_ns + fabric.carry_ns + fabric.carry_ns_per_bit * width / 2


def _one_bit(a: Interval, b: Interval) -> Interval:
    return Interval(0, 1)


def _is_flag(a: Interval, *others: Interval) -> bool:
    return a.lo >= 0 and a.hi <= 1


def _compare_cells(node: Node, bits: float, operand_bits: float) -> dict[str, float]:
    return {"compare": operand_bits}


def _choose_cells(node: Node, bits: float, operand_bits: float) -> dict[str, float]:
    return {"compare": operand_bits, "mux": bits}


def _select_cells(node: Node, bits: float, operand_bits: float) -> dict[str, float]:
    chooses_constants = all(operand.node.lo == operand.node.hi for operand in node.operands[1:])
    return {} if chooses_constants else {"mux": bits}


MIN = Operation(
    "min", "the smaller of a and b", Nothing, 2, commutative=True, evaluate=min,
    range=lambda a, b: Interval(min(a.lo, b.lo), min(a.hi, b.hi)), time=_two_luts_and_a_chain,
    rtl=lambda a, b: Mux(a < b, a, b), cells=_choose_cells,
)  # fmt: skip
MAX = Operation(
    "max", "the greater of a and b", Nothing, 2, commutative=True, evaluate=max,
    range=lambda a, b: Interval(max(a.lo, b.lo), max(a.hi, b.hi)), time=_two_luts_and_a_chain,
    rtl=lambda a, b: Mux(a < b, b, a), cells=_choose_cells,
)  # fmt: skip
EQ = Operation(
    "eq", "1 where a == b, else 0", Nothing, 2, commutative=True, evaluate=lambda a, b: int(a == b), range=_one_bit,
    time=_compared, rtl=lambda a, b: a == b, cells=_compare_cells,
)  # fmt: skip
LT = Operation(
    "lt", "1 where a < b, else 0", Nothing, 2, evaluate=lambda a, b: int(a < b), range=_one_bit, time=_compared,
    rtl=lambda a, b: a < b, cells=_compare_cells,
)  # fmt: skip
LE = Operation(
    "le", "1 where a <= b, else 0", Nothing, 2, evaluate=lambda a, b: int(a <= b), range=_one_bit, time=_compared,
    rtl=lambda a, b: a <= b, cells=_compare_cells,
)  # fmt: skip
NOT = Operation(
    "not", "1 - a, of a 0/1 stream", Nothing, evaluate=lambda a: 1 - a, range=lambda a: Interval(1 - a.hi, 1 - a.lo),
    takes=_is_flag, taken=_same_bits, time=wiring, rtl=lambda a: ~a, cells=lambda node, bits, _: {"logic": bits},
)  # fmt: skip
SELECT = Operation(
    "select", "b if a else c", Nothing, 3, evaluate=lambda a, b, c: b if a else c,
    range=lambda a, b, c: Interval(min(b.lo, c.lo), max(b.hi, c.hi)), takes=_is_flag,
    taken=lambda position, mask: mask if position else -1, rtl=Mux, cells=_select_cells,
)  # fmt: skip

# --- bits -------------------------------------------------------------------------------------------------------------


class _Wrap(NamedTuple):
    width_bits: int
    signed: bool
    note: int


class _Cat(NamedTuple):
    low_bits: int


def wrapped(value: int, width_bits: int, signed: bool) -> int:
    """The low bits of a number, read as unsigned or two's complement."""
    value &= (1 << width_bits) - 1
    return value - (1 << width_bits) if signed and value >> (width_bits - 1) else value


def _wrap_range(a: Interval, width_bits: int, signed: bool, note: int) -> Interval:
    lo = -(1 << (width_bits - 1)) if signed else 0
    return Interval(lo, lo + (1 << width_bits) - 1)


def _beside(high: Value, low: Value, low_bits: int) -> Value:
    return Cat(Cat(low, Const(0, low_bits))[:low_bits], high)  # low is not negative, in exactly so many bits


def _two_parts(position: int, mask: int, low_bits: int) -> int:
    return mask >> low_bits if position == 0 else mask & ((1 << low_bits) - 1)


def _signed_bits(a: Interval) -> int:
    return max((-a.lo - 1).bit_length() if a.lo < 0 else 0, a.hi.bit_length() if a.hi > 0 else 0) + 1


def _any_bits(a: Interval, b: Interval) -> Interval:
    bits = max(_signed_bits(a), _signed_bits(b))
    return Interval(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def _and_range(a: Interval, b: Interval) -> Interval:
    if a.lo >= 0 or b.lo >= 0:
        return Interval(0, min(i.hi for i in (a, b) if i.lo >= 0))
    return _any_bits(a, b)


def _or_range(a: Interval, b: Interval) -> Interval:
    if a.lo >= 0 and b.lo >= 0:
        return Interval(max(a.lo, b.lo), (1 << max(a.hi, b.hi).bit_length()) - 1)
    return _any_bits(a, b)


def _xor_range(a: Interval, b: Interval) -> Interval:
    if a.lo >= 0 and b.lo >= 0:
        return Interval(0, (1 << max(a.hi, b.hi).bit_length()) - 1)
    return _any_bits(a, b)


def _logic_cells(node: Node, bits: float, operand_bits: float) -> dict[str, float]:
    return {"logic": bits}


WRAP = Operation(
    "wrap",
    "the low bits of a, read as unsigned or two's complement; if this is overflow that Halide leaves undefined, note "
    "is the number of the warning, else 0",
    _Wrap, is_wiring=True, evaluate=lambda a, width_bits, signed, note: wrapped(a, width_bits, signed),
    range=_wrap_range, taken=_same_bits, low_zeros=lambda a, *_: a, time=wiring,
    rtl=lambda a, *_: a,  # the signal's own width cuts the value
)  # fmt: skip
CAT = Operation(
    "cat", "a * 2**low_bits + b, of b in 0 .. 2**low_bits - 1", _Cat, 2, is_wiring=True,
    evaluate=lambda a, b, low_bits: (a << low_bits) + b,
    range=lambda a, b, low_bits: Interval((a.lo << low_bits) + b.lo, (a.hi << low_bits) + b.hi),
    takes=lambda a, b, low_bits: b.lo >= 0 and b.hi < 1 << low_bits, taken=_two_parts, time=wiring, rtl=_beside,
)  # fmt: skip
AND = Operation(
    "and", "a & b, two's complement of unbounded width", Nothing, 2, commutative=True, evaluate=lambda a, b: a & b,
    range=_and_range, taken=_same_bits, rtl=lambda a, b: a & b, cells=_logic_cells,
)  # fmt: skip
OR = Operation(
    "or", "a | b", Nothing, 2, commutative=True, evaluate=lambda a, b: a | b, range=_or_range, taken=_same_bits,
    rtl=lambda a, b: a | b, cells=_logic_cells,
)  # fmt: skip
XOR = Operation(
    "xor", "a ^ b", Nothing, 2, commutative=True, evaluate=lambda a, b: a ^ b, range=_xor_range, taken=_same_bits,
    rtl=lambda a, b: a ^ b, cells=_logic_cells,
)  # fmt: skip

# --- tables -----------------------------------------------------------------------------------------------------------


class _TableRead(NamedTuple):
    number: int


class _Rom(NamedTuple):
    table: Table


_LOGIC_BITS = 4096  # of a table; larger ones, or deeper ones, are read with a clock, as block RAM wants it
_LOGIC_WORDS = 256


def _rom_latency(node: Node) -> int:
    """1 for a table in block RAM, 0 for one in logic."""
    if node.static:
        return 0
    words = len(ROM.of(node).table.words)
    return int(words > _LOGIC_WORDS or words * node.width_bits > _LOGIC_BITS)


def _rom_time(node: Node, fabric: Fabric) -> float:
    if _rom_latency(node):
        return fabric.memory_ns
    # Six address bits are one LUT, two more are multiplexers beside it.
    return lut(node, fabric) * (1 if len(ROM.of(node).table.words) <= 64 else 1.5)


def _rom_cells(node: Node, bits: float, operand_bits: float) -> dict[str, float]:
    return {} if _rom_latency(node) else {"small table": bits * len(ROM.of(node).table.words) / 64}


TABLE = Operation(
    "table", "a read of a table at the operands, before linking; number counts Lowered.tables", _TableRead, None,
    is_notation=True,
)  # fmt: skip
ROM = Operation(
    "rom", "the table's word at a", _Rom, evaluate=lambda a, table: table.words[a - table.first],
    range=lambda a, table: Interval(table.lo, table.hi), time=_rom_time, latency=_rom_latency, cells=_rom_cells,
)  # fmt: skip

#: Every operation by name.
OPERATIONS: dict[str, Operation[Any]] = {
    record.name: record for record in list(globals().values()) if isinstance(record, Operation)
}


def names_value(node: Node) -> bool:
    """Whether a node is one value of an input's or a stage's word."""
    return node.op in ("input", "stage")


def input_of(node: Node) -> str | None:
    """The input stream with whose words a node comes; None if it comes when it may."""
    if node.op == "arrival":
        return ARRIVAL.of(node).stream
    return value_of(node).stream if node.op == "input" else None


def value_of(node: Node) -> _Value:
    """Stream, lane and channel of such a node, or of a tap."""
    assert isinstance(node.attr, _Value)
    return node.attr


def operation_of(node: Node) -> Operation[Any]:
    """The record of a node's operation."""
    return OPERATIONS[node.op]
