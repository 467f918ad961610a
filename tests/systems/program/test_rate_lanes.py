"""Applications at rates as ARM programs, in every number of lanes that they have: all but one in `make test-sweeps`."""

import numpy as np
import pytest

import fluorite
from fluorite.run.verify import compare, output_arrays, output_names
from fluorite.systems.program.program import build_programs
from fluorite.systems.program.settings import Memory
from tests.rate_applications import by_turns

CASES = list(enumerate(by_turns(1)))
HERE = "to_nv12-2-whole"  # of an image that has fewer rows than the result; the others in the sweep


@pytest.mark.parametrize(
    ("number", "case"),
    [pytest.param(*case, marks=[] if str(case[1]) == HERE else [pytest.mark.system]) for case in CASES],
    ids=str,
)
def test_rates_in_any_number_of_lanes(number, case, tmp_path):
    """As programs of 32 and 64 bits by turns, with the driver against the simulator or the board's by turns."""
    loaded = case.load()
    target, board = ("arm32", "arm64")[number % 2], number // 2 % 2 == 1
    design = fluorite.compile(loaded.pipeline, name=case.app)
    program = build_programs(design, [target], tmp_path, random_power_up=True)[target]
    hostile = Memory(bytes=64 << 20, stalls=0.3, reorder=True, seed=number)
    for seed, (size, memory) in enumerate((((73, 49), hostile), ((1, 3), Memory(bytes=64 << 20)))):
        images, sizes = case.images(*size, seed)
        for name, pixels in images.items():
            loaded.set_image(name, pixels)
        buffers = design.buffers(sizes)
        loaded.pipeline.realize(buffers)
        expected = output_arrays(buffers)
        arrays = [np.full_like(array, 85) for array in expected]
        program.run(images, arrays, timeout_seconds=200, board=board, memory=memory)
        for name, ours, halides in zip(output_names(loaded), arrays, expected, strict=True):
            assert compare(name, halides, ours) is None
