"""Bytes of the serial port as words of AXI4-Stream video, and back."""

from __future__ import annotations

from amaranth.hdl import Cat, Elaboratable, Module, Mux, Signal
from amaranth.lib.fifo import SyncFIFOBuffered

from fluorite.boards.ecp5.protocol import BLOCK_BYTES, ROOM_BYTES
from fluorite.hwgen.shell.axi_ports import Bus

__all__ = ["OUTLET_BYTES", "Inlet", "Outlet"]

#: Bytes of each output stream that wait to be sent, at most.
OUTLET_BYTES = 1024


class Inlet(Elaboratable):
    """A queue of bytes in front of an input stream.

    Parameters
    ----------
    bus : Bus
        The accelerator's stream, which this module drives.
    name : str
        Prefix of the signal names.

    Attributes
    ----------
    i_valid, i_data, i_first, i_last : Signal, in
        Bytes. There must be room for them.
    room : Signal
        There is room for another block that the host does not know of.
    room_told : Signal, in
        Now it does.
    """

    def __init__(self, bus: Bus, name: str) -> None:
        self.bus = bus
        self.name = name
        self.i_valid = Signal(name=f"{name}_i_valid")
        self.i_data = Signal(8, name=f"{name}_i_data")
        self.i_first = Signal(name=f"{name}_i_first")
        self.i_last = Signal(name=f"{name}_i_last")
        self.room = Signal(name=f"{name}_room")
        self.room_told = Signal(name=f"{name}_room_told")

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        bus, name = self.bus, self.name
        word_bytes = len(bus.tdata) // 8
        m.submodules.queue = queue = SyncFIFOBuffered(width=10, depth=ROOM_BYTES)
        left = Signal(range(word_bytes), init=word_bytes - 1, name=f"{name}_left")
        take = Signal(name=f"{name}_take")
        data, first, last = queue.r_data[:8], queue.r_data[8], queue.r_data[9]
        m.d.comb += [
            queue.w_en.eq(self.i_valid),
            queue.w_data.eq(Cat(self.i_data, self.i_first, self.i_last)),
            take.eq(queue.r_rdy & (~bus.tvalid | bus.tready)),
            queue.r_en.eq(take),
        ]
        with m.If(bus.tready):
            m.d.sync += bus.tvalid.eq(0)
        with m.If(take):
            m.d.sync += [
                bus.tdata.eq(Cat(bus.tdata[8:], data)),
                # A frame starts with the first byte of its first word.
                bus.tuser.eq(first | (bus.tuser & (left != word_bytes - 1))),
                bus.tlast.eq(last),
                bus.tvalid.eq(left == 0),
                left.eq(left - 1),
            ]
            with m.If(left == 0):
                m.d.sync += left.eq(word_bytes - 1)
        # Bytes that have left the queue, in blocks.
        part = Signal(range(BLOCK_BYTES), name=f"{name}_part")
        blocks = Signal(range(ROOM_BYTES // BLOCK_BYTES + 1), name=f"{name}_blocks")
        m.d.sync += part.eq(part + take)
        m.d.comb += self.room.eq(blocks.any())
        m.d.sync += blocks.eq(blocks + (take & part.all()) - self.room_told)
        return m


class Outlet(Elaboratable):
    """A queue of bytes behind an output stream. While it is full, the accelerator waits.

    Parameters
    ----------
    bus : Bus
        The accelerator's stream, which this module takes.
    name : str
        Prefix of the signal names.

    Attributes
    ----------
    waiting : Signal
        Bytes in the queue, `BLOCK_BYTES` at most; one cycle late.
    o_valid, o_ready, o_data : Signal
        Bytes.
    """

    def __init__(self, bus: Bus, name: str) -> None:
        self.bus = bus
        self.name = name
        self.waiting = Signal(range(BLOCK_BYTES + 1), name=f"{name}_waiting")
        self.o_valid = Signal(name=f"{name}_o_valid")
        self.o_ready = Signal(name=f"{name}_o_ready")
        self.o_data = Signal(8, name=f"{name}_o_data")

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        bus, name = self.bus, self.name
        word_bytes = len(bus.tdata) // 8
        m.submodules.queue = queue = SyncFIFOBuffered(width=8, depth=OUTLET_BYTES)
        word = Signal(8 * word_bytes, name=f"{name}_word", reset_less=True)
        left = Signal(range(word_bytes + 1), name=f"{name}_left")  # bytes of the word
        m.d.comb += [
            bus.tready.eq(left == 0),
            queue.w_en.eq(left != 0),
            queue.w_data.eq(word),
            self.o_valid.eq(queue.r_rdy),
            self.o_data.eq(queue.r_data),
            queue.r_en.eq(self.o_ready),
        ]
        level = Signal(range(OUTLET_BYTES + 1), name=f"{name}_level")
        m.d.sync += [
            level.eq(level + (queue.w_en & queue.w_rdy) - (queue.r_en & queue.r_rdy)),
            self.waiting.eq(Mux(level > BLOCK_BYTES, BLOCK_BYTES, level)),
        ]
        with m.If(left == 0):
            m.d.sync += word.eq(bus.tdata)
            with m.If(bus.tvalid):
                m.d.sync += left.eq(word_bytes)
        with m.Elif(queue.w_rdy):
            m.d.sync += [word.eq(word >> 8), left.eq(left - 1)]
        return m
