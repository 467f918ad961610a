"""Launches of every size back to back, down to a single pixel, where a core's latency is longer than the launch."""

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.run.launch import launches
from fluorite.sim.run import Job, Stalls
from fluorite.sim.verilate import build

SIZES = [(1, 1), (1, 2), (2, 1), (1, 9), (9, 1), (3, 3), (40, 2), (2, 40), (33, 5)]


def pointwise(image, x, y):
    """Long multiplications only: no rows, many pipeline registers."""
    value = hl.u32(image[x, y])
    for _ in range(4):
        value = value * value + hl.u32(image[x, y])
    return value


def window(image, x, y):
    """Five rows and columns, then more multiplications."""
    value = sum(hl.u32(image[x + d, y + d]) for d in range(5))
    for _ in range(3):
        value = value * value + 1
    return value


def wiring(image, x, y):
    """No register at all between input and output."""
    return hl.u32(image[x, y] ^ hl.u16(0x55))


@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize("body", [pointwise, window, wiring])
def test_back_to_back(body, lanes):
    x, y = hl.vars("x y")
    image = hl.ImageParam(hl.UInt(16), 2, "image")
    out = hl.Func("out")
    out[x, y] = body(image, x, y)
    out.set_estimate(x, 0, 64).set_estimate(y, 0, 48)
    if lanes > 1:
        out.unroll(x, lanes)
    out.accelerate([image], x, hl.Var.outermost())
    accelerator = fluorite.compile(out).accelerators[0]
    generated = accelerator.generated
    margin = 4 if body is window else 0
    rng = np.random.default_rng(7)
    jobs, expected = [], []
    for width, height in SIZES * 2:
        wide = -(-width // lanes) * lanes
        pixels = rng.integers(0, 1 << 16, (height + margin, wide + margin), np.uint16)
        (launch,) = launches(generated, (0, 0), (wide, height), {})
        jobs.append(Job([pixels], [np.zeros((height, wide), np.uint32)], launch.settings))
        expected.append(accelerator.golden({"image": pixels}, (0, 0), (wide, height))[0])
    core = build(accelerator.verilog, generated.interface).open()
    for stalls in (None, Stalls(1)):
        for job in jobs:
            job.outputs[0][:] = 0
        # Settings are stable while a core is busy: launches of one size may follow one another without a gap.
        for first in range(0, len(jobs), len(SIZES)):
            for job in jobs[first : first + len(SIZES)]:
                core.run_many([job, job, job], stalls=stalls)
        for job, result in zip(jobs, expected, strict=True):
            assert (job.outputs[0] == result).all()


def test_rows_that_padding_makes_a_number(image, exact):
    """Rows of at most four words are padded to what the divisions take: a length that is a number from then on."""
    x, y = hl.vars("x y")
    pixels, divisors = image(hl.UInt(32), "pixels", seed=1), image(hl.UInt(16), "divisors", seed=2)
    hw, out = hl.Func("hw"), hl.Func("out")
    hw[x, y] = pixels[x, y] / divisors[x, y] + pixels[x, y + 1]
    out[x, y] = hw[x, y]
    hw.compute_root().set_estimate(x, 0, 4).set_estimate(y, 0, 6).accelerate([pixels, divisors], x, hl.Var.outermost())
    design = exact(out, (4, 6))
    exact(out, (3, 2), design=design)
    assert design.accelerators[0].generated.extents.scan[0].is_constant
