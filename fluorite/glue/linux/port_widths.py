"""Widths of the ports between processor and FPGA on Zynq UltraScale+: registers of the processor.

The first-stage boot loader writes them, from the hardware description (.xsa) that the boot image was made of. Loading a
bitstream does not, so that a board booted for another design may have ports of other widths than the bitstream's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fluorite.boards.placement import Placement

__all__ = ["WidthRegister", "port_widths"]


@dataclass(frozen=True, slots=True)
class WidthRegister:
    """A register that holds a port's width, among other things.

    Attributes
    ----------
    port : str
        Such as ``"S_AXI_HP0_FPD"``.
    use : str
        ``"reads"``, ``"writes"``, or ``"both"``.
    width_bits : int
        Of the port, as the block design has it.
    number : int
        The register in the terms of the binding xlnx,afi-fpga.
    address : int
    mask, value : int
        The field and what is to be in it.
    """

    port: str
    use: str
    width_bits: int
    number: int
    address: int
    mask: int
    value: int


#: Ports with a FIFO whose side towards the fabric has a width, in the order of the FIFOs AFIFM0 to AFIFM5.
_FIFOS = tuple(f"S_AXI_{port}_FPD" for port in ("HPC0", "HPC1", "HP0", "HP1", "HP2", "HP3"))
_FIFO_BASE, _FIFO_BYTES = 0xFD36_0000, 0x1_0000
_READS, _WRITES = 0x00, 0x14
_FIFO_WIDTHS = {128: 0, 64: 1, 32: 2}

#: Ports for registers: width in the block design, number, address, field and value. M_AXI_HPM0_FPD and M_AXI_HPM1_FPD
#: share a register, of which the firmware writes both fields.
_CONTROL = {
    "M_AXI_HPM0_FPD": (128, 14, 0xFD61_5000, 0xF00, 0xA00),
    "M_AXI_HPM1_FPD": (128, 14, 0xFD61_5000, 0xF00, 0xA00),
    "M_AXI_HPM0_LPD": (32, 15, 0xFF41_9000, 0x300, 0x000),
}


def port_widths(placement: Placement) -> tuple[WidthRegister, ...]:
    """The registers of the ports that a design uses; none on Zynq-7000, where loaders leave them at 64 bits."""
    processor = placement.board.processor
    assert processor is not None
    return tuple(_registers(placement)) if processor.kind == "psu" else ()


def _registers(placement: Placement) -> Iterator[WidthRegister]:
    processor = placement.board.processor
    assert processor is not None
    for port in placement.ports:
        if port.name in _FIFOS:  # others have a fixed width
            fifo = _FIFOS.index(port.name)
            value = _FIFO_WIDTHS[port.data_bits]
            for n, (use, offset) in enumerate((("reads", _READS), ("writes", _WRITES))):
                address = _FIFO_BASE + fifo * _FIFO_BYTES + offset
                yield WidthRegister(port.name, use, port.data_bits, 2 * fifo + n, address, 0x3, value)
    if processor.control.name in _CONTROL:
        yield WidthRegister(processor.control.name, "both", *_CONTROL[processor.control.name])
