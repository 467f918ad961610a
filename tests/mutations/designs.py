"""Small designs that have between them what a core can have, and the images that their mutants are run on.

Each says of its images how far beyond the output they reach, and what to compute: the sizes, or where that is not at
the origin, the first coordinates and the sizes. Half of its pixels are of the values that it names: those at which it
does something else.
"""

import halide as hl
import numpy as np

import fluorite
from fluorite.run.core_runs import Recorder, sequence

__all__ = ["DESIGNS", "recorded"]

x, y, z, c, xo, yo, xi, yi = hl.vars("x y z c xo yo xi yi")
OUTERMOST = hl.Var.outermost()
GUARD = hl.TailStrategy.GuardWithIf


def border():
    """A whole image with a border in hardware and a line-buffered stage behind it."""
    image = hl.ImageParam(hl.UInt(8), 2, "image_in")
    padded, rows, out, output = (hl.Func(n) for n in ("padded", "rows", "out", "output"))
    padded[x, y] = hl.BoundaryConditions.repeat_edge(image)[x, y]
    rows[x, y] = hl.u16(padded[x, y - 1]) + 2 * hl.u16(padded[x, y]) + padded[x, y + 1]
    out[x, y] = hl.u8((rows[x - 1, y] + 2 * rows[x, y] + rows[x + 1, y]) >> 4)
    output[x, y] = out[x, y]
    rows.linebuffer()
    out.compute_root().set_estimate(x, 0, 9).set_estimate(y, 0, 7).accelerate([image], x, OUTERMOST)
    return output, {image: [(0, 0), (0, 0)]}, [(9, 7), (4, 2), (2, 3), (1, 4), (1, 1)], (0, 1, 254, 255)


def tiles():
    """Tiles of a size that is fixed, two pixels a cycle, signed arithmetic."""
    image = hl.ImageParam(hl.UInt(8), 2, "image_in")
    padded, edge, output = (hl.Func(n) for n in ("padded", "edge", "output"))
    padded[x, y] = image[x, y]
    across = hl.i16(padded[x + 1, y]) - hl.i16(padded[x - 1, y])
    down = hl.i16(padded[x, y + 1]) - hl.i16(padded[x, y - 1])
    edge[x, y] = hl.u8_sat(hl.max(hl.abs(across), hl.abs(down)) + hl.min(across, 0))
    output[x, y] = edge[x, y]
    output.tile(x, y, xo, yo, xi, yi, 8, 4)
    padded.compute_at(output, xo)
    edge.compute_at(output, xo).tile(x, y, xo, yo, xi, yi, 8, 4).unroll(xi, 2).accelerate([padded], xi, xo)
    return output, {image: [(-1, 1), (-1, 1)]}, [(16, 8)], (99, 100, 101)


def lanes():
    """Four pixels a cycle that do not divide a row, two inputs of which one is narrower, a Param."""
    wide, narrow = hl.ImageParam(hl.UInt(8), 2, "wide"), hl.ImageParam(hl.UInt(8), 2, "narrow")
    gain = hl.Param(hl.UInt(8), "gain", 251)
    sums, output = hl.Func("sums"), hl.Func("output")
    sums[x, y] = (
        hl.u16(wide[x - 1, y])
        + hl.u16(wide[x + 2, y + 1]) * gain
        + hl.select(narrow[x, y] > 100, hl.u16(narrow[x, y]), hl.u16(7))
    )
    output[x, y] = sums[x, y]
    sums.compute_root().set_estimate(x, 0, 11).set_estimate(y, 0, 4)
    sums.unroll(x, 4, GUARD).accelerate([wide, narrow], x, OUTERMOST)
    return (
        output,
        {wide: [(-1, 2), (0, 1)], narrow: [(0, 0), (0, 0)]},
        [(11, 4), (6, 2), (4, 2), (5, 1), (1, 3), (1, 1)],
        (99, 100, 101),
    )


