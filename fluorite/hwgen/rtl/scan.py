"""Scan counters: where in its raster a port is, so many cycles behind the scan's beginning."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Signal, ValueLike, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fluorite.hwgen.graph import Delay

__all__ = ["ScanCounter"]


class ScanCounter(wiring.Component):
    """Counts a position in raster order, starting ``lag`` before its first word.

    The position starts at ``-lag`` along each dimension, so that the first word comes exactly ``rows * S + columns`` cycles
    after the scan's beginning whatever the row length ``S`` is; no product of the two is ever formed. A launch
    follows a launch without a gap: the position wraps from the last word of the scan to the first.

    Parameters
    ----------
    lag : Delay
        Columns, rows ... before the first word.
    last : sequence of value
        Last position of the scan along each dimension.
    max_positions : sequence of int
        Greatest number of positions along each dimension.

    Members
    -------
    load : in
        Return to the start.
    advance : in
        Move on.
    position_0, position_1 ... : out
        Position along each dimension, negative before the first word.
    wrap : out
        The position is the last of the scan.
    """

    def __init__(self, lag: Delay, last: Sequence[ValueLike], max_positions: Sequence[int]) -> None:
        self.lag = lag
        self.last = last
        shapes = []
        for d, count in enumerate(max_positions):
            bits = max(count - 1, abs(lag[d]), 1).bit_length()
            shapes.append(signed(bits + 1) if lag[d] > 0 else unsigned(bits))
        members = {f"position_{d}": Out(shape) for d, shape in enumerate(shapes)}
        super().__init__({"load": In(1), "advance": In(1), "wrap": Out(1), **members})
        self.positions: list[Signal] = [getattr(self, f"position_{d}") for d in range(len(shapes))]

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        ends = [Signal(name=f"end_{d}") for d in range(len(self.positions))]
        for end, position, last in zip(ends, self.positions, self.last, strict=True):
            m.d.comb += end.eq(position == last)
        carry: ValueLike = self.advance
        for d, (position, end) in enumerate(zip(self.positions, ends, strict=True)):
            with m.If(self.load):
                m.d.sync += position.eq(-self.lag[d])
            with m.Elif(carry):
                with m.If(end):
                    m.d.sync += position.eq(0)
                with m.Else():
                    m.d.sync += position.eq(position + 1)
            carry = carry & end
        everything: ValueLike = 1
        for end in ends:
            everything = everything & end
        m.d.comb += self.wrap.eq(everything)
        return m
