"""NV12, as cameras and video decoders give it, to RGB: a plane of luma, and one of chroma with half its rows.

A row of the chroma plane is U V U V ..., a pair for 2x2 pixels. The accelerator reads both planes at once, each at its
own rate, and keeps a row of chroma for the second row of pixels. BT.601, video range.

`fluorite run apps/nv12.py -i luma=luma.png -i chroma=chroma.png -o photo.png` runs it in the simulated accelerator;
both planes are grey images of the same width.
"""

import halide as hl


@hl.generator(name="nv12")
class Nv12:
    tile = hl.GeneratorParam(256)  # edge of a tile in pixels; 0: the whole image in one launch
    lanes = hl.GeneratorParam(1)  # pixels a cycle, each with its three channels
    max_width = hl.GeneratorParam(1920)  # largest image, in pixels, when tile is 0
    max_height = hl.GeneratorParam(1080)

    luma = hl.InputBuffer(hl.UInt(8), 2)
    chroma = hl.InputBuffer(hl.UInt(8), 2)
    output = hl.OutputBuffer(hl.UInt(8), 3)

    def generate(self):
        x, y, c, xo, yo, xi, yi = hl.vars("x y c xo yo xi yi")

        # Algorithm. In 1/256; black is 16, no colour is 128.
        rgb = hl.Func("rgb")
        light = 298 * (hl.i32(self.luma[x, y]) - 16) + 128
        u = hl.i32(self.chroma[2 * (x / 2), y / 2]) - 128
        v = hl.i32(self.chroma[2 * (x / 2) + 1, y / 2]) - 128
        rgb[x, y, c] = hl.u8_sat(hl.mux(c, [light + 409 * v, light - 100 * u - 208 * v, light + 516 * u]) >> 8)
        self.output[x, y, c] = rgb[x, y, c]

        # Schedule. The accelerator reads the planes as they are, and computes whole pixels, all channels at once.
        inputs = [self.luma, self.chroma]
        guard = hl.TailStrategy.GuardWithIf  # any image size, and no pixel computed twice
        self.output.bound(c, 0, 3)
        rgb.bound(c, 0, 3)
        if self.tile:
            self.output.tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard).reorder(xi, yi, c, xo, yo)
            self.output.vectorize(xi, 16, guard).parallel(yo)
            rgb.compute_at(self.output, xo).tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard)
            rgb.reorder(c, xi, yi, xo, yo).unroll(c)
            rgb.unroll(xi, self.lanes, guard).accelerate(inputs, xi, xo)
        else:
            self.output.vectorize(x, 16, guard).parallel(y)
            rgb.compute_root().set_estimate(x, 0, self.max_width).set_estimate(y, 0, self.max_height)
            rgb.reorder(c, x, y).unroll(c)
            rgb.unroll(x, self.lanes, guard).accelerate(inputs, x, hl.Var.outermost())
