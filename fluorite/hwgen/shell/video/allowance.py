"""How many launches' words a stream may still hand over."""

from __future__ import annotations

from amaranth.hdl import Elaboratable, Module, Signal

__all__ = ["Allowance"]


class Allowance(Elaboratable):
    """Counts launches that the core has accepted and a stream has not finished.

    Data that was read ahead waits until the core has the settings it is meant for.

    Parameters
    ----------
    launched, done : Signal
        The core has accepted a launch; the stream has handed over one. Each high for one cycle.
    most : int
        Greatest count.
    name : str
        Prefix of the signal names.

    Attributes
    ----------
    any : Signal
        There is one.
    """

    def __init__(self, launched: Signal, done: Signal, most: int, name: str = "allowance") -> None:
        self.launched = launched
        self.done = done
        self.most = most
        self.any = Signal(name=f"{name}_any")

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        count = Signal(range(self.most + 1))
        m.d.sync += count.eq(count + self.launched - self.done)
        m.d.comb += self.any.eq(count.any())
        return m
