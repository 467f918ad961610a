"""Every application's buffers are at the optimum: with operators that take no time, a core holds the least bits."""

import dataclasses
from pathlib import Path

import pytest

from fluorite.frontend import halide_io
from fluorite.frontend.constants import Constants
from fluorite.frontend.pipeline_file import load_pipeline
from fluorite.frontend.region.extract import accelerated_funcs, extract
from fluorite.hwgen.family.delays import ZYNQ7000
from fluorite.hwgen.generate import generate
from fluorite.hwgen.plan.lowerbound import least_held_bits

APPS = Path(__file__).parent.parent / "apps"
NAMES = ("gaussian", "sobel", "median", "unsharp", "jacobi", "harris", "demosaic", "blend", "fanout")


# Half a minute each.
LONG = ("jacobi", "unsharp")
CASES = [(name, 0, 1) for name in NAMES]
CASES += [
    ("binning", 0, 1),
    ("max_pool", 0, 1),
    ("downsample", 0, 1),
]  # at other rates, with all rows that are held whole
CASES += [pytest.param(name, 64, 3, marks=[pytest.mark.system] if name in LONG else []) for name in NAMES]


@pytest.mark.parametrize(("name", "tile", "lanes"), CASES)
def test_bits_held_are_the_optimum(name, tile, lanes):
    """The schedule's own program and the bound's differ: rows before columns there, one line of cycles here."""
    loaded = halide_io.load(load_pipeline(APPS / f"{name}.py", {"tile": str(tile), "lanes": str(lanes)}).pipeline)
    (func,) = accelerated_funcs(loaded.pipeline)
    region = extract(loaded.pipeline, func, Constants(loaded.root))
    generated = generate(region, dataclasses.replace(ZYNQ7000, clock_ns=1e6))
    widths = {node.id: node.width_bits for node in generated.plan.nodes}
    held_bits = sum(line.length_cycles * widths[line.node] for line in generated.storage.lines)
    assert held_bits == least_held_bits(generated.graph, generated.extents.strides, generated.plan.grids)
