"""The shell without memory: AXI4-Stream video in and out, registers, interrupt."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Elaboratable, Module, Mux, Signal, Value

from fluorite.hwgen.generate import Generated
from fluorite.hwgen.rtl.core import Core
from fluorite.hwgen.rtl.logic import all_of
from fluorite.hwgen.rtl.skid import SkidBuffer
from fluorite.hwgen.shell.axi_ports import Bus, axi_lite_slave, axi_stream
from fluorite.hwgen.shell.controlled_core import ControlledCore
from fluorite.hwgen.shell.ledger import ErrorSource, Ledger
from fluorite.hwgen.shell.registers import ErrorCode, RegisterMap
from fluorite.hwgen.shell.video.allowance import Allowance
from fluorite.hwgen.shell.video.video_framer import VideoFramer

__all__ = ["AxisShell"]


class AxisShell(Elaboratable):
    """A core with AXI4-Stream ports. A launch is a frame.

    Parameters
    ----------
    generated : Generated
        The core.
    registers : RegisterMap
        Its registers, and with them the depth of the queue.
    core : Core, optional
        The core's inside, for Amaranth's simulator; without it, it is a module that is defined elsewhere.

    Attributes
    ----------
    control : Bus
        The AXI4-Lite slave.
    streams : dict of str to Bus
        ``s_axis_<input>`` and ``m_axis_<output>``, by the core's names.
    interrupt : Signal
        High while an enabled event is not cleared.
    """

    def __init__(self, generated: Generated, registers: RegisterMap, core: Core | None = None) -> None:
        self.generated = generated
        self.config = registers.config
        self.core = core
        self.registers = registers
        self.control = axi_lite_slave("s_axi_control", (self.registers.size_bytes - 1).bit_length())
        self.streams: dict[str, Bus] = {}
        for stream in self.registers.streams:
            port = stream.port
            prefix = "s_axis" if port.direction == "in" else "m_axis"
            self.streams[port.name] = axi_stream(f"{prefix}_{port.name}", port.direction, port.word_bits)
        self.interrupt = Signal(name="interrupt")

    @property
    def buses(self) -> list[Bus]:
        """All bus interfaces."""
        return [self.control, *self.streams.values()]

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        config = self.config
        control = ControlledCore(m, self.generated, self.registers, self.control, config.queue_depth, self.core)
        file, soft_reset, core, launcher = control.file, control.soft_reset, control.core, control.launcher
        done: list[Value] = []
        errors: list[ErrorSource] = []
        stalls: list[Value] = []
        waiting: list[Value] = []
        for stream in self.registers.streams:
            port = stream.port
            bus = self.streams[port.name]
            signals = core.streams[port.name]
            raster = control.raster(port)
            if port.direction == "in":
                framer = control.flushed(f"framer_{port.name}", VideoFramer(port.word_bits, f"framer_{port.name}"))
                # The core's ready is long in coming: the framer, and what counts its words, have one of their own.
                skid = control.flushed(f"skid_{port.name}", SkidBuffer(port.word_bits, f"skid_{port.name}"))
                name = f"allowance_{port.name}"
                allowed = Allowance(launcher.accepted, framer.done, config.queue_depth, name)
                control.flushed(name, allowed)
                m.d.comb += [
                    framer.enable.eq(allowed.any),
                    framer.hunt.eq(~launcher.empty),
                    framer.i_valid.eq(bus.tvalid),
                    bus.tready.eq(framer.i_ready),
                    framer.i_data.eq(bus.tdata),
                    framer.i_first.eq(bus.tuser),
                    framer.i_row_last.eq(bus.tlast),
                    raster.advance.eq(framer.o_valid & framer.o_ready),
                    skid.i_valid.eq(framer.o_valid),
                    framer.o_ready.eq(skid.i_ready),
                    skid.i_data.eq(framer.o_data),
                    signals["valid"].eq(skid.o_valid),
                    skid.o_ready.eq(signals["ready"]),
                    signals["data"].eq(skid.o_data),
                    framer.o_first.eq(raster.first),
                    framer.o_row_last.eq(raster.row_last),
                    framer.o_last.eq(raster.last),
                ]
                # What is counted and reported of inputs is a cycle late, so that it is no part of long paths.
                done.append(raster.finished)
                code = Mux(framer.short, ErrorCode.STREAM_SHORT, ErrorCode.STREAM_LONG)
                errors.append(ErrorSource(framer.short | framer.long, code, stream.number, raster.finished))
                waiting.append(framer.waiting)
                stalls.append(signals["ready"] & ~signals["valid"])
            else:
                # Not reset with the rest: what was offered stays until it is taken.
                m.submodules[f"skid_{port.name}"] = skid = SkidBuffer(port.word_bits + 2, f"skid_{port.name}")
                m.d.comb += [
                    raster.advance.eq(signals["valid"] & signals["ready"]),
                    skid.i_valid.eq(signals["valid"]),
                    signals["ready"].eq(skid.i_ready),
                    skid.i_data.eq(Cat(raster.first, raster.row_last, signals["data"])),
                    bus.tvalid.eq(skid.o_valid),
                    skid.o_ready.eq(bus.tready),
                    Cat(bus.tuser, bus.tlast, bus.tdata).eq(skid.o_data),
                ]
                done.append(raster.advance & raster.last)
                stalls.append(signals["valid"] & ~signals["ready"])
        ledger = control.flushed("ledger", Ledger(config.queue_depth, config.address_bits, done, [], errors, stalls))
        continuous = Signal()
        with m.If(file.written["control"]):
            m.d.sync += continuous.eq(file.commands["continuous"])
        there = Signal()  # the first words of a frame
        m.d.comb += [
            ledger.request.eq((file.commands["start"] | (continuous & ledger.space.any())) & ~soft_reset.stop),
            there.eq(all_of(waiting)),
            launcher.launch_ready.eq(core.launch_ready & there),
            core.launch_valid.eq(launcher.launch_valid & there),
        ]
        control.finish(ledger, Const(1), self.interrupt)  # streams owe no answer
        return m
