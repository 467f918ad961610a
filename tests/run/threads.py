"""A process in which several threads use fluorite at once, run by tests/run/test_threads.py: it may die, not only fail.

``python threads.py CASE`` prints nothing and ends with 0 where each thread gets what it gets on its own.
"""

import sys
import threading
from dataclasses import astuple
from pathlib import Path

import halide as hl
import numpy as np

import fluorite
from fluorite.frontend.pipeline_file import load_pipeline
from fluorite.run.launch import launches
from fluorite.run.verify import compare, output_arrays, output_sizes, set_random
from fluorite.sim.run import Stalls

APPS = Path(__file__).parents[2] / "apps"
CALLS = [
    ((128, 96), None), ((64, 33), Stalls(1, 0.5, 0.1)), ((97, 16), Stalls(2, 0.1, 0.6)),
    ((33, 80), None), ((32, 17), Stalls(3)), ((128, 40), Stalls(1, 0.5, 0.1)),
]  # fmt: skip


def at_once(functions):
    """What each function returns, all called at the same time."""
    results = [None] * len(functions)
    ready = threading.Barrier(len(functions))

    def call(number):
        ready.wait()
        try:
            results[number] = functions[number]()
        except BaseException as error:
            results[number] = error

    threads = [threading.Thread(target=call, args=(number,)) for number in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


def tiled():
    """A design whose software part runs its tiles in several threads, too."""
    x, y, xo, yo, xi, yi = hl.vars("x y xo yo xi yi")
    pixels = np.random.default_rng(1).integers(0, 256, (96, 128)).astype(np.uint8)
    photo = hl.ImageParam(hl.UInt(8), 2, "photo")
    photo.set(buffer := hl.Buffer(pixels))
    padded, hw, output = hl.Func("padded"), hl.Func("hw"), hl.Func("output")
    padded[x, y] = hl.BoundaryConditions.repeat_edge(photo)[x, y]
    hw[x, y] = hl.u8((hl.u16(padded[x - 1, y]) + hl.u16(padded[x + 2, y + 1]) * 3) / 4)
    output[x, y] = hw[x, y]
    output.tile(x, y, xo, yo, xi, yi, 32, 16).parallel(yo)
    padded.compute_at(output, xo)
    hw.compute_at(output, xo).tile(x, y, xo, yo, xi, yi, 32, 16).unroll(xi, 2)
    hw.accelerate([padded], xi, xo)
    return output, (pixels, buffer)


def realize(design, sizes, stalls):
    """An image, what it took, and all progress that was told."""
    told = []
    (image,) = output_arrays(design.realize(list(sizes), stalls=stalls, progress=lambda *now: told.append(now)))
    assert told == sorted(told), told
    return image, [astuple(s) for s in design.statistics], told[-1]


def assert_equal(left, right):
    for (image, *rest), (other, *others) in zip(left, right, strict=True):
        np.testing.assert_array_equal(image, other)
        assert rest == others, (rest, others)


def first_realize():
    output, _alive = tiled()
    design = fluorite.compile(output)
    together = at_once([lambda c=c: realize(design, *c) for c in CALLS])
    assert_equal(together, [realize(fluorite.compile(output), *c) for c in CALLS])
    (image,) = output_arrays(output.realize([128, 96]))
    np.testing.assert_array_equal(together[0][0], image)


def failing_beside_others():
    output, _alive = tiled()
    design = fluorite.compile(output)

    def fails():
        def stop(*_):
            raise ArithmeticError

        try:
            design.realize([128, 96], progress=stop)
        except ArithmeticError:
            return (np.zeros(1),)
        raise AssertionError

    calls = [lambda c=c: realize(design, *c) for c in CALLS[:4]]
    assert_equal(at_once([fails, *calls, fails]), [f() for f in (fails, *calls, fails)])


def core_and_golden():
    output, _alive = tiled()
    (accelerator,) = fluorite.compile(output).accelerators
    regions = [((x, y), (32, 16)) for x in (0, 32, 64) for y in (0, 16)]

    def launch(number):
        (launch,) = launches(accelerator.generated, *regions[number], {})
        _, extents = accelerator.generated.input("padded").region(launch.mins, launch.extents)
        image = np.random.default_rng(number).integers(0, 256, extents[::-1]).astype(np.uint8)
        result = np.zeros(launch.extents[::-1], np.uint8)
        run = accelerator.run([image], [result], launch, stalls=Stalls(number))
        (golden,) = accelerator.golden({"padded": image}, launch.mins, launch.extents)
        np.testing.assert_array_equal(result, golden)
        return result, run.cycles, run.launches, run.streams

    calls = [lambda n=n: launch(n) for n in range(len(regions))]
    assert_equal(at_once(calls), [call() for call in calls])


def several_designs():
    def verified(app, size):
        loaded = load_pipeline(APPS / f"{app}.py")
        design = fluorite.compile(loaded.pipeline)
        sizes = output_sizes(loaded, size)
        set_random(loaded, sizes, 0)
        (expected,) = output_arrays(loaded.pipeline.realize(sizes))
        image, *rest = realize(design, sizes, Stalls(2))
        assert compare(app, expected, image) is None
        return image, *rest

    calls = [lambda a=a: verified(*a) for a in (("sobel", [40, 30]), ("blend", [30, 40]))]
    assert_equal(at_once(calls), [call() for call in calls])


if __name__ == "__main__":
    globals()[sys.argv[1]]()
