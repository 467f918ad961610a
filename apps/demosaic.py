"""Demosaic of a Bayer sensor's raw image: the camera pipe's edge-directed interpolation, at one pixel a cycle.

A sensor pixel sees one colour, in the pattern G R / B G. Green is interpolated along the direction that changes
least; red and blue follow, corrected by what green does in the same place. The four kinds of sites are told
apart by ``x % 2`` and ``y % 2``, not by splitting the image into four small ones, so that all stages run at one
rate. 10-bit raw in, RGB with a byte a channel out.

`fluorite run apps/demosaic.py -i raw.png -o photo.png` runs it in the simulated accelerator; ``raw.png`` is a
16-bit grey PNG with the sensor's values (or an .npy). The checkered raw image becomes the colour photograph
that the sensor saw, with hardly a coloured fringe along edges.
"""

import halide as hl


@hl.generator(name="demosaic")
class Demosaic:
    tile = hl.GeneratorParam(256)  # edge of a tile in pixels; 0: the whole image in one launch
    lanes = hl.GeneratorParam(1)  # pixels a cycle, each with its three channels
    max_width = hl.GeneratorParam(1920)  # largest image, in pixels, when tile is 0
    max_height = hl.GeneratorParam(1080)

    input = hl.InputBuffer(hl.UInt(16), 2)
    output = hl.OutputBuffer(hl.UInt(8), 3)

    def generate(self):
        x, y, c, xo, yo, xi, yi = hl.vars("x y c xo yo xi yi")

        # Algorithm. Everything fits int16: raw and green are at most 1023, and 1023 + 1023 + 1 as well; a corrected
        # value lies in -1023..2046. Mirroring at the edge pixels keeps the colours in their columns and rows.
        padded, raw, green = hl.Func("padded"), hl.Func("raw"), hl.Func("green")
        padded[x, y] = hl.BoundaryConditions.mirror_interior(self.input)[x, y]
        raw[x, y] = hl.i16(hl.min(padded[x, y], hl.u16(1023)))
        red_row, red_column = y % 2 == 0, x % 2 == 1
        green_site = red_row != red_column

        def between(func, one, other):
            return hl.rounding_halving_add(func[x + one[0], y + one[1]], func[x + other[0], y + other[1]])

        def change(one, other):
            return hl.absd(raw[x + one[0], y + one[1]], raw[x + other[0], y + other[1]])

        left, right, up, down = (-1, 0), (1, 0), (0, -1), (0, 1)
        along = hl.select(change(left, right) < change(up, down), between(raw, left, right), between(raw, up, down))
        green[x, y] = hl.select(green_site, raw[x, y], along)

        def corrected(one, other):
            return between(raw, one, other) + green[x, y] - between(green, one, other)

        # Red at a blue site or blue at a red one lies along the diagonals; take the one that changes less.
        rising, falling = ((-1, 1), (1, -1)), ((-1, -1), (1, 1))
        crossed = hl.select(change(*rising) < change(*falling), corrected(*rising), corrected(*falling))
        row, column = corrected(left, right), corrected(up, down)

        rgb, photo = hl.Func("rgb"), hl.Func("photo")
        red = hl.select(green_site, hl.select(red_row, row, column), hl.select(red_row, raw[x, y], crossed))
        blue = hl.select(green_site, hl.select(red_row, column, row), hl.select(red_row, crossed, raw[x, y]))
        rgb[x, y, c] = hl.mux(c, [red, green[x, y], blue])
        photo[x, y, c] = hl.u8_sat(rgb[x, y, c] >> 2)
        self.output[x, y, c] = photo[x, y, c]

        # Schedule. Software pads the input and hands it over; the accelerator computes whole pixels, a cycle each.
        raw.linebuffer()  # before the line buffers, so that they are 10 bits wide and not 16
        green.linebuffer()
        guard = hl.TailStrategy.GuardWithIf  # any image size, and no pixel computed twice
        self.output.bound(c, 0, 3)
        photo.bound(c, 0, 3)
        if self.tile:
            self.output.tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard).reorder(xi, yi, c, xo, yo)
            self.output.vectorize(xi, 16, guard).parallel(yo)
            padded.compute_at(self.output, xo).vectorize(x, 16, guard)
            photo.compute_at(self.output, xo).tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard)
            photo.reorder(c, xi, yi, xo, yo).unroll(c)
            photo.unroll(xi, self.lanes, guard).accelerate([padded], xi, xo)
        else:
            self.output.vectorize(x, 16, guard).parallel(y)
            padded.compute_root().vectorize(x, 16, guard).parallel(y)
            photo.compute_root().set_estimate(x, 0, self.max_width).set_estimate(y, 0, self.max_height)
            photo.reorder(c, x, y).unroll(c)
            photo.unroll(x, self.lanes, guard).accelerate([padded], x, hl.Var.outermost())
