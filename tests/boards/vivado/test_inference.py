"""What the report calls memories and multipliers, Yosys's `synth_xilinx` makes of the Verilog's templates.

Without any attribute in the Verilog: large memories become block RAM, as few as hold them; small ones LUTs; products
multiplier blocks; nothing is taken apart into registers.
"""

from pathlib import Path

import pytest

import fluorite
from fluorite.frontend.pipeline_file import load_pipeline
from fluorite.report import describe
from fluorite.synth.yosys import synthesize_parts

APPS = Path(__file__).parents[3] / "apps"
#: Tiles of 64 pixels need memories of all sizes, and products; whole images need long rows.
CASES = {"harris": "64", "sobel": "0"}

#: Words and bits of a RAMB18E1 with one read and one write port; a RAMB36E1 has twice the words, or 512 x 72
#: (AMD UG473, 7 Series FPGAs Memory Resources).
RAMB18 = [(16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36)]
RAMB36 = [(2 * depth, width) for depth, width in RAMB18] + [(512, 72)]
LARGE_BITS = 4096


def least_bram36(depth, width_bits):
    """Block RAMs, in units of 36 Kibit, that hold a memory if all are of one shape."""
    return min(
        size * -(-depth // words) * -(-width_bits // bits)
        for size, shapes in ((0.5, RAMB18), (1.0, RAMB36))
        for words, bits in shapes
    )


@pytest.fixture(scope="module", params=CASES)
def synthesized(request):
    """The report of a core, and what Yosys makes of each of its modules."""
    loaded = load_pipeline(APPS / f"{request.param}.py", {"tile": CASES[request.param], "lanes": "1"})
    design = fluorite.compile(loaded.pipeline, name=loaded.name, board="pynq-z2")
    (accelerator,) = design.accelerators
    top = accelerator.generated.interface.module
    return request.param, top, describe(accelerator.generated), synthesize_parts(accelerator.verilog, top)


def test_memories(synthesized):
    name, top, report, parts = synthesized
    kinds = set()
    for memory in report.memories:
        area = parts[f"{top}__datapath__{memory.name}"]
        if memory.depth * memory.width_bits > LARGE_BITS:
            kinds.add("block")
            assert area.bram36 == least_bram36(memory.depth, memory.width_bits), memory
            assert area.memory_lut == 0
        else:
            kinds.add("lut")
            assert area.bram36 == 0
            # A LUT holds 64 bits; the last word of 64 need not be full, and rows of 64 need a multiplexer.
            assert 0 < area.memory_lut <= 2 * memory.width_bits * -(-memory.depth // 64), memory
        assert area.ff <= memory.width_bits, f"{memory} is in registers"
    assert kinds == ({"block", "lut"} if name == "harris" else {"block"})
    # No block RAM but these.
    total = sum(area.bram36 for area in parts.values())
    assert total == sum(parts[f"{top}__datapath__{memory.name}"].bram36 for memory in report.memories)


def test_products(synthesized):
    name, _, report, parts = synthesized
    products = sum(count for kind, count in report.operators.items() if kind.startswith("mul "))
    assert products == (6 if name == "harris" else 0)
    assert sum(area.dsp for area in parts.values()) == products
