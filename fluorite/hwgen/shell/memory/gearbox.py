"""Beats into words of any number of bytes."""

from __future__ import annotations

import math

from amaranth.hdl import Cat, Const, Elaboratable, Module, Mux, Signal

__all__ = ["Gearbox"]


class Gearbox(Elaboratable):
    """Takes rows of beats, gives rows of words; the last word of a row is padded with anything.

    At full rate on the wider of its two sides, and without a cycle lost between rows.

    Parameters
    ----------
    beat_bytes, word_bytes : int
        Bytes of a beat, of a word.
    name : str
        Prefix of the signal names.

    Attributes
    ----------
    i_valid, i_ready, i_data : Signal
        Beats in; a row begins with the first byte of a beat.
    i_bytes : Signal
        Bytes that count: all, except in the last beat of a row.
    i_row_last, i_last : Signal
        Last of a row; of a launch.
    o_valid, o_ready, o_data, o_row_last, o_last : Signal
        Words out.
    """

    def __init__(self, beat_bytes: int, word_bytes: int, name: str = "gearbox") -> None:
        self.beat_bytes = beat_bytes
        self.word_bytes = word_bytes
        self.i_valid = Signal(name=f"{name}_i_valid")
        self.i_ready = Signal(name=f"{name}_i_ready")
        self.i_data = Signal(8 * beat_bytes, name=f"{name}_i_data")
        self.i_bytes = Signal(range(beat_bytes + 1), name=f"{name}_i_bytes")
        self.i_row_last = Signal(name=f"{name}_i_row_last")
        self.i_last = Signal(name=f"{name}_i_last")
        self.o_valid = Signal(name=f"{name}_o_valid")
        self.o_ready = Signal(name=f"{name}_o_ready")
        self.o_data = Signal(8 * word_bytes, name=f"{name}_o_data")
        self.o_row_last = Signal(name=f"{name}_o_row_last")
        self.o_last = Signal(name=f"{name}_o_last")

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        step = math.gcd(self.beat_bytes, self.word_bytes)
        size = self.word_bytes - step + self.beat_bytes  # a beat is taken once less than a word is left
        held = Signal(8 * size)  # 0 beyond what is held: a beat is or-ed in
        count = Signal(range(size + 1))  # bytes held
        tail = Signal()  # the row's last beat is in
        last = Signal(reset_less=True)
        pop = Signal()
        fresh = Signal()
        push = Signal()
        rest = Signal(8 * size)
        place = Signal(range(size + 1))  # where the next beat goes
        m.d.comb += [
            self.o_valid.eq(tail | (count >= self.word_bytes)),
            self.o_data.eq(held),
            self.o_row_last.eq(tail & (count <= self.word_bytes)),
            self.o_last.eq(self.o_row_last & last),
            pop.eq(self.o_valid & self.o_ready),
            fresh.eq(pop & self.o_row_last),
            rest.eq(held),
            place.eq(count),
            self.i_ready.eq((~tail | fresh) & (place < self.word_bytes)),
            push.eq(self.i_valid & self.i_ready),
        ]
        with m.If(fresh):
            m.d.comb += [rest.eq(0), place.eq(0)]
        with m.Elif(pop):
            m.d.comb += [rest.eq(held >> 8 * self.word_bytes), place.eq(count - self.word_bytes)]
        merged = Signal(8 * size)
        # A beat is put where a multiple of `step`, a power of two, is: in the middle of a row all are.
        places = place[(step - 1).bit_length() : (self.word_bytes - 1).bit_length()]
        m.d.comb += merged.eq(rest | (self.i_data << Cat(Const(0, (8 * step - 1).bit_length()), places)))
        with m.If(push):
            m.d.sync += [
                held.eq(merged),
                count.eq(place + self.i_bytes),
                tail.eq(self.i_row_last),
                last.eq(self.i_last),
            ]
        with m.Elif(pop):
            m.d.sync += [held.eq(rest), count.eq(place), tail.eq(Mux(fresh, 0, tail))]
        return m
