"""Writes words as blocks of memory."""

from __future__ import annotations

from amaranth.hdl import Cat, Elaboratable, Module, Mux, Signal
from amaranth.lib.fifo import SyncFIFO, SyncFIFOBuffered

from fluorite.hwgen.shell.axi_ports import Bus
from fluorite.hwgen.shell.bursts import BURST_BEATS, BurstSplitter
from fluorite.hwgen.shell.packer import Packer
from fluorite.hwgen.shell.read_master import MAX_BURSTS
from fluorite.hwgen.shell.rows import Block, RowScan

__all__ = ["WriteMaster"]


class WriteMaster(Elaboratable):
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
    start : Signal, in
        Queue the block; the caller makes sure of room.
    stop : Signal, in
        Announce no more bursts.
    quiet : Signal
        Every burst announced was written and answered.
    done : Signal
        A block's last burst was answered. High for one cycle.
    error, error_decode, error_address : Signal
        A burst was answered with an error (for one cycle); it was DECERR; its address.
    i_valid, i_ready, i_data : Signal
        Words.
    i_row_last, i_last : Signal, out
        The word that is taken next is the last of its row; of its block.
    """

    def __init__(self, bus: Bus, block: Block, word_bytes: int, queue_depth: int, name: str) -> None:
        self.bus = bus
        self.block = block
        self.word_bytes = word_bytes
        self.queue_depth = queue_depth
        # A burst that fills while another waits for the bus; more where the bus is slow to accept.
        self.depth = 4 * BURST_BEATS + 1
        self.start = Signal(name=f"{name}_start")
        self.stop = Signal(name=f"{name}_stop")
        self.quiet = Signal(name=f"{name}_quiet")
        self.done = Signal(name=f"{name}_done")
        self.error = Signal(name=f"{name}_error")
        self.error_decode = Signal(name=f"{name}_error_decode")
        self.error_address = Signal(len(bus.awaddr), name=f"{name}_error_address")
        self.i_valid = Signal(name=f"{name}_i_valid")
        self.i_ready = Signal(name=f"{name}_i_ready")
        self.i_data = Signal(8 * word_bytes, name=f"{name}_i_data")
        self.i_row_last = Signal(name=f"{name}_i_row_last")
        self.i_last = Signal(name=f"{name}_i_last")

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        pushed = self._words(m)
        self._addresses(m, pushed)
        return m

    def _words(self, m: Module) -> Signal:
        """Words to beats; gives whether a beat goes into the buffer."""
        bus, block = self.bus, self.block
        beat_bytes = len(bus.wdata) // 8
        low_bits = (BURST_BEATS * beat_bytes - 1).bit_length()
        low = block.low(low_bits, "low_block")
        head = block.low(low_bits, "data_block")
        m.submodules.data_blocks = blocks = SyncFIFO(width=len(low.bits), depth=self.queue_depth)
        m.submodules.data_rows = rows = RowScan(head)
        m.submodules.packer = packer = Packer(self.word_bytes, beat_bytes, len(block.row_bytes))
        m.submodules.beats = beats = SyncFIFOBuffered(width=9 * beat_bytes + 1, depth=self.depth)
        self.beats = beats
        pushed = Signal()
        m.d.comb += [
            *low.assign(block),
            blocks.w_data.eq(low.bits),
            blocks.w_en.eq(self.start),
            head.bits.eq(blocks.r_data),
            rows.i_valid.eq(blocks.r_rdy),
            blocks.r_en.eq(rows.i_ready),
            packer.row_valid.eq(rows.o_valid),
            rows.o_ready.eq(packer.row_ready),
            packer.row_address.eq(rows.o_address),
            packer.row_bytes.eq(head.row_bytes),
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

    def _addresses(self, m: Module, pushed: Signal) -> None:
        """Bursts announced, their beats and their answers."""
        bus, block, beats = self.bus, self.block, self.beats
        address_bits = len(block.base)
        beat_bytes = len(bus.wdata) // 8
        head = block.low(address_bits, "address_block")
        m.submodules.blocks = blocks = SyncFIFO(width=len(block.bits), depth=self.queue_depth)
        m.submodules.rows = rows = RowScan(head)
        m.submodules.bursts = bursts = BurstSplitter(address_bits, len(block.row_bytes), beat_bytes)
        m.submodules.asked = asked = SyncFIFO(width=address_bits + 1, depth=MAX_BURSTS)
        unclaimed = Signal(range(self.depth + 2))  # beats in the buffer that belong to no burst announced
        # Bursts whose address is on the bus or has been, and beats of which are still to go. (A slave may wait for the
        # data before it takes the address.)
        announced = Signal(range(MAX_BURSTS + 1))
        issue, sent = Signal(), Signal()
        m.d.comb += [
            blocks.w_data.eq(block.bits),
            blocks.w_en.eq(self.start),
            head.bits.eq(blocks.r_data),
            rows.i_valid.eq(blocks.r_rdy),
            blocks.r_en.eq(rows.i_ready),
            bursts.i_valid.eq(rows.o_valid),
            rows.o_ready.eq(bursts.i_ready),
            bursts.i_address.eq(rows.o_address),
            bursts.i_row_bytes.eq(head.row_bytes),
            bursts.i_last.eq(rows.o_last),
            issue.eq(
                bursts.o_valid & (bus.awready | ~bus.awvalid) & (unclaimed > bursts.o_len) & asked.w_rdy & ~self.stop
            ),
            bursts.o_ready.eq(issue),
            asked.w_en.eq(issue),
            asked.w_data.eq(Cat(bursts.o_last, bursts.o_address)),
            bus.awsize.eq((beat_bytes - 1).bit_length()),
            bus.awburst.eq(0b01),  # incrementing
            bus.awcache.eq(0b0011),  # may be split, merged and buffered on the way
            bus.awprot.eq(0),
            bus.wvalid.eq(beats.r_rdy & announced.any()),
            Cat(bus.wlast, bus.wstrb, bus.wdata).eq(beats.r_data),
            beats.r_en.eq(bus.wready & announced.any()),
            sent.eq(bus.wvalid & bus.wready & bus.wlast),
            bus.bready.eq(1),
            asked.r_en.eq(bus.bvalid),
            self.done.eq(bus.bvalid & asked.r_data[0]),
            self.error.eq(bus.bvalid & bus.bresp[1]),
            self.error_decode.eq(bus.bresp[0]),
            self.error_address.eq(asked.r_data[1:]),
            self.quiet.eq(~bus.awvalid & ~asked.r_rdy),
        ]
        m.d.sync += [
            unclaimed.eq(unclaimed + pushed - Mux(issue, bursts.o_len + 1, 0)),
            announced.eq(announced + issue - sent),
        ]
        with m.If(bus.awready | ~bus.awvalid):
            m.d.sync += bus.awvalid.eq(issue)
        with m.If(issue):
            m.d.sync += [bus.awaddr.eq(bursts.o_address), bus.awlen.eq(bursts.o_len)]
