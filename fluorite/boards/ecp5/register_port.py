"""Register accesses, one at a time, over AXI4-Lite."""

from __future__ import annotations

from amaranth.hdl import Elaboratable, Module, Signal

from fluorite.hwgen.shell.axi_ports import Bus

__all__ = ["RegisterPort"]


class RegisterPort(Elaboratable):
    """An AXI4-Lite master with one access in flight.

    Parameters
    ----------
    bus : Bus
        The slave's port, which this module drives.

    Attributes
    ----------
    read, write : Signal, in
        An access; not before the one before it has ended.
    address, value : Signal, in
        Of the register; must stay until the access has ended.
    done_read, done_write : Signal
        The access has ended. High for one cycle.
    answer : Signal
        What was read; stays until the next read.
    """

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.read = Signal(name="port_read")
        self.write = Signal(name="port_write")
        self.address = Signal(16, name="port_address")
        self.value = Signal(32, name="port_value")
        self.done_read = Signal(name="port_done_read")
        self.done_write = Signal(name="port_done_write")
        self.answer = Signal(32, name="port_answer", reset_less=True)

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        bus = self.bus
        m.d.sync += [
            bus.arvalid.eq(self.read | (bus.arvalid & ~bus.arready)),
            bus.awvalid.eq(self.write | (bus.awvalid & ~bus.awready)),
            bus.wvalid.eq(self.write | (bus.wvalid & ~bus.wready)),
            self.done_read.eq(bus.rvalid),
            self.done_write.eq(bus.bvalid),
        ]
        with m.If(bus.rvalid):
            m.d.sync += self.answer.eq(bus.rdata)
        m.d.comb += [
            bus.araddr.eq(self.address),
            bus.arprot.eq(0),
            bus.rready.eq(1),
            bus.awaddr.eq(self.address),
            bus.awprot.eq(0),
            bus.wdata.eq(self.value),
            bus.wstrb.eq(0b1111),
            bus.bready.eq(1),
        ]
        return m
