"""The register block: an AXI4-Lite slave, decoded from the register map."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Elaboratable, Module, Mux, Shape, Signal, Value

from fluorite.hwgen.shell.axi_ports import Bus
from fluorite.hwgen.shell.registers import Register, RegisterMap

__all__ = ["RegisterFile"]


class RegisterFile(Elaboratable):
    """Registers over AXI4-Lite.

    A write is taken when address and data are both there; one read and one write are in flight at most. What is not a
    register reads as 0. Every access is answered OKAY: to a processor, an error would be a fault.

    Parameters
    ----------
    registers : RegisterMap
        The map.
    bus : Bus
        The port.

    Attributes
    ----------
    values : dict of str to Signal
        Out: contents of the ``rw`` registers.
    status : dict of str to Signal
        In: what all other registers read as, except constants and ``wo``.
    clears : dict of str to Signal
        Out, for one cycle: bits of a ``w1c`` register written as 1; a ``clear`` register was written.
    commands : dict of str to Signal
        Out, for one cycle: fields of the ``wo`` registers written as 1.
    written : dict of str to Signal
        Out, for one cycle: a ``wo`` register was written.
    """

    def __init__(self, registers: RegisterMap, bus: Bus) -> None:
        self.registers = registers
        self.bus = bus
        self.values: dict[str, Signal] = {}
        self.status: dict[str, Signal] = {}
        self.clears: dict[str, Signal] = {}
        self.commands: dict[str, Signal] = {}
        self.written: dict[str, Signal] = {}
        for r in registers.registers:
            if r.access == "rw":
                self.values[r.name] = Signal(Shape(r.width_bits, signed=r.signed), name=r.name)
            elif r.access == "wo":
                self.commands |= {f.name: Signal(name=f"command_{f.name}") for f in r.fields}
                self.written[r.name] = Signal(name=f"{r.name}_written")
            elif r.constant is None:
                self.status[r.name] = Signal(r.width_bits, name=r.name)
                if r.access in ("w1c", "clear"):
                    self.clears[r.name] = Signal(r.width_bits if r.access == "w1c" else 1, name=f"{r.name}_clear")

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        bus = self.bus
        write = Signal()
        read = Signal()
        m.d.comb += [
            write.eq(bus.awvalid & bus.wvalid & ~bus.bvalid),
            read.eq(bus.arvalid & ~bus.rvalid),
            bus.awready.eq(write),
            bus.wready.eq(write),
            bus.arready.eq(read),
            bus.bresp.eq(0),
            bus.rresp.eq(0),
        ]
        m.d.sync += [
            bus.bvalid.eq(write | (bus.bvalid & ~bus.bready)),
            bus.rvalid.eq(read | (bus.rvalid & ~bus.rready)),
        ]
        with m.If(read):
            m.d.sync += bus.rdata.eq(0)
            with m.Switch(bus.araddr[2:]):
                for register in self.registers.registers:
                    with m.Case(register.offset // 4):
                        m.d.sync += bus.rdata.eq(self._read(register))
        mask = Signal(32)
        data = Signal(32)
        m.d.comb += [mask.eq(Cat(bit.replicate(8) for bit in bus.wstrb)), data.eq(bus.wdata & mask)]
        for register in self.registers.registers:
            if register.access != "ro":
                here = Signal(name=f"write_{register.name}")
                m.d.comb += here.eq(write & (bus.awaddr[2:] == register.offset // 4))
                self._write(m, register, here, data, mask)
        return m

    def _read(self, register: Register) -> Value:
        if register.constant is not None:
            return Const(register.constant, 32)
        if register.access == "wo":
            return Const(0, 32)
        if register.access == "rw":
            return self.values[register.name].as_unsigned()
        return self.status[register.name]

    def _write(self, m: Module, register: Register, here: Signal, data: Signal, mask: Signal) -> None:
        name = register.name
        if register.access == "rw":
            value = self.values[name]
            with m.If(here):
                m.d.sync += value.eq((value.as_unsigned() & ~mask[: len(value)]) | data[: len(value)])
        elif register.access == "wo":
            m.d.comb += self.written[name].eq(here)
            m.d.comb += [self.commands[f.name].eq(here & data[f.low_bit]) for f in register.fields]
        elif register.access == "w1c":
            m.d.comb += self.clears[name].eq(Mux(here, data, 0))
        else:
            m.d.comb += self.clears[name].eq(here)
