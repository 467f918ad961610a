"""A line buffer: a delay of many cycles in one memory behind one address."""

from __future__ import annotations

from amaranth.hdl import Module, ValueLike
from amaranth.lib import wiring
from amaranth.lib.memory import Memory as AmaranthMemory
from amaranth.lib.wiring import In, Out

__all__ = ["AddressCounter", "LineBuffer"]


class AddressCounter(wiring.Component):
    """Walks round ``0 .. last``; delay lines of one length share it.

    Parameters
    ----------
    last : value
        Last address: the delay in cycles, less two.
    depth : int
        Greatest number of addresses.

    Members
    -------
    load : in
        Return to 0.
    advance : in
        Move on.
    address : out
        The address.
    """

    def __init__(self, last: ValueLike, depth: int) -> None:
        self.last = last
        super().__init__({"load": In(1), "advance": In(1), "address": Out(range(max(depth, 2)))})

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        with m.If(self.load):
            m.d.sync += self.address.eq(0)
        with m.Elif(self.advance):
            with m.If(self.address == self.last):
                m.d.sync += self.address.eq(0)
            with m.Else():
                m.d.sync += self.address.eq(self.address + 1)
        return m


class LineBuffer(wiring.Component):
    """Delays a word by the address counter's round trip plus the read register.

    The oldest word is read where the newest is written, in the same cycle: one read and one write port, one address.

    Parameters
    ----------
    width_bits, depth : int
        Size of the memory.

    Members
    -------
    advance : in
        Move on.
    address : in
        From the shared `AddressCounter`.
    data : in
        Word that enters.
    q : out
        Word that leaves.
    """

    def __init__(self, width_bits: int, depth: int) -> None:
        self.width_bits = width_bits
        self.depth = depth
        super().__init__(
            {
                "advance": In(1),
                "address": In(range(max(depth, 2))),
                "data": In(width_bits),
                "q": Out(width_bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        m.submodules.memory = memory = AmaranthMemory(shape=self.width_bits, depth=self.depth, init=[])
        write = memory.write_port()
        read = memory.read_port(transparent_for=())
        m.d.comb += [
            write.addr.eq(self.address),
            write.data.eq(self.data),
            write.en.eq(self.advance),
            read.addr.eq(self.address),
            read.en.eq(self.advance),
            self.q.eq(read.data),
        ]
        return m


