"""The shell with memory ports: an AXI4 master for every stream, registers, interrupt."""

from __future__ import annotations

from amaranth.hdl import Cat, Elaboratable, Module, Mux, Signal, Value

from fluorite.hwgen.generate import Generated
from fluorite.hwgen.interface import StreamPort
from fluorite.hwgen.rtl.logic import all_of, any_of
from fluorite.hwgen.shell.axi_ports import Bus, axi_lite_slave, axi_read_master, axi_write_master
from fluorite.hwgen.shell.config import ShellConfig
from fluorite.hwgen.shell.controlled_core import ControlledCore
from fluorite.hwgen.shell.layout import word_bytes
from fluorite.hwgen.shell.ledger import ErrorSource, Ledger
from fluorite.hwgen.shell.memory.address_channel import MAX_BURSTS
from fluorite.hwgen.shell.memory.read_master import ReadMaster
from fluorite.hwgen.shell.memory.rows import Block
from fluorite.hwgen.shell.memory.stream_words import from_memory, to_memory
from fluorite.hwgen.shell.memory.write_master import WriteMaster
from fluorite.hwgen.shell.register_file import RegisterFile
from fluorite.hwgen.shell.registers import ErrorCode, RegisterMap, StreamRegisters
from fluorite.hwgen.shell.video.allowance import Allowance
from fluorite.hwgen.shell.video.framer import Framer
from fluorite.hwgen.shell.video.raster import RasterCounter

__all__ = ["AxiShell", "axi_buses"]


def axi_buses(registers: RegisterMap) -> tuple[Bus, dict[str, Bus]]:
    """The control port of the shell with these registers, and by stream its memory ports."""
    config = registers.config
    memories: dict[str, Bus] = {}
    for stream in registers.streams:
        make = axi_read_master if stream.port.direction == "in" else axi_write_master
        memories[stream.port.name] = make(
            f"m_axi_{stream.port.name}", config.data_bits, config.address_bits, MAX_BURSTS
        )
    return axi_lite_slave("s_axi_control", (registers.size_bytes - 1).bit_length()), memories


class AxiShell(Elaboratable):
    """A core with AXI4 masters.

    Parameters
    ----------
    generated : Generated
        The core.
    registers : RegisterMap
        Its registers, and with them the shell's widths.

    Attributes
    ----------
    control : Bus
        The AXI4-Lite slave.
    memories : dict of str to Bus
        The AXI4 master of each stream.
    interrupt : Signal
        High while an enabled event is not cleared.
    """

    def __init__(self, generated: Generated, registers: RegisterMap) -> None:
        self.generated = generated
        self.config = registers.config
        self.registers = registers
        self.control, self.memories = axi_buses(self.registers)
        self.interrupt = Signal(name="interrupt")

    @property
    def buses(self) -> list[Bus]:
        """All bus interfaces."""
        return [self.control, *self.memories.values()]

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        config = self.config
        control = ControlledCore(m, self.generated, self.registers, self.control, config.queue_depth)
        file, soft_reset, core, launcher = control.file, control.soft_reset, control.core, control.launcher
        start = Signal()
        masters: list[ReadMaster | WriteMaster] = []
        errors: list[ErrorSource] = []
        stalls: list[Value] = []
        done: list[Value] = []
        for stream in self.registers.streams:
            port = stream.port
            block = _block(m, stream, file, config)
            arguments = (self.memories[port.name], block, word_bytes(port), config.queue_depth)
            signals = core.streams[port.name]
            raster = control.raster(port)
            m.d.comb += raster.advance.eq(signals["valid"] & signals["ready"])
            framer = control.flushed(f"framer_{port.name}", Framer(port.word_bits, f"framer_{port.name}"))
            if port.direction == "in":
                name = f"reader_{port.name}"
                reader = control.flushed(name, ReadMaster(*arguments, config.latency_cycles, name))
                masters.append(reader)
                _feed(m, port, signals, reader, framer, raster)
                name = f"allowance_{port.name}"
                allowed = Allowance(launcher.launched, framer.done, config.queue_depth, name)
                control.flushed(name, allowed)
                m.d.comb += framer.enable.eq(allowed.any)
                errors.append(_memory_error(stream, reader, reader.arrived))
                done.append(reader.done)
                stalls.append(signals["ready"] & ~signals["valid"])
            else:
                writer = control.flushed(f"writer_{port.name}", WriteMaster(*arguments, f"writer_{port.name}"))
                masters.append(writer)
                _drain(m, port, signals, writer, framer, raster)
                errors.append(_memory_error(stream, writer, writer.done))
                done.append(writer.done)
                stalls.append(signals["valid"] & ~signals["ready"])
            code = Mux(framer.short, ErrorCode.STREAM_SHORT, ErrorCode.STREAM_LONG)
            errors.append(ErrorSource(framer.short | framer.long, code, stream.number, framer.finished))
            done.append(framer.finished)
        ledger = Ledger(config.queue_depth, config.address_bits, done, _empty(self.registers, file), errors, stalls)
        control.flushed("ledger", ledger)
        for master in masters:
            m.d.comb += [master.start.eq(start), master.stop.eq(soft_reset.stop)]
        quiet = Signal()
        m.d.comb += [
            quiet.eq(all_of(master.quiet for master in masters)),
            start.eq(ledger.start),
            ledger.request.eq(file.commands["start"] & ~soft_reset.stop),
            launcher.launch_ready.eq(core.launch_ready),
            core.launch_valid.eq(launcher.launch_valid),
        ]
        control.finish(ledger, quiet, self.interrupt)
        return m


