"""A ROM: a table's words, with a read port for each of its readers."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Elaboratable, Module, Shape, Signal, Value
from amaranth.lib.memory import Memory

from fluorite.hwgen.rtl.netlist import read_only
from fluorite.hwgen.streams.table import Table

__all__ = ["PREFIX", "Rom", "layout"]

PREFIX = "rom_"  # of the name


def layout(table: Table) -> tuple[tuple[int, ...], int]:
    """Where a table's words go so that an index's low bits are its address.

    Returns
    -------
    (tuple of int, int)
        The contents by address, and the number of address bits. There is no subtraction: a table over
        ``-3 .. 4`` has index -3 at address 5.
    """
    first, last = table.first, table.last
    address_bits = (last - first).bit_length()
    contents = [0] * (1 << address_bits)
    for index, word in enumerate(table.words, first):
        contents[index % len(contents)] = word
    if first >> address_bits == last >> address_bits:
        contents = contents[: last % len(contents) + 1]
    return tuple(contents), address_bits


class Rom(Elaboratable):
    """A read-only memory.

    Parameters
    ----------
    contents : sequence of int
        Words by address.
    shape : Shape
        Of a word.
    readers : int
        Number of read ports.
    enable : Signal or None
        Enable of the read registers; None if the data follow the address in the same cycle.
    name : str
        Prefix of the signal names.

    Attributes
    ----------
    addresses : list of Signal, in
        Per reader.
    q : list of Signal, out
        The word read.
    """

    def __init__(self, contents: Sequence[int], shape: Shape, readers: int, enable: Value | None, name: str) -> None:
        self.contents = contents
        self.shape = shape
        self.enable = enable
        self.name = name
        self.addresses = [Signal(range(len(contents)), name=f"{name}_address{n}") for n in range(readers)]
        self.q = [Signal(shape, name=f"{name}_q{n}") for n in range(readers)]

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        m.submodules[self.name] = memory = Memory(read_only(self.shape, self.contents))
        for address, q in zip(self.addresses, self.q, strict=True):
            port = memory.read_port(domain="comb" if self.enable is None else "sync")
            m.d.comb += [port.addr.eq(address), q.eq(port.data)]
            if self.enable is not None:
                m.d.comb += port.en.eq(self.enable)
        return m
