"""Lens-shading correction: what a lens darkens towards the corners is made as bright as the middle.

From each pixel the sensor's black level is taken, one value for the image. Then it gets a gain that is the product of
two profiles, one along x and one along y, given every eight pixels (64 is a factor of 1) and linear in between. The
accelerator takes each profile and the level once a launch, and holds them.

`fluorite run apps/flat_field.py -i input=photo.png -i gain_x=x.npy -i gain_y=y.npy -i black=black.npy -o flat.png`
runs it in the simulated accelerator; profiles of an image of W x H pixels have W/8 + 2 and H/8 + 2 values of uint8,
`black` is a NumPy array without dimensions.
"""

import halide as hl

STEP = 8  # pixels from one value of a profile to the next
ONE = 64 * STEP  # a gain of 1, between two values


@hl.generator(name="flat_field")
class FlatField:
    tile = hl.GeneratorParam(256)  # edge of a tile in pixels; 0: the whole image in one launch
    lanes = hl.GeneratorParam(1)  # pixels a cycle
    max_width = hl.GeneratorParam(1920)  # largest image, in pixels, when tile is 0
    max_height = hl.GeneratorParam(1080)

    input = hl.InputBuffer(hl.UInt(8), 2)
    gain_x = hl.InputBuffer(hl.UInt(8), 1)
    gain_y = hl.InputBuffer(hl.UInt(8), 1)
    black = hl.InputBuffer(hl.UInt(8), 0)
    output = hl.OutputBuffer(hl.UInt(8), 2)

    def generate(self):
        x, y, xo, yo, xi, yi = hl.vars("x y xo yo xi yi")

        # Algorithm.
        def between(profile, v):
            return hl.u16(profile[v / STEP]) * (STEP - v % STEP) + hl.u16(profile[v / STEP + 1]) * (v % STEP)

        column, row, flat = hl.Func("column"), hl.Func("row"), hl.Func("flat")
        column[x] = hl.u16(between(self.gain_x, x))
        row[y] = hl.u16(between(self.gain_y, y))
        light = self.input[x, y] - hl.min(self.input[x, y], self.black[()])
        gain = (hl.u32(column[x]) * row[y] + ONE // 2) / ONE
        flat[x, y] = hl.u8_sat((light * gain + ONE // 2) / ONE)
        self.output[x, y] = flat[x, y]

        # Schedule. The accelerator reads image, profiles and level as they are.
        inputs = [self.input, self.gain_x, self.gain_y, self.black]
        guard = hl.TailStrategy.GuardWithIf  # any image size, and no pixel computed twice
        if self.tile:
            self.output.tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard)
            self.output.vectorize(xi, 16, guard).parallel(yo)
            flat.compute_at(self.output, xo).tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard)
            flat.unroll(xi, self.lanes, guard).accelerate(inputs, xi, xo)
        else:
            self.output.vectorize(x, 16, guard).parallel(y)
            flat.compute_root().set_estimate(x, 0, self.max_width).set_estimate(y, 0, self.max_height)
            flat.unroll(x, self.lanes, guard).accelerate(inputs, x, hl.Var.outermost())