def _block(m: Module, stream: StreamRegisters, file: RegisterFile, config: ShellConfig) -> Block:
    """The block of memory that software has described."""
    assert stream.base_low is not None and stream.row_bytes is not None
    counts = [register.width_bits for register in stream.counts]
    block = Block.make(config.address_bits, stream.row_bytes.width_bits, counts, f"{stream.port.name}_block")
    base = file.values[stream.base_low.name]
    m.d.comb += [
        block.base.eq(base if stream.base_high is None else Cat(base, file.values[stream.base_high.name])),
        block.row_bytes.eq(file.values[stream.row_bytes.name]),
        *(mine.eq(file.values[r.name]) for mine, r in zip(block.counts, stream.counts, strict=True)),
        *(mine.eq(file.values[r.name]) for mine, r in zip(block.strides, stream.strides, strict=True)),
    ]
    return block


def _empty(registers: RegisterMap, file: RegisterFile) -> list[Value]:
    """Per stream, whether a length or a count is 0."""
    found: list[Value] = []
    for stream in registers.streams:
        assert stream.row_bytes is not None
        found.append(any_of(file.values[r.name] == 0 for r in (stream.row_bytes, *stream.counts)))
    return found


def _feed(
    m: Module,
    port: StreamPort,
    signals: dict[str, Signal],
    reader: ReadMaster,
    framer: Framer,
    raster: RasterCounter,
) -> None:
    """From memory to the core."""
    m.d.comb += [
        framer.i_valid.eq(reader.o_valid),
        reader.o_ready.eq(framer.i_ready),
        framer.i_data.eq(from_memory(port, reader.o_data)),
        framer.i_row_last.eq(reader.o_row_last),
        framer.i_last.eq(reader.o_last),
        signals["valid"].eq(framer.o_valid),
        framer.o_ready.eq(signals["ready"]),
        signals["data"].eq(framer.o_data),
        framer.o_row_last.eq(raster.row_last),
        framer.o_last.eq(raster.last),
    ]


def _drain(
    m: Module,
    port: StreamPort,
    signals: dict[str, Signal],
    writer: WriteMaster,
    framer: Framer,
    raster: RasterCounter,
) -> None:
    """From the core to memory."""
    m.d.comb += [
        framer.enable.eq(1),
        framer.i_valid.eq(signals["valid"]),
        signals["ready"].eq(framer.i_ready),
        framer.i_data.eq(signals["data"]),
        framer.i_row_last.eq(raster.row_last),
        framer.i_last.eq(raster.last),
        writer.i_valid.eq(framer.o_valid),
        framer.o_ready.eq(writer.i_ready),
        writer.i_data.eq(to_memory(port, framer.o_data)),
        framer.o_row_last.eq(writer.i_row_last),
        framer.o_last.eq(writer.i_last),
    ]


def _memory_error(stream: StreamRegisters, master: ReadMaster | WriteMaster, finished: Signal) -> ErrorSource:
    if stream.port.direction == "in":
        code = Mux(master.error_decode, ErrorCode.READ_DECERR, ErrorCode.READ_SLVERR)
    else:
        code = Mux(master.error_decode, ErrorCode.WRITE_DECERR, ErrorCode.WRITE_SLVERR)
    return ErrorSource(master.error, code, stream.number, finished, master.error_address)
