"""More detail, by a Laplacian pyramid: down and up through four levels in one accelerator.

Each level is the one above at half the size; what a level has that the next, doubled again, has not, is its detail.
Going up, details are added with a gain each: fine ones most, so that texture stands out and broad light and shade stay.

`fluorite run apps/pyramid.py -i photo.png -o detailed.png` runs it in the simulated accelerator. With `gain=4` the
photograph comes out as it was.
"""

import halide as hl


@hl.generator(name="pyramid")
class Pyramid:
    levels = hl.GeneratorParam(4)  # below the photograph itself
    gain = hl.GeneratorParam(8)  # of the finest detail, in quarters; half of what is beyond 4 at the next, and so on
    tile = hl.GeneratorParam(256)  # edge of a tile in pixels; 0: the whole image in one launch
    lanes = hl.GeneratorParam(1)  # pixels a cycle
    max_width = hl.GeneratorParam(1920)  # largest image, in pixels, when tile is 0
    max_height = hl.GeneratorParam(1080)

    input = hl.InputBuffer(hl.UInt(8), 2)
    output = hl.OutputBuffer(hl.UInt(8), 2)

    def generate(self):
        x, y, xo, yo, xi, yi = hl.vars("x y xo yo xi yi")
        if self.levels < 1:
            raise ValueError(f"levels must be at least 1, not {self.levels}")
        stages = []

        def stage(name, expression):
            func = hl.Func(name)
            func[x, y] = expression
            stages.append(func)
            return func

        # Algorithm. Levels are bytes, details -255..255. What goes up is kept in int16: at most 255 from the coarsest
        # level, and 255 * gain / 4 from each detail.
        def halved(func, level):  # by [1 3 3 1] / 8 in both directions
            weights = ((-1, 1), (0, 3), (1, 3), (2, 1))
            rows = stage(f"rows{level}", sum(w * hl.u16(func[2 * x + d, y]) for d, w in weights))
            return stage(f"level{level}", hl.u8((sum(w * rows[x, 2 * y + d] for d, w in weights) + 32) >> 6))

        def doubled(func, name):  # by [1 3] / 4, the nearer neighbour a quarter
            columns = stage(f"columns_{name}", 3 * hl.i16(func[x, y / 2]) + hl.i16(func[x, y / 2 - 1 + 2 * (y % 2)]))
            across = hl.i32(columns[x / 2, y]) * 3 + columns[x / 2 - 1 + 2 * (x % 2), y]
            return hl.i16((across + 8) >> 4)

        padded = hl.Func("padded")
        padded[x, y] = hl.BoundaryConditions.repeat_edge(self.input)[x, y]
        levels = [padded]
        for level in range(1, self.levels + 1):
            levels.append(halved(levels[-1], level))
        result = levels[-1]
        for level in reversed(range(self.levels)):
            detail = stage(f"detail{level}", hl.i16(levels[level][x, y]) - doubled(levels[level + 1], f"down{level}"))
            gain = 4 + ((self.gain - 4) >> level)
            boosted = doubled(result, f"up{level}") + ((gain * detail[x, y] + 2) >> 2)
            result = stage(f"up{level}", boosted if level else hl.u8_sat(boosted))
        stages.pop()
        self.output[x, y] = result[x, y]

        # Schedule. Software pads the photograph and hands it over; the accelerator does everything else.
        for each in stages:
            each.linebuffer()
        guard = hl.TailStrategy.GuardWithIf  # any image size, and no pixel computed twice
        if self.tile:
            self.output.tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard).vectorize(xi, 16, guard).parallel(yo)
            padded.compute_at(self.output, xo).vectorize(x, 16, guard)
            for each in stages:
                each.compute_at(self.output, xo)
            result.compute_at(self.output, xo).tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard)
            result.unroll(xi, self.lanes, guard).accelerate([padded], xi, xo)
        else:
            self.output.vectorize(x, 16, guard).parallel(y)
            padded.compute_root().vectorize(x, 16, guard).parallel(y)
            for each in stages:
                each.compute_root()
            result.compute_root().set_estimate(x, 0, self.max_width).set_estimate(y, 0, self.max_height)
            result.unroll(x, self.lanes, guard).accelerate([padded], x, hl.Var.outermost())
