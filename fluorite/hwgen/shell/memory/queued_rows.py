"""Blocks of memory that wait, and the rows of the first of them."""

from __future__ import annotations

from amaranth.hdl import Elaboratable, Module, Signal
from amaranth.lib.fifo import SyncFIFO

from fluorite.hwgen.shell.memory.rows import Block, RowScan

__all__ = ["QueuedRows"]


class QueuedRows(Elaboratable):
    """A queue of blocks, walked row by row.

    Parameters
    ----------
    block : Block
        The next block.
    address_bits : int
        Low bits of the addresses that are needed.
    depth : int
        Blocks that can wait.
    name : str
        Prefix of the signal names.

    Attributes
    ----------
    start : Signal, in
        Queue the block; the caller makes sure of room.
    o_valid, o_ready, o_address, o_row_bytes, o_last : Signal
        Rows: address of the first byte, bytes, whether it is its block's last.
    """

    def __init__(self, block: Block, address_bits: int, depth: int, name: str = "queued") -> None:
        self.block = block
        self.address_bits = address_bits
        self.depth = depth
        self.start = Signal(name=f"{name}_start")
        self.o_valid = Signal(name=f"{name}_o_valid")
        self.o_ready = Signal(name=f"{name}_o_ready")
        self.o_address = Signal(address_bits, name=f"{name}_o_address")
        self.o_row_bytes = Signal(len(block.row_bytes), name=f"{name}_o_row_bytes")
        self.o_last = Signal(name=f"{name}_o_last")

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        low = self.block.low(self.address_bits, "low_block")
        head = self.block.low(self.address_bits, "head_block")
        m.submodules.blocks = blocks = SyncFIFO(width=len(low.bits), depth=self.depth)
        m.submodules.rows = rows = RowScan(head)
        m.d.comb += [
            *low.assign(self.block),
            blocks.w_data.eq(low.bits),
            blocks.w_en.eq(self.start),
            head.bits.eq(blocks.r_data),
            rows.i_valid.eq(blocks.r_rdy),
            blocks.r_en.eq(rows.i_ready),
            self.o_valid.eq(rows.o_valid),
            rows.o_ready.eq(self.o_ready),
            self.o_address.eq(rows.o_address),
            self.o_row_bytes.eq(head.row_bytes),
            self.o_last.eq(rows.o_last),
        ]
        return m
