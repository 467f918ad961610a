"""A skid buffer: a stream register whose ``ready`` is itself a register."""

from __future__ import annotations

from amaranth.hdl import Elaboratable, Module, Mux, Signal

__all__ = ["SkidBuffer"]


class SkidBuffer(Elaboratable):
    """Two words of storage that cut every combinational path between a stream's two sides, at full rate.

    Parameters
    ----------
    width_bits : int
        Width of a word.
    name : str
        Prefix of the signal names.

    Attributes
    ----------
    i_valid, i_ready, i_data : Signal
        Words in; ``i_ready`` comes from a register.
    o_valid, o_ready, o_data : Signal
        Words out; ``o_valid`` and ``o_data`` are registers.
    """

    def __init__(self, width_bits: int, name: str = "skid") -> None:
        self.width_bits = width_bits
        self.i_valid = Signal(name=f"{name}_i_valid")
        self.i_ready = Signal(name=f"{name}_i_ready")
        self.i_data = Signal(width_bits, name=f"{name}_i_data")
        self.o_valid = Signal(name=f"{name}_o_valid")
        self.o_ready = Signal(name=f"{name}_o_ready")
        self.o_data = Signal(width_bits, name=f"{name}_o_data", reset_less=True)

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        spare = Signal(self.width_bits, reset_less=True)
        spare_valid = Signal()
        move = Signal()
        word = Signal()
        m.d.comb += [
            self.i_ready.eq(~spare_valid),
            move.eq(self.o_ready | ~self.o_valid),
            word.eq(spare_valid | self.i_valid),
        ]
        m.d.sync += [
            self.o_valid.eq(word | ~move),
            spare_valid.eq(word & ~move),
        ]
        with m.If(move):
            m.d.sync += self.o_data.eq(Mux(spare_valid, spare, self.i_data))
        with m.If(~spare_valid):  # written whenever it is free, needed or not: the simplest enable
            m.d.sync += spare.eq(self.i_data)
        return m
