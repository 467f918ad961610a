"""Soft reset: stop asking, wait for what was asked, then reset everything inside."""

from __future__ import annotations

from amaranth.hdl import Elaboratable, Module, Signal

__all__ = ["SoftReset"]


class SoftReset(Elaboratable):
    """Sequencer of a soft reset.

    Attributes
    ----------
    request : Signal, in
        Begin.
    quiet : Signal, in
        Nothing is under way on the memory ports.
    stop : Signal
        Begin nothing new on them.
    flush : Signal
        Reset the inside. High for two cycles.
    """

    def __init__(self) -> None:
        self.request = Signal(name="soft_reset_request")
        self.quiet = Signal(name="soft_reset_quiet")
        self.stop = Signal(name="soft_reset_stop")
        self.flush = Signal(name="soft_reset_flush")

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        second = Signal()
        with m.If(self.request):
            m.d.sync += self.stop.eq(1)
        with m.Elif(second):
            m.d.sync += self.stop.eq(0)
        m.d.sync += [self.flush.eq(self.stop & self.quiet & ~second), second.eq(self.flush)]
        return m
