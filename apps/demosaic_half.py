"""Demosaic of a Bayer sensor's raw image at half its size: each 2x2 pixels become one of RGB, without interpolation.

A sensor pixel sees one colour, in the pattern G R / B G, so 2x2 of them have all there is of a pixel of the result:
for previews and for video of half the sensor's size. 10-bit raw in, RGB with a byte a channel out.

`fluorite run apps/demosaic_half.py -i raw.png --size 320x240 -o photo.png` runs it in the simulated accelerator; the
size is the result's. ``raw.png`` is a 16-bit grey PNG with the sensor's values (or an .npy).
"""

import halide as hl


@hl.generator(name="demosaic_half")
class DemosaicHalf:
    tile = hl.GeneratorParam(128)  # edge of a tile of the result in pixels; 0: the whole image in one launch
    lanes = hl.GeneratorParam(1)  # 1: a raw pixel a cycle; more: so many pixels of the result every other cycle
    max_width = hl.GeneratorParam(1920)  # largest result, in pixels, when tile is 0
    max_height = hl.GeneratorParam(1080)

    input = hl.InputBuffer(hl.UInt(16), 2)
    output = hl.OutputBuffer(hl.UInt(8), 3)

    def generate(self):
        x, y, c, xo, yo, xi, yi = hl.vars("x y c xo yo xi yi")

        # Algorithm. Two greens of 10 bits add up to 11.
        raw, photo = hl.Func("raw"), hl.Func("photo")
        raw[x, y] = hl.min(self.input[x, y], hl.u16(1023))
        green = hl.rounding_halving_add(raw[2 * x, 2 * y], raw[2 * x + 1, 2 * y + 1])
        photo[x, y, c] = hl.u8(hl.mux(c, [raw[2 * x + 1, 2 * y], green, raw[2 * x, 2 * y + 1]]) >> 2)
        self.output[x, y, c] = photo[x, y, c]

        # Schedule. The accelerator reads the raw image as it is, and gives whole pixels, all channels at once.
        guard = hl.TailStrategy.GuardWithIf  # any image size, and no pixel computed twice
        self.output.bound(c, 0, 3)
        photo.bound(c, 0, 3)
        if self.tile:
            self.output.tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard).reorder(xi, yi, c, xo, yo)
            self.output.vectorize(xi, 16, guard).parallel(yo)
            photo.compute_at(self.output, xo).tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard)
            photo.reorder(c, xi, yi, xo, yo).unroll(c)
            photo.unroll(xi, self.lanes, guard).accelerate([self.input], xi, xo)
        else:
            self.output.vectorize(x, 16, guard).parallel(y)
            photo.compute_root().set_estimate(x, 0, self.max_width).set_estimate(y, 0, self.max_height)
            photo.reorder(c, x, y).unroll(c)
            photo.unroll(x, self.lanes, guard).accelerate([self.input], x, hl.Var.outermost())
