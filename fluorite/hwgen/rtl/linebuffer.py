"""A line buffer: a delay of many cycles in one memory behind one address."""

from __future__ import annotations

from amaranth.hdl import Elaboratable, Module, Mux, Signal, Value, ValueLike
from amaranth.lib.memory import Memory

__all__ = ["AddressCounter", "LineBuffer", "RowBuffer"]


class AddressCounter(Elaboratable):
    """Walks round ``0 .. last``; delay lines of one length share it.

    Parameters
    ----------
    last : value
        Last address: the delay in cycles, less two.
    depth : int
        Greatest number of addresses.
    load, enable : Value
        Return to the first address; move on.
    name : str
        Prefix of the signal names.
    first : int
        The first address.

    Attributes
    ----------
    address : Signal, out
        The address.
    """

    def __init__(self, last: ValueLike, depth: int, load: Signal, enable: Value, name: str, first: int = 0) -> None:
        self.last = last
        self.first = first
        self.load = load
        self.enable = enable
        self.address = Signal(range(max(depth, 2)), name=f"{name}_address", reset_less=True)

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        at_end = Signal()
        m.d.comb += at_end.eq(self.address == self.last)
        with m.If(self.load | self.enable):  # load lasts for many cycles before a launch: no other reset is needed
            following = Mux(self.load | at_end, 0, self.address + 1)
            m.d.sync += self.address.eq(Mux(self.load, self.first, following) if self.first else following)
        return m


class _Buffer(Elaboratable):
    """A memory that is read first, with a port to write and one to read.

    Parameters
    ----------
    width_bits, depth : int
        Size of the memory.
    write_address, read_address : Value
        Where the word that enters is written, and where the one that leaves with the next step is read.
    read, write : Value
        Read; write.
    name : str
        Prefix of the signal names.

    Attributes
    ----------
    data : Signal, in
        Word that enters.
    q : Signal, out
        Word that leaves.
    """

    def __init__(
        self,
        width_bits: int,
        depth: int,
        write_address: Value,
        read_address: Value,
        read: Value,
        write: Value,
        name: str,
    ) -> None:
        self.width_bits = width_bits
        self.depth = depth
        self.write_address = write_address
        self.read_address = read_address
        self.read = read
        self.write = write
        self.data = Signal(width_bits, name=f"{name}_data")
        self.q = Signal(width_bits, name=f"{name}_q")

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        m.submodules.memory = memory = Memory(shape=self.width_bits, depth=self.depth, init=[])
        write = memory.write_port()
        read = memory.read_port()
        m.d.comb += [
            write.addr.eq(self.write_address),
            write.data.eq(self.data),
            write.en.eq(self.write),
            read.addr.eq(self.read_address),
            read.en.eq(self.read),
            self.q.eq(read.data),
        ]
        return m


class LineBuffer(_Buffer):
    """Delays a word by the address counter's round trip plus the read register.

    The oldest word is read where the newest is written, in the same cycle: one read and one write port, one address.

    Parameters
    ----------
    width_bits, depth : int
        Size of the memory.
    address : Value
        From the `AddressCounter` of this length.
    enable : Value
        Move on.
    name : str
        Prefix of the signal names.
    """

    def __init__(self, width_bits: int, depth: int, address: Value, enable: Value, name: str) -> None:
        super().__init__(width_bits, depth, address, address, enable, enable, name)


class RowBuffer(_Buffer):
    """Holds a row of a stream, and gives it again until the next row takes its place.

    A word is written where the stream's own column is, and read some columns ahead of it, or in the column of the scan
    before it: the row before, in rows in which the stream comes, and the last one in all others.

    Parameters
    ----------
    width_bits, depth : int
        Size of the memory.
    write_address, read_address : Value
        The own column, and the one that is given in the next step.
    enable, read : Value
        Move on; read, which may be more often.
    written : Value
        The row is one of the stream's.
    name : str
        Prefix of the signal names.
    """

    def __init__(
        self,
        width_bits: int,
        depth: int,
        write_address: Value,
        read_address: Value,
        enable: Value,
        read: Value,
        written: Value,
        name: str,
    ) -> None:
        super().__init__(width_bits, depth, write_address, read_address, read, enable & written, name)
