"""Bursts of blocks of memory, asked for on an AXI4 address channel."""

from __future__ import annotations

from amaranth.hdl import Cat, Elaboratable, Module, Signal
from amaranth.lib.fifo import SyncFIFO

from fluorite.hwgen.shell.axi_ports import Bus
from fluorite.hwgen.shell.memory.bursts import BurstSplitter
from fluorite.hwgen.shell.memory.queued_rows import QueuedRows
from fluorite.hwgen.shell.memory.rows import Block

__all__ = ["MAX_BURSTS", "AddressChannel"]

#: Bursts in flight at most, per master.
MAX_BURSTS = 32


class AddressChannel(Elaboratable):
    """Asks for the bursts of one block after another, each as soon as its beats are covered.

    Parameters
    ----------
    bus : Bus
        The port.
    channel : str
        ``"ar"`` or ``"aw"``.
    block : Block
        The next block.
    beat_bytes : int
        Bytes of a beat.
    queue_depth : int
        Blocks that can wait.
    buffer_beats : int
        Beats that ``covered`` is at most.
    name : str
        Prefix of the signal names.

    Attributes
    ----------
    start : Signal, in
        Queue the block; the caller makes sure of room.
    stop : Signal, in
        Ask for no more bursts.
    covered : Signal, in
        Beats that the next burst may have: for reads those there is room for, for writes those that are there.
    issued : Signal
        A burst is asked for. High for one cycle.
    length : Signal
        Its beats, less one.
    answered : Signal, in
        The oldest burst has been answered. High for one cycle.
    address, last : Signal
        Address of the oldest burst that was not answered; whether it is its block's last.
    quiet : Signal
        Every burst was answered.
    """

    def __init__(
        self, bus: Bus, channel: str, block: Block, beat_bytes: int, queue_depth: int, buffer_beats: int, name: str
    ) -> None:
        self.block = block
        self.beat_bytes = beat_bytes
        self.queue_depth = queue_depth
        self.signals = {
            part: bus.signals[channel + part]
            for part in ("addr", "len", "size", "burst", "cache", "prot", "valid", "ready")
        }
        self.start = Signal(name=f"{name}_start")
        self.stop = Signal(name=f"{name}_stop")
        self.covered = Signal(range(buffer_beats + 1), name=f"{name}_covered")
        self.issued = Signal(name=f"{name}_issued")
        self.length = Signal(len(self.signals["len"]), name=f"{name}_length")
        self.answered = Signal(name=f"{name}_answered")
        self.address = Signal(len(block.base), name=f"{name}_address")
        self.last = Signal(name=f"{name}_last")
        self.quiet = Signal(name=f"{name}_quiet")

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        bus, address_bits = self.signals, len(self.block.base)
        m.submodules.rows = rows = QueuedRows(self.block, address_bits, self.queue_depth)
        m.submodules.bursts = bursts = BurstSplitter(address_bits, len(self.block.row_bytes), self.beat_bytes)
        m.submodules.asked = asked = SyncFIFO(width=address_bits + 1, depth=MAX_BURSTS)
        free = Signal()  # the channel
        m.d.comb += [
            rows.start.eq(self.start),
            bursts.i_valid.eq(rows.o_valid),
            rows.o_ready.eq(bursts.i_ready),
            bursts.i_address.eq(rows.o_address),
            bursts.i_row_bytes.eq(rows.o_row_bytes),
            bursts.i_last.eq(rows.o_last),
            free.eq(bus["ready"] | ~bus["valid"]),
            self.issued.eq(bursts.o_valid & free & (self.covered > bursts.o_len) & asked.w_rdy & ~self.stop),
            self.length.eq(bursts.o_len),
            bursts.o_ready.eq(self.issued),
            asked.w_en.eq(self.issued),
            asked.w_data.eq(Cat(bursts.o_last, bursts.o_address)),
            asked.r_en.eq(self.answered),
            Cat(self.last, self.address).eq(asked.r_data),
            self.quiet.eq(~bus["valid"] & ~asked.r_rdy),
            bus["size"].eq((self.beat_bytes - 1).bit_length()),
            bus["burst"].eq(0b01),  # incrementing
            bus["cache"].eq(0b0011),  # may be split, merged and buffered on the way
            bus["prot"].eq(0),
        ]
        with m.If(free):
            m.d.sync += bus["valid"].eq(self.issued)
        with m.If(self.issued):
            m.d.sync += [bus["addr"].eq(bursts.o_address), bus["len"].eq(bursts.o_len)]
        return m
