"""Floyd and Steinberg's dithering: a grey photograph in black and white, each pixel's error passed on to four others.

Recursion along the scan: what a pixel becomes depends on the one before it and on three of the row above, so nothing
is computed side by side. An error goes round in four cycles at the clock of a 7-series, so that is what a pixel takes.
The outermost columns and the first row have no error of their own.

`fluorite run apps/dither.py -i photo.png -o dithered.png` runs it in the simulated accelerator.
"""

import halide as hl


@hl.generator(name="dither")
class Dither:
    max_width = hl.GeneratorParam(1920)  # largest image, in pixels
    max_height = hl.GeneratorParam(1080)

    input = hl.InputBuffer(hl.UInt(8), 2)
    output = hl.OutputBuffer(hl.UInt(8), 2)

    def generate(self):
        x, y = hl.vars("x y")

        # Algorithm. What is shown, and its error in sixteenths of a grey level.
        diffused, dithered = hl.Func("diffused"), hl.Func("dithered")
        columns, rows = self.input.dim(0), self.input.dim(1)
        r = hl.RDom([(columns.min() + 1, columns.extent() - 2), (rows.min() + 1, rows.extent() - 1)], "r")
        diffused[x, y] = (hl.select(self.input[x, y] > 127, hl.u8(255), hl.u8(0)), hl.i16(0))

        def error(dx, dy):
            return hl.i32(diffused[r.x + dx, r.y + dy][1])

        errors = 7 * error(-1, 0) + 3 * error(1, -1) + 5 * error(0, -1) + error(-1, -1)
        value = hl.i32(self.input[r.x, r.y]) + (errors >> 4)
        shown = hl.select(value > 127, 255, 0)
        diffused[r.x, r.y] = (hl.u8(shown), hl.i16(hl.clamp(value - shown, -255, 255)))
        dithered[x, y] = diffused[x, y][0]
        self.output[x, y] = dithered[x, y]

        # Schedule. A launch is the whole image: a recursion begins with it.
        diffused.compute_root().linebuffer()
        dithered.compute_root().set_estimate(x, 0, self.max_width).set_estimate(y, 0, self.max_height)
        dithered.accelerate([self.input], x, hl.Var.outermost())
