"""A pipeline of three accelerators and software between them, in a loop over tiles that several threads run."""

import functools

import halide as hl
import numpy as np

import fluorite

ACCELERATORS = ("blur", "edges", "mix")
TILE = 32


def _pipeline(source):
    x, y, xo, yo, xi, yi = hl.vars("x y xo yo xi yi")
    guard = hl.TailStrategy.GuardWithIf
    padded, blur, inverse, edges, mix, out = (
        hl.Func(name) for name in ("padded", "blur", "inverse", "edges", "mix", "several")
    )
    padded[x, y] = hl.BoundaryConditions.repeat_edge(source)[x, y]
    blur[x, y] = hl.u8((hl.u16(padded[x - 1, y]) + 2 * hl.u16(padded[x, y]) + padded[x + 1, y] + 2) >> 2)
    inverse[x, y] = hl.u8(255) - blur[x, y]  # by the processor
    edges[x, y] = hl.absd(inverse[x + 1, y], inverse[x - 1, y])
    mix[x, y] = edges[x, y] + 3 * blur[x, y]  # what both wrote, as they wrote it
    out[x, y] = mix[x, y]
    out.tile(x, y, xo, yo, xi, yi, TILE, TILE, guard).fuse(xo, yo, xo).parallel(xo)
    padded.compute_at(out, xo)
    inverse.compute_at(out, xo)
    for func, of, width in ((blur, [padded], TILE + 2), (edges, [inverse], TILE), (mix, [edges, blur], TILE)):
        func.compute_at(out, xo).tile(x, y, xo, yo, xi, yi, width, TILE, guard).accelerate(of, xi, xo)
    return out


@functools.cache
def several():
    """The design."""
    return fluorite.compile(_pipeline(hl.ImageParam(hl.UInt(8), 2, "source")), name="several")


@functools.cache
def picture(width, height):
    """An image, and what Halide makes of it."""
    image = np.random.default_rng(5).integers(0, 256, (height, width), np.uint8)
    source = hl.ImageParam(hl.UInt(8), 2, "source")
    source.set(hl.Buffer(image))
    return image, np.array(_pipeline(source).realize([width, height]))
