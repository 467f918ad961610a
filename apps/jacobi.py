"""Jacobi iterations of the heat equation: 15 times the mean of a pixel and its four neighbours.

All iterations are one deep pipeline: an iteration starts as soon as the rows it needs left the one before, so
memory holds two rows each and a frame is read and written once. 16-bit pixels.

`fluorite run apps/jacobi.py -p lanes=4 -i photo.png -o smooth.png` runs it in the simulated accelerator. The
photograph comes out smooth, about as if a Gaussian of sigma 2.4 pixels had been over it.
"""

import halide as hl


@hl.generator(name="jacobi")
class Jacobi:
    iterations = hl.GeneratorParam(15)
    border = hl.GeneratorParam("image")  # what has its edges repeated: "image", once; "each" iteration, with tile=0
    tile = hl.GeneratorParam(256)  # edge of a tile in pixels; 0: the whole image in one launch
    lanes = hl.GeneratorParam(1)  # pixels a cycle
    max_width = hl.GeneratorParam(1920)  # largest image, in pixels, when tile is 0
    max_height = hl.GeneratorParam(1080)

    input = hl.InputBuffer(hl.UInt(16), 2)
    output = hl.OutputBuffer(hl.UInt(16), 2)

    def generate(self):
        if not self.iterations >= 1:
            raise ValueError(f"iterations must be at least 1, not {self.iterations}")
        if self.border not in ("image", "each") or (self.border == "each" and self.tile):
            raise ValueError(f"border must be 'image', or 'each' with tile=0, not {self.border!r}")
        x, y, xo, yo, xi, yi = hl.vars("x y xo yo xi yi")

        # Algorithm. The sum of five 16-bit pixels needs 19 bits; nothing is signed.
        padded = hl.Func("padded")
        padded[x, y] = hl.BoundaryConditions.repeat_edge(self.input)[x, y]
        source = padded if self.border == "image" else self.input
        steps = [padded]
        extents = [(0, self.input.width()), (0, self.input.height())]
        for number in range(1, self.iterations + 1):
            before, step = steps[-1], hl.Func(f"step{number}")
            if self.border == "each" and number > 1:
                before = hl.BoundaryConditions.repeat_edge(before, extents)
            neighbours = ((0, -1), (-1, 0), (0, 0), (1, 0), (0, 1))
            step[x, y] = hl.u16(sum(hl.u32(before[x + dx, y + dy]) for dx, dy in neighbours) / 5)
            steps.append(step)
        last = steps[-1]
        self.output[x, y] = last[x, y]

        # Schedule. Software pads the input, unless each iteration has a border: then the accelerator does them all.
        # Halide alone, which the accelerator is compared with, needs a place for each iteration: inlined, they would
        # read 5**15 pixels.
        guard = hl.TailStrategy.GuardWithIf  # any image size, and no pixel computed twice
        if self.tile:
            self.output.tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard).vectorize(xi, 16, guard).parallel(yo)
            padded.compute_at(self.output, xo).vectorize(x, 16, guard)
            for step in steps[1:-1]:
                step.linebuffer().compute_at(self.output, xo)
            last.compute_at(self.output, xo).tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard)
            last.unroll(xi, self.lanes, guard).accelerate([padded], xi, xo)
        else:
            self.output.vectorize(x, 16, guard).parallel(y)
            for step in steps[1:-1]:
                step.linebuffer().compute_root()
            if self.border == "image":
                padded.compute_root().vectorize(x, 16, guard).parallel(y)
            last.compute_root().set_estimate(x, 0, self.max_width).set_estimate(y, 0, self.max_height)
            last.unroll(x, self.lanes, guard).accelerate([source], x, hl.Var.outermost())
