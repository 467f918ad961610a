"""What is proved of the shell: handshakes by induction, the masters' burst rules for all short transfers."""

import pytest
from amaranth.hdl import Assert, Assume, Cat, Module, Signal
from amaranth.hdl._ast import Initial
from amaranth.lib.fifo import SyncFIFO

from fluorite.hwgen.rtl.skid import SkidBuffer
from fluorite.hwgen.shell.axi_ports import axi_read_master, axi_write_master
from fluorite.hwgen.shell.memory.aligner import Aligner
from fluorite.hwgen.shell.memory.bursts import BurstSplitter
from fluorite.hwgen.shell.memory.gearbox import Gearbox
from fluorite.hwgen.shell.memory.packer import Packer
from fluorite.hwgen.shell.memory.read_master import ReadMaster
from fluorite.hwgen.shell.memory.rows import Block
from fluorite.hwgen.shell.memory.write_master import WriteMaster
from fluorite.hwgen.shell.video.framer import Framer
from tests.hwgen.shell.formal import Proof, held, prove

ADDRESS_BITS = 14  # two bits more than 4 KiB has


def test_skid_buffer_holds_its_output_and_keeps_order(tmp_path):
    dut = SkidBuffer(4)

    def claims(m):
        held(m, Assume, dut.i_valid, dut.i_ready, dut.i_data)
        held(m, Assert, dut.o_valid, dut.o_ready, dut.o_data)
        # Words are numbers in order: what comes out counts up too.
        given, taken = Signal(4), Signal(4)
        m.d.sync += [given.eq(given + (dut.i_valid & dut.i_ready)), taken.eq(taken + (dut.o_valid & dut.o_ready))]
        m.d.comb += Assume(~dut.i_valid | (dut.i_data == given))
        m.d.comb += Assert(~dut.o_valid | Initial() | (dut.o_data == taken))

    prove(tmp_path, Proof(dut, claims, [dut.i_valid, dut.i_data, dut.o_ready]), steps=20)


def test_skid_buffer_holds_its_output_for_ever(tmp_path):
    dut = SkidBuffer(4)

    def claims(m):
        held(m, Assume, dut.i_valid, dut.i_ready, dut.i_data)
        held(m, Assert, dut.o_valid, dut.o_ready, dut.o_data)

    prove(tmp_path, Proof(dut, claims, [dut.i_valid, dut.i_data, dut.o_ready]), steps=4, induction=True)


def test_framer_holds_its_output_for_ever(tmp_path):
    dut = Framer(4)
    ends = (dut.o_row_last, dut.o_last)
    free = [dut.enable, dut.i_valid, dut.i_data, dut.i_row_last, dut.i_last, dut.o_ready, *ends]

    def claims(m):
        held(m, Assume, dut.i_valid, dut.i_ready, dut.i_data, dut.i_row_last, dut.i_last)
        held(m, Assert, dut.o_valid, dut.o_ready, dut.o_data)
        enabled, before = Signal(), Signal(2)
        m.d.sync += [enabled.eq(dut.enable & ~dut.done), before.eq(Cat(ends))]
        # Whoever enables waits until a launch is done; a launch ends with a row, and its end waits for its word.
        m.d.comb += Assume(~enabled | Initial() | dut.enable)
        m.d.comb += [Assume(~dut.o_last | dut.o_row_last), Assume(~dut.i_last | dut.i_row_last)]
        moved = Signal()
        m.d.sync += moved.eq(dut.o_valid & dut.o_ready)
        m.d.comb += Assume(moved | Initial() | (before == Cat(ends)))

    prove(tmp_path, Proof(dut, claims, free), steps=4, induction=True)


@pytest.mark.parametrize("word_bytes", [1, 3, 4, 6])
def test_gearbox_and_packer_hold_their_outputs(tmp_path, word_bytes):
    gearbox, packer = Gearbox(4, word_bytes), Packer(word_bytes, 4, 5)
    g_in = (gearbox.i_data, gearbox.i_bytes, gearbox.i_row_last, gearbox.i_last)
    rows = (packer.row_address, packer.row_bytes)
    both = Module()
    both.submodules.gearbox, both.submodules.packer = gearbox, packer

    def claims(m):
        held(m, Assume, gearbox.i_valid, gearbox.i_ready, *g_in)
        held(m, Assert, gearbox.o_valid, gearbox.o_ready, gearbox.o_data, gearbox.o_row_last, gearbox.o_last)
        held(m, Assume, packer.row_valid, packer.row_ready, *rows)
        held(m, Assume, packer.i_valid, packer.i_ready, packer.i_data)
        m.d.comb += Assume(packer.row_bytes > 0)
        m.d.comb += Assume((gearbox.i_bytes > 0) & (gearbox.i_bytes <= 4))
        m.d.comb += Assume(gearbox.i_row_last | (gearbox.i_bytes == 4))
        held(m, Assert, packer.o_valid, packer.o_ready, packer.o_data, packer.o_strobe, packer.o_last)

    free = [gearbox.i_valid, *g_in, gearbox.o_ready]
    free += [packer.row_valid, *rows, packer.i_valid, packer.i_data, packer.o_ready]
    prove(tmp_path, Proof(both, claims, free), steps=10)


