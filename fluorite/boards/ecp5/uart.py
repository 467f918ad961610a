"""A serial port, 8N1: eight bits, no parity, one stop bit."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Elaboratable, Module, Signal

__all__ = ["UartReceiver", "UartTransmitter"]


class UartReceiver(Elaboratable):
    """Bytes from a line.

    Parameters
    ----------
    bit_cycles : int
        Clock cycles a bit, at least 4.

    Attributes
    ----------
    line : Signal, in
        The pin; asynchronous.
    valid : Signal
        ``data`` is a byte that has just arrived. High for one cycle: there is no way to make a line wait.
    data : Signal
    """

    def __init__(self, bit_cycles: int) -> None:
        assert bit_cycles >= 4
        self.bit_cycles = bit_cycles
        self.line = Signal(init=1, name="rx_line")
        self.valid = Signal(name="rx_valid")
        self.data = Signal(8, name="rx_data", reset_less=True)

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        meta, level = Signal(init=1, name="rx_meta"), Signal(init=1, name="rx_level")
        m.d.sync += [meta.eq(self.line), level.eq(meta), self.valid.eq(0)]
        count = Signal(range(self.bit_cycles), name="rx_count")
        bit = Signal(4, name="rx_bit")  # 0: start bit, 1 to 8: data, 9: stop bit
        busy = Signal(name="rx_busy")
        with m.If(~busy):
            # The middle of the start bit.
            m.d.sync += [busy.eq(~level), bit.eq(0), count.eq(self.bit_cycles // 2 - 1)]
        with m.Elif(count.any()):
            m.d.sync += count.eq(count - 1)
        with m.Else():
            m.d.sync += [count.eq(self.bit_cycles - 1), bit.eq(bit + 1)]
            with m.If(bit == 0):
                m.d.sync += busy.eq(~level)  # or it was noise
            with m.Elif(bit == 9):
                m.d.sync += [busy.eq(0), self.valid.eq(level)]
            with m.Else():
                m.d.sync += self.data.eq(Cat(self.data[1:], level))
        return m


class UartTransmitter(Elaboratable):
    """Bytes onto a line.

    Parameters
    ----------
    bit_cycles : int
        Clock cycles a bit.

    Attributes
    ----------
    valid, ready, data : Signal
        Bytes in.
    line : Signal
        The pin, from a register.
    """

    def __init__(self, bit_cycles: int) -> None:
        self.bit_cycles = bit_cycles
        self.valid = Signal(name="tx_valid")
        self.ready = Signal(name="tx_ready")
        self.data = Signal(8, name="tx_data")
        self.line = Signal(init=1, name="tx_line")

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        count = Signal(range(self.bit_cycles), name="tx_count")
        left = Signal(4, name="tx_left")  # bits still to come, with the one on the line
        shift = Signal(9, name="tx_shift", reset_less=True)
        m.d.comb += self.ready.eq(left == 0)
        with m.If(self.valid & self.ready):
            m.d.sync += [self.line.eq(0), shift.eq(Cat(self.data, Const(1, 1))), left.eq(10)]
            m.d.sync += count.eq(self.bit_cycles - 1)
        with m.Elif(count.any()):
            m.d.sync += count.eq(count - 1)
        with m.Elif(left.any()):
            m.d.sync += [left.eq(left - 1), count.eq(self.bit_cycles - 1)]
            with m.If(left != 1):
                m.d.sync += [self.line.eq(shift[0]), shift.eq(shift[1:])]
        return m
