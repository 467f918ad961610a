"""3x3 median filter: takes salt and pepper off a photograph and keeps its edges, which a blur would not.

A network of minima and maxima. Every column of three is sorted; the median of all nine is then the median of
the greatest of the least, the middle one of the middle ones, and the least of the greatest. Neighbouring
windows share their sorted columns, so the accelerator sorts a column once.

`fluorite run apps/median.py -i noisy.png -o clean.png` runs it in the simulated accelerator: single black and
white pixels disappear, thin lines too, and everything else looks the same.
"""

import halide as hl


@hl.generator(name="median")
class Median:
    tile = hl.GeneratorParam(256)  # edge of a tile in pixels; 0: the whole image in one launch
    lanes = hl.GeneratorParam(1)  # pixels a cycle
    max_width = hl.GeneratorParam(1920)  # largest image, in pixels, when tile is 0
    max_height = hl.GeneratorParam(1080)

    input = hl.InputBuffer(hl.UInt(8), 2)
    output = hl.OutputBuffer(hl.UInt(8), 2)

    def generate(self):
        x, y, xo, yo, xi, yi = hl.vars("x y xo yo xi yi")

        # Algorithm.
        def middle(a, b, c):
            return hl.max(hl.min(a, b), hl.min(hl.max(a, b), c))

        padded = hl.Func("padded")
        padded[x, y] = hl.BoundaryConditions.repeat_edge(self.input)[x, y]
        least, central, greatest, median = (hl.Func(name) for name in ("least", "central", "greatest", "median"))
        column = [padded[x, y + dy] for dy in (-1, 0, 1)]
        least[x, y] = hl.min(*column)
        central[x, y] = middle(*column)
        greatest[x, y] = hl.max(*column)
        median[x, y] = middle(
            hl.max(least[x - 1, y], least[x, y], least[x + 1, y]),
            middle(central[x - 1, y], central[x, y], central[x + 1, y]),
            hl.min(greatest[x - 1, y], greatest[x, y], greatest[x + 1, y]),
        )
        self.output[x, y] = median[x, y]

        # Schedule. A tile is padded by software and handed over; of a whole image the accelerator does the borders too.
        for stage in (least, central, greatest):
            stage.linebuffer()
        guard = hl.TailStrategy.GuardWithIf  # any image size, and no pixel computed twice
        if self.tile:
            self.output.tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard).vectorize(xi, 16, guard).parallel(yo)
            padded.compute_at(self.output, xo).vectorize(x, 16, guard)
            median.compute_at(self.output, xo).tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard)
            median.unroll(xi, self.lanes, guard).accelerate([padded], xi, xo)
        else:
            self.output.vectorize(x, 16, guard).parallel(y)
            median.compute_root().set_estimate(x, 0, self.max_width).set_estimate(y, 0, self.max_height)
            median.unroll(x, self.lanes, guard).accelerate([self.input], x, hl.Var.outermost())
