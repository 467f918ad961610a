"""What a memory becomes: block RAM or LUTs, and how many, by the rules of the synthesis.

Yosys tiles a memory with primitives of one shape and takes the cheapest; costs and shapes are those of its libraries
``xilinx/brams_xc4v.txt``, ``xilinx/lutrams_xc5v.txt``, ``xilinx/lutrams_xcu.txt``, ``lattice/brams_16kd.txt`` and
``lattice/lutrams_trellis.txt``, as of Yosys 0.70.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MemoryCells", "memory_cells"]


@dataclass(frozen=True, slots=True)
class MemoryCells:
    """What a memory takes.

    Attributes
    ----------
    bram : float
        Block RAMs of the family: of 36 Kibit, in halves, on Xilinx; of 18 Kibit on ECP5.
    lut : int
        LUTs used as memory.
    bypass_bits : int
        Bits of a word that logic keeps, because the memory does not give the old word where it is written.
    """

    bram: float = 0.0
    lut: int = 0
    bypass_bits: int = 0


@dataclass(frozen=True, slots=True)
class _Shape:
    """A primitive: words, their bits, cost in Yosys's units, and what it takes of the FPGA."""

    depth: int
    width_bits: int
    cost: float
    bram: float = 0.0
    lut: int = 0


def _blocks(bits: int, widths: tuple[int, ...], cost: float, bram: float) -> list[_Shape]:
    """One block RAM in all of its aspect ratios; widths from 9 on use its parity bits."""
    return [_Shape(bits // (width - width // 9), width, cost, bram) for width in widths]


_XILINX_BLOCKS = [
    *_blocks(16 * 1024, (1, 2, 4, 9, 18, 36), 129, 0.5),
    *_blocks(32 * 1024, (1, 2, 4, 9, 18, 36, 72), 257, 1.0),
]
_SHAPES = {
    # A line buffer reads where it writes: one port, distributed RAM of one LUT for 32 or 64 words, two for 128 ...
    ("zynq-7000", True): [
        *_XILINX_BLOCKS,
        *(_Shape(64 << n, 1, 2.0 * (1 << n), lut=1 << n) for n in range(3)),
        _Shape(32, 1, 1.0, lut=1),
    ],
    ("zynq-ultrascale+", True): [
        *_XILINX_BLOCKS,
        *(_Shape(64 << n, 1, 2.0 * (1 << n), lut=1 << n) for n in range(4)),
        _Shape(32, 1, 1.0, lut=1),
    ],
    # A queue writes and reads at once: three bits of 64 words, or six of 32, in four LUTs.
    ("zynq-7000", False): [
        *_XILINX_BLOCKS,
        _Shape(32, 6, 8.0, lut=4),
        _Shape(64, 3, 8.0, lut=4),
        _Shape(128, 1, 8.0, lut=4),
    ],
    ("zynq-ultrascale+", False): [
        *_XILINX_BLOCKS,
        _Shape(32, 14, 16.0, lut=8),
        _Shape(64, 7, 16.0, lut=8),
        _Shape(128, 2, 16.0, lut=8),
    ],
    ("ecp5", True): [*_blocks(16 * 1024, (1, 2, 4, 9, 18, 36), 128, 1.0), _Shape(16, 4, 4.0, lut=4)],
    ("ecp5", False): [*_blocks(16 * 1024, (1, 2, 4, 9, 18, 36), 128, 1.0), _Shape(16, 4, 4.0, lut=4)],
}


def memory_cells(family: str, depth: int, width_bits: int, one_address: bool = True) -> MemoryCells:
    """What a memory with one clocked read and one write port becomes.

    Parameters
    ----------
    family : str
        Of the board.
    depth, width_bits : int
        Words and bits of a word.
    one_address : bool
        Whether it is read where it is written, as line buffers are.
    """
    best: tuple[float, MemoryCells] | None = None
    for shape in _SHAPES[family, one_address]:
        rows, columns = -(-depth // shape.depth), -(-width_bits // shape.width_bits)
        # Several rows need a multiplexer for every bit that is read and a write enable each, at half a unit.
        cost = rows * columns * shape.cost + (rows - 1) * width_bits / 2 + (rows > 1) * rows / 2
        select = (rows > 1) * rows + -(-(rows - 1) // 3) * width_bits  # four words to one are a LUT
        # ECP5's block RAM reads before it writes up to 18 bits wide only.
        bypass_bits = width_bits if family == "ecp5" and one_address and shape.width_bits == 36 else 0
        if best is None or cost < best[0]:
            best = cost, MemoryCells(rows * columns * shape.bram, rows * columns * shape.lut + select, bypass_bits)
    assert best is not None
    return best[1]
