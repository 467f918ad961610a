"""9x9 Gaussian blur: a direct convolution with 81 taps, every one of them a multiplier (or shifts and adds).

The weights are an ordinary Halide Func of floating-point exponentials. Nothing in it depends on the
input, so the accelerator holds 81 constants and no floating-point logic.

`fluorite verify apps/gaussian.py -p tile=64` compares the accelerator with Halide, bit for bit.
"""

import math

import halide as hl

RADIUS = 4
SCALE_BITS = 12  # the weights add up to 2**SCALE_BITS, but for rounding
SIGMA_MIN = 1.7  # below it the centre weight does not fit 8 bits


@hl.generator(name="gaussian")
class Gaussian:
    sigma = hl.GeneratorParam(2.0)  # pixels
    tile = hl.GeneratorParam(256)  # edge of a tile in pixels; 0: the whole image in one launch
    lanes = hl.GeneratorParam(1)  # pixels a cycle
    max_width = hl.GeneratorParam(1920)  # largest image, in pixels, when tile is 0
    max_height = hl.GeneratorParam(1080)

    input = hl.InputBuffer(hl.UInt(8), 2)
    output = hl.OutputBuffer(hl.UInt(8), 2)

    def generate(self):
        if not self.sigma >= SIGMA_MIN:
            raise ValueError(f"sigma must be at least {SIGMA_MIN}, not {self.sigma}")
        x, y, xo, yo, xi, yi = hl.vars("x y xo yo xi yi")
        r = hl.RDom([(-RADIUS, 2 * RADIUS + 1), (-RADIUS, 2 * RADIUS + 1)], "r")

        # Algorithm. The norm makes the window's weights add up to one although it cuts the tails off.
        norm = sum(math.exp(-i * i / (2 * self.sigma**2)) for i in range(-RADIUS, RADIUS + 1))
        kernel_f, kernel = hl.Func("kernel_f"), hl.Func("kernel")
        kernel_f[x] = hl.exp(-(x * x) / hl.f32(2 * self.sigma**2)) / hl.f32(norm)
        kernel[x, y] = hl.u8(kernel_f[x] * kernel_f[y] * hl.f32(1 << SCALE_BITS) + 0.5)

        padded, conv, blurred = hl.Func("padded"), hl.Func("conv"), hl.Func("blurred")
        padded[x, y] = hl.BoundaryConditions.repeat_edge(self.input)[x, y]
        conv[x, y] = hl.u32(0)
        conv[x, y] += hl.u32(padded[x + r.x, y + r.y]) * hl.u32(kernel[r.x, r.y])
        blurred[x, y] = hl.u8_sat((conv[x, y] + (1 << SCALE_BITS - 1)) >> SCALE_BITS)
        self.output[x, y] = blurred[x, y]

        # Schedule. A tile is padded by software and handed over; of a whole image the accelerator does the borders too.
        kernel.compute_root()
        conv.linebuffer()
        conv.update().unroll(r.x).unroll(r.y)
        guard = hl.TailStrategy.GuardWithIf  # any image size, and no pixel computed twice
        if self.tile:
            self.output.tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard).vectorize(xi, 16, guard).parallel(yo)
            padded.compute_at(self.output, xo).vectorize(x, 16, guard)
            blurred.compute_at(self.output, xo).tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard)
            blurred.unroll(xi, self.lanes, guard).accelerate([padded], xi, xo)
        else:
            self.output.vectorize(x, 16, guard).parallel(y)
            blurred.compute_root().set_estimate(x, 0, self.max_width).set_estimate(y, 0, self.max_height)
            blurred.unroll(x, self.lanes, guard).accelerate([self.input], x, hl.Var.outermost())
