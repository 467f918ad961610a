"""The mean of a square of any size, by an integral image: four reads of it whatever the radius is.

The integral image is two recursions, along the rows and then the columns; a pixel of it is the sum of all pixels above
and to the left, modulo 2**32, which differences do not mind. What is held are `2 * radius + 1` rows of it.

`fluorite run apps/box.py -p radius=8 -i photo.png -o smooth.png` runs it in the simulated accelerator.
"""

import halide as hl


@hl.generator(name="box")
class Box:
    radius = hl.GeneratorParam(4)  # pixels on each side of the one in the middle
    lanes = hl.GeneratorParam(1)  # pixels a cycle
    max_width = hl.GeneratorParam(1920)  # largest image, in pixels
    max_height = hl.GeneratorParam(1080)

    input = hl.InputBuffer(hl.UInt(8), 2)
    output = hl.OutputBuffer(hl.UInt(8), 2)

    def generate(self):
        if not 0 <= self.radius <= 100:
            raise ValueError(f"radius must be between 0 and 100, not {self.radius}")
        x, y = hl.vars("x y")
        radius, side = self.radius, 2 * self.radius + 1

        # Algorithm. The padded image begins a pixel earlier than its sums.
        padded, integral, mean = hl.Func("padded"), hl.Func("integral"), hl.Func("mean")
        padded[x, y] = hl.BoundaryConditions.repeat_edge(self.input)[x, y]
        along = [
            hl.RDom([(dim.min() - radius, dim.extent() + 2 * radius)], name)
            for dim, name in ((self.input.dim(0), "rx"), (self.input.dim(1), "ry"))
        ]
        integral[x, y] = hl.u32(padded[x, y])
        integral[along[0].x, y] += integral[along[0].x - 1, y]
        integral[x, along[1].x] += integral[x, along[1].x - 1]
        right, left, below, above = x + radius, x - radius - 1, y + radius, y - radius - 1
        total = integral[right, below] - integral[left, below] - integral[right, above] + integral[left, above]
        mean[x, y] = hl.u8((total + side * side // 2) / (side * side))
        self.output[x, y] = mean[x, y]

        # Schedule. A launch is the whole image: recursions begin with it.
        padded.compute_root().vectorize(x, 16, hl.TailStrategy.RoundUp)
        integral.compute_root().linebuffer()
        mean.compute_root().set_estimate(x, 0, self.max_width).set_estimate(y, 0, self.max_height)
        mean.unroll(x, self.lanes, hl.TailStrategy.GuardWithIf).accelerate([padded], x, hl.Var.outermost())
