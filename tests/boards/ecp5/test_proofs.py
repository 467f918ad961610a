"""What is proved of the harness: handshakes by induction, order and room for all short runs (queues made small)."""

import pytest
from amaranth.hdl import Assert, Assume, Cat, Mux, Signal
from amaranth.hdl._ast import Initial

from fluorite.boards.ecp5 import streams
from fluorite.boards.ecp5.register_port import RegisterPort
from fluorite.boards.ecp5.streams import Inlet, Outlet
from fluorite.hwgen.shell.axi_ports import axi_lite_slave, axi_stream
from tests.hwgen.shell.formal import Proof, held, prove


@pytest.fixture(autouse=True)
def small_queues(monkeypatch):
    monkeypatch.setattr(streams, "ROOM_BYTES", 8)
    monkeypatch.setattr(streams, "OUTLET_BYTES", 4)
    monkeypatch.setattr(streams, "BLOCK_BYTES", 4)


def test_register_port_holds_what_it_asks_for_ever(tmp_path):
    bus = axi_lite_slave("s", 6)
    dut = RegisterPort(bus)

    def claims(m):
        held(m, Assert, bus.arvalid, bus.arready, bus.araddr)
        held(m, Assert, bus.awvalid, bus.awready, bus.awaddr)
        held(m, Assert, bus.wvalid, bus.wready, bus.wdata)
        # The address and value stay until the access has ended, and there is one access at a time.
        before = Signal(len(dut.address) + len(dut.value))
        m.d.sync += before.eq(Cat(dut.address, dut.value))
        asked = bus.arvalid | bus.awvalid | bus.wvalid
        m.d.comb += Assume(Initial() | ~asked | (before == Cat(dut.address, dut.value)))
        m.d.comb += Assume(~asked | ~(dut.read | dut.write))

    free = [dut.read, dut.write, dut.address, dut.value, bus.arready, bus.awready, bus.wready, bus.rvalid, bus.bvalid]
    prove(tmp_path, Proof(dut, claims, free), steps=3, induction=True)


@pytest.mark.parametrize("word_bytes", [1, 2, 3])
def test_inlet_gives_whole_words_in_order_and_room_for_what_has_left(tmp_path, word_bytes):
    bus = axi_stream("s", "in", 8 * word_bytes)
    dut = Inlet(bus, "inlet")

    def claims(m):
        held(m, Assert, bus.tvalid, bus.tready, bus.tdata, bus.tuser, bus.tlast)
        # Bytes are numbers in order. The host sends while there is room that it knows of.
        sent, words, room = Signal(8), Signal(8), Signal(8, init=8)
        m.d.sync += [
            sent.eq(sent + dut.i_valid),
            words.eq(words + (bus.tvalid & bus.tready)),
            room.eq(room - dut.i_valid + Mux(dut.room_told, 4, 0)),
        ]
        m.d.comb += [
            Assume(~dut.i_valid | Initial() | room.any()),
            Assume(~dut.room_told | dut.room),
            Assume(dut.i_data == sent),
            Assume(dut.i_first == (sent == word_bytes)),  # the second word starts a frame
            Assume(dut.i_last == (sent == 2 * word_bytes - 1)),  # and ends a line
        ]
        # What has not come out is in the queue or in the word.
        m.d.comb += Assert(Initial() | (sent - words * word_bytes <= 8 + word_bytes))
        for k in range(word_bytes):
            expected = (words * word_bytes + k)[:8]
            m.d.comb += Assert(Initial() | ~bus.tvalid | (bus.tdata.word_select(k, 8) == expected))
        m.d.comb += Assert(Initial() | ~bus.tvalid | (bus.tuser == (words == 1)))
        m.d.comb += Assert(Initial() | ~bus.tvalid | (bus.tlast == (words == 1)))

    free = [dut.i_valid, dut.i_data, dut.i_first, dut.i_last, dut.room_told, bus.tready]
    prove(tmp_path, Proof(dut, claims, free), steps=16)


@pytest.mark.parametrize("word_bytes", [1, 3])
def test_outlet_loses_nothing_and_never_counts_too_much(tmp_path, word_bytes):
    bus = axi_stream("m", "out", 8 * word_bytes)
    dut = Outlet(bus, "outlet")

    def claims(m):
        held(m, Assert, dut.o_valid, dut.o_ready, dut.o_data)
        held(m, Assume, bus.tvalid, bus.tready, bus.tdata)
        words, taken, quiet = Signal(8), Signal(8), Signal(2)
        m.d.sync += [
            words.eq(words + (bus.tvalid & bus.tready)),
            taken.eq(taken + (dut.o_valid & dut.o_ready)),
            quiet.eq(Cat(~(dut.o_valid & dut.o_ready), quiet)),
        ]
        for k in range(word_bytes):
            m.d.comb += Assume(bus.tdata.word_select(k, 8) == (words * word_bytes + k)[:8])
        m.d.comb += Assert(Initial() | ~dut.o_valid | (dut.o_data == taken))
        m.d.comb += Assert(Initial() | (words * word_bytes - taken <= 4 + word_bytes))
        # Where nothing was taken lately, as many bytes as are counted are there or on their way.
        m.d.comb += Assert(Initial() | ~quiet.all() | (taken + dut.waiting <= words * word_bytes))

    prove(tmp_path, Proof(dut, claims, [bus.tvalid, bus.tdata, dut.o_ready]), steps=14)
