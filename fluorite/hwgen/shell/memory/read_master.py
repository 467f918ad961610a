"""Reads blocks of memory as words."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.fifo import SyncFIFOBuffered

from fluorite.hwgen.rtl.skid import SkidBuffer
from fluorite.hwgen.shell.axi_ports import Bus
from fluorite.hwgen.shell.memory.aligner import Aligner
from fluorite.hwgen.shell.memory.bursts import BURST_BEATS
from fluorite.hwgen.shell.memory.gearbox import Gearbox
from fluorite.hwgen.shell.memory.master import MemoryMaster
from fluorite.hwgen.shell.memory.queued_rows import QueuedRows
from fluorite.hwgen.shell.memory.rows import Block

__all__ = ["ReadMaster"]


class ReadMaster(MemoryMaster):
    """An AXI4 read master: blocks in, words out.

    A burst is asked for only when there is room for all of its beats, so that ``rready`` is always high and no master
    of the same memory waits for the core. Addresses run ahead of data, over rows and over launches.

    Parameters
    ----------
    bus : Bus
        The port.
    block : Block
        The next block to read.
    word_bytes : int
        Bytes of a word in memory.
    queue_depth : int
        Blocks that can wait.
    latency_cycles : int
        Memory latency to hide at a beat a cycle.
    name : str
        Prefix of the signal names.

    Attributes
    ----------
    arrived : Signal
        A block's last beat has arrived; ``done`` is when its last word was taken. High for one cycle. (Further ports:
        :class:`~fluorite.hwgen.shell.memory.master.MemoryMaster`.)
    o_valid, o_ready, o_data, o_row_last, o_last : Signal
        Words.
    """

    def __init__(
        self, bus: Bus, block: Block, word_bytes: int, queue_depth: int, latency_cycles: int, name: str
    ) -> None:
        super().__init__(bus, "ar", block, word_bytes, queue_depth, name)
        # A burst may be asked for when there is room for it, and is taken apart only once it begins to arrive.
        # (One beat more than a power of two: the buffer's output register.)
        self.depth = (1 << (latency_cycles + 2 * BURST_BEATS - 1).bit_length()) + 1
        self.arrived = Signal(name=f"{name}_arrived")
        self.o_valid = Signal(name=f"{name}_o_valid")
        self.o_ready = Signal(name=f"{name}_o_ready")
        self.o_data = Signal(8 * word_bytes, name=f"{name}_o_data")
        self.o_row_last = Signal(name=f"{name}_o_row_last")
        self.o_last = Signal(name=f"{name}_o_last")

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        bus = self.bus
        taken = self._words(m)
        addresses = self.begin_bursts(m, len(bus.rdata) // 8, self.depth)
        free = Signal(range(self.depth + 1), init=self.depth)  # beats there is room for
        m.d.sync += free.eq(free + taken - Mux(addresses.issued, addresses.length + 1, 0))
        m.d.comb += [
            addresses.covered.eq(free),
            addresses.answered.eq(bus.rvalid & bus.rlast),
            bus.rready.eq(1),
            self.arrived.eq(addresses.answered & addresses.last),
        ]
        self.end_bursts(m, addresses, bus.rvalid, bus.rresp)
        return m

    def _words(self, m: Module) -> Signal:
        """Beats to words, rows walked a second time by the low bits of their addresses; a beat leaves the buffer."""
        bus, block = self.bus, self.block
        beat_bytes = len(bus.rdata) // 8
        m.submodules.rows = rows = QueuedRows(block, (beat_bytes - 1).bit_length(), self.queue_depth)
        m.submodules.beats = beats = SyncFIFOBuffered(width=len(bus.rdata), depth=self.depth)
        m.submodules.aligner = aligner = Aligner(beat_bytes, len(block.row_bytes))
        m.submodules.gearbox = gearbox = Gearbox(beat_bytes, self.word_bytes)
        m.submodules.skid = skid = SkidBuffer(8 * self.word_bytes + 2)
        taken = Signal()
        m.d.comb += [
            rows.start.eq(self.start),
            beats.w_en.eq(bus.rvalid),
            beats.w_data.eq(bus.rdata),
            aligner.i_valid.eq(beats.r_rdy),
            aligner.i_data.eq(beats.r_data),
            beats.r_en.eq(aligner.i_ready),
            taken.eq(beats.r_rdy & aligner.i_ready),
            aligner.row_valid.eq(rows.o_valid),
            rows.o_ready.eq(aligner.row_ready),
            aligner.row_offset.eq(rows.o_address),
            aligner.row_bytes.eq(rows.o_row_bytes),
            aligner.row_last.eq(rows.o_last),
            gearbox.i_valid.eq(aligner.o_valid),
            aligner.o_ready.eq(gearbox.i_ready),
            gearbox.i_data.eq(aligner.o_data),
            gearbox.i_bytes.eq(aligner.o_bytes),
            gearbox.i_row_last.eq(aligner.o_row_last),
            gearbox.i_last.eq(aligner.o_last),
            skid.i_valid.eq(gearbox.o_valid),
            gearbox.o_ready.eq(skid.i_ready),
            skid.i_data.eq(Cat(gearbox.o_row_last, gearbox.o_last, gearbox.o_data)),
            self.o_valid.eq(skid.o_valid),
            skid.o_ready.eq(self.o_ready),
            Cat(self.o_row_last, self.o_last, self.o_data).eq(skid.o_data),
            self.done.eq(self.o_valid & self.o_ready & self.o_last),
        ]
        return taken
