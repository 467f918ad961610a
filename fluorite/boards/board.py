"""A board, as far as fluorite has to know it: what its FPGA holds and how its processor and memory are reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fluorite.hwgen.family.delays import FAMILIES, Family
from fluorite.hwgen.shell.config import ShellConfig

__all__ = ["BLOCK_RAM_BITS", "Board", "Budget", "Control", "MemoryPort", "Pins", "Processor"]

#: Bits of one block RAM, parity included, by family.
BLOCK_RAM_BITS = {"zynq-7000": 36 * 1024, "zynq-ultrascale+": 36 * 1024, "ecp5": 18 * 1024}


@dataclass(frozen=True, slots=True)
class Budget:
    """What the FPGA holds.

    Attributes
    ----------
    lut, ff : int
        Look-up tables (six inputs; four on ECP5) and flip-flops.
    bram : int
        Block RAMs of ``bram_bits``.
    dsp : int
        Multiplier blocks: DSP48 (25 x 18 bits; 27 x 18 on UltraScale+), on ECP5 18 x 18 bits.
    bram_bits : int
        Bits of one block RAM, parity included: 36 Kibit on Xilinx, 18 Kibit on ECP5.
    """

    lut: int
    ff: int
    bram: int
    dsp: int
    bram_bits: int = 36 * 1024


@dataclass(frozen=True, slots=True)
class MemoryPort:
    """A port by which the FPGA reaches the processor's memory.

    Attributes
    ----------
    name : str
        As the processor block of the vendor's tool calls it, such as ``"S_AXI_HP0"``.
    data_bits, address_bits : int
        Widths.
    protocol : str
        ``"AXI3"`` or ``"AXI4"``.
    coherent : bool
        Whether the processor's caches are seen.
    settings : mapping of str to str
        What turns it on, as properties of the processor block without ``CONFIG.``.
    """

    name: str
    data_bits: int
    address_bits: int
    protocol: str
    coherent: bool = False
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Control:
    """The port by which the processor reaches the registers.

    Attributes
    ----------
    name : str
        Such as ``"M_AXI_GP0"``.
    base_address, bytes : int
        The part of its window that accelerators get, from the first on.
    protocol : str
        ``"AXI3"`` or ``"AXI4"``.
    """

    name: str
    base_address: int
    bytes: int
    protocol: str


@dataclass(frozen=True, slots=True)
class Processor:
    """The processor beside the FPGA.

    Attributes
    ----------
    kind : str
        ``"ps7"`` (Zynq-7000) or ``"psu"`` (Zynq UltraScale+).
    target : str
        Halide's target for its cores, such as ``"arm-32-linux"``.
    memory_bytes : int
        DDR memory, from address 0 (of which at most 2 GiB lie there on Zynq UltraScale+).
    control : Control
    memory : tuple of MemoryPort
        In the order in which accelerators take them.
    interrupt_port : str
        Such as ``"IRQ_F2P"``.
    interrupts : tuple of int
        Numbers of its lines at the interrupt controller (GIC), in order.
    clock : str
        The clock that the FPGA gets, such as ``"FCLK_CLK0"``.
    reset : str
        The reset that belongs to it.
    preset : str
        The vendor's board files (``board_part`` in Vivado), which set up memory and pins; empty where there are none.
        Where Vivado lacks this version, the latest of the same name is taken.
    preset_alternatives : tuple of str
        Patterns of what else the board files are called, such as ``"avnet-tria:zedboard:part0:*"``: vendors rename.
    connections : mapping of str to str
        By version of the board files, which other board they are connected to (``board_connections`` in Vivado): the
        carrier of a module. Versions that are not there take the last.
    settings : mapping of str to str
        What the processor block needs beyond the preset and besides the memory ports, as properties without
        ``CONFIG.``.
    """

    kind: str
    target: str
    memory_bytes: int
    control: Control
    memory: tuple[MemoryPort, ...]
    interrupt_port: str
    interrupts: tuple[int, ...]
    clock: str
    reset: str
    preset: str = ""
    preset_alternatives: tuple[str, ...] = ()
    connections: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pins:
    """Pins of a board without a processor, for the open flow.

    Attributes
    ----------
    package : str
        Of the FPGA, such as ``"CABGA381"``.
    clock : str
        Site of the oscillator's pin.
    clock_hz : int
        Its frequency.
    uart_rx, uart_tx : str
        Sites of the serial port's pins: into the FPGA and out of it.
    reset : str
        Site of a push button, high while it is pressed; empty: none.
    leds : tuple of str
        Sites of the light-emitting diodes' pins.
    io : str
        Standard of all of them, such as ``"LVCMOS33"``.
    """

    package: str
    clock: str
    clock_hz: int
    uart_rx: str
    uart_tx: str
    reset: str = ""
    leds: tuple[str, ...] = ()
    io: str = "LVCMOS33"


@dataclass(frozen=True, slots=True)
class Board:
    """A board.

    Attributes
    ----------
    name : str
        What ``--board`` takes: the stem of its file.
    title : str
        Maker and name.
    family : str
        ``"zynq-7000"``, ``"zynq-ultrascale+"`` or ``"ecp5"``.
    part : str
        The FPGA in the words of its tools, such as ``"xc7z020clg400-1"``.
    speed_grade : str
        Such as ``"-1"``.
    clock_hz : int
        The clock accelerators are pipelined for and run at.
    budget : Budget
    processor : Processor or None
    pins : Pins or None
    sources : mapping of str to str
        By group of facts, the document they are from.
    """

    name: str
    title: str
    family: str
    part: str
    speed_grade: str
    clock_hz: int
    budget: Budget
    processor: Processor | None = None
    pins: Pins | None = None
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def delays(self) -> Family:
        """The model of the fabric's delays, at this board's clock."""
        return FAMILIES[self.family].at(1e9 / self.clock_hz)

    @property
    def shell(self) -> ShellConfig:
        """The shell that fits: AXI masters as wide as the memory ports, or a video stream without a processor."""
        if self.processor is None:
            return ShellConfig(kind="axis")
        port = self.processor.memory[0]
        return ShellConfig(data_bits=port.data_bits, address_bits=min(port.address_bits, 40))
