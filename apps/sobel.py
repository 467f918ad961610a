"""Sobel edges: the magnitude |gx| + |gy| of the 3x3 gradient, saturated to a byte.

A photograph becomes black with bright outlines, the brighter the sharper the edge; flat areas stay black. The
accelerator holds two rows of pixels and has no multiplier.

`fluorite run apps/sobel.py -i photo.png -o edges.png` runs it in the simulated accelerator.
"""

import halide as hl


@hl.generator(name="sobel")
class Sobel:
    tile = hl.GeneratorParam(256)  # edge of a tile in pixels; 0: the whole image in one launch
    lanes = hl.GeneratorParam(1)  # pixels a cycle
    max_width = hl.GeneratorParam(1920)  # largest image, in pixels, when tile is 0
    max_height = hl.GeneratorParam(1080)

    input = hl.InputBuffer(hl.UInt(8), 2)
    output = hl.OutputBuffer(hl.UInt(8), 2)

    def generate(self):
        x, y, xo, yo, xi, yi = hl.vars("x y xo yo xi yi")

        # Algorithm. |gx|, |gy| <= 4 * 255 = 1020, so int16 holds them, and uint16 the sum of their magnitudes.
        padded, gx, gy, edges = hl.Func("padded"), hl.Func("gx"), hl.Func("gy"), hl.Func("edges")
        padded[x, y] = hl.BoundaryConditions.repeat_edge(self.input)[x, y]

        def pixel(dx, dy):
            return hl.i16(padded[x + dx, y + dy])

        gx[x, y] = pixel(1, -1) + 2 * pixel(1, 0) + pixel(1, 1) - pixel(-1, -1) - 2 * pixel(-1, 0) - pixel(-1, 1)
        gy[x, y] = pixel(-1, 1) + 2 * pixel(0, 1) + pixel(1, 1) - pixel(-1, -1) - 2 * pixel(0, -1) - pixel(1, -1)
        edges[x, y] = hl.u8_sat(hl.abs(gx[x, y]) + hl.abs(gy[x, y]))
        self.output[x, y] = edges[x, y]

        # Schedule. A tile is padded by software and handed over; of a whole image the accelerator does the borders too.
        guard = hl.TailStrategy.GuardWithIf  # any image size, and no pixel computed twice
        if self.tile:
            self.output.tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard).vectorize(xi, 16, guard).parallel(yo)
            padded.compute_at(self.output, xo).vectorize(x, 16, guard)
            edges.compute_at(self.output, xo).tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard)
            edges.unroll(xi, self.lanes, guard).accelerate([padded], xi, xo)
        else:
            self.output.vectorize(x, 16, guard).parallel(y)
            edges.compute_root().set_estimate(x, 0, self.max_width).set_estimate(y, 0, self.max_height)
            edges.unroll(x, self.lanes, guard).accelerate([self.input], x, hl.Var.outermost())
