"""Counts the words of a stream, as the core does."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Elaboratable, Module, Mux, Signal, ValueLike

from fluorite.hwgen.rtl.logic import all_of

__all__ = ["RasterCounter"]


class RasterCounter(Elaboratable):
    """Where in a launch's raster the next word is.

    Parameters
    ----------
    lasts : sequence of value
        Last position along each dimension, innermost first.
    max_lasts : sequence of int
        Their greatest values.
    name : str
        Prefix of the signal names.

    Attributes
    ----------
    advance : Signal, in
        A word was transferred.
    first : Signal
        The next word is the launch's first.
    row_last, last : Signal
        It is the last of its row; of the launch.
    finished : Signal
        In the cycle before, a launch's last word was transferred.
    """

    def __init__(self, lasts: Sequence[ValueLike], max_lasts: Sequence[int], name: str = "raster") -> None:
        self.lasts = lasts
        self.positions = [
            Signal(max(greatest.bit_length(), 1), name=f"{name}_position_{d}") for d, greatest in enumerate(max_lasts)
        ]
        self.advance = Signal(name=f"{name}_advance")
        self.first = Signal(name=f"{name}_first")
        self.row_last = Signal(name=f"{name}_row_last")
        self.last = Signal(name=f"{name}_last")
        self.finished = Signal(name=f"{name}_finished")

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        carry: ValueLike = self.advance
        ends: list[Signal] = []
        for d, (position, last) in enumerate(zip(self.positions, self.lasts, strict=True)):
            end = Signal(name=f"at_end_{d}")
            ends.append(end)
            m.d.comb += end.eq(position == last)
            with m.If(carry):
                m.d.sync += position.eq(Mux(end, 0, position + 1))
            carry = carry & end
        m.d.comb += [
            self.first.eq(all_of(~position.any() for position in self.positions)),
            self.row_last.eq(ends[0]),
            self.last.eq(all_of(ends)),
        ]
        m.d.sync += self.finished.eq(self.advance & self.last)
        return m
