"""Twice the size, by bilinear interpolation: smooth where the photograph is, with soft edges and no blocks.

A pixel of the result lies a quarter of a pixel off the centre of the one it comes from, so it is three quarters of that
and a quarter of its neighbour on the nearer side, along each dimension. The accelerator reads a row of the photograph
while it writes two rows of the result; it holds one row.

`fluorite run apps/bilinear.py -i photo.png --size 1024x1024 -o doubled.png` runs it in the simulated accelerator;
the size is the result's, twice the photograph's.
"""

import halide as hl


@hl.generator(name="bilinear")
class Bilinear:
    tile = hl.GeneratorParam(256)  # edge of a tile of the result in pixels; 0: the whole image in one launch
    lanes = hl.GeneratorParam(1)  # pixels of the result a cycle
    fixed = hl.GeneratorParam(False)  # when tile is 0: all images have the largest size, and hardware takes no other
    max_width = hl.GeneratorParam(1920)  # largest result, in pixels, when tile is 0
    max_height = hl.GeneratorParam(1080)

    input = hl.InputBuffer(hl.UInt(8), 2)
    output = hl.OutputBuffer(hl.UInt(8), 2)

    def generate(self):
        x, y, xo, yo, xi, yi = hl.vars("x y xo yo xi yi")

        # Algorithm. Three quarters and one: half a pixel, and a quarter of the sum of it and its nearer neighbour,
        # which are two neighbours either way. A sum along a column is at most 4 * 255, and 16 * 255 along both.
        padded, columns, doubled = hl.Func("padded"), hl.Func("columns"), hl.Func("doubled")
        padded[x, y] = hl.BoundaryConditions.repeat_edge(self.input)[x, y]

        pairs = hl.Func("pairs")
        columns[x, y] = hl.u16(padded[x, (y - 1) / 2]) + padded[x, (y + 1) / 2] + 2 * hl.u16(padded[x, y / 2])
        pairs[x, y] = columns[x, y] + columns[x + 1, y]
        doubled[x, y] = hl.u8((pairs[(x - 1) / 2, y] + 2 * columns[x / 2, y] + 8) >> 4)
        self.output[x, y] = doubled[x, y]

        # Schedule. Software pads the input and hands it over.
        columns.linebuffer()
        guard = hl.TailStrategy.GuardWithIf  # any image size, and no pixel computed twice
        if self.tile:
            self.output.tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard).vectorize(xi, 16, guard).parallel(yo)
            padded.compute_at(self.output, xo).vectorize(x, 16, guard)
            columns.compute_at(self.output, xo)
            doubled.compute_at(self.output, xo).tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard)
            doubled.unroll(xi, self.lanes, guard).accelerate([padded], xi, xo)
        else:
            self.output.vectorize(x, 16, guard).parallel(y)
            padded.compute_root().vectorize(x, 16, guard).parallel(y)
            columns.compute_root()
            size = doubled.compute_root().bound if self.fixed else doubled.compute_root().set_estimate
            size(x, 0, self.max_width)
            size(y, 0, self.max_height)
            doubled.unroll(x, self.lanes, guard).accelerate([padded], x, hl.Var.outermost())
