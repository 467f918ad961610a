"""Where the rows of a strided block of memory begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.hdl import Cat, Elaboratable, Module, Mux, Signal, Value, ValueLike, signed

from fluorite.hwgen.rtl.logic import all_of

__all__ = ["Block", "RowScan"]

_STRIDE_BITS = 32


@dataclass(frozen=True)
class Block:
    """Signals that describe a block of memory: rows of bytes, at strides along any number of outer dimensions.

    Attributes
    ----------
    base : Signal
        Address of the first byte (or its low bits, where that is all a reader of the rows needs).
    row_bytes : Signal
        Bytes of every row, at least 1.
    counts : tuple of Signal
        Rows, planes ..., each at least 1.
    strides : tuple of Signal
        Bytes from row to row, from plane to plane ..., signed, as wide as ``base`` at most.
    """

    base: Signal
    row_bytes: Signal
    counts: tuple[Signal, ...]
    strides: tuple[Signal, ...]

    @classmethod
    def make(cls, address_bits: int, row_bits: int, count_bits: Sequence[int], name: str) -> Block:
        """New signals."""
        stride = signed(min(address_bits, _STRIDE_BITS))
        return cls(
            Signal(address_bits, name=f"{name}_base"),
            Signal(row_bits, name=f"{name}_row_bytes"),
            tuple(Signal(bits, name=f"{name}_count_{d}") for d, bits in enumerate(count_bits)),
            tuple(Signal(stride, name=f"{name}_stride_{d}") for d in range(len(count_bits))),
        )

    def low(self, address_bits: int, name: str) -> Block:
        """New signals for the same block with only the low bits of its addresses."""
        return Block.make(address_bits, len(self.row_bytes), [len(count) for count in self.counts], name)

    @property
    def signals(self) -> tuple[Signal, ...]:
        """All of them."""
        return (self.base, self.row_bytes, *self.counts, *self.strides)

    @property
    def bits(self) -> Value:
        """All of them, side by side, to go through a queue."""
        return Cat(*self.signals)

    def assign(self, other: Block) -> list[Value]:
        """Statements that set these signals to another's, of which high bits of addresses may be cut."""
        return [mine.eq(theirs) for mine, theirs in zip(self.signals, other.signals, strict=True)]


class RowScan(Elaboratable):
    """Walks the rows of one block after another, one row a cycle, without a cycle lost between blocks.

    Parameters
    ----------
    block : Block
        The block, stable from ``i_valid`` until ``i_ready``.
    name : str
        Prefix of the signal names.

    Attributes
    ----------
    i_valid, i_ready : Signal
        A block is there; its last row was taken.
    o_valid, o_ready : Signal
        A row is there; it is taken.
    o_address : Signal
        Address of the row's first byte.
    o_last : Signal
        It is the block's last row.
    """

    def __init__(self, block: Block, name: str = "rows") -> None:
        self.block = block
        self.i_valid = Signal(name=f"{name}_i_valid")
        self.i_ready = Signal(name=f"{name}_i_ready")
        self.o_valid = Signal(name=f"{name}_o_valid")
        self.o_ready = Signal(name=f"{name}_o_ready")
        self.o_address = Signal(len(block.base), name=f"{name}_o_address")
        self.o_last = Signal(name=f"{name}_o_last")

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        block = self.block
        started = Signal()  # past the first row, whose address is the base itself
        step = Signal()
        m.d.comb += [
            self.o_valid.eq(self.i_valid),
            step.eq(self.o_valid & self.o_ready),
            self.i_ready.eq(step & self.o_last),
        ]
        with m.If(step):
            m.d.sync += started.eq(~self.o_last)

        # Beginning of the present row, plane ...
        begins: list[Value] = []
        registers: list[Signal] = []
        for d in range(len(block.counts)):
            register = Signal(len(block.base), name=f"begin_{d}", reset_less=True)
            registers.append(register)
            begins.append(Mux(started, register, block.base))
        m.d.comb += self.o_address.eq(begins[0] if begins else block.base)
        with m.If(step & ~started):
            m.d.sync += [register.eq(block.base) for register in registers]
        ends: list[Value] = []
        carry: ValueLike = step
        for d, (count, stride) in enumerate(zip(block.counts, block.strides, strict=True)):
            done = Signal(len(count), name=f"done_{d}")
            end = Signal(name=f"at_end_{d}")
            move = Signal(name=f"move_{d}")
            m.d.comb += [end.eq(done + 1 == count), move.eq(carry & ~end)]
            with m.If(carry):
                m.d.sync += done.eq(Mux(end, 0, done + 1))
            next_begin = Signal(len(block.base), name=f"next_{d}")
            m.d.comb += next_begin.eq(begins[d] + stride)
            with m.If(move):  # all inner dimensions begin anew there
                m.d.sync += [register.eq(next_begin) for register in registers[: d + 1]]
            ends.append(end)
            carry = carry & end
        m.d.comb += self.o_last.eq(all_of(ends))
        return m
