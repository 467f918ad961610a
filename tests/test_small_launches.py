"""Launches shorter than a core's latency, rows shorter than its lags: where control has the least room."""

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.run.launch import launches
from fluorite.run.verify import compare
from fluorite.sim.run import Job

x, y = hl.vars("x y")


@pytest.fixture(scope="module")
def deep():
    """A divider beside a window: one input is late by more columns than a small image has."""
    params = [hl.ImageParam(hl.UInt(8), 2, name) for name in ("a", "b", "c")]
    a, b, c = params
    quotient, output = hl.Func("quotient"), hl.Func("output")
    quotient[x, y] = hl.u16(b[x, y] / c[x, y]) + 3 * hl.u16(a[x, y]) + hl.u16(a[x, y + 1])
    output[x, y] = quotient[x, y]
    quotient.compute_root().set_estimate(x, 0, 100).set_estimate(y, 0, 100)
    quotient.accelerate(params, x, hl.Var.outermost())
    return params, output, fluorite.compile(output)


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (5, 5), (11, 5), (12, 4), (40, 7)])
def test_images_narrower_than_the_latency(deep, size):
    params, output, design = deep
    width, height = size
    rng = np.random.default_rng(width)
    images = [rng.integers(1, 256, (height + 1, width), dtype=np.uint8) for _ in params]
    for param, image in zip(params, images, strict=True):
        param.set(hl.Buffer(image))
    expected = np.array(output.realize(list(size)))
    actual = np.array(design.realize(list(size), stalls=fluorite.Stalls(width, 0.2, 0.2)))
    assert compare("output", expected, actual) is None


@pytest.mark.parametrize(
    "stalls", [None, fluorite.Stalls(3, 0.8, 0.1, 5.0), fluorite.Stalls(5, 0.5, 0.5, 3.0), fluorite.Stalls(7, 0.1, 0.8)]
)
def test_single_pixels_launched_at_any_time(stalls):
    """Latency is longer than a launch, and launches come early, late and in bursts."""
    image = hl.ImageParam(hl.UInt(8), 2, "image")
    weighted = hl.Func("weighted")
    weighted[x, y] = sum((hl.u16(image[x + i, y + j]) * (i + 3 * j + 1) for i in range(3) for j in range(3)), hl.u16(0))
    weighted.set_estimate(x, 0, 100).set_estimate(y, 0, 100)
    weighted.accelerate([image], x, hl.Var.outermost())
    (accelerator,) = fluorite.compile(weighted).accelerators
    (launch,) = launches(accelerator.generated, (0, 0), (1, 1), {})
    rng = np.random.default_rng(1)
    windows = [rng.integers(0, 256, (3, 3), dtype=np.uint8) for _ in range(40)]
    results = [np.zeros((1, 1), np.uint16) for _ in windows]
    with accelerator.simulator.instance() as instance:
        jobs = [Job([window], [result], launch.settings) for window, result in zip(windows, results, strict=True)]
        instance.run_many(jobs, stalls=stalls)
    name = accelerator.generated.region.inputs[0].name
    expected = [accelerator.golden({name: window}, (0, 0), (1, 1))[0] for window in windows[:4]]
    weights = np.arange(1, 10).reshape(3, 3)
    assert all(np.array_equal(e, r) for e, r in zip(expected, results, strict=False))
    assert [int((window * weights).sum()) for window in windows] == [int(result[0, 0]) for result in results]


def test_wrapper_around_a_func_with_an_update():
    image = hl.ImageParam(hl.UInt(8), 2, "image")
    total, output = hl.Func("total"), hl.Func("output")
    r = hl.RDom([(0, 3)], "r")
    total[x, y] = hl.u16(0)
    total[x, y] += hl.u16(image[x + r.x, y])
    total.in_()
    total.update().unroll(r.x)
    output[x, y] = total[x, y] + 1
    output.set_estimate(x, 0, 100).set_estimate(y, 0, 100)
    output.accelerate([image], x, hl.Var.outermost())
    image_array = np.random.default_rng(2).integers(0, 256, (5, 9), dtype=np.uint8)
    image.set(hl.Buffer(image_array))
    design = fluorite.compile(output)
    assert compare("output", np.array(output.realize([7, 5])), np.array(design.realize([7, 5]))) is None


def test_rows_that_begin_in_a_later_phase_than_the_scan_has_rows():
    """The output's first row comes in the round of the scan that is its launch's, however few rows there are."""
    image, low, lower, output = (
        hl.ImageParam(hl.UInt(8), 2, "image"),
        hl.Func("low"),
        hl.Func("lower"),
        hl.Func("output"),
    )
    low[x, y] = image[x, y + y % 2] + 3 * image[x, y + y % 2 + 3]
    lower[x, y] = low[x, y / 2 * 2 - 1]
    output[x, y] = lower[x, y / 2]
    for stage in (low, lower):
        stage.linebuffer()
    output.set_estimate(x, 0, 7).set_estimate(y, 0, 7).unroll(x, 4, hl.TailStrategy.GuardWithIf)
    output.accelerate([image], x, hl.Var.outermost())
    (accelerator,) = fluorite.compile(output).accelerators
    rng = np.random.default_rng(3)
    name = accelerator.generated.region.inputs[0].name
    for mins in ((0, 0), (0, 1), (0, 2), (0, 3), (0, -9)):
        (launch,) = launches(accelerator.generated, mins, (5, 1), {})
        _, shape = accelerator.generated.input(name).region(mins, (5, 1))
        windows = [rng.integers(0, 256, shape[::-1], dtype=np.uint8) for _ in range(5)]
        padded = [np.pad(window, ((0, 0), (0, -shape[0] % 4))) for window in windows]
        results = [np.zeros((1, 8), np.uint8) for _ in windows]
        with accelerator.simulator.instance() as instance:
            jobs = [Job([window], [result], launch.settings) for window, result in zip(padded, results, strict=True)]
            instance.run_many(jobs, stalls=fluorite.Stalls(1, 0.2, 0.2))
        for window, result in zip(windows, results, strict=True):
            np.testing.assert_array_equal(accelerator.golden({name: window}, mins, (5, 1))[0], result[:, :5])
