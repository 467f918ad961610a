"""Blend two colour images by weights of each pixel: out = (a * weight_a + b * weight_b) / (weight_a + weight_b).

Four streams into one accelerator: two RGB images and two grey ones with their weights (how well each image is
exposed there, a mask, a seam). The divisor is data, one divider a channel; where both weights are zero, so is
the output. Weights that change from left to right fade one image into the other.

`fluorite run apps/blend.py -i a=day.png -i b=night.png -i weight_a=mask.png -i weight_b=inverse.png -o
blend.png` runs it in the simulated accelerator.
"""

import halide as hl


@hl.generator(name="blend")
class Blend:
    tile = hl.GeneratorParam(256)  # edge of a tile in pixels; 0: the whole image in one launch
    lanes = hl.GeneratorParam(1)  # pixels a cycle, each with its three channels
    max_width = hl.GeneratorParam(1920)  # largest image, in pixels, when tile is 0
    max_height = hl.GeneratorParam(1080)

    a = hl.InputBuffer(hl.UInt(8), 3)
    b = hl.InputBuffer(hl.UInt(8), 3)
    weight_a = hl.InputBuffer(hl.UInt(8), 2)
    weight_b = hl.InputBuffer(hl.UInt(8), 2)
    output = hl.OutputBuffer(hl.UInt(8), 3)

    def generate(self):
        x, y, c, xo, yo, xi, yi = hl.vars("x y c xo yo xi yi")

        # Algorithm. The weighted sum of two bytes is at most 2 * 255 * 255, more than uint16 holds; a quotient is
        # never above the greater of both pixels, 255.
        total, result = hl.Func("total"), hl.Func("result")
        weight_a, weight_b = hl.u32(self.weight_a[x, y]), hl.u32(self.weight_b[x, y])
        total[x, y] = hl.max(weight_a + weight_b, hl.u32(1))
        weighted = self.a[x, y, c] * weight_a + self.b[x, y, c] * weight_b
        result[x, y, c] = hl.u8((weighted + total[x, y] / 2) / total[x, y])
        self.output[x, y, c] = result[x, y, c]

        # Schedule. The accelerator reads the images as they are, and computes whole pixels, all channels at once.
        inputs = [self.a, self.b, self.weight_a, self.weight_b]
        guard = hl.TailStrategy.GuardWithIf  # any image size, and no pixel computed twice
        self.output.bound(c, 0, 3)
        result.bound(c, 0, 3)
        if self.tile:
            self.output.tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard).reorder(xi, yi, c, xo, yo)
            self.output.vectorize(xi, 16, guard).parallel(yo)
            result.compute_at(self.output, xo).tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard)
            result.reorder(c, xi, yi, xo, yo).unroll(c)
            result.unroll(xi, self.lanes, guard).accelerate(inputs, xi, xo)
        else:
            self.output.vectorize(x, 16, guard).parallel(y)
            result.compute_root().set_estimate(x, 0, self.max_width).set_estimate(y, 0, self.max_height)
            result.reorder(c, x, y).unroll(c)
            result.unroll(x, self.lanes, guard).accelerate(inputs, x, hl.Var.outermost())
