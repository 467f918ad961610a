"""Scan counters: where in its raster a port is, so many cycles behind the scan's beginning."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Elaboratable, Module, Mux, Signal, Value, ValueLike, signed, unsigned

from fluorite.hwgen.rtl.logic import all_of
from fluorite.hwgen.streams.graph import Delay

__all__ = ["ScanCounter"]


class ScanCounter(Elaboratable):
    """Counts a position in raster order, starting ``lag`` before its first word.

    The position starts at ``-lag`` along each dimension, so that the first word comes exactly ``rows * S + columns``
    cycles after the scan's beginning whatever the row length ``S`` is; no product of the two is ever formed. A launch
    follows a launch without a gap: the position wraps from the last word of the scan to the first.

    Parameters
    ----------
    lag : Delay
        Columns, rows ... before the first word.
    last : sequence of value
        Last position of the scan along each dimension.
    max_positions : sequence of int
        Greatest number of positions along each dimension.
    name : str
        Prefix of the signal names.
    periods : sequence of int, optional
        Positions from a word to the next along each dimension; 1 by default.

    Attributes
    ----------
    load : Signal, in
        Return to the start.
    enable : Signal, in
        Move on.
    positions : list of Signal, out
        Position along each dimension, negative before the first word.
    words : list of Value, out
        Number of the word at that position along each dimension.
    ends : list of Signal, out
        Whether that is the last.
    wrap : Signal, out
        The position is the last of the scan.
    """

    def __init__(
        self,
        lag: Delay,
        last: Sequence[ValueLike],
        max_positions: Sequence[int],
        load: Signal,
        enable: Signal,
        name: str,
        periods: Sequence[int] | None = None,
    ) -> None:
        self.lag = lag
        self.last = last
        self.load = load
        self.enable = enable
        self.wrap = Signal(name=f"{name}_wrap")
        self.positions: list[Signal] = []
        self.ends = [Signal(name=f"{name}_at_end_{d}") for d in range(len(max_positions))]
        for d, count in enumerate(max_positions):
            bits = max(count - 1, abs(lag[d]), 1).bit_length()
            shape = signed(bits + 1) if lag[d] > 0 else unsigned(bits)
            self.positions.append(Signal(shape, name=f"{name}_position_{d}", reset_less=True))
        self._following: Signal | None = None
        self.words: list[Value] = []
        self._counted: list[tuple[int, int, Signal, Signal]] = []
        for d, (position, period) in enumerate(zip(self.positions, periods or (1,) * len(lag), strict=True)):
            if period & (period - 1) == 0:
                self.words.append(position >> (period.bit_length() - 1) if period > 1 else position)
                continue
            word = Signal(position.shape(), name=f"{name}_word_{d}", reset_less=True)
            phase = Signal(range(period), name=f"{name}_phase_{d}", reset_less=True)
            self.words.append(word)
            self._counted.append((d, period, word, phase))

    @property
    def following(self) -> Signal:
        """The position along dimension 0 that comes next; to be asked for before the counter is built."""
        if self._following is None:
            self._following = Signal.like(self.positions[0], name=f"{self.positions[0].name}_next")
        return self._following

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        if self._following is not None:
            m.d.comb += self._following.eq(Mux(self.ends[0], 0, self.positions[0] + 1))
        carry: ValueLike = self.enable
        for lag, position, last, end in zip(self.lag, self.positions, self.last, self.ends, strict=True):
            m.d.comb += end.eq(position == last)
            with m.If(self.load | carry):  # load lasts for many cycles before a launch: no other reset is needed
                m.d.sync += position.eq(Mux(self.load, -lag, Mux(end, 0, position + 1)))
            carry = carry & end
        for d, period, word, phase in self._counted:
            steps = all_of([self.enable, *self.ends[:d]])
            following = Mux(phase == period - 1, word + 1, word)
            with m.If(self.load | steps):
                m.d.sync += [
                    word.eq(Mux(self.load, -self.lag[d] // period, Mux(self.ends[d], 0, following))),
                    phase.eq(Mux(self.load, -self.lag[d] % period, Mux(phase == period - 1, 0, phase + 1))),
                ]
        m.d.comb += self.wrap.eq(all_of(self.ends))
        return m
