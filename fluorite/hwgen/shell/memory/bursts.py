"""Rows of bytes as AXI bursts.

A burst never crosses a multiple of 16 beats. That is 64, 128 or 256 bytes, all of which divide 4 KiB: so it never
crosses 4 KiB either, it is short enough for AXI3 (the HP ports of Zynq-7000), and after the first one of a row all are
aligned.
"""

from __future__ import annotations

from amaranth.hdl import Elaboratable, Module, Mux, Signal

__all__ = ["BURST_BEATS", "BurstSplitter"]

#: Longest burst.
BURST_BEATS = 16


class BurstSplitter(Elaboratable):
    """Splits rows into bursts, one burst a cycle.

    Parameters
    ----------
    address_bits, row_bits : int
        Widths.
    beat_bytes : int
        Bytes a beat.
    name : str
        Prefix of the signal names.

    Attributes
    ----------
    i_valid, i_ready : Signal
        A row.
    i_address, i_row_bytes, i_last : Signal
        Address of its first byte; its bytes, at least 1; whether it is a launch's last.
    o_valid, o_ready : Signal
        A burst.
    o_address : Signal
        Address of its first beat, a multiple of ``beat_bytes``.
    o_len : Signal
        Its beats less one.
    o_last : Signal
        Whether it is a launch's last.
    """

    def __init__(self, address_bits: int, row_bits: int, beat_bytes: int, name: str = "bursts") -> None:
        self.shift = (beat_bytes - 1).bit_length()
        self.row_bits = row_bits
        self.i_valid = Signal(name=f"{name}_i_valid")
        self.i_ready = Signal(name=f"{name}_i_ready")
        self.i_address = Signal(address_bits, name=f"{name}_i_address")
        self.i_row_bytes = Signal(row_bits, name=f"{name}_i_row_bytes")
        self.i_last = Signal(name=f"{name}_i_last")
        self.o_valid = Signal(name=f"{name}_o_valid")
        self.o_ready = Signal(name=f"{name}_o_ready")
        self.o_address = Signal(address_bits, name=f"{name}_o_address")
        self.o_len = Signal(4, name=f"{name}_o_len")
        self.o_last = Signal(name=f"{name}_o_last")

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        shift = self.shift
        beat = Signal(len(self.i_address) - shift, reset_less=True)
        last_offset = Signal(self.row_bits + 1)  # of the row's last byte, from the first beat's first byte
        more_bits = max(self.row_bits + 1 - shift, 5)
        more = Signal(more_bits, reset_less=True)  # beats still to come, less one
        row_last = Signal(reset_less=True)
        room = Signal(4)  # beats to the next multiple of 16, less one
        ends_row = Signal()
        m.d.comb += [
            last_offset.eq(self.i_address[:shift] + self.i_row_bytes - 1),
            room.eq(~beat[:4]),
            ends_row.eq(more <= room),
            self.o_address[shift:].eq(beat),
            self.o_len.eq(Mux(ends_row, more[:4], room)),
            self.o_last.eq(ends_row & row_last),
            self.i_ready.eq(~self.o_valid | (self.o_ready & ends_row)),
        ]
        with m.If(self.i_ready):
            m.d.sync += [
                self.o_valid.eq(self.i_valid),
                beat.eq(self.i_address[shift:]),
                more.eq(last_offset[shift:]),
                row_last.eq(self.i_last),
            ]
        with m.Elif(self.o_ready):
            m.d.sync += [beat.eq(beat + self.o_len + 1), more.eq(more - self.o_len - 1)]
        return m
