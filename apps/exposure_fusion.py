"""One photograph of two exposures, each where it shows most: what is burnt out in one is there in the other.

Each exposure's pixels are weighed by how far they are from black and white and by local contrast. The exposures'
Laplacian pyramids are blended level by level with the Gaussian pyramid of their weights, and added up again
(Mertens, Kautz and Van Reeth, 2007), on grey images.

`fluorite run apps/exposure_fusion.py -i dark=dark.png -i bright=bright.png -o fused.png` runs it in the simulated
accelerator.
"""

import halide as hl


@hl.generator(name="exposure_fusion")
class ExposureFusion:
    levels = hl.GeneratorParam(4)  # below the photographs themselves
    tile = hl.GeneratorParam(0)  # edge of a tile in pixels; 0: the whole image in one launch
    lanes = hl.GeneratorParam(1)  # pixels a cycle
    max_width = hl.GeneratorParam(1920)  # largest image, in pixels, when tile is 0
    max_height = hl.GeneratorParam(1080)

    dark = hl.InputBuffer(hl.UInt(8), 2)
    bright = hl.InputBuffer(hl.UInt(8), 2)
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

        # Algorithm. Levels are bytes, details -255..255; weights are bytes, that of the darker exposure's share.
        def halved(func, name):  # by [1 3 3 1] / 8 in both directions
            weights = ((-1, 1), (0, 3), (1, 3), (2, 1))
            rows = stage(f"rows_{name}", sum(w * hl.u16(func[2 * x + d, y]) for d, w in weights))
            return stage(name, hl.u8((sum(w * rows[x, 2 * y + d] for d, w in weights) + 32) >> 6))

        def doubled(func, name):  # by [1 3] / 4, the nearer neighbour a quarter
            columns = stage(f"columns_{name}", 3 * hl.i16(func[x, y / 2]) + hl.i16(func[x, y / 2 - 1 + 2 * (y % 2)]))
            return (3 * columns[x / 2, y] + columns[x / 2 - 1 + 2 * (x % 2), y] + 8) >> 4

        def merit(
            func,
        ):  # of a pixel, 1..1400: how far it is from black and white, and how it differs from those around it
            here = hl.i16(func[x, y])
            around = sum(hl.i16(func[x + dx, y + dy]) for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)))
            return hl.u16(128 - hl.i16(hl.abs(here - 128))) + hl.u16(hl.abs(4 * here - around)) + 1

        padded = [hl.Func("padded_dark"), hl.Func("padded_bright")]
        for func, image in zip(padded, (self.dark, self.bright), strict=True):
            func[x, y] = hl.BoundaryConditions.repeat_edge(image)[x, y]
        merits = [stage(f"merit_{name}", merit(func)) for name, func in zip(("dark", "bright"), padded, strict=True)]
        dark, bright = (hl.u32(func[x, y]) for func in merits)
        share = stage("share", hl.u8(255 * dark / (dark + bright)))

        pyramids = [[*padded[:1]], [*padded[1:]], [share]]
        for level in range(1, self.levels + 1):
            for pyramid, name in zip(pyramids, ("dark", "bright", "share"), strict=True):
                pyramid.append(halved(pyramid[-1], f"{name}{level}"))

        def blended(level, one, other):
            weight = hl.i32(pyramids[2][level][x, y])
            weight += weight >> 7  # 0..256
            return hl.i16((hl.i32(one) * weight + hl.i32(other) * (256 - weight) + 128) >> 8)

        result = stage(f"fused{self.levels}", blended(self.levels, *(pyramid[-1][x, y] for pyramid in pyramids[:2])))
        for level in reversed(range(self.levels)):
            details = [
                hl.i16(pyramid[level][x, y]) - doubled(pyramid[level + 1], f"{name}{level}")
                for pyramid, name in zip(pyramids, ("dark", "bright"), strict=False)
            ]
            both = blended(level, *details) + doubled(result, f"up{level}")
            result = stage(f"fused{level}", both if level else hl.u8_sat(both))
        stages.pop()
        self.output[x, y] = result[x, y]

        # Schedule. Software pads the exposures and hands them over; the accelerator does everything else.
        for each in stages:
            each.linebuffer()
        guard = hl.TailStrategy.GuardWithIf  # any image size, and no pixel computed twice
        if self.tile:
            self.output.tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard).vectorize(xi, 16, guard).parallel(yo)
            for each in (*padded, *stages):
                each.compute_at(self.output, xo)
            result.compute_at(self.output, xo).tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard)
            result.unroll(xi, self.lanes, guard).accelerate(padded, xi, xo)
        else:
            self.output.vectorize(x, 16, guard).parallel(y)
            for each in (*padded, *stages):
                each.compute_root()
            result.compute_root().set_estimate(x, 0, self.max_width).set_estimate(y, 0, self.max_height)
            result.unroll(x, self.lanes, guard).accelerate(padded, x, hl.Var.outermost())
