"""Programs whose accelerators have streams at different rates: a whole image at half the size, tiles at twice."""

import functools
import re
import tempfile
from pathlib import Path

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.systems.program.program import build_programs
from fluorite.systems.program.settings import Memory

x, y, xo, yo, xi, yi = hl.vars("x y xo yo xi yi")
TAILS = hl.TailStrategy
SYSTEMS = [("host", False), ("arm32", False), ("arm64", False), ("arm32", True), ("arm64", True)]


def pipeline(tail, lanes=1):
    """An image at half its size, in one launch, and that at twice its size in tiles of 16 x 8, each an accelerator."""
    image = hl.ImageParam(hl.UInt(8), 2, "image")
    half, twice, out = hl.Func("half"), hl.Func("twice"), hl.Func("out")
    half[x, y] = hl.u8((hl.u16(image[2 * x, 2 * y]) + image[2 * x + 1, 2 * y + 1]) / 2)
    twice[x, y] = hl.u8((hl.u16(half[x / 2, y / 2]) + half[(x + 1) / 2, (y + 1) / 2]) / 2)
    out[x, y] = twice[x, y]
    out.tile(x, y, xo, yo, xi, yi, 16, 8, tail)
    half.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 48)
    half.accelerate([image], x, hl.Var.outermost())
    twice.compute_at(out, xo).tile(x, y, xo, yo, xi, yi, 16, 8, tail if tail == TAILS.GuardWithIf else TAILS.Auto)
    twice.unroll(xi, lanes, TAILS.GuardWithIf).accelerate([half], xi, xo)
    return image, out


@functools.cache
def programs(tail, targets, lanes=1):
    """Programs by processor, with the image and Halide's own pipeline."""
    image, out = pipeline(tail, lanes)
    design = fluorite.compile(out, name="rates")
    folder = tempfile.TemporaryDirectory()
    made = build_programs(design, targets, Path(folder.name), random_power_up=True)
    made[targets[0]].keep = folder
    return image, design.reference, made


def check(size, tail, targets, lanes=1, target=None, **options):
    """Run a program, and compare with Halide; returns what it printed."""
    image, reference, made = programs(tail, targets, lanes)
    width, height = size
    pixels = np.random.default_rng(width).integers(0, 256, (height + 2, width + 2), np.uint8)
    image.set(hl.Buffer(pixels))
    result = np.zeros((height, width), np.uint8)
    done = made[target or targets[0]].run({"image": pixels}, [result], timeout_seconds=200, **options)
    np.testing.assert_array_equal(result, np.array(reference.realize([width, height])))
    return done.output


def test_a_whole_image_and_tiles():
    output = check((37, 21), TAILS.GuardWithIf, ("host",), memory=Memory(stalls=0.2, reorder=True, seed=3))
    assert re.search(r"^half: 1 launches", output, re.MULTILINE), output
    assert re.search(r"^twice: 9 launches", output, re.MULTILINE), output
    check((16, 1), TAILS.GuardWithIf, ("host",))


@pytest.mark.system
@pytest.mark.parametrize(("target", "board"), SYSTEMS, ids=str)
@pytest.mark.parametrize(
    ("tail", "lanes", "size"),
    [
        (TAILS.GuardWithIf, 4, (37, 21)),
        (TAILS.ShiftInwards, 1, (37, 21)),  # launches that begin at odd places
        (TAILS.RoundUp, 2, (48, 24)),
    ],
    ids=str,
)
def test_every_processor_and_tail(tail, lanes, size, target, board):
    check(size, tail, ("host", "arm32", "arm64"), lanes, target, board=board)
