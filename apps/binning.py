"""Camera binning: each 2x2 pixels of a sensor's raw image become their sum, four times as bright and less noisy.

Of a monochrome sensor these are neighbours. Of a Bayer sensor (`colour`), they are the four pixels of one colour in
each 4x4 pixels, so that what comes out is a Bayer image again, at half the size. 10-bit raw in, 12 bits out.

`fluorite run apps/binning.py -i raw.png --size 320x240 -o binned.png` runs it in the simulated accelerator; the size is
the result's, at most half of the raw image's. ``raw.png`` is a 16-bit grey PNG with the sensor's values (or an .npy).
"""

import halide as hl


@hl.generator(name="binning")
class Binning:
    colour = hl.GeneratorParam(True)  # whether raw images are Bayer images
    tile = hl.GeneratorParam(128)  # edge of a tile of the result in pixels; 0: the whole image in one launch
    lanes = hl.GeneratorParam(1)  # 1: a raw pixel a cycle; more: so many pixels of the result each other cycle
    max_width = hl.GeneratorParam(1920)  # largest result, in pixels, when tile is 0
    max_height = hl.GeneratorParam(1080)

    input = hl.InputBuffer(hl.UInt(16), 2)
    output = hl.OutputBuffer(hl.UInt(16), 2)

    def generate(self):
        x, y, xo, yo, xi, yi = hl.vars("x y xo yo xi yi")

        # Algorithm. A sum of four 10-bit values has 12 bits.
        raw, rows, binned = hl.Func("raw"), hl.Func("rows"), hl.Func("binned")
        raw[x, y] = hl.min(self.input[x, y], hl.u16(1023))

        def pair(v):
            return (4 * (v / 2) + v % 2, 4 * (v / 2) + v % 2 + 2) if self.colour else (2 * v, 2 * v + 1)

        rows[x, y] = raw[pair(x)[0], y] + raw[pair(x)[1], y]
        binned[x, y] = rows[x, pair(y)[0]] + rows[x, pair(y)[1]]
        self.output[x, y] = binned[x, y]

        # Schedule. The accelerator reads the raw image as it is; the sums of a row wait for those of the next.
        rows.linebuffer()
        guard = hl.TailStrategy.GuardWithIf  # any image size, and no pixel computed twice
        if self.tile:
            self.output.tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard).vectorize(xi, 16, guard).parallel(yo)
            rows.compute_at(self.output, xo)
            binned.compute_at(self.output, xo).tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard)
            binned.unroll(xi, self.lanes, guard).accelerate([self.input], xi, xo)
        else:
            self.output.vectorize(x, 16, guard).parallel(y)
            rows.compute_root()
            binned.compute_root().set_estimate(x, 0, self.max_width).set_estimate(y, 0, self.max_height)
            binned.unroll(x, self.lanes, guard).accelerate([self.input], x, hl.Var.outermost())
