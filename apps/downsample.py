"""Half the size: each pixel of the result is a mean of those around its place, so that fine texture does not alias.

`taps=2` is the mean of 2x2 pixels, `taps=4` weighs 4x4 pixels by [1 3 3 1] in both directions, which blurs less of what
stays and more of what would alias. Rows are halved before they are held: a line buffer is half as long as a row.

`fluorite run apps/downsample.py -i photo.png --size 256x256 -o halved.png` runs it in the simulated accelerator; the
size is the result's, half of the photograph's.
"""

import halide as hl

WEIGHTS = {2: (0, (1, 1)), 4: (-1, (1, 3, 3, 1))}  # by number of taps: where they begin, and what they are


@hl.generator(name="downsample")
class Downsample:
    taps = hl.GeneratorParam(4)  # 2 or 4, along each dimension
    tile = hl.GeneratorParam(128)  # edge of a tile of the result in pixels; 0: the whole image in one launch
    lanes = hl.GeneratorParam(1)  # 1: a pixel read a cycle; more: so many pixels of the result every other cycle
    fixed = hl.GeneratorParam(False)  # when tile is 0: all images have the largest size, and hardware takes no other
    max_width = hl.GeneratorParam(960)  # largest result, in pixels, when tile is 0
    max_height = hl.GeneratorParam(540)

    input = hl.InputBuffer(hl.UInt(8), 2)
    output = hl.OutputBuffer(hl.UInt(8), 2)

    def generate(self):
        x, y, xo, yo, xi, yi = hl.vars("x y xo yo xi yi")
        if self.taps not in WEIGHTS:
            raise ValueError(f"taps must be 2 or 4, not {self.taps}")

        # Algorithm. The sum of a row is at most 8 * 255, and 64 * 255 that of all taps, which uint16 holds.
        padded, rows, halved = hl.Func("padded"), hl.Func("rows"), hl.Func("halved")
        padded[x, y] = hl.BoundaryConditions.repeat_edge(self.input)[x, y]
        first, weights = WEIGHTS[self.taps]
        total = sum(weights) ** 2
        rows[x, y] = sum(w * hl.u16(padded[2 * x + d, y]) for d, w in enumerate(weights, first))
        halved[x, y] = hl.u8((sum(w * rows[x, 2 * y + d] for d, w in enumerate(weights, first)) + total // 2) / total)
        self.output[x, y] = halved[x, y]

        # Schedule. Software pads the input and hands it over.
        rows.linebuffer()
        guard = hl.TailStrategy.GuardWithIf  # any image size, and no pixel computed twice
        if self.tile:
            self.output.tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard).vectorize(xi, 16, guard).parallel(yo)
            padded.compute_at(self.output, xo).vectorize(x, 16, guard)
            rows.compute_at(self.output, xo)
            halved.compute_at(self.output, xo).tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard)
            halved.unroll(xi, self.lanes, guard).accelerate([padded], xi, xo)
        else:
            self.output.vectorize(x, 16, guard).parallel(y)
            padded.compute_root().vectorize(x, 16, guard).parallel(y)
            rows.compute_root()
            size = halved.compute_root().bound if self.fixed else halved.compute_root().set_estimate
            size(x, 0, self.max_width)
            size(y, 0, self.max_height)
            halved.unroll(x, self.lanes, guard).accelerate([padded], x, hl.Var.outermost())
