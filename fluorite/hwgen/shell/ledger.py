"""The books: launches started and completed, errors, events, counters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth.hdl import Array, Cat, Elaboratable, Module, Mux, Signal, Value, ValueLike

from fluorite.hwgen.rtl.logic import all_of, any_of
from fluorite.hwgen.shell.registers import ErrorCode

__all__ = ["ErrorSource", "Ledger"]

NO_STREAM = 255


@dataclass(frozen=True)
class ErrorSource:
    """Something that can go wrong.

    Attributes
    ----------
    happens : Value
        It does, in this cycle.
    code, address : value
        What, and where in memory.
    stream : int
        Number of the stream.
    finished : Value
        This part of the hardware ends a launch in this cycle: what happens later is of the next one.
    """

    happens: Value
    code: ValueLike
    stream: int
    finished: Value
    address: ValueLike = 0


class Ledger(Elaboratable):
    """Numbers launches, completes them when all streams have, captures the first error, counts cycles.

    Parameters
    ----------
    queue_depth : int
        Launches in flight at most.
    address_bits : int
        Width of addresses.
    done : sequence of Signal
        Per stream, it has finished a launch.
    empty : sequence of Value
        Per stream, whether its registers describe nothing at all.
    errors : sequence of ErrorSource
        What can go wrong.
    stalls : sequence of Value
        Per stream, the core waits for it in this cycle.

    Attributes
    ----------
    request : Signal, in
        Start a launch.
    start : Signal
        It is accepted.
    event_clear, error_clear, snapshot : Signal, in
        Forget events (a bit each); forget the error; copy the counters.
    space : Signal
        Launches that can be started.
    busy : Signal
        A launch is in flight.
    started, completed, launch_errors, events, error_code, error_stream, error_launch, error_address, cycles : Signal
        What the registers read as.
    stall_counts : list of Signal
        Per stream.
    """

    def __init__(
        self,
        queue_depth: int,
        address_bits: int,
        done: Sequence[Value],
        empty: Sequence[Value],
        errors: Sequence[ErrorSource],
        stalls: Sequence[Value],
    ) -> None:
        self.queue_depth = queue_depth
        self.done = done
        self.empty = empty
        self.errors = errors
        self.stalls = stalls
        self.request = Signal()
        self.start = Signal()
        self.event_clear = Signal(2)
        self.error_clear = Signal()
        self.snapshot = Signal()
        self.space = Signal(range(queue_depth + 1), init=queue_depth)
        self.busy = Signal()
        self.started = Signal(32)
        self.completed = Signal(32)
        self.launch_errors = Signal(32)
        self.events = Signal(2)
        self.error_code = Signal(4)
        self.error_stream = Signal(8)
        self.error_launch = Signal(32)
        self.error_address = Signal(address_bits)
        self.cycles = Signal(32)
        self.stall_counts = [Signal(32, name=f"stalls_{number}") for number in range(len(stalls))]

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        complete = self._launches(m)
        failed = self._errors(m)
        slot_bits = (self.queue_depth - 1).bit_length()
        # Which of the launches in flight have failed, until they are completed.
        flags = Signal(self.queue_depth)
        slot = self.completed[:slot_bits]
        now = Signal(self.queue_depth)
        m.d.comb += now.eq(flags | failed)
        m.d.sync += flags.eq(now & ~Mux(complete, 1 << slot, 0))
        with m.If(complete):
            m.d.sync += Array(self.launch_errors)[self.completed[:5]].eq(now.bit_select(slot, 1))
        m.d.sync += self.events.eq((self.events & ~self.event_clear) | Cat(complete, self.found))
        self._counters(m)
        return m

    def _launches(self, m: Module) -> Signal:
        complete = Signal()
        waiting: list[Value] = []
        for number, done in enumerate(self.done):
            ahead = Signal(range(self.queue_depth + 1), name=f"ahead_{number}")  # launches this stream is done with
            m.d.sync += ahead.eq(ahead + done - complete)
            waiting.append(ahead.any())
        self.refused = Signal()
        m.d.comb += [
            complete.eq(all_of(waiting)),
            self.refused.eq(self.request & (~self.space.any() | any_of(self.empty))),
            self.start.eq(self.request & ~self.refused),
            self.busy.eq(self.space != self.queue_depth),
        ]
        m.d.sync += [
            self.space.eq(self.space - self.start + complete),
            self.started.eq(self.started + self.start),
            self.completed.eq(self.completed + complete),
        ]
        return complete

    def _errors(self, m: Module) -> Value:
        """Captures the first error; gives the launches in flight that fail in this cycle."""
        slot_bits = (self.queue_depth - 1).bit_length()
        self.found = Signal()
        code = Signal(4)
        stream = Signal(8)
        address = Signal(len(self.error_address))
        launch = Signal(32)
        refused_stream: ValueLike = NO_STREAM
        for number, empty in reversed(list(enumerate(self.empty))):
            refused_stream = Mux(empty, number, refused_stream)
        failed: Value | None = None
        m.d.comb += [self.found.eq(self.refused), code.eq(ErrorCode.BAD_CONFIGURATION), stream.eq(refused_stream)]
        m.d.comb += launch.eq(self.started)
        for number, source in enumerate(self.errors):
            index = Signal(slot_bits, name=f"launch_of_error_{number}")
            m.d.sync += index.eq(index + source.finished)
            ahead = Signal(slot_bits, name=f"ahead_of_error_{number}")
            m.d.comb += ahead.eq(index - self.completed[:slot_bits])
            flag = Mux(source.happens, 1 << index, 0)
            failed = flag if failed is None else failed | flag
            with m.If(source.happens):
                m.d.comb += [
                    self.found.eq(1), code.eq(source.code), stream.eq(source.stream), address.eq(source.address),
                    launch.eq(self.completed + ahead),
                ]  # fmt: skip
        with m.If(self.found & (self.error_clear | (self.error_code == ErrorCode.NONE))):
            m.d.sync += [
                self.error_code.eq(code),
                self.error_stream.eq(stream),
                self.error_launch.eq(launch),
                self.error_address.eq(address),
            ]
        with m.Elif(self.error_clear):
            m.d.sync += [s.eq(0) for s in (self.error_code, self.error_stream, self.error_launch, self.error_address)]
        assert failed is not None
        return failed

    def _counters(self, m: Module) -> None:
        counted = [self.busy, *(stall & self.busy for stall in self.stalls)]
        for number, (event, shown) in enumerate(zip(counted, [self.cycles, *self.stall_counts], strict=True)):
            counter = Signal(32, name=f"counter_{number}")
            m.d.sync += counter.eq(counter + event)
            with m.If(self.snapshot):
                m.d.sync += shown.eq(counter)
