"""Rows that begin anywhere in a beat, shifted so that they begin with a beat."""

from __future__ import annotations

from amaranth.hdl import Cat, Elaboratable, Module, Mux, Signal

__all__ = ["Aligner"]


class Aligner(Elaboratable):
    """Takes bus beats, gives beats whose first byte is the row's first.

    A beat is taken every cycle: what is left of a row's last beat is given while the next row's first is taken.

    Parameters
    ----------
    beat_bytes : int
        Bytes a beat.
    row_bits : int
        Width of the rows' length in bytes.
    name : str
        Prefix of the signal names.

    Attributes
    ----------
    i_valid, i_ready, i_data : Signal
        Bus beats, exactly those the rows lie in.
    row_valid, row_ready, row_offset, row_bytes, row_last : Signal
        Rows: their first byte's place in its beat, their length, and whether they are a launch's last.
    o_valid, o_ready, o_data : Signal
        Beats out.
    o_bytes : Signal
        Bytes that count, from the first.
    o_row_last, o_last : Signal
        Last of a row; of a launch.
    """

    def __init__(self, beat_bytes: int, row_bits: int, name: str = "aligner") -> None:
        self.beat_bytes = beat_bytes
        self.shift = (beat_bytes - 1).bit_length()
        self.i_valid = Signal(name=f"{name}_i_valid")
        self.i_ready = Signal(name=f"{name}_i_ready")
        self.i_data = Signal(8 * beat_bytes, name=f"{name}_i_data")
        self.row_valid = Signal(name=f"{name}_row_valid")
        self.row_ready = Signal(name=f"{name}_row_ready")
        self.row_offset = Signal(self.shift, name=f"{name}_row_offset")
        self.row_bytes = Signal(row_bits, name=f"{name}_row_bytes")
        self.row_last = Signal(name=f"{name}_row_last")
        self.o_valid = Signal(name=f"{name}_o_valid")
        self.o_ready = Signal(name=f"{name}_o_ready")
        self.o_data = Signal(8 * beat_bytes, name=f"{name}_o_data")
        self.o_bytes = Signal(self.shift + 1, name=f"{name}_o_bytes")
        self.o_row_last = Signal(name=f"{name}_o_row_last")
        self.o_last = Signal(name=f"{name}_o_last")

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        size = self.beat_bytes
        held = Signal(8 * size, reset_less=True)
        held_valid = Signal()
        offset = Signal(self.shift, reset_less=True)
        left = Signal(len(self.row_bytes), reset_less=True)  # bytes of the row, those held included
        last = Signal(reset_less=True)
        alone = Signal()  # the held beat is the row's last
        take_row = Signal()
        m.d.comb += [
            alone.eq(left + offset <= size),
            self.o_row_last.eq(left <= size),
            self.o_last.eq(last & self.o_row_last),
            self.o_bytes.eq(Mux(self.o_row_last, left[: self.shift + 1], size)),
            self.o_valid.eq(held_valid & (alone | self.i_valid)),
            self.o_data.eq(Cat(held, self.i_data) >> (offset << 3)),
            self.i_ready.eq(
                Mux(held_valid & ~alone, self.o_ready, self.row_valid & (~held_valid | self.o_ready)),
            ),
            take_row.eq(self.i_valid & self.i_ready & ~(held_valid & ~alone)),
            self.row_ready.eq(take_row),
        ]
        with m.If(self.i_valid & self.i_ready):
            m.d.sync += held.eq(self.i_data)
        with m.If(take_row):
            m.d.sync += [
                held_valid.eq(1),
                offset.eq(self.row_offset),
                left.eq(self.row_bytes),
                last.eq(self.row_last),
            ]
        with m.Elif(self.o_valid & self.o_ready):
            m.d.sync += [held_valid.eq(~self.o_row_last), left.eq(left - size)]
        return m
