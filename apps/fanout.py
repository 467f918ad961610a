"""Edges along a line, as a bar code reader sees them: one dimension, one producer and three consumers.

A smoothed line feeds its slope, its curvature and its local contrast at once. An edge is where the curvature
changes its sign and the slope is steep for the contrast around it. The output is 255 at a rising edge, 128 at a
falling one, else 0.

`fluorite verify apps/fanout.py -p lanes=2 --sizes 640,61` compares the accelerator with Halide on random lines.
On one line of a photographed page, every stroke of a letter gives a 128 where the ink begins and a 255 where it
ends.
"""

import halide as hl

LEAST_CONTRAST = 24


@hl.generator(name="fanout")
class Fanout:
    tile = hl.GeneratorParam(64)  # pixels of a tile; 0: the whole line in one launch
    lanes = hl.GeneratorParam(1)  # pixels a cycle
    max_width = hl.GeneratorParam(4096)  # longest line, in pixels, when tile is 0

    input = hl.InputBuffer(hl.UInt(8), 1)
    output = hl.OutputBuffer(hl.UInt(8), 1)

    def generate(self):
        x, xo, xi = hl.vars("x xo xi")

        # Algorithm. Everything fits int16: |slope| <= 255, |curvature| <= 510.
        padded, smooth = hl.Func("padded"), hl.Func("smooth")
        padded[x] = hl.BoundaryConditions.repeat_edge(self.input)[x]
        smooth[x] = (hl.i16(padded[x - 1]) + 2 * hl.i16(padded[x]) + hl.i16(padded[x + 1]) + 2) >> 2

        slope, curvature, contrast, edges = (hl.Func(name) for name in ("slope", "curvature", "contrast", "edges"))
        slope[x] = smooth[x + 1] - smooth[x - 1]
        curvature[x] = smooth[x - 1] - 2 * smooth[x] + smooth[x + 1]
        around = [smooth[x + d] for d in range(-4, 5)]
        contrast[x] = hl.max(*around) - hl.min(*around)

        crossing = (curvature[x] >= 0) != (curvature[x + 1] >= 0)
        steep = (contrast[x] >= LEAST_CONTRAST) & (4 * hl.abs(slope[x]) > hl.u16(contrast[x]))
        edges[x] = hl.select(crossing & steep, hl.select(slope[x] > 0, hl.u8(255), hl.u8(128)), hl.u8(0))
        self.output[x] = edges[x]

        # Schedule. Software pads the input and hands it over; the accelerator does the rest.
        for stage in (smooth, slope, curvature, contrast):
            stage.linebuffer()
        guard = hl.TailStrategy.GuardWithIf  # any length, and no pixel computed twice
        if self.tile:
            self.output.split(x, xo, xi, self.tile, guard).vectorize(xi, 16, guard).parallel(xo)
            padded.compute_at(self.output, xo).vectorize(x, 16, guard)
            edges.compute_at(self.output, xo).split(x, xo, xi, self.tile, guard)
            edges.unroll(xi, self.lanes, guard).accelerate([padded], xi, xo)
        else:
            self.output.vectorize(x, 16, guard)
            padded.compute_root().vectorize(x, 16, guard)
            edges.compute_root().set_estimate(x, 0, self.max_width)
            edges.unroll(x, self.lanes, guard).accelerate([padded], x, hl.Var.outermost())
