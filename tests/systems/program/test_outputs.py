"""Programs of accelerators that give several Funcs: whole images, and tiles of several threads, against Halide."""

import functools
import tempfile
from pathlib import Path

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.systems.program.program import build_programs

x, y, c, xo, yo, xi, yi = hl.vars("x y c xo yo xi yi")
PIXELS = np.random.default_rng(7).integers(0, 256, (64, 96)).astype(np.uint8)


def half(source, *channel):
    made = hl.Func("half")
    four = [hl.u16(source[2 * x + i, 2 * y + j, *channel]) for j in (0, 1) for i in (0, 1)]
    made[x, y, *channel] = hl.u8((sum(four[1:], four[0]) + 2) >> 2)
    return made


def whole():
    """A picture in colour, made of a grey one, and at half the size; both are outputs."""
    source, picture = hl.ImageParam(hl.UInt(8), 2, "source"), hl.Func("picture")
    padded = hl.BoundaryConditions.repeat_edge(source)
    picture[x, y, c] = hl.u8(hl.u16(padded[x, y]) + padded[x + 1, y] * hl.u8(c))
    small = half(picture, c)
    picture.bound(c, 0, 3).set_estimate(x, 0, 96).set_estimate(y, 0, 64).reorder(c, x, y).unroll(c)
    picture.accelerate([source], x, hl.Var.outermost(), outputs=[small])
    return source, hl.Pipeline([picture, small])


def tiled():
    """Tiles that several threads take; software reads both."""
    source, padded, picture, out = hl.ImageParam(hl.UInt(8), 2, "source"), *map(hl.Func, ("padded", "picture", "out"))
    padded[x, y] = hl.BoundaryConditions.repeat_edge(source)[x, y]
    picture[x, y] = hl.u8(hl.u16(padded[x - 1, y]) + padded[x + 1, y])
    small = half(picture)
    out[x, y] = hl.u8(picture[x, y] + 3 * small[x / 2, y / 2])
    out.tile(x, y, xo, yo, xi, yi, 32, 16, hl.TailStrategy.GuardWithIf).parallel(yo)
    padded.compute_at(out, xo)
    picture.compute_at(out, xo).tile(x, y, xo, yo, xi, yi, 32, 16, hl.TailStrategy.GuardWithIf)
    picture.unroll(xi, 2, hl.TailStrategy.GuardWithIf).accelerate([padded], xi, xo, outputs=[small])
    return source, hl.Pipeline([out])


@functools.cache
def built(made, *targets):
    source, pipeline = made()
    design, folder = fluorite.compile(pipeline), tempfile.TemporaryDirectory()
    return source, design, build_programs(design, targets, Path(folder.name), random_power_up=True), folder


@pytest.mark.parametrize(("made", "target"), [(whole, "host"), (tiled, "arm32")])
def test_programs_are_exact(made, target):
    source, design, programs, _ = built(made, target)
    for width, height in ((96, 64), (61, 47)):
        image = np.ascontiguousarray(PIXELS[:height, :width])
        source.set(hl.Buffer(image))
        expected = design.buffers((width, height, 3) if made is whole else (width, height))
        design.reference.realize(expected)
        outputs = [np.zeros(np.array(buffer).shape, np.uint8) for buffer in expected]
        programs[target].run({"source": image}, outputs, repeat=2, timeout_seconds=120)
        for output, buffer in zip(outputs, expected, strict=True):
            np.testing.assert_array_equal(output, np.array(buffer))
