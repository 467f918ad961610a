"""A pipeline whose schedule, and whose run, Halide has something to say about."""

import halide as hl
import numpy as np

x, y, xo, yo, xi, yi, u, v = hl.vars("x y xo yo xi yi u v")
OUTERMOST = hl.Var.outermost()
PIXELS = np.random.default_rng(3).integers(0, 256, (22, 37)).astype(np.uint8)
LEVELS = "leave store_root(), store_at(), hoist_storage() and ring_buffer() of {} out"


class Pipe:
    """source -> padded (software) -> inner, hw (hardware) -> output (software); whole images, or tiles of 16x8."""

    def __init__(self, tiled=False):
        self.source = hl.ImageParam(hl.UInt(8), 2, "source")
        self.padded, self.inner, self.hw, self.output = (hl.Func(n) for n in ("padded", "inner", "hw", "output"))
        self.padded[x, y] = hl.u16(hl.BoundaryConditions.repeat_edge(self.source)[x, y]) + 1
        self.inner[x, y] = self.padded[x, y] + 2 * self.padded[x, y + 1]
        self.hw[x, y] = self.inner[x - 1, y] + self.inner[x, y] + self.inner[x + 1, y]
        self.output[x, y] = self.hw[x, y] * 3
        self.inner.linebuffer()
        if tiled:
            self.output.tile(x, y, xo, yo, xi, yi, 16, 8)
            self.padded.compute_at(self.output, xo)
            self.hw.compute_at(self.output, xo).tile(x, y, xo, yo, xi, yi, 16, 8).accelerate([self.padded], xi, xo)
        else:
            self.padded.compute_root()
            self.hw.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 64)
            self.hw.accelerate([self.padded], x, OUTERMOST)

    def copied(self):
        """The output reads a copy of hw."""
        copy, self.output = hl.Func("copy"), hl.Func("output")
        copy[x, y] = self.hw[x, y]
        self.output[x, y] = copy[x, y] * 3
        return copy.compute_root()
