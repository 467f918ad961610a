"""Two colour photographs become one without a seam: each scale of detail fades over a distance of its own.

Laplacian pyramids of both photographs are blended level by level, with weights from the mask's own pyramid, and added
up again: three pyramids down and one up, in one accelerator. Where the mask is white there is `a`, where it is black
`b`; a hard edge in the mask becomes a soft one for light and shade and stays hard for texture.

`fluorite run apps/pyramid_blend.py -i a=day.png -i b=night.png -i mask=mask.png -o blended.png` runs it in the
simulated accelerator.
"""

import halide as hl


@hl.generator(name="pyramid_blend")
class PyramidBlend:
    levels = hl.GeneratorParam(4)  # below the photographs themselves
    tile = hl.GeneratorParam(256)  # edge of a tile in pixels; 0: the whole image in one launch
    lanes = hl.GeneratorParam(1)  # pixels a cycle, each with its three channels
    max_width = hl.GeneratorParam(1920)  # largest image, in pixels, when tile is 0
    max_height = hl.GeneratorParam(1080)

    a = hl.InputBuffer(hl.UInt(8), 3)
    b = hl.InputBuffer(hl.UInt(8), 3)
    mask = hl.InputBuffer(hl.UInt(8), 2)
    output = hl.OutputBuffer(hl.UInt(8), 3)

    def generate(self):
        x, y, c, xo, yo, xi, yi = hl.vars("x y c xo yo xi yi")
        if self.levels < 1:
            raise ValueError(f"levels must be at least 1, not {self.levels}")
        stages = []

        def stage(name, expression, channels):
            func = hl.Func(name)
            func[(x, y, *channels)] = expression
            stages.append(func)
            return func

        # Algorithm. Levels are bytes, details -255..255, and so is what is blended of them: weights add up to 256.
        def halved(func, name, channels):  # by [1 3 3 1] / 8 in both directions
            weights = ((-1, 1), (0, 3), (1, 3), (2, 1))
            sums = sum(w * hl.u16(func[(2 * x + d, y, *channels)]) for d, w in weights)
            rows = stage(f"rows_{name}", sums, channels)
            sums = sum(w * rows[(x, 2 * y + d, *channels)] for d, w in weights)
            return stage(name, hl.u8((sums + 32) >> 6), channels)

        def doubled(func, name):  # by [1 3] / 4, the nearer neighbour a quarter
            near, other = hl.i16(func[x, y / 2, c]), hl.i16(func[x, y / 2 - 1 + 2 * (y % 2), c])
            columns = stage(f"columns_{name}", 3 * near + other, [c])
            return (3 * columns[x / 2, y, c] + columns[x / 2 - 1 + 2 * (x % 2), y, c] + 8) >> 4

        colours = [(0, self.a.width()), (0, self.a.height()), (0, 3)]
        padded = [hl.Func(f"padded_{name}") for name in ("a", "b", "mask")]
        padded[0][x, y, c] = hl.BoundaryConditions.repeat_edge(self.a, colours)[x, y, c]
        padded[1][x, y, c] = hl.BoundaryConditions.repeat_edge(self.b, colours)[x, y, c]
        padded[2][x, y] = hl.BoundaryConditions.repeat_edge(self.mask)[x, y]
        pyramids = [[func] for func in padded]
        for level in range(1, self.levels + 1):
            for pyramid, name, channels in zip(pyramids, ("a", "b", "mask"), ([c], [c], []), strict=True):
                pyramid.append(halved(pyramid[-1], f"{name}{level}", channels))

        def blended(level, one, other):
            weight = hl.i32(pyramids[2][level][x, y])
            weight += weight >> 7  # 0..256
            return hl.i16((hl.i32(one) * weight + hl.i32(other) * (256 - weight) + 128) >> 8)

        coarsest = blended(self.levels, *(pyramid[-1][x, y, c] for pyramid in pyramids[:2]))
        result = stage(f"blended{self.levels}", coarsest, [c])
        for level in reversed(range(self.levels)):
            details = [
                hl.i16(pyramid[level][x, y, c]) - doubled(pyramid[level + 1], f"{name}{level}")
                for pyramid, name in zip(pyramids, "ab", strict=False)
            ]
            both = blended(level, *details) + doubled(result, f"up{level}")
            result = stage(f"blended{level}", both if level else hl.u8_sat(both), [c])
        stages.pop()
        self.output[x, y, c] = result[x, y, c]

        # Schedule. Software pads the photographs and hands them over; the accelerator computes whole pixels.
        for each in stages:
            each.linebuffer()
        guard = hl.TailStrategy.GuardWithIf  # any image size, and no pixel computed twice
        self.output.bound(c, 0, 3)
        result.bound(c, 0, 3)
        if self.tile:
            self.output.tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard).reorder(xi, yi, c, xo, yo)
            self.output.vectorize(xi, 16, guard).parallel(yo)
            for each in (*padded, *stages):
                each.compute_at(self.output, xo)
            result.compute_at(self.output, xo).tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard)
            result.reorder(c, xi, yi, xo, yo).unroll(c)
            result.unroll(xi, self.lanes, guard).accelerate(padded, xi, xo)
        else:
            self.output.vectorize(x, 16, guard).parallel(y)
            for each in (*padded, *stages):
                each.compute_root()
            result.compute_root().set_estimate(x, 0, self.max_width).set_estimate(y, 0, self.max_height)
            result.reorder(c, x, y).unroll(c)
            result.unroll(x, self.lanes, guard).accelerate(padded, x, hl.Var.outermost())
