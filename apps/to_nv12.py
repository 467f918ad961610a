"""RGB to NV12, as video encoders take it: the luma plane, and below it the chroma plane with half its rows.

A row of the chroma plane is U V U V ..., a pair for the mean colour of 2x2 pixels. Both planes come from one
accelerator, which reads the photograph once. BT.601, video range.

`fluorite run apps/to_nv12.py -i photo.png --size 512x768 -o frame.png` runs it in the simulated accelerator, for a
photograph of 512x512 pixels; the frame is grey, half as high again as the photograph.
"""

import halide as hl


@hl.generator(name="to_nv12")
class ToNv12:
    lanes = hl.GeneratorParam(1)  # bytes a cycle of each plane; an even number, or 1
    max_width = hl.GeneratorParam(1920)  # largest photograph, in pixels
    max_height = hl.GeneratorParam(1080)

    input = hl.InputBuffer(hl.UInt(8), 3)
    output = hl.OutputBuffer(hl.UInt(8), 2)

    def generate(self):
        x, y, c = hl.vars("x y c")

        # Algorithm. In 1/256; black is 16, no colour is 128. Sums of 2x2 pixels are at most 4 * 255. Of a photograph
        # with an odd number of columns the last one is there twice, and of rows likewise.
        padded, luma, pairs, sums, chroma = (hl.Func(name) for name in ("padded", "luma", "pairs", "sums", "chroma"))
        padded[x, y, c] = hl.BoundaryConditions.repeat_edge(self.input)[x, y, c]

        def weighted(weights, of, bits):
            return (sum(w * hl.i32(of(channel)) for channel, w in enumerate(weights)) + (1 << (bits - 1))) >> bits

        luma[x, y] = hl.u8(weighted((66, 129, 25), lambda channel: padded[x, y, channel], 8) + 16)
        pairs[x, y, c] = hl.u16(padded[2 * x, y, c]) + padded[2 * x + 1, y, c]
        sums[x, y, c] = pairs[x, 2 * y, c] + pairs[x, 2 * y + 1, c]
        u, v = (
            weighted(weights, lambda channel: sums[x / 2, y, channel], 10) + 128
            for weights in ((-38, -74, 112), (112, -94, -18))
        )
        chroma[x, y] = hl.u8(hl.select(x % 2 == 0, u, v))
        rows = self.input.height()
        above = luma[x, hl.min(y, rows - 1)]
        self.output[x, y] = hl.select(y < rows, above, chroma[x, hl.max(y - rows, 0)])

        # Schedule. Software pads the photograph, hands it over and puts the planes below each other.
        for stage in (pairs, sums):
            stage.compute_root().linebuffer()
        self.output.vectorize(x, 16, hl.TailStrategy.GuardWithIf).parallel(y)
        padded.compute_root().bound(c, 0, 3).vectorize(x, 16, hl.TailStrategy.GuardWithIf).parallel(y)
        luma.compute_root().set_estimate(x, 0, self.max_width).set_estimate(y, 0, self.max_height)
        luma.unroll(x, self.lanes, hl.TailStrategy.GuardWithIf)
        luma.accelerate([padded], x, hl.Var.outermost(), outputs=[chroma])
