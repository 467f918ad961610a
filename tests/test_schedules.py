"""Whatever Halide's schedules do around an accelerator, and to its buffers: the pixels are Halide's own.

The two cores, one for whole images and one for tiles, are the same in all of these, so each is built once.
"""

import halide as hl
import numpy as np
import pytest

import fluorite

x, y, xo, yo, xi, yi, tile = hl.vars("x y xo yo xi yi tile")
WIDTH, HEIGHT = 37, 22
PIXELS = np.random.default_rng(4).integers(0, 256, (HEIGHT, WIDTH)).astype(np.uint8)


class Pipe:
    """source -> padded (software) -> inner, hw (hardware) -> output (software)."""

    def __init__(self):
        self.source = hl.ImageParam(hl.UInt(8), 2, "source")
        self.source.set(hl.Buffer(PIXELS))
        self.padded, self.inner, self.hw, self.output = (hl.Func(n) for n in ("padded", "inner", "hw", "output"))
        self.padded[x, y] = hl.u16(hl.BoundaryConditions.repeat_edge(self.source)[x, y]) + 1
        self.inner[x, y] = self.padded[x, y] + 2 * self.padded[x, y + 1]
        self.hw[x, y] = self.inner[x - 1, y] + self.inner[x, y] + self.inner[x + 1, y]
        self.output[x, y] = self.hw[x, y] * 3 + self.hw[x + 1, y + 1]
        self.inner.linebuffer()

    def whole(self):
        self.padded.compute_root()
        self.hw.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 64)
        self.hw.accelerate([self.padded], x, hl.Var.outermost())
        return self

    def tiled(self):
        self.output.tile(x, y, xo, yo, xi, yi, 16, 8)
        self.padded.compute_at(self.output, xo)
        self.hw.compute_at(self.output, xo).tile(x, y, xo, yo, xi, yi, 16, 8, hl.TailStrategy.GuardWithIf)
        self.hw.accelerate([self.padded], xi, xo)
        return self


@pytest.fixture(scope="module")
def expected():
    return np.array(Pipe().output.realize([WIDTH, HEIGHT]))


WHOLE = {
    "a_line_at_a_time": lambda p: p.hw.store_root().compute_at(p.output, y),
    "a_line_at_a_time_asynchronously": lambda p: p.hw.store_root().compute_at(p.output, y).async_(),
    "a_pixel_of_storage_at_a_time": lambda p: p.hw.compute_at(p.output, y).store_in(hl.MemoryType.Stack),
    "storage_of_the_output": lambda p: p.hw.align_storage(x, 32).reorder_storage(y, x).store_in(hl.MemoryType.Heap),
    "bounds_of_the_output": lambda p: p.hw.align_bounds(x, 8, 3).align_extent(y, 5),
    "storage_of_the_input": lambda p: p.padded.reorder_storage(y, x).bound_storage(y, 64).align_storage(y, 16).async_(),
    "bounds_of_the_input": lambda p: p.padded.bound(x, -8, 64).align_bounds(y, 5).fold_storage(y, 64),
    "wrappers": lambda p: (
        p.hw.in_(p.output).compute_at(p.output, y).vectorize(x, 8),
        p.padded.in_(p.inner).compute_at(p.inner, x),
        p.source.in_().compute_root(),
    ),
    "specializations": lambda p: (
        p.output.specialize(p.source.width() > 30).vectorize(x, 8),
        p.output.specialize_fail("too narrow"),
        p.padded.specialize(p.source.width() < 30).vectorize(x, 8),
    ),
}

TILED = {
    "tiles_in_parallel": lambda p: (p.output.fuse(xo, yo, tile).parallel(tile), p.padded.compute_at(p.output, tile),
                                    p.hw.compute_at(p.output, tile)),
    "stages_in_parallel": lambda p: (p.padded.async_(), p.hw.async_(), p.output.parallel(yo)),
    "storage_further_out": lambda p: p.padded.hoist_storage(p.output, yo).bound_storage(x, 64).bound_storage(y, 64),
    "vectors": lambda p: (p.output.vectorize(xi, 8), p.padded.vectorize(x, 8, hl.TailStrategy.GuardWithIf)),
    "vectors_beyond_the_tile": lambda p: (p.output.unroll(yi, 2), p.padded.vectorize(x, 8, hl.TailStrategy.RoundUp)),
    "blended_vectors": lambda p: p.padded.vectorize(x, 8, hl.TailStrategy.PredicateStores),
    "prefetch": lambda p: p.output.prefetch(p.source, xo, xo, 2),
    "stored_further_out": lambda p: (p.hw.store_root(), p.padded.store_at(p.output, yo)),
    "order_of_tiles": lambda p: p.output.reorder(xi, yi, yo, xo),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_around_whole_images(name, expected):
    pipe = Pipe().whole()
    WHOLE[name](pipe)
    np.testing.assert_array_equal(np.array(fluorite.compile(pipe.output).realize([WIDTH, HEIGHT])), expected)


@pytest.mark.parametrize("name", TILED)
def test_around_tiles(name, expected):
    pipe = Pipe().tiled()
    TILED[name](pipe)
    np.testing.assert_array_equal(np.array(fluorite.compile(pipe.output).realize([WIDTH, HEIGHT])), expected)
