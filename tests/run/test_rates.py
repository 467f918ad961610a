"""Cores whose streams come at different rates, alone: launches from odd origins, back to back; and wrong ones."""

import re
from contextlib import nullcontext

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.errors import SimulationError
from fluorite.run.core_runs import Pattern, Recorder, patterns, run_core, sequence, timing
from fluorite.sim.verilate import build

x, y = hl.vars("x y")


def recorded(output, image, sizes, mins):
    """The accelerator and frames of every size, from every origin."""
    design = fluorite.compile(output)
    (accelerator,) = design.accelerators
    pixels = np.random.default_rng(0).integers(0, 256, (200, 200), np.uint8)
    source = hl.Buffer(pixels)
    source.set_min([-20, -20])
    image.set(source)
    launches = []
    for size in sizes:
        for least in mins:
            result = hl.Buffer(hl.UInt(8), list(size))
            result.set_min(list(least))
            recorder = Recorder()
            design.realize(result, launched=recorder)
            launches += recorder.frames(0)[accelerator.name]  # Halide numbers the Func's where it was used before
    return accelerator, sequence(accelerator.generated, launches)


@pytest.fixture(scope="module")
def pyramid():
    """Half the size, and back: an image, the half of it, and the image again, in step."""
    image, half, detail, output = hl.ImageParam(hl.UInt(8), 2, "image"), *(hl.Func(n) for n in ("half", "detail", "o"))
    half[x, y] = hl.u8((hl.u16(image[2 * x, 2 * y]) + image[2 * x + 1, 2 * y + 1]) / 2)
    detail[x, y] = image[x, y] - hl.u8((hl.u16(half[x / 2, y / 2]) + half[(x + 1) / 2, (y + 1) / 2]) / 2)
    output[x, y] = detail[x, y]
    half.compute_root().linebuffer()
    detail.compute_root().set_estimate(x, 0, 12).set_estimate(y, 0, 9).accelerate([image], x, hl.Var.outermost())
    return recorded(output, image, [(1, 1), (5, 4)], [(0, 0), (1, 0), (-3, -7)])


def run(pyramid, right=None, wrong=None):
    accelerator, order = pyramid
    instance = None
    if right is not None:
        assert accelerator.verilog.count(right) == 1, accelerator.verilog
        core = build(accelerator.verilog.replace(right, wrong), accelerator.generated.interface).open()
        instance = lambda: nullcontext(core)  # noqa: E731
    return [run_core(accelerator, order, how, instance) for how in patterns(accelerator.generated, order, 0.3, 0)]


def test_launches_that_end_long_after_their_last_word():
    """Of every 128th row and column: the last word is in the first of the last 128 rows."""
    image, thumbnail, output = hl.ImageParam(hl.UInt(8), 2, "image"), hl.Func("thumbnail"), hl.Func("o")
    thumbnail[x, y] = image[128 * x, 128 * y] + 1
    output[x, y] = thumbnail[x, y]
    thumbnail.compute_root().bound(x, 0, 2).bound(y, 0, 1).accelerate([image], x, hl.Var.outermost())
    accelerator, order = recorded(output, image, [(2, 1)], [(0, 0)])
    (whole,) = {timing(accelerator.generated, frame.launch).cycles for frame in order}
    assert whole > 30_000
    calm, *_ = patterns(accelerator.generated, order, 0.3, 0)
    assert not run_core(accelerator, order, calm).different


def test_launches_from_odd_origins_back_to_back(pyramid):
    _, order = pyramid
    assert len({(frame.launch.mins, frame.launch.extents) for frame in order}) == 6
    checks = run(pyramid)
    assert not any(check.different for check in checks)
    assert all(check.looked_at_cycles >= check.cycles for check in checks[:4])


def test_a_phase_that_is_the_other(pyramid):
    line = re.search(r"assign detail_resample2 = (\w+) \? (\w+) : (\w+);", pyramid[0].verilog)
    wrong = run(pyramid, line[0], f"assign detail_resample2 = {line[1]} ? {line[3]} : {line[2]};")
    assert all(check.different for check in wrong)


def test_words_of_one_stream_now_and_then():
    """The output has a word every second position; a row without a word must not keep the core busy."""
    image, halved, output = hl.ImageParam(hl.UInt(8), 2, "image"), hl.Func("halved"), hl.Func("output")
    halved[x, y] = image[2 * x, 2 * y] + image[2 * x + 1, 2 * y - 1]
    output[x, y] = halved[x, y]
    halved.compute_root().set_estimate(x, 0, 80).set_estimate(y, 0, 70).accelerate([image], x, hl.Var.outermost())
    own = recorded(output, image, [(1, 1), (2, 3)], [(0, 0), (1, -3)])
    accelerator, order = own
    assert [places.step for places in timing(accelerator.generated, order[0].launch).words[1]] == [2, 2]
    assert not any(check.different for check in run(own))
    _, large = recorded(output, image, [(80, 70)], [(0, 0)])
    run_core(accelerator, large[:1], Pattern("nothing"))  # it is watched for two more scans, in which nothing moves
    always = re.search(r"assign (column_\d_of_2) = .+;", accelerator.verilog)
    with pytest.raises(SimulationError, match=r"^core 'halved_core': halved_\w+ must be "):
        run(own, always[0], f"assign {always[1]} = 1'h1;")


def test_halide_asks_for_more_than_is_read():
    """Of an index with a remainder in it, all that the remainder may be: the golden model alone is given that much."""
    image, woven, output = hl.ImageParam(hl.UInt(8), 2, "image"), hl.Func("woven"), hl.Func("output")
    woven[x, y] = image[x / 2 - 1 + 2 * (x % 2), y]
    output[x, y] = woven[x, y]
    woven.compute_root().set_estimate(x, 0, 12).set_estimate(y, 0, 9).accelerate([image], x, hl.Var.outermost())
    accelerator, order = recorded(output, image, [(1, 1), (5, 4)], [(0, 0), (1, 0)])
    assert order[0].inputs[0].shape == (1, 2)  # and Halide asks for three
    assert not any(check.different for check in run((accelerator, order)))


def test_nothing_moves_for_many_rows():
    """Behind the last row that is read there are 63 of which nothing is."""
    image, far = hl.ImageParam(hl.UInt(8), 2, "image"), hl.Func("far")
    far[x, y] = image[64 * x, 64 * y]
    far.set_estimate(x, 0, 30).set_estimate(y, 0, 17).accelerate([image], x, hl.Var.outermost())
    pixels = np.random.default_rng(0).integers(0, 256, (65, 1920), np.uint8)
    source = hl.Buffer(pixels)
    image.set(source)
    result = np.array(fluorite.compile(far).realize([30, 2]))
    np.testing.assert_array_equal(result, pixels[::64, ::64])
