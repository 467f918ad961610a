"""Max pooling, as between the layers of a convolutional network: the greatest of each window, at half the size.

`window=2` are 2x2 pixels side by side, `window=3` 3x3 pixels that overlap, both two pixels apart. Outside the image is
0, which is as good as nothing.

`fluorite run apps/max_pool.py -i photo.png --size 256x256 -o pooled.png` runs it in the simulated accelerator; the size
is the result's. What is bright stays and grows.
"""

import halide as hl


@hl.generator(name="max_pool")
class MaxPool:
    window = hl.GeneratorParam(3)  # 2 or 3 pixels along each dimension
    tile = hl.GeneratorParam(128)  # edge of a tile of the result in pixels; 0: the whole image in one launch
    lanes = hl.GeneratorParam(1)  # 1: a pixel read a cycle; more: so many pixels of the result every other cycle
    max_width = hl.GeneratorParam(960)  # largest result, in pixels, when tile is 0
    max_height = hl.GeneratorParam(540)

    input = hl.InputBuffer(hl.UInt(8), 2)
    output = hl.OutputBuffer(hl.UInt(8), 2)

    def generate(self):
        x, y, xo, yo, xi, yi = hl.vars("x y xo yo xi yi")
        if self.window not in (2, 3):
            raise ValueError(f"window must be 2 or 3, not {self.window}")

        # Algorithm.
        padded, rows, pooled = hl.Func("padded"), hl.Func("rows"), hl.Func("pooled")
        padded[x, y] = hl.BoundaryConditions.constant_exterior(self.input, hl.u8(0))[x, y]
        taps = (0, 1) if self.window == 2 else (-1, 0, 1)
        rows[x, y] = hl.max(*(padded[2 * x + d, y] for d in taps))
        pooled[x, y] = hl.max(*(rows[x, 2 * y + d] for d in taps))
        self.output[x, y] = pooled[x, y]

        # Schedule. Software pads the input and hands it over; the greatest of a row's windows wait for the next rows'.
        rows.linebuffer()
        guard = hl.TailStrategy.GuardWithIf  # any image size, and no pixel computed twice
        if self.tile:
            self.output.tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard).vectorize(xi, 16, guard).parallel(yo)
            padded.compute_at(self.output, xo).vectorize(x, 16, guard)
            rows.compute_at(self.output, xo)
            pooled.compute_at(self.output, xo).tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard)
            pooled.unroll(xi, self.lanes, guard).accelerate([padded], xi, xo)
        else:
            self.output.vectorize(x, 16, guard).parallel(y)
            padded.compute_root().vectorize(x, 16, guard).parallel(y)
            rows.compute_root()
            pooled.compute_root().set_estimate(x, 0, self.max_width).set_estimate(y, 0, self.max_height)
            pooled.unroll(x, self.lanes, guard).accelerate([padded], x, hl.Var.outermost())
