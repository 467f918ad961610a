"""An accelerator behind a serial port: registers, pixels in and pixels out over one pair of pins."""

from __future__ import annotations

from amaranth.hdl import ClockDomain, DomainRenamer, Elaboratable, Module, Signal

from fluorite.boards.ecp5.commands import CommandDecoder
from fluorite.boards.ecp5.register_port import RegisterPort
from fluorite.boards.ecp5.replies import Replies
from fluorite.boards.ecp5.streams import Inlet, Outlet
from fluorite.boards.ecp5.uart import UartReceiver, UartTransmitter
from fluorite.hwgen.shell.axis import AxisShell
from fluorite.hwgen.verilog import emit, tidy

__all__ = ["Harness", "emit_harness"]


class Harness(Elaboratable):
    """A stream shell, its serial port and what connects them.

    Parameters
    ----------
    shell : AxisShell
        The accelerator.
    bit_cycles : int
        Clock cycles a bit of the line.

    Attributes
    ----------
    clk, rst : Signal, in
        Clock and reset, synchronous and active high.
    uart_rx, uart_tx : Signal
        The pins, in and out.
    busy, interrupt : Signal
        For lamps: bytes are on the line; the accelerator has something to say.
    name : str
        Name of the Verilog module, ``<func>_uart``.
    """

    def __init__(self, shell: AxisShell, bit_cycles: int) -> None:
        self.bit_cycles = bit_cycles
        self.shell = shell
        self.name = shell.registers.name.removesuffix("_axis") + "_uart"
        self.clk = Signal(name="clk")
        self.rst = Signal(name="rst")
        self.uart_rx = Signal(name="uart_rx")
        self.uart_tx = Signal(name="uart_tx")
        self.busy = Signal(name="busy")
        self.interrupt = Signal(name="interrupt")

    @property
    def ports(self) -> list[Signal]:
        """All ports, in order."""
        return [self.clk, self.rst, self.uart_rx, self.uart_tx, self.busy, self.interrupt]

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        m.domains.sync = domain = ClockDomain("sync")
        m.d.comb += [domain.clk.eq(self.clk), domain.rst.eq(self.rst)]
        shell = self.shell
        inlets: list[Inlet] = []
        outlets: list[Outlet] = []
        for stream in shell.registers.streams:
            bus = shell.streams[stream.port.name]
            if stream.port.direction == "in":
                inlets.append(Inlet(bus, f"inlet{len(inlets)}"))
            else:
                outlets.append(Outlet(bus, f"outlet{len(outlets)}"))
        m.submodules.receiver = receiver = UartReceiver(self.bit_cycles)
        m.submodules.transmitter = transmitter = UartTransmitter(self.bit_cycles)
        m.submodules.commands = commands = CommandDecoder()
        hello = Signal()  # resets all but the line itself, which may be in the middle of a byte
        m.domains.restarted = restart = ClockDomain("restarted")
        m.d.comb += [restart.clk.eq(self.clk), restart.rst.eq(self.rst | hello)]
        restarted = DomainRenamer("restarted")
        m.d.sync += hello.eq(commands.hello)
        m.submodules.port = restarted(port := RegisterPort(shell.control))
        m.submodules.replies = restarted(replies := Replies(inlets, outlets))
        m.submodules.shell = restarted(shell)
        for inlet in inlets:
            m.submodules[inlet.name] = restarted(inlet)
        for outlet in outlets:
            m.submodules[outlet.name] = restarted(outlet)
        greet = Signal()
        m.d.sync += greet.eq(hello)  # after the reset
        m.d.comb += [
            receiver.line.eq(self.uart_rx),
            self.uart_tx.eq(transmitter.line),
            commands.i_valid.eq(receiver.valid),
            commands.i_data.eq(receiver.data),
            port.read.eq(commands.read),
            port.write.eq(commands.write),
            port.address.eq(commands.address),
            port.value.eq(commands.value),
            replies.hello.eq(greet),
            replies.read.eq(port.done_read),
            replies.written.eq(port.done_write),
            replies.answer.eq(port.answer),
            replies.grant.eq(commands.grant),
            replies.amount.eq(commands.amount),
            transmitter.valid.eq(replies.o_valid),
            replies.o_ready.eq(transmitter.ready),
            transmitter.data.eq(replies.o_data),
            self.busy.eq(~self.uart_tx | ~self.uart_rx),
            self.interrupt.eq(shell.interrupt),
        ]
        for number, inlet in enumerate(inlets):
            m.d.comb += [
                inlet.i_valid.eq(commands.byte & (commands.stream == number)),
                inlet.i_data.eq(commands.data),
                inlet.i_first.eq(commands.first),
                inlet.i_last.eq(commands.last),
            ]
        return m


def emit_harness(harness: Harness, core: str | None = None) -> str:
    """Accelerator, shell and harness in one file of plain Verilog-2005; the top is ``harness.name``.

    Parameters
    ----------
    harness : Harness
        To be elaborated once.
    core : str, optional
        The core's Verilog where it has been made already, by :func:`fluorite.hwgen.verilog.emit`.
    """
    header = (
        f"// {harness.name}: accelerator for the Halide Func {harness.shell.registers.func} behind a serial port, "
        f"generated by fluorite.\n//\n// {harness.bit_cycles} cycles of clk a bit, 8N1. "
        "The bytes on the line: fluorite/boards/ecp5/protocol.py.\n\n"
    )
    text = tidy(harness, harness.name, harness.ports, [port.name for port in harness.ports])
    return header + text + "\n" + (core or emit(harness.shell.generated))