def test_aligner_holds_its_output(tmp_path):
    dut = Aligner(4, 5)
    row = (dut.row_offset, dut.row_bytes, dut.row_last)

    def claims(m):
        held(m, Assume, dut.i_valid, dut.i_ready, dut.i_data)
        held(m, Assume, dut.row_valid, dut.row_ready, *row)
        counted = [dut.o_data.word_select(n, 8) & (dut.o_bytes > n).replicate(8) for n in range(4)]
        held(m, Assert, dut.o_valid, dut.o_ready, *counted, dut.o_bytes, dut.o_row_last, dut.o_last)

        m.d.comb += Assume(dut.row_bytes > 0)

    prove(tmp_path, Proof(dut, claims, [dut.i_valid, dut.i_data, dut.row_valid, *row, dut.o_ready]), steps=10)


@pytest.mark.parametrize("beat_bytes", [4, 8, 16])
def test_bursts_stay_within_4_kib_and_follow_each_other_for_ever(tmp_path, beat_bytes):
    dut = BurstSplitter(ADDRESS_BITS, 10, beat_bytes)
    row = (dut.i_address, dut.i_row_bytes, dut.i_last)

    def claims(m):
        held(m, Assert, dut.o_valid, dut.o_ready, dut.o_address, dut.o_len, dut.o_last)
        end, next_address, again = Signal(ADDRESS_BITS + 1), Signal(ADDRESS_BITS), Signal()
        m.d.comb += end.eq(dut.o_address + dut.o_len * beat_bytes + beat_bytes - 1)
        m.d.comb += Assert(~dut.o_valid | (dut.o_address % beat_bytes == 0))
        m.d.comb += Assert(~dut.o_valid | (dut.o_address >> 12 == end[:ADDRESS_BITS] >> 12))
        # A row that is not over goes on where its last burst ended.
        m.d.sync += [next_address.eq(end + 1), again.eq(dut.o_valid & dut.o_ready & ~dut.i_ready)]
        m.d.comb += Assert(Initial() | ~again | (dut.o_valid & (dut.o_address == next_address)))

    prove(tmp_path, Proof(dut, claims, [dut.i_valid, *row, dut.o_ready]), steps=3, induction=True)


def one_block(m, master, block):
    """One short block, anywhere, once."""
    started = Signal()
    before = Signal(len(block.bits), reset_less=True)
    m.d.sync += [started.eq(started | master.start), before.eq(block.bits)]
    m.d.comb += [
        Assume(~(started & master.start)),
        Assume(Initial() | (block.bits == before)),
        Assume(block.row_bytes > 0),
    ]


def never(m, signal):
    m.d.comb += Assert(Initial() | ~signal)


def stays_in_page(address, length):
    return address >> 12 == (address + (length << 2) + 3)[:ADDRESS_BITS] >> 12


def test_read_master_asks_by_the_rules_and_loses_nothing(tmp_path):
    bus = axi_read_master("m", 32, ADDRESS_BITS, 8)
    block = Block.make(ADDRESS_BITS, 4, [], "block")
    dut = ReadMaster(bus, block, 1, 2, 64, "dut")
    dut.depth = 5

    def claims(m):
        one_block(m, dut, block)
        held(m, Assert, bus.arvalid, bus.arready, bus.araddr, bus.arlen)
        m.d.comb += Assert(Initial() | ~bus.arvalid | stays_in_page(bus.araddr, bus.arlen))
        # The slave: answers in order what was asked for, and the bytes of memory are their addresses.
        m.submodules.asked = asked = SyncFIFO(width=ADDRESS_BITS + 4, depth=4)
        beat, received = Signal(4), Signal(ADDRESS_BITS)
        address = Signal(ADDRESS_BITS)
        m.d.comb += [
            asked.w_en.eq(bus.arvalid & bus.arready),
            asked.w_data.eq(Cat(bus.arlen[:4], bus.araddr)),
            asked.r_en.eq(bus.rvalid & bus.rlast),
            address.eq(asked.r_data[4:] + (beat << 2)),
            Assume(~bus.rvalid | (asked.r_rdy & (bus.rlast == (beat == asked.r_data[:4])))),
            *(Assume(bus.rdata.word_select(n, 8) == (address + n)[:8]) for n in range(4)),
        ]
        with m.If(bus.rvalid):
            m.d.sync += beat.eq(beat + 1)
            with m.If(bus.rlast):
                m.d.sync += beat.eq(0)
        taken = dut.o_valid & dut.o_ready
        m.d.sync += received.eq(received + taken)
        m.d.comb += Assert(Initial() | ~dut.o_valid | (dut.o_data == (block.base + received)[:8]))
        m.d.comb += Assert(Initial() | ~dut.o_valid | (dut.o_last == (received + 1 == block.row_bytes)))
        finished = Signal()
        m.d.sync += finished.eq(finished | dut.done)
        m.d.comb += Assert(Initial() | ~finished | ~(dut.o_valid | bus.arvalid))
        m.d.comb += Assert(Initial() | ~dut.quiet | ~asked.r_rdy)

    free = [dut.start, dut.stop, dut.o_ready, *block.signals]
    free += [bus.arready, bus.rvalid, bus.rdata, bus.rlast, bus.rresp]
    prove(tmp_path, Proof(dut, claims, free), steps=13)
    with pytest.raises(AssertionError, match="BMC failed"):  # so many steps are enough for a whole block
        prove(tmp_path, Proof(dut, lambda m: (claims(m), never(m, dut.done)), free), steps=13)


