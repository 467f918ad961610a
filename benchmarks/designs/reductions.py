"""Reductions that run over time, in part or whole: what they share, their multiplexers and tables are measured."""

import halide as hl
import numpy as np

__all__ = ["box", "convolution", "stereo"]

x, y = hl.vars("x y")
#: Signed weights of eight bits, no two alike and none that a shift replaces. Halide holds no reference to the array.
WEIGHTS = np.array([[(37 * (5 * j + i) + 11) % 127 * (-1) ** (i + j) for i in range(5)] for j in range(5)], np.int16)


def _accelerated(hw, stages, inputs, width, height):
    for stage in stages:
        stage.linebuffer()
    hw.compute_root().set_estimate(x, 0, width).set_estimate(y, 0, height)
    return hw.accelerate(inputs, x, hl.Var.outermost())


def convolution(in_space=0, width=1920, height=1080):
    """A 5x5 convolution in 25 steps, or with columns of five taps (``in_space=5``) in five, or all of them in one."""
    photo, r = hl.ImageParam(hl.UInt(8), 2, "photo"), hl.RDom([(-2, 5), (-2, 5)], "r")
    conv, hw = hl.Func("conv"), hl.Func("hw")
    conv[x, y] = hl.i32(0)
    weight = hl.Buffer(WEIGHTS, "weights")[r.x + 2, r.y + 2]
    conv[x, y] += hl.i32(weight) * hl.i32(photo[x + r.x, y + r.y])
    if in_space >= 5:
        conv.update().reorder(r.y, r.x).unroll(r.y)
    if in_space == 25:
        conv.update().unroll(r.x)
    hw[x, y] = hl.u8_sat(conv[x, y] >> 8)
    return _accelerated(hw, [conv], [photo], width, height)


def stereo(disparities=16, groups=4, window=5, width=640, height=480):
    """The disparity of least sum of absolute differences; ``groups`` of disparities one after the other."""
    left, right = (hl.ImageParam(hl.UInt(8), 2, name) for name in ("left", "right"))
    r, d = hl.RDom([(0, window), (0, window)], "r"), hl.RDom([(0, disparities)], "d")
    sad, best, hw, k = hl.Func("sad"), hl.Func("best"), hl.Func("hw"), hl.Var("k")
    sad[x, y, k] = hl.sum(r, hl.u16(hl.absd(left[x + r.x, y + r.y], right[x + r.x - k, y + r.y])))
    best[x, y] = (hl.u16(0xFFFF), hl.u8(0))
    nearer = sad[x, y, d.x] < best[x, y][0]
    best[x, y] = (
        hl.select(nearer, sad[x, y, d.x], best[x, y][0]),
        hl.select(nearer, hl.u8(d.x), best[x, y][1]),
    )
    do, di = hl.RVar("do"), hl.RVar("di")
    best.update().split(d.x, do, di, disparities // groups).unroll(di)
    hw[x, y] = best[x, y][1]
    return _accelerated(hw, [best], [left, right], width, height)


def box(width=1920, height=1080):
    """A mean over 9x9: sums of nine along y, nine of which are added in nine steps."""
    photo, r, hw = hl.ImageParam(hl.UInt(8), 2, "photo"), hl.RDom([(-4, 9), (-4, 9)], "r"), hl.Func("hw")
    total = hl.Func("total")
    total[x, y] = hl.u16(0)
    total[x, y] += hl.u16(photo[x + r.x, y + r.y])
    total.update().reorder(r.y, r.x).unroll(r.y)
    hw[x, y] = hl.u8((hl.u32(total[x, y]) * 809 + 32768) >> 16)
    return _accelerated(hw, [total], [photo], width, height)


def dilate(width=1920, height=1080):
    """The greatest of 9x9 pixels in nine steps, columns in space."""
    photo, r, hw = hl.ImageParam(hl.UInt(8), 2, "photo"), hl.RDom([(-4, 9), (-4, 9)], "r"), hl.Func("hw")
    greatest = hl.Func("greatest")
    greatest[x, y] = hl.u8(0)
    greatest[x, y] = hl.max(greatest[x, y], photo[x + r.x, y + r.y])
    greatest.update().reorder(r.y, r.x).unroll(r.y)
    hw[x, y] = greatest[x, y]
    return _accelerated(hw, [greatest], [photo], width, height)
