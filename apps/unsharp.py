"""Unsharp mask in colour: the grey image is sharpened, and every pixel's red, green and blue follow in proportion.

The sharpened grey value divided by the grey value is the pixel's ratio, in 5-bit fixed point; multiplying all
three channels by it keeps the hue. The divisor is data: the accelerator has a pipelined divider. Two paths meet
again at the output, the short one (the colours) waiting for the long one (the 9x9 blur) in a line buffer.

`fluorite run apps/unsharp.py -i photo.png -o sharp.png` runs it in the simulated accelerator. The picture has
the colours it had, with more local contrast: hair, lettering and outlines stand out, with faint light and dark
rims.
"""

import halide as hl

BINOMIAL = (1, 8, 28, 56, 70, 56, 28, 8, 1)  # adds up to 256
RATIO_BITS = 5  # of the ratio's fraction: 32 is one


@hl.generator(name="unsharp")
class Unsharp:
    tile = hl.GeneratorParam(256)  # edge of a tile in pixels; 0: the whole image in one launch
    lanes = hl.GeneratorParam(1)  # pixels a cycle, each with its three channels
    max_width = hl.GeneratorParam(1920)  # largest image, in pixels, when tile is 0
    max_height = hl.GeneratorParam(1080)

    input = hl.InputBuffer(hl.UInt(8), 3)
    output = hl.OutputBuffer(hl.UInt(8), 3)

    def generate(self):
        x, y, c, xo, yo, xi, yi = hl.vars("x y c xo yo xi yi")

        # Algorithm. No value below is signed but the sharpened one, -255..510, which int16 holds.
        #   77 + 150 + 29       = 256: the weighted sum of a pixel's colours fits 16 bits
        #   columns             <= 256 * 255, the blur's sum <= 256 * 256 * 255 < 2^24
        #   255 * 32, 255 * 255 < 2^16
        #
        # The edge is repeated before the gray of a tile is taken, and after that of a whole image: the same values.
        padded, gray, columns, blur = hl.Func("padded"), hl.Func("gray"), hl.Func("columns"), hl.Func("blur")
        extents = [(0, self.input.width()), (0, self.input.height()), (0, 3)]
        padded[x, y, c] = hl.BoundaryConditions.repeat_edge(self.input, extents)[x, y, c]
        colours = padded if self.tile else self.input
        red, green, blue = (hl.u16(colours[x, y, channel]) for channel in range(3))
        gray[x, y] = hl.u8((77 * red + 150 * green + 29 * blue) >> 8)
        around = gray if self.tile else hl.BoundaryConditions.repeat_edge(gray, extents[:2])

        columns[x, y] = sum(w * hl.u16(around[x, y + d]) for d, w in enumerate(BINOMIAL, -4))
        blur[x, y] = hl.u8((sum(w * hl.u32(columns[x + d, y]) for d, w in enumerate(BINOMIAL, -4)) + (1 << 15)) >> 16)

        sharp, ratio, result = hl.Func("sharp"), hl.Func("ratio"), hl.Func("result")
        sharp[x, y] = hl.u8_sat(2 * hl.i16(gray[x, y]) - hl.i16(blur[x, y]))
        ratio[x, y] = hl.u8_sat((hl.u16(sharp[x, y]) << RATIO_BITS) / hl.u16(hl.max(gray[x, y], hl.u8(1))))
        result[x, y, c] = hl.u8_sat((hl.u16(ratio[x, y]) * colours[x, y, c]) >> RATIO_BITS)
        self.output[x, y, c] = result[x, y, c]

        # Schedule. A tile is padded by software and handed over; of a whole image the accelerator does the borders
        # too. It computes whole pixels, a cycle each.
        # Halide alone, which it is compared with, keeps the same stages.
        stages = [stage.linebuffer() for stage in (gray, columns, blur, ratio)]
        guard = hl.TailStrategy.GuardWithIf  # any image size, and no pixel computed twice
        self.output.bound(c, 0, 3)
        result.bound(c, 0, 3)
        if self.tile:
            self.output.tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard).reorder(xi, yi, c, xo, yo)
            self.output.vectorize(xi, 16, guard).parallel(yo)
            padded.compute_at(self.output, xo).vectorize(x, 16, guard)
            for stage in stages:
                stage.compute_at(self.output, xo)
            result.compute_at(self.output, xo).tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard)
            result.reorder(c, xi, yi, xo, yo).unroll(c)
            result.unroll(xi, self.lanes, guard).accelerate([padded], xi, xo)
        else:
            self.output.vectorize(x, 16, guard).parallel(y)
            for stage in stages:
                stage.compute_root()
            result.compute_root().set_estimate(x, 0, self.max_width).set_estimate(y, 0, self.max_height)
            result.reorder(c, x, y).unroll(c)
            result.unroll(x, self.lanes, guard).accelerate([self.input], x, hl.Var.outermost())
