"""The processor block as Vivado's IP integrator sees it: properties, pins, address segments.

Names are those of the cores ``processing_system7`` 5.5 (AMD PG082) and ``zynq_ultra_ps_e`` 3.4 and later (AMD PG201).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from fluorite.boards.board import Board, Processor
from fluorite.boards.placement import Placement
from fluorite.errors import UsageError

__all__ = ["Port", "ProcessorBlock", "processor_block"]

_T = TypeVar("_T")
_GIB = 1 << 30
#: DDR memory of Zynq UltraScale+ beyond the first 2 GiB (AMD UG1085, address map).
_HIGH_DDR = 0x8_0000_0000


@dataclass(frozen=True, slots=True)
class Segment:
    """Memory that a port reaches: name of the slave segment, offset and range in bytes."""

    name: str
    offset: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Port:
    """A memory port.

    Attributes
    ----------
    name : str
        The interface.
    clock : str
        Its clock's pin.
    segments : tuple of Segment
        DDR memory behind it.
    """

    name: str
    clock: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class ProcessorBlock:
    """What the block design has to know.

    Attributes
    ----------
    ip : str
        VLNV without version: Vivado takes the newest it has.
    rule : str
        Block automation that applies the board's preset.
    options : mapping of str to str
        Options of the automation.
    control_clock : str
        Pin of the control port's clock.
    ports : tuple of Port
        The memory ports used.
    settings : mapping of str to str
        Properties, without ``CONFIG.``.
    actual_mhz : str
        Property, without ``CONFIG.``, that has the rate which the processor's clock really gets.
    """

    ip: str
    rule: str
    options: Mapping[str, str]
    control_clock: str
    ports: tuple[Port, ...]
    settings: Mapping[str, str]
    actual_mhz: str


@dataclass(frozen=True, slots=True)
class _Names:
    """Of an interface: the property that turns it on, its clock; of slaves also width's property and segments' path."""

    use: str
    clock: str
    width: str = ""
    segments: str = ""


#: ``processing_system7``: masters and slaves between processor and fabric.
_PS7_CONTROL = {f"M_AXI_GP{n}": _Names(f"PCW_USE_M_AXI_GP{n}", f"M_AXI_GP{n}_ACLK") for n in range(2)}
_PS7_MEMORY = {
    f"S_AXI_HP{n}": _Names(
        f"PCW_USE_S_AXI_HP{n}", f"S_AXI_HP{n}_ACLK", f"PCW_S_AXI_HP{n}_DATA_WIDTH", f"S_AXI_HP{n}/HP{n}"
    )
    for n in range(4)
}
#: ``zynq_ultra_ps_e``: the IP numbers the slaves HPC0, HPC1, HP0 ... HP3 from 0 on.
_PSU_CONTROL = {
    name: _Names(f"PSU__USE__M_AXI_GP{n}", clock, f"PSU__MAXIGP{n}__DATA_WIDTH")
    for n, (name, clock) in enumerate(
        (
            ("M_AXI_HPM0_FPD", "maxihpm0_fpd_aclk"),
            ("M_AXI_HPM1_FPD", "maxihpm1_fpd_aclk"),
            ("M_AXI_HPM0_LPD", "maxihpm0_lpd_aclk"),
        )
    )
}
_PSU_MEMORY = {
    f"S_AXI_{port}_FPD": _Names(
        f"PSU__USE__S_AXI_GP{n}",
        f"saxi{port.lower()}_fpd_aclk",
        f"PSU__SAXIGP{n}__DATA_WIDTH",
        f"SAXIGP{n}/{port}",
    )
    for n, port in enumerate(("HPC0", "HPC1", "HP0", "HP1", "HP2", "HP3"))
}
#: How many masters a SmartConnect takes (AMD PG247).
_SLAVES = 16
#: Interrupt inputs: how many lines each has.
_LINES = {"ps7": {"IRQ_F2P": 16}, "psu": {"pl_ps_irq0": 8, "pl_ps_irq1": 8}}


def processor_block(placement: Placement) -> ProcessorBlock:
    """The processor of a placed design.

    Raises
    ------
    UsageError
        The board names a port, clock or interrupt that its processor does not have, its settings contradict the
        design, the accelerators need more interrupts than the port has, or a port would have too many masters.
    """
    board = placement.board
    processor = board.processor
    assert processor is not None
    lines = _choose(board, "interrupt_port", processor.interrupt_port, _LINES[processor.kind])
    made = _ps7(placement, processor) if processor.kind == "ps7" else _psu(placement, processor)
    for port in placement.ports:
        masters = sum(m.port.name == port.name for placed in placement.accelerators for m in placed.masters)
        if masters > _SLAVES:
            raise UsageError(f"{board.name}: {port.name} has {masters} masters, and a SmartConnect takes {_SLAVES}")
    if len(placement.accelerators) > lines:
        raise UsageError(
            f"{board.name}: {processor.interrupt_port} has {lines} lines, not enough for {len(placement.accelerators)} "
            "accelerators"
        )
    given = [("processor.settings", processor.settings)]
    given += [(f"{port.name}: settings", port.settings) for port in placement.ports]
    settings: dict[str, str] = {}
    for where, values in given:
        for key, value in values.items():
            if made.settings.get(key, value) != value:
                raise UsageError(f"{board.name}: {where}.{key} must be {made.settings[key]!r}, not {value!r}")
        settings |= values
    settings |= made.settings
    return replace(made, settings=settings)


def _ps7(placement: Placement, processor: Processor) -> ProcessorBlock:
    board = placement.board
    _choose(board, "clock", processor.clock, {"FCLK_CLK0": 0})
    _choose(board, "reset", processor.reset, {"FCLK_RESET0_N": 0})
    control = _choose(board, "control.name", processor.control.name, _PS7_CONTROL)
    used = {control.use}
    settings = {
        "PCW_FPGA0_PERIPHERAL_FREQMHZ": _megahertz(board.clock_hz),
        "PCW_FCLK0_PERIPHERAL_CLKSRC": "IO PLL",
        "PCW_EN_CLK0_PORT": "1",
        "PCW_EN_RST0_PORT": "1",
        "PCW_USE_FABRIC_INTERRUPT": "1",
        "PCW_IRQ_F2P_INTR": "1",
    }
    ports = []
    for port in placement.ports:
        names = _choose(board, "memory.name", port.name, _PS7_MEMORY)
        used.add(names.use)
        settings[names.width] = str(port.data_bits)
        memory = Segment(f"{names.segments}_DDR_LOWOCM", 0, processor.memory_bytes)
        ports.append(Port(port.name, names.clock, (memory,)))
    for names in (*_PS7_CONTROL.values(), *_PS7_MEMORY.values()):
        settings[names.use] = str(int(names.use in used))
    options = {"make_external": "FIXED_IO, DDR", "Master": "Disable", "Slave": "Disable"}
    options["apply_board_preset"] = "1" if processor.preset else "0"
    name = "processing_system7"
    return ProcessorBlock(
        f"xilinx.com:ip:{name}", f"xilinx.com:bd_rule:{name}", options, control.clock, tuple(ports), settings,
        "PCW_ACT_FPGA0_PERIPHERAL_FREQMHZ",
    )  # fmt: skip


def _psu(placement: Placement, processor: Processor) -> ProcessorBlock:
    board = placement.board
    _choose(board, "clock", processor.clock, {"pl_clk0": 0})
    _choose(board, "reset", processor.reset, {"pl_resetn0": 0})
    control = _choose(board, "control.name", processor.control.name, _PSU_CONTROL)
    used = {control.use}
    settings = {
        "PSU__FPGA_PL0_ENABLE": "1",
        "PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ": _megahertz(board.clock_hz),
        "PSU__CRL_APB__PL0_REF_CTRL__SRCSEL": "IOPLL",
        f"PSU__USE__IRQ{processor.interrupt_port[-1]}": "1",
        # The register's value after reset: right also where a first-stage boot loader of another design ran.
        control.width: "32" if processor.control.name == "M_AXI_HPM0_LPD" else "128",
    }
    ports = []
    for port in placement.ports:
        names = _choose(board, "memory.name", port.name, _PSU_MEMORY)
        used.add(names.use)
        settings[names.width] = str(port.data_bits)
        segments = [Segment(f"{names.segments}_DDR_LOW", 0, min(processor.memory_bytes, 2 * _GIB))]
        high = processor.memory_bytes - 2 * _GIB
        if high > 0:
            segments.append(Segment(f"{names.segments}_DDR_HIGH", _HIGH_DDR, 1 << (high - 1).bit_length()))
        ports.append(Port(port.name, names.clock, tuple(segments)))
    for names in (*_PSU_CONTROL.values(), *_PSU_MEMORY.values()):
        settings[names.use] = str(int(names.use in used))
    name = "zynq_ultra_ps_e"
    options = {"apply_board_preset": "1" if processor.preset else "0"}
    return ProcessorBlock(
        f"xilinx.com:ip:{name}", f"xilinx.com:bd_rule:{name}", options, control.clock, tuple(ports), settings,
        "PSU__CRL_APB__PL0_REF_CTRL__ACT_FREQMHZ",
    )  # fmt: skip


def _choose(board: Board, key: str, name: str, known: Mapping[str, _T]) -> _T:
    if name not in known:
        raise UsageError(f"{board.name}: processor.{key} must be one of {', '.join(known)}, not {name!r}")
    return known[name]


def _megahertz(clock_hz: int) -> str:
    """Such as ``"125"`` or ``"166.666667"``."""
    return f"{clock_hz / 1e6:.6f}".rstrip("0").rstrip(".")
