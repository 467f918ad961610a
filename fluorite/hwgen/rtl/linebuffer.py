"""A line buffer: a delay of many cycles in one memory behind one address."""

from __future__ import annotations

from amaranth.hdl import Elaboratable, Module, Mux, Signal, ValueLike
from amaranth.lib.memory import Memory

__all__ = ["AddressCounter", "LineBuffer"]


class AddressCounter(Elaboratable):
    """Walks round ``0 .. last``; delay lines of one length share it.

    Parameters
    ----------
    last : value
        Last address: the delay in cycles, less two.
    depth : int
        Greatest number of addresses.
    load, enable : Signal
        Return to 0; move on.
    name : str
        Prefix of the signal names.

    Attributes
    ----------
    address : Signal, out
        The address.
    """

    def __init__(self, last: ValueLike, depth: int, load: Signal, enable: Signal, name: str) -> None:
        self.last = last
        self.load = load
        self.enable = enable
        self.address = Signal(range(max(depth, 2)), name=f"{name}_address", reset_less=True)

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        at_end = Signal()
        m.d.comb += at_end.eq(self.address == self.last)
        with m.If(self.load | self.enable):  # load lasts for many cycles before a launch: no other reset is needed
            m.d.sync += self.address.eq(Mux(self.load | at_end, 0, self.address + 1))
        return m


class LineBuffer(Elaboratable):
    """Delays a word by the address counter's round trip plus the read register.

    The oldest word is read where the newest is written, in the same cycle: one read and one write port, one address.

    Parameters
    ----------
    width_bits, depth : int
        Size of the memory.
    address : Signal
        From the `AddressCounter` of this length.
    enable : Signal
        Move on.
    name : str
        Prefix of the signal names.

    Attributes
    ----------
    data : Signal, in
        Word that enters.
    q : Signal, out
        Word that leaves.
    """

    def __init__(self, width_bits: int, depth: int, address: Signal, enable: Signal, name: str) -> None:
        self.width_bits = width_bits
        self.depth = depth
        self.address = address
        self.enable = enable
        self.data = Signal(width_bits, name=f"{name}_data")
        self.q = Signal(width_bits, name=f"{name}_q")

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        m.submodules.memory = memory = Memory(shape=self.width_bits, depth=self.depth, init=[])
        write = memory.write_port()
        read = memory.read_port()
        m.d.comb += [
            write.addr.eq(self.address),
            write.data.eq(self.data),
            write.en.eq(self.enable),
            read.addr.eq(self.address),
            read.en.eq(self.enable),
            self.q.eq(read.data),
        ]
        return m
