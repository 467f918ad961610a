"""Harris corner detector in integers: Sobel gradients, 3x3 structure tensor, response, non-maximum suppression.

Nine line-buffered stages between the padded photograph and the picture of corners (255 at a corner, else 0).

`fluorite run apps/harris.py -i photo.png -o corners.png` runs it in the simulated accelerator.
"""

import halide as hl

TENSOR_SHIFT = 9


@hl.generator(name="harris")
class Harris:
    threshold = hl.GeneratorParam(100000)  # least response of a corner
    tile = hl.GeneratorParam(256)  # edge of a tile in pixels; 0: the whole image in one launch
    lanes = hl.GeneratorParam(2)  # pixels a cycle
    max_width = hl.GeneratorParam(1920)  # largest image, in pixels, when tile is 0
    max_height = hl.GeneratorParam(1080)

    input = hl.InputBuffer(hl.UInt(8), 2)
    output = hl.OutputBuffer(hl.UInt(8), 2)

    def generate(self):
        x, y, xo, yo, xi, yi = hl.vars("x y xo yo xi yi")
        r = hl.RDom([(-1, 3), (-1, 3)], "r")

        # Algorithm. No int32 below can overflow:
        #   |gx|, |gy|           <= 4 * 255          = 1020               (fits int16)
        #   |gxx|, |gyy|, |gxy|  <= 1020^2           = 1 040 400
        #   |sxx|, |syy|, |sxy|  <= 9 * 1 040 400    = 9 363 600
        #   shifted right by 9   <= ceil(sxx / 512)  = 18 289 =: M
        #   |a * b - c * c|      <= 2 * M^2          = 668 975 042
        #   (trace >> 2)^2       <= ceil(M / 2)^2    = 83 631 025
        #   |response|           <= the sum of both  = 752 606 067        < 2^31
        padded = hl.Func("padded")
        padded[x, y] = hl.BoundaryConditions.repeat_edge(self.input)[x, y]

        def pixel(dx, dy):
            return hl.i16(padded[x + dx, y + dy])

        gx, gy = hl.Func("gx"), hl.Func("gy")
        gx[x, y] = sum(w * (pixel(1, d) - pixel(-1, d)) for d, w in ((1, 1), (0, 2), (-1, 1)))
        gy[x, y] = sum(w * (pixel(d, 1) - pixel(d, -1)) for d, w in ((1, 1), (0, 2), (-1, 1)))

        gxx, gyy, gxy = hl.Func("gxx"), hl.Func("gyy"), hl.Func("gxy")
        gxx[x, y] = hl.i32(gx[x, y]) * hl.i32(gx[x, y])
        gyy[x, y] = hl.i32(gy[x, y]) * hl.i32(gy[x, y])
        gxy[x, y] = hl.i32(gx[x, y]) * hl.i32(gy[x, y])

        sxx, syy, sxy = hl.Func("sxx"), hl.Func("syy"), hl.Func("sxy")
        for total, product in ((sxx, gxx), (syy, gyy), (sxy, gxy)):
            total[x, y] = hl.i32(0)
            total[x, y] += product[x + r.x, y + r.y]

        a, b, c = (total[x, y] >> TENSOR_SHIFT for total in (sxx, syy, sxy))
        quarter_trace = (a + b) >> 2
        response = hl.Func("response")
        response[x, y] = a * b - c * c - quarter_trace * quarter_trace  # det - trace^2 / 16

        # A pixel is a corner if none of its neighbours beats it; of equal ones, the first in raster order wins.
        center = response[x, y]
        before = hl.max(response[x - 1, y - 1], response[x, y - 1], response[x + 1, y - 1], response[x - 1, y])
        after = hl.max(response[x + 1, y], response[x - 1, y + 1], response[x, y + 1], response[x + 1, y + 1])
        corner = (center >= self.threshold) & (center > before) & (center >= after)

        corners = hl.Func("corners")
        corners[x, y] = hl.select(corner, hl.u8(255), hl.u8(0))
        self.output[x, y] = corners[x, y]

        # Schedule. Software pads the input and hands it over; the accelerator does everything from there to corners.
        # The products are buffered and not recomputed: three multipliers and not 27.
        for stage in (gx, gy, gxx, gyy, gxy, sxx, syy, sxy, response):
            stage.linebuffer()
        for total in (sxx, syy, sxy):
            total.update().unroll(r.x).unroll(r.y)
        guard = hl.TailStrategy.GuardWithIf  # any image size, and no pixel computed twice
        if self.tile:
            self.output.tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard).vectorize(xi, 16, guard).parallel(yo)
            padded.compute_at(self.output, xo).vectorize(x, 16, guard)
            corners.compute_at(self.output, xo).tile(x, y, xo, yo, xi, yi, self.tile, self.tile, guard)
            corners.unroll(xi, self.lanes, guard).accelerate([padded], xi, xo)
        else:
            self.output.vectorize(x, 16, guard).parallel(y)
            padded.compute_root().vectorize(x, 16, guard).parallel(y)
            corners.compute_root().set_estimate(x, 0, self.max_width).set_estimate(y, 0, self.max_height)
            corners.unroll(x, self.lanes, guard).accelerate([padded], x, hl.Var.outermost())
