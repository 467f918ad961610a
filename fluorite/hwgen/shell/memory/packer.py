"""Words into beats with byte strobes, rows beginning anywhere in a beat."""

from __future__ import annotations

from amaranth.hdl import Const, Elaboratable, Module, Mux, Signal

from fluorite.hwgen.shell.memory.bursts import BURST_BEATS

__all__ = ["Packer"]

_BURST_SHIFT = (BURST_BEATS - 1).bit_length()


class Packer(Elaboratable):
    """Takes words, row by row, gives bus beats.

    At full rate on the wider of its two sides, and without a cycle lost between rows.

    Parameters
    ----------
    word_bytes, beat_bytes : int
        Bytes of a word, of a beat.
    row_bits : int
        Width of the rows' length in bytes.
    name : str
        Prefix of the signal names.

    Attributes
    ----------
    row_valid, row_ready : Signal
        A row; its last word was taken.
    row_address : Signal
        Low bits of the address of its first byte, as many as a longest burst spans.
    row_bytes : Signal
        Bytes of the row.
    i_valid, i_ready, i_data : Signal
        Words in.
    i_row_last : Signal, out
        The word that is taken next is its row's last, of which only the first bytes count.
    o_valid, o_ready, o_data, o_strobe : Signal
        Beats out.
    o_last : Signal
        Last beat of a burst, as :class:`~fluorite.hwgen.shell.memory.bursts.BurstSplitter` splits rows.
    """

    def __init__(self, word_bytes: int, beat_bytes: int, row_bits: int, name: str = "packer") -> None:
        self.word_bytes = word_bytes
        self.beat_bytes = beat_bytes
        self.shift = (beat_bytes - 1).bit_length()
        self.row_valid = Signal(name=f"{name}_row_valid")
        self.row_ready = Signal(name=f"{name}_row_ready")
        self.row_address = Signal(self.shift + _BURST_SHIFT, name=f"{name}_row_address")
        self.row_bytes = Signal(row_bits, name=f"{name}_row_bytes")
        self.i_valid = Signal(name=f"{name}_i_valid")
        self.i_ready = Signal(name=f"{name}_i_ready")
        self.i_data = Signal(8 * word_bytes, name=f"{name}_i_data")
        self.i_row_last = Signal(name=f"{name}_i_row_last")
        self.o_valid = Signal(name=f"{name}_o_valid")
        self.o_ready = Signal(name=f"{name}_o_ready")
        self.o_data = Signal(8 * beat_bytes, name=f"{name}_o_data")
        self.o_strobe = Signal(beat_bytes, name=f"{name}_o_strobe")
        self.o_last = Signal(name=f"{name}_o_last")

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        beat, word = self.beat_bytes, self.word_bytes
        size = beat - 1 + word
        held = Signal(8 * size, reset_less=True)
        count = Signal(range(size + 1))  # bytes held, those before the row's first included
        skip = Signal(self.shift, reset_less=True)  # bytes before the row's first
        in_row = Signal()  # words of the row are still to come
        tail = Signal()  # all are in, beats are still to go
        number = Signal(_BURST_SHIFT, reset_less=True)  # of the beat, within 16
        left = Signal(len(self.row_bytes), reset_less=True)  # bytes of the row still to come
        now_left = Signal(len(self.row_bytes))
        bytes_in = Signal(range(word + 1))
        pop = Signal()
        push = Signal()
        ends_row = Signal()
        fresh = Signal()
        place = Signal(range(size + 1))
        rest = Signal(8 * size)
        m.d.comb += [
            self.o_valid.eq(tail | (count >= beat)),
            self.o_data.eq(held),
            ends_row.eq(tail & (count <= beat)),
            self.o_last.eq(ends_row | number.all()),
            pop.eq(self.o_valid & self.o_ready),
            fresh.eq(~in_row & (~tail | (pop & ends_row))),
            now_left.eq(Mux(in_row, left, self.row_bytes)),
            self.i_row_last.eq(now_left <= word),
            bytes_in.eq(Mux(self.i_row_last, now_left[: word.bit_length()], word)),
            rest.eq(held),
            place.eq(count),
            self.i_ready.eq(self.row_valid & (fresh | (in_row & (place < beat)))),
            push.eq(self.i_valid & self.i_ready),
            self.row_ready.eq(push & self.i_row_last),
        ]
        begun = [n >= skip for n in range(beat - 1)] + [Const(1)]
        m.d.comb += [strobe.eq(begun[n] & (count > n)) for n, strobe in enumerate(self.o_strobe)]
        with m.If(fresh):
            m.d.comb += [rest.eq(0), place.eq(self.row_address[: self.shift])]
        with m.Elif(pop):
            m.d.comb += [rest.eq(held >> 8 * beat), place.eq(count - beat)]
        merged = Signal(8 * size)
        m.d.comb += merged.eq(rest | (self.i_data << (place[: self.shift] << 3)))
        with m.If(pop):
            m.d.sync += [held.eq(rest), count.eq(Mux(fresh, 0, place)), skip.eq(0), number.eq(number + 1)]
            m.d.sync += tail.eq(tail & ~ends_row)
        with m.If(push):
            m.d.sync += [
                held.eq(merged),
                count.eq(place + bytes_in),
                left.eq(now_left - word),
                in_row.eq(~self.i_row_last),
                tail.eq(self.i_row_last),
            ]
            with m.If(fresh):
                m.d.sync += [skip.eq(self.row_address[: self.shift]), number.eq(self.row_address[self.shift :])]
        return m