def test_write_master_announces_by_the_rules_and_is_done_after_the_last_answer(tmp_path):
    bus = axi_write_master("m", 32, ADDRESS_BITS, 8)
    block = Block.make(ADDRESS_BITS, 3, [], "block")
    dut = WriteMaster(bus, block, 2, 2, "dut")
    dut.depth = 5

    def claims(m):
        one_block(m, dut, block)
        held(m, Assert, bus.awvalid, bus.awready, bus.awaddr, bus.awlen)
        held(m, Assert, bus.wvalid, bus.wready, bus.wdata, bus.wstrb, bus.wlast)
        m.d.comb += Assert(Initial() | ~bus.awvalid | stays_in_page(bus.awaddr, bus.awlen))
        # The bytes written are their addresses.
        given, beats = Signal(ADDRESS_BITS), Signal(ADDRESS_BITS)
        m.d.sync += given.eq(given + Cat(0, dut.i_valid & dut.i_ready))
        m.d.comb += [Assume(dut.i_data.word_select(n, 8) == (block.base + given + n)[:8]) for n in range(2)]
        sent = bus.wvalid & bus.wready
        address = Signal(ADDRESS_BITS)
        m.d.sync += beats.eq(beats + sent)
        m.d.comb += address.eq((block.base & ~3) + (beats << 2))
        for n in range(4):
            here = (address + n)[:ADDRESS_BITS]
            inside = (here - block.base)[:ADDRESS_BITS] < block.row_bytes
            m.d.comb += Assert(Initial() | ~bus.wvalid | (bus.wstrb[n] == inside))
            m.d.comb += Assert(Initial() | ~bus.wvalid | ~bus.wstrb[n] | (bus.wdata.word_select(n, 8) == here[:8]))
        # Announced beats and WLAST agree; data never comes before its address.
        announced, ended, answered, shown = Signal(8), Signal(4), Signal(4), Signal(4)
        new = Signal()
        waiting = Signal()
        m.d.sync += waiting.eq(bus.awvalid & ~bus.awready)
        m.d.comb += new.eq(bus.awvalid & ~(waiting & ~Initial()))
        total = Signal(8)
        m.d.comb += total.eq(announced + (new * (bus.awlen[:4] + 1)))
        m.d.sync += [announced.eq(total), shown.eq(shown + new), ended.eq(ended + (sent & bus.wlast))]
        m.d.comb += Assert(Initial() | ~bus.wvalid | (beats < total))
        m.d.comb += Assert(Initial() | ~(bus.wvalid & bus.wlast & (ended + 1 == shown + new)) | (beats + 1 == total))
        # The slave answers what it has in full.
        accepted = Signal(4)
        m.d.sync += [accepted.eq(accepted + (bus.awvalid & bus.awready)), answered.eq(answered + bus.bvalid)]
        m.d.comb += Assume(~bus.bvalid | ((answered < accepted) & (answered < ended)))
        finished = Signal()
        m.d.sync += finished.eq(finished | dut.done)
        covered = (block.base[:2] + block.row_bytes + 3)[2:]
        m.d.comb += Assert(
            Initial() | ~dut.done | ((beats == covered) & (answered + 1 == accepted) & (ended == accepted))
        )
        m.d.comb += Assert(Initial() | ~finished | ~(bus.awvalid | bus.wvalid))
        m.d.comb += Assert(Initial() | ~dut.quiet | ((answered == accepted) & ~bus.awvalid))

    free = [dut.start, dut.stop, dut.i_valid, dut.i_data, *block.signals]
    free += [bus.awready, bus.wready, bus.bvalid, bus.bresp]
    prove(tmp_path, Proof(dut, claims, free), steps=11)
    with pytest.raises(AssertionError, match="BMC failed"):  # so many steps are enough for a whole block
        prove(tmp_path, Proof(dut, lambda m: (claims(m), never(m, dut.done)), free), steps=11)
