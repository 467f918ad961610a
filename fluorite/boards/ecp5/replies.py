"""What the board sends, in which order."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Elaboratable, Module, Mux, Signal

from fluorite.boards.ecp5.protocol import BLOCK_BYTES, GREETING, Reply
from fluorite.boards.ecp5.streams import Inlet, Outlet
from fluorite.hwgen.rtl.logic import any_of

__all__ = ["Replies"]


class Replies(Elaboratable):
    """Makes the board's bytes: greetings, answers, room, and words as far as the host has granted packets.

    Parameters
    ----------
    inlets, outlets : sequences
        By number of the stream.

    Attributes
    ----------
    hello, read, written : Signal, in
        Something to be answered. High for one cycle; none comes before the last was answered.
    answer : Signal, in
        Value of the register that was read.
    grant, amount : Signal, in
        More packets may be sent.
    o_valid, o_ready, o_data : Signal
        Bytes.
    """

    def __init__(self, inlets: Sequence[Inlet], outlets: Sequence[Outlet]) -> None:
        self.inlets = inlets
        self.outlets = outlets
        self.hello = Signal(name="reply_hello")
        self.read = Signal(name="reply_read")
        self.written = Signal(name="reply_written")
        self.answer = Signal(32, name="reply_answer")
        self.grant = Signal(name="reply_grant")
        self.amount = Signal(8, name="reply_amount")
        self.o_valid = Signal(name="reply_o_valid")
        self.o_ready = Signal(name="reply_o_ready")
        self.o_data = Signal(8, name="reply_o_data")

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        pending = Signal(3, name="reply_pending")  # hello, read, written
        clear = Signal(3, name="reply_clear")
        m.d.sync += pending.eq((pending & ~clear) | Cat(self.hello, self.read, self.written))
        granted = Signal(8, name="reply_granted")
        spent = Signal(name="reply_spent")
        m.d.sync += granted.eq(granted + Mux(self.grant, self.amount, 0) - spent)
        fixed = Signal(40, name="reply_fixed", reset_less=True)  # bytes to send, the next at the bottom
        fixed_left = Signal(3, name="reply_fixed_left")
        data_left = Signal(range(BLOCK_BYTES + 1), name="reply_data_left")
        source = Signal(range(max(len(self.outlets), 2)), name="reply_source")
        chosen = [source == number for number in range(len(self.outlets))]
        queued = reduce(or_, (Mux(here, outlet.o_data, 0) for here, outlet in zip(chosen, self.outlets, strict=True)))
        there = any_of(here & outlet.o_valid for here, outlet in zip(chosen, self.outlets, strict=True))
        idle, before = Signal(name="reply_idle"), Signal(name="reply_idle_before")
        from_queue = Signal(name="reply_from_queue")
        moved = Signal(name="reply_moved")
        m.d.comb += [
            from_queue.eq((fixed_left == 0) & (data_left != 0)),
            idle.eq((fixed_left == 0) & (data_left == 0)),
            self.o_valid.eq((fixed_left != 0) | (from_queue & there)),
            self.o_data.eq(Mux(from_queue, queued, fixed)),
            moved.eq(self.o_valid & self.o_ready),
        ]
        m.d.sync += before.eq(idle)
        for here, outlet in zip(chosen, self.outlets, strict=True):
            m.d.comb += outlet.o_ready.eq(moved & from_queue & here)
        with m.If(moved & ~from_queue):
            m.d.sync += [fixed.eq(fixed >> 8), fixed_left.eq(fixed_left - 1)]
        with m.If(moved & from_queue):
            m.d.sync += data_left.eq(data_left - 1)
        with m.If(idle & before):  # by now the queues have counted what was sent
            with m.If(pending[0]):
                m.d.comb += clear.eq(0b001)
                m.d.sync += [fixed.eq(int.from_bytes(GREETING, "little")), fixed_left.eq(len(GREETING))]
            with m.Elif(pending[1]):
                m.d.comb += clear.eq(0b010)
                m.d.sync += [fixed.eq(Cat(Const(Reply.READ, 8), self.answer)), fixed_left.eq(5)]
            with m.Elif(pending[2]):
                m.d.comb += clear.eq(0b100)
                m.d.sync += [fixed.eq(Reply.WRITTEN), fixed_left.eq(1)]
            for number, inlet in enumerate(self.inlets):
                with m.Elif(inlet.room):
                    m.d.comb += inlet.room_told.eq(1)
                    m.d.sync += [fixed.eq(Reply.ROOM + number), fixed_left.eq(1)]
            for number, outlet in enumerate(self.outlets):
                with m.Elif(outlet.waiting.any() & granted.any()):
                    m.d.comb += spent.eq(1)
                    m.d.sync += [
                        fixed.eq(Cat(Const(Reply.DATA + number, 8), (outlet.waiting - 1)[:8])),
                        fixed_left.eq(2),
                    ]
                    m.d.sync += [source.eq(number), data_left.eq(outlet.waiting)]
        return m
