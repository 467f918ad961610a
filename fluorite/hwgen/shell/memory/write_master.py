"""Writes words as blocks of memory."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.fifo import SyncFIFOBuffered

from fluorite.hwgen.shell.axi_ports import Bus
from fluorite.hwgen.shell.memory.address_channel import MAX_BURSTS
from fluorite.hwgen.shell.memory.bursts import BURST_BEATS
from fluorite.hwgen.shell.memory.master import MemoryMaster
from fluorite.hwgen.shell.memory.packer import Packer
from fluorite.hwgen.shell.memory.queued_rows import QueuedRows
from fluorite.hwgen.shell.memory.rows import Block

__all__ = ["WriteMaster"]


class WriteMaster(MemoryMaster):
    """An AXI4 write master: blocks and words in.

    A burst is announced only when all of its beats are there, so that no master of the same memory waits for the core.

    Parameters
    ----------
    bus : Bus
        The port.
    block : Block
        The next block to write.
    word_bytes : int
        Bytes of a word in memory.
    queue_depth : int
        Blocks that can wait.
    name : str
        Prefix of the signal names.

    Attributes
    ----------
    i_valid, i_ready, i_data : Signal
        Words.
    i_row_last, i_last : Signal, out
        The word that is taken next is the last of its row; of its block. (Further ports:
        :class:`~fluorite.hwgen.shell.memory.master.MemoryMaster`.)
    """

    def __init__(self, bus: Bus, block: Block, word_bytes: int, queue_depth: int, name: str) -> None:
        super().__init__(bus, "aw", block, word_bytes, queue_depth, name)
        # A burst that fills while another waits for the bus; more where the bus is slow to accept.
        self.depth = 4 * BURST_BEATS + 1
        self.i_valid = Signal(name=f"{name}_i_valid")
        self.i_ready = Signal(name=f"{name}_i_ready")
        self.i_data = Signal(8 * word_bytes, name=f"{name}_i_data")
        self.i_row_last = Signal(name=f"{name}_i_row_last")
        self.i_last = Signal(name=f"{name}_i_last")

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        bus = self.bus
        beat_bytes = len(bus.wdata) // 8
        m.submodules.beats = beats = SyncFIFOBuffered(width=9 * beat_bytes + 1, depth=self.depth)
        pushed = self._words(m, beats)
        addresses = self.begin_bursts(m, beat_bytes, self.depth + 1)
        unclaimed = Signal(range(self.depth + 2))  # beats in the buffer that belong to no burst announced
        # Bursts whose address is on the bus or has been, and beats of which are still to go. (A slave may wait for the
        # data before it takes the address.)
        announced = Signal(range(MAX_BURSTS + 1))
        sent = Signal()
        m.d.sync += [
            unclaimed.eq(unclaimed + pushed - Mux(addresses.issued, addresses.length + 1, 0)),
            announced.eq(announced + addresses.issued - sent),
        ]
        m.d.comb += [
            addresses.covered.eq(unclaimed),
            addresses.answered.eq(bus.bvalid),
            bus.wvalid.eq(beats.r_rdy & announced.any()),
            Cat(bus.wlast, bus.wstrb, bus.wdata).eq(beats.r_data),
            beats.r_en.eq(bus.wready & announced.any()),
            sent.eq(bus.wvalid & bus.wready & bus.wlast),
            bus.bready.eq(1),
            self.done.eq(bus.bvalid & addresses.last),
        ]
        self.end_bursts(m, addresses, bus.bvalid, bus.bresp)
        return m

    def _words(self, m: Module, beats: SyncFIFOBuffered) -> Signal:
        """Words to beats; gives whether a beat goes into the buffer."""
        block = self.block
        beat_bytes = len(self.bus.wdata) // 8
        m.submodules.rows = rows = QueuedRows(block, (BURST_BEATS * beat_bytes - 1).bit_length(), self.queue_depth)
        m.submodules.packer = packer = Packer(self.word_bytes, beat_bytes, len(block.row_bytes))
        pushed = Signal()
        m.d.comb += [
            rows.start.eq(self.start),
            packer.row_valid.eq(rows.o_valid),
            rows.o_ready.eq(packer.row_ready),
            packer.row_address.eq(rows.o_address),
            packer.row_bytes.eq(rows.o_row_bytes),
            packer.i_valid.eq(self.i_valid),
            self.i_ready.eq(packer.i_ready),
            packer.i_data.eq(self.i_data),
            self.i_row_last.eq(packer.i_row_last),
            self.i_last.eq(packer.i_row_last & rows.o_last),
            beats.w_en.eq(packer.o_valid),
            packer.o_ready.eq(beats.w_rdy),
            pushed.eq(packer.o_valid & beats.w_rdy),
            beats.w_data.eq(Cat(packer.o_last, packer.o_strobe, packer.o_data)),
        ]
        return pushed
