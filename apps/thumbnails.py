"""A photograph with more contrast, and three thumbnails of it: at half, a quarter and an eighth of its size.

All four come from one accelerator in one pass, each as its pixels are there: what a camera does that stores a picture
with a preview, or what fills the mipmaps of a texture. The curve is a table; a thumbnail's pixel is the mean of 2x2
pixels of the next larger one.

`fluorite run apps/thumbnails.py -i photo.png -o picture.png -o half.png -o quarter.png -o eighth.png` runs it in the
simulated accelerator. A thumbnail has what is made of whole 2x2 pixels: of 121x77 pixels 60x38, 30x19 and 15x9.
"""

import halide as hl


@hl.generator(name="thumbnails")
class Thumbnails:
    lanes = hl.GeneratorParam(1)  # pixels of the picture a cycle: 1, 2, 4, 8 ...
    max_width = hl.GeneratorParam(1920)  # largest photograph, in pixels
    max_height = hl.GeneratorParam(1080)

    input = hl.InputBuffer(hl.UInt(8), 3)
    picture = hl.OutputBuffer(hl.UInt(8), 3)
    half = hl.OutputBuffer(hl.UInt(8), 3)
    quarter = hl.OutputBuffer(hl.UInt(8), 3)
    eighth = hl.OutputBuffer(hl.UInt(8), 3)

    def generate(self):
        x, y, c, v = hl.vars("x y c v")

        # Algorithm. The curve is 3 t^2 - 2 t^3: flat at black and white, steep between.
        padded, curve = hl.Func("padded"), hl.Func("curve")
        padded[x, y, c] = hl.BoundaryConditions.repeat_edge(self.input)[x, y, c]
        t = v / 255.0
        curve[v] = hl.u8(255 * t * t * (3 - 2 * t) + 0.5)
        self.picture[x, y, c] = curve[hl.i32(padded[x, y, c])]
        larger = self.picture
        for smaller in (self.half, self.quarter, self.eighth):
            four = [hl.u16(larger[2 * x + i, 2 * y + j, c]) for j in (0, 1) for i in (0, 1)]
            smaller[x, y, c] = hl.u8((sum(four) + 2) >> 2)
            larger = smaller

        # Schedule. Software pads the photograph, so that the last pixels of thumbnails are there at any size. Whole
        # pixels come, all channels at once.
        guard = hl.TailStrategy.GuardWithIf  # any image size
        for output in (self.picture, self.half, self.quarter, self.eighth):
            output.bound(c, 0, 3)
        padded.compute_root().reorder_storage(c, x, y).reorder(c, x, y).bound(c, 0, 3).unroll(c).parallel(y)
        self.picture.set_estimate(x, 0, self.max_width).set_estimate(y, 0, self.max_height)
        self.picture.reorder(c, x, y).unroll(c).unroll(x, self.lanes, guard)
        thumbnails = [self.half, self.quarter, self.eighth]
        self.picture.accelerate([padded], x, hl.Var.outermost(), outputs=thumbnails)
