"""Three pixels for two, or two for three: a photograph at two thirds or three halves of its size, linear in between.

1080 rows become 720, or 720 become 1080 (`up`). Centres of pixels stay where they are, so which two pixels of the
photograph a pixel of the result lies between, and how near to each, repeats every two pixels (every three, upwards).

`fluorite run apps/resample32.py -i photo.png --size 340x340 -o smaller.png` runs it in the simulated accelerator; the
size is the result's.
"""

import halide as hl


@hl.generator(name="resample32")
class Resample32:
    up = hl.GeneratorParam(False)  # 2 pixels to 3, and not 3 to 2
    tile = hl.GeneratorParam(192)  # edge of a tile of the result in pixels; 0: the whole image in one launch
    lanes = hl.GeneratorParam(1)  # pixels of the result side by side: 1, or a multiple of 2 (of 3, upwards)
    max_width = hl.GeneratorParam(1280)  # largest result, in pixels, when tile is 0
    max_height = hl.GeneratorParam(720)

    input = hl.InputBuffer(hl.UInt(8), 2)
    output = hl.OutputBuffer(hl.UInt(8), 2)

    def generate(self):
        x, y, xo, yo, xi, yi = hl.vars("x y xo yo xi yi")

        # Algorithm. A pixel v lies at 3/2 v + 1/4 of the photograph, upwards at 2/3 v - 1/6: right of pixel `left(v)`,
        # by one or three quarters, upwards by five, three or one sixths. A sum is at most 36 * 255. Weights are written
        # as sums of selected pixels, because a weight that is selected would have to be multiplied.
        def left(v):
            return (2 * v + 2) / 3 - 1 if self.up else 3 * v / 2

        def weighted(one, other, v):
            if self.up:
                twice = hl.select(v % 3 == 0, other, one) + hl.select(v % 3 == 2, one, other)
            else:
                twice = hl.select(v % 2 == 0, one, other)
            return one + other + 2 * twice

        padded, rows, resampled = hl.Func("padded"), hl.Func("rows"), hl.Func("resampled")
        padded[x, y] = hl.BoundaryConditions.repeat_edge(self.input)[x, y]
        total = 36 if self.up else 16
        rows[x, y] = weighted(hl.u16(padded[left(x), y]), hl.u16(padded[left(x) + 1, y]), x)
        columns = weighted(hl.u16(rows[x, left(y)]), hl.u16(rows[x, left(y) + 1]), y)
        resampled[x, y] = hl.u8((columns + total // 2) / total)
        self.output[x, y] = resampled[x, y]

        # Schedule. Software pads the input and hands it over.
        rows.linebuffer()
        guard = hl.TailStrategy.GuardWithIf  # any image size, and no pixel computed twice
        if self.tile:
            self.output.tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard).vectorize(xi, 16, guard).parallel(yo)
            padded.compute_at(self.output, xo).vectorize(x, 16, guard)
            rows.compute_at(self.output, xo)
            resampled.compute_at(self.output, xo).tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard)
            resampled.unroll(xi, self.lanes, guard).accelerate([padded], xi, xo)
        else:
            self.output.vectorize(x, 16, guard).parallel(y)
            padded.compute_root().vectorize(x, 16, guard).parallel(y)
            rows.compute_root()
            resampled.compute_root().set_estimate(x, 0, self.max_width).set_estimate(y, 0, self.max_height)
            resampled.unroll(x, self.lanes, guard).accelerate([padded], x, hl.Var.outermost())