def channels():
    """Three channels side by side, mixed, with a mirror at the edges."""
    image = hl.ImageParam(hl.UInt(8), 3, "image_in")
    padded, mixed, output = (hl.Func(n) for n in ("padded", "mixed", "output"))
    bounds = [(image.dim(d).min(), image.dim(d).extent()) for d in range(2)]
    padded[x, y, c] = hl.BoundaryConditions.mirror_image(image, bounds)[x, y, c]
    mixed[x, y, c] = hl.u8((hl.u16(padded[x - 1, y, c]) + padded[x + 1, y, c] + padded[x, y, 2 - c]) / 3)
    output[x, y, c] = mixed[x, y, c]
    mixed.compute_root().bound(c, 0, 3).reorder(c, x, y).unroll(c)
    mixed.set_estimate(x, 0, 6).set_estimate(y, 0, 4).accelerate([image], x, OUTERMOST)
    return output, {image: [(0, 0), (0, 0), (0, 0)]}, [(6, 4, 3), (4, 2, 3), (1, 2, 3), (1, 1, 3)], (0, 1, 254, 255)


def volume():
    """A scan of three dimensions with a window along each, and a Tuple of two outputs, one of them a bit."""
    image = hl.ImageParam(hl.UInt(8), 3, "image_in")
    pair, output = hl.Func("pair"), hl.Func("output")
    total = hl.u16(image[x - 1, y, z]) + image[x, y + 1, z] + image[x, y, z + 1]
    pair[x, y, z] = (total, image[x, y, z] <= image[x, y, z + 1])
    output[x, y, z] = hl.select(pair[x, y, z][1], pair[x, y, z][0], hl.u16(0) - pair[x, y, z][0])
    pair.compute_root()
    for v, n in ((x, 5), (y, 3), (z, 3)):
        pair.set_estimate(v, 0, n)
    pair.accelerate([image], x, OUTERMOST)
    return (
        output,
        {image: [(-1, 0), (0, 1), (0, 1)]},
        [(5, 3, 3), (3, 2, 2), (2, 1, 1), (2, 3, 1), (1, 1, 1), (1, 2, 1), (1, 1, 2)],
        (0, 1, 254, 255),
    )


def tables():
    """A table read by data, another by position, division by data, coordinates that begin late."""
    image = hl.ImageParam(hl.UInt(8), 2, "image_in")
    curve, wave, looked, output = (hl.Func(n) for n in ("curve", "wave", "looked", "output"))
    curve[x] = hl.u8((x * x) >> 8)
    wave[x] = hl.u8(200 - 3 * (x % 37))
    curve.compute_root()
    wave.compute_root()
    looked[x, y] = hl.u8(curve[hl.i32(image[x, y])] / hl.max(image[x, y + 1], 1) + wave[hl.clamp(x, 0, 8)] + hl.u8(y))
    output[x, y] = looked[x, y]
    looked.compute_root().set_estimate(x, 0, 9).set_estimate(y, 0, 5).accelerate([image], x, OUTERMOST)
    return (
        output,
        {image: [(0, 0), (0, 1)]},
        [(9, 5), (5, 2), (2, 1), (1, 2), (6, 1), ((-3, -7), (5, 2)), ((5, 250), (9, 5))],
        (0, 1, 2, 3, 5, 9, 14, 40, 80, 128, 129, 225, 240, 255),
    )


DESIGNS = {function.__name__: function for function in (border, tiles, lanes, channels, volume, tables)}


def recorded(name, seed=0):
    """A design's accelerator and the frames to run on it."""
    output, images, sizes, values = DESIGNS[name]()
    design = fluorite.compile(output)
    (accelerator,) = design.accelerators
    random = np.random.default_rng(seed)
    launches, alive = [], []
    for size in sizes:
        first, size = size if isinstance(size[0], tuple) else ((0,) * len(size), size)
        for param, reach in images.items():
            shape = [n + hi - lo for n, (lo, hi) in zip(size, reach, strict=True)]
            named, any_value = (
                random.choice(np.uint8(values), shape[::-1]),
                random.integers(0, 256, shape[::-1], np.uint8),
            )
            alive.append(np.where(random.integers(0, 2, named.shape) == 1, named, any_value))
            alive[-1].flat[[0, -1]] = 0, 255  # the other images of verify's runs are made of the values that occur
            buffer = hl.Buffer(alive[-1])
            buffer.set_min([low + lo for low, (lo, _) in zip(first, reach, strict=True)])
            param.set(buffer)
        recorder = Recorder()
        results = [hl.Buffer(t, list(size)) for t in output.types()]
        for result in results:
            result.set_min(list(first))
        design.realize(results, launched=recorder)
        launches += recorder.frames(seed)[accelerator.name]
    return accelerator, sequence(accelerator.generated, launches)
