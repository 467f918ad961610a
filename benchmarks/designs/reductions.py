"""Designs whose reductions or recursions run over time."""

from __future__ import annotations

from typing import Any

import halide as hl
import numpy as np

__all__ = ["convolution", "integral_image", "matching_cost"]

_WEIGHTS = np.array(
    [[1, -3, 7, 5, 2], [4, 11, -9, 6, 3], [-5, 8, 31, 10, -7], [2, 9, 12, -6, 1], [3, -2, 5, 4, 13]], np.int16
)


def convolution(unrolled: tuple[str, ...], width: int = 1920, height: int = 1080) -> Any:
    """A convolution with 5x5 weights that no two of are related; of its RVars, some in space and the others in time."""
    x, y = hl.vars("x y")
    source, r = hl.ImageParam(hl.UInt(8), 2, "source"), hl.RDom([(0, 5), (0, 5)], "r")
    conv, hw = hl.Func("conv"), hl.Func("hw")
    conv[x, y] = hl.i32(0)
    conv[x, y] += hl.i32(hl.Buffer(_WEIGHTS, "weights")[r.x, r.y]) * hl.i32(source[x + r.x, y + r.y])
    hw[x, y] = hl.u8(hl.clamp(conv[x, y] >> 7, 0, 255))
    for name in unrolled:
        conv.update().unroll({"x": r.x, "y": r.y}[name])
    conv.compute_root().linebuffer()
    hw.set_estimate(x, 0, width).set_estimate(y, 0, height)
    return hw.accelerate([source], x, hl.Var.outermost())


def integral_image(width: int = 1920, height: int = 1080) -> Any:
    """The sums of all pixels above and to the left, 8 bits in and 32 out."""
    x, y = hl.vars("x y")
    source, hw = hl.ImageParam(hl.UInt(8), 2, "source"), hl.Func("hw")
    r, q = hl.RDom([(1, source.width() - 1)], "r"), hl.RDom([(1, source.height() - 1)], "q")
    hw[x, y] = hl.u32(source[x, y])
    hw[r.x, y] += hw[r.x - 1, y]
    hw[x, q.x] += hw[x, q.x - 1]
    hw.set_estimate(x, 0, width).set_estimate(y, 0, height)
    return hw.accelerate([source], x, hl.Var.outermost())


def matching_cost(disparities: int, side_by_side: int, width: int = 640, height: int = 480) -> Any:
    """The disparity of least absolute difference over 8x8 pixels, so many disparities in one step."""
    x, y = hl.vars("x y")
    left, right = (hl.ImageParam(hl.UInt(8), 2, name) for name in ("left", "right"))
    w, d = hl.RDom([(0, 8), (0, 8)], "w"), hl.RDom([(0, disparities)], "d")
    difference, cost, best, hw = hl.Func("difference"), hl.Func("cost"), hl.Func("best"), hl.Func("hw")
    z = hl.Var("z")
    difference[x, y, z] = hl.u16(hl.absd(left[x, y], right[x + z, y]))
    cost[x, y, z] = hl.u16(0)
    cost[x, y, z] += difference[x + w.x, y + w.y, z]
    cost.update().unroll(w.x).unroll(w.y)
    best[x, y] = (hl.u16(65535), hl.u8(0))
    value = cost[x, y, d.x]
    nearer = value < best[x, y][0]
    best[x, y] = (hl.select(nearer, value, best[x, y][0]), hl.select(nearer, hl.u8(d.x), best[x, y][1]))
    hw[x, y] = best[x, y][1]
    do, di = hl.RVar("do"), hl.RVar("di")
    best.update().split(d.x, do, di, side_by_side).unroll(di)
    best.compute_root().linebuffer()
    hw.set_estimate(x, 0, width).set_estimate(y, 0, height)
    return hw.accelerate([left, right], x, hl.Var.outermost())
