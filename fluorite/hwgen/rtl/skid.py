"""A skid buffer: a stream register whose ``ready`` is itself a register."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["SkidBuffer"]


class SkidBuffer(wiring.Component):
    """Two words of storage that cut every combinational path between a stream's two sides, at full rate.

    Parameters
    ----------
    width_bits : int
        Width of a word.

    Members
    -------
    i : stream, in
        Words in; ``i.ready`` is a register.
    o : stream, out
        Words out; ``o.valid`` and ``o.payload`` are registers.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, width_bits: int) -> None:
        self.width_bits = width_bits
        super().__init__({"i": In(stream.Signature(width_bits)), "o": Out(stream.Signature(width_bits))})

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        word = Signal(self.width_bits, reset_less=True)
        word_valid = Signal()
        spare = Signal(self.width_bits, reset_less=True)
        spare_valid = Signal()
        m.d.comb += [
            self.i.ready.eq(~spare_valid),
            self.o.valid.eq(word_valid),
            self.o.payload.eq(word),
        ]
        with m.If(self.o.ready | ~word_valid):
            m.d.sync += [
                word.eq(Mux(spare_valid, spare, self.i.payload)),
                word_valid.eq(spare_valid | self.i.valid),
                spare_valid.eq(0),
            ]
        with m.Elif(self.i.valid):
            m.d.sync += spare_valid.eq(1)
        with m.If(~spare_valid):
            # Written every free cycle rather than only when needed: no enable to compute.
            m.d.sync += spare.eq(self.i.payload)
        return m
