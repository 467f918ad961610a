"""Small pipelines that between them use most of what Halide can say; each is built anew by its function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import halide as hl
import numpy as np

PIPELINES: dict[str, Callable[[], Case]] = {}


@dataclass
class Case:
    """A pipeline, the sizes to realize it at, and what must outlive it."""

    outputs: list[Any]
    sizes: list[int]
    keep: list[Any] = field(default_factory=list)
    requirement: Any = None

    @property
    def pipeline(self) -> Any:
        pipeline = hl.Pipeline(self.outputs)
        if self.requirement is not None:
            pipeline.add_requirement(self.requirement)
        return pipeline


def realize(pipeline: Any, sizes: list[int]) -> list[np.ndarray]:
    """All outputs as arrays."""
    result = pipeline.realize(sizes)
    return [np.array(buffer) for buffer in (result if isinstance(result, (list, tuple)) else [result])]


def photo(width: int, height: int, dtype: Any = np.uint8) -> np.ndarray:
    """Noise of a fixed seed, as ``array[y, x]``."""
    return np.random.default_rng(width * height).integers(0, 256, (height, width)).astype(dtype)


def image_param(case_keep: list[Any], bits: Any, width: int, height: int, name: str = "inp") -> Any:
    """An ImageParam that holds noise; the array is kept alive by the case."""
    param = hl.ImageParam(bits, 2, name)
    array = photo(width, height)
    case_keep += [param, array]
    param.set(hl.Buffer(array))
    return param


def case(build: Callable[[], Case]) -> Callable[[], Case]:
    PIPELINES[build.__name__] = build
    return build


@case
def tiled_blur() -> Case:
    keep: list[Any] = []
    x, y, xi, yi = hl.vars("x y xi yi")
    inp = image_param(keep, hl.UInt(8), 70, 40)
    wide, bx, by = hl.funcs("wide bx by")
    wide[x, y] = hl.u16(hl.BoundaryConditions.repeat_edge(inp)[x, y])
    bx[x, y] = (wide[x, y] + wide[x + 1, y] + wide[x + 2, y]) // 3
    by[x, y] = hl.u8((bx[x, y] + bx[x, y + 1] + bx[x, y + 2]) // 3)
    by.tile(x, y, xi, yi, 32, 8).vectorize(xi, 8).parallel(y)
    bx.compute_at(by, x).vectorize(x, 8).fold_storage(y, 16)
    return Case([by], [64, 32], keep)


@case
def boundaries() -> Case:
    keep: list[Any] = []
    x, y = hl.vars("x y")
    inp = image_param(keep, hl.UInt(8), 12, 9)
    out = hl.Func("out")
    bc = hl.BoundaryConditions
    out[x, y] = hl.Tuple(
        [
            bc.repeat_edge(inp)[x - 3, y - 3],
            bc.constant_exterior(inp, hl.u8(7))[x - 3, y - 3],
            bc.mirror_image(inp)[x - 3, y - 3],
            bc.mirror_interior(inp)[x - 3, y - 3],
            bc.repeat_image(inp)[x - 3, y - 3],
        ]
    )
    return Case([out], [18, 15], keep)


@case
def updates_and_rdoms() -> Case:
    keep: list[Any] = []
    x, y = hl.vars("x y")
    inp = image_param(keep, hl.UInt(8), 16, 16)
    r = hl.RDom([(0, 5), (0, 5)], "r")
    r.where((r.x - 2) * (r.x - 2) + (r.y - 2) * (r.y - 2) < 5)
    disc, hist, out = hl.funcs("disc hist out")
    disc[x, y] = hl.u32(0)
    disc[x, y] += hl.u32(inp[x + r.x, y + r.y])
    disc[x, 3] = hl.u32(7)
    disc.update(0).unroll(r.x)
    s = hl.RDom([(0, 16), (0, 16)], "s")
    hist[x] = 0
    hist[hl.i32(inp[s.x, s.y]) % 12] += 1
    hist.compute_root()
    out[x, y] = disc[x, y] + hl.u32(hist[x % 12])
    disc.compute_at(out, y)
    return Case([out], [12, 12], keep)


@case
def tuples_and_argmin() -> Case:
    keep: list[Any] = []
    x, y = hl.vars("x y")
    inp = image_param(keep, hl.UInt(8), 20, 12)
    r = hl.RDom([(0, 7)], "r")
    best, out = hl.funcs("best out")
    best[x, y] = hl.Tuple([hl.i32(0), hl.u8(255)])
    better = inp[x + r, y] < best[x, y][1]
    best[x, y] = hl.Tuple([hl.select(better, r, best[x, y][0]), hl.select(better, inp[x + r, y], best[x, y][1])])
    found = hl.argmin(inp[x + r, y])
    out[x, y] = hl.Tuple([best[x, y][0] + found[0], best[x, y][1], hl.sqrt(hl.f32(best[x, y][1]))])
    return Case([out], [13, 12], keep)


@case
def params_and_constant_buffers() -> Case:
    keep: list[Any] = []
    x, y = hl.vars("x y")
    inp = image_param(keep, hl.UInt(8), 16, 16)
    gain, offset = hl.Param(hl.Float(32), "gain", 1.25), hl.Param(hl.Int(16), "offset", -3)
    flip = hl.Param(hl.Bool(), "flip", True)
    lut_array, kernel_array = np.arange(255, -1, -1).astype(np.uint8), np.arange(6, dtype=np.int64).reshape(2, 3)
    lut, kernel = hl.Buffer(lut_array), hl.Buffer(kernel_array)
    keep += [gain, offset, flip, lut_array, kernel_array]
    out = hl.Func("out")
    curved = lut[hl.i32(inp[x, y])]
    out[x, y] = (
        hl.select(flip, hl.f32(curved) * gain, hl.f32(offset)) + hl.f32(kernel[x % 3, y % 2]) + hl.f32(lut.width())
    )
    return Case([out], [16, 16], keep)


@case
def wrappers_and_clones() -> Case:
    keep: list[Any] = []
    x, y, xi = hl.vars("x y xi")
    inp = image_param(keep, hl.UInt(8), 24, 24)
    f, twin, g, h, out = hl.funcs("f twin g h out")
    f[x, y] = inp[x, y] * hl.u8(3)
    twin[x, y] = inp[x + 1, y] + hl.u8(1)
    g[x, y] = f[x, y] + f[x + 1, y] - twin[x, y]
    h[x, y] = f[x, y + 1] ^ inp[x, y] ^ twin[x, y]
    out[x, y] = g[x, y] + h[x, y] + f[x, y]
    f.compute_root()
    f.in_(g).compute_at(g, x)
    f.in_(g).in_(g).compute_at(g, x)
    twin.clone_in(h).compute_root().vectorize(x, 4)
    f.in_().compute_root()
    inp.in_(h).compute_at(h, y)
    g.compute_root().split(x, x, xi, 4)
    h.compute_root()
    return Case([out], [20, 20], keep)


@case
def specializations() -> Case:
    keep: list[Any] = []
    x, y, xi = hl.vars("x y xi")
    inp = image_param(keep, hl.UInt(8), 16, 16)
    gain = hl.Param(hl.UInt(8), "gain", 2)
    keep.append(gain)
    out = hl.Func("out")
    out[x, y] = inp[x, y] * gain
    out.specialize(gain == 2).split(x, x, xi, 8).vectorize(xi)
    out.specialize(out.output_buffer().width() > 100).parallel(y)
    return Case([out], [16, 16], keep)


@case
def several_outputs() -> Case:
    keep: list[Any] = []
    x, y, u = hl.vars("x y u")
    inp = image_param(keep, hl.UInt(8), 16, 16)
    a, b, shared = hl.funcs("a b shared")
    shared[x, y] = inp[x, y] // hl.u8(3)
    a[x, y] = shared[x, y] + 1
    b[x, y] = hl.i16(shared[x, y]) - a[x, y]
    shared.compute_root().store_in(hl.MemoryType.Heap)
    b.fuse(x, y, u)
    return Case([a, b], [16, 16], keep)


@case
def intrinsics_and_floats() -> Case:
    keep: list[Any] = []
    x, y = hl.vars("x y")
    inp = image_param(keep, hl.UInt(8), 17, 16)
    out = hl.Func("out")
    a, b = inp[x, y], inp[x + 1, y]
    out[x, y] = hl.Tuple(
        [
            hl.absd(a, b),
            hl.widening_mul(a, b) >> hl.u16(3),
            hl.saturating_add(a, b),
            hl.rounding_shift_right(hl.i16(a), hl.i16(2)),
            hl.lerp(a, b, hl.u8(77)),
            hl.count_leading_zeros(a) + hl.popcount(b),
            hl.reinterpret(hl.Float(32), hl.u32(a)),
            hl.f32(-0.0) * hl.f32(a),
            hl.exp(hl.f32(a) / 64) + hl.floor(hl.f32(b) / 3),
            hl.i64(a) * hl.i64(1 << 40) - hl.i64(b),
            hl.u64(a) + hl.u64(1 << 63),
            hl.select(~(a > b) | (a == 3), a, b),
            hl.mux(hl.i32(a) % 3, [a, b, hl.u8(9)]),
            hl.likely(a) + hl.clamp(b, hl.u8(4), hl.u8(200)),
        ]
    )
    return Case([out], [16, 16], keep)


@case
def shared_expressions() -> Case:
    keep: list[Any] = []
    x, y = hl.vars("x y")
    inp = image_param(keep, hl.UInt(8), 16, 16)
    out = hl.Func("out")
    e = hl.i32(inp[x, y]) * (x + 1)
    for step in range(20):
        e = hl.select(e % 7 > 3, e // 3 + step, e * 3 + y) & 0xFFFFF
    out[x, y] = e
    return Case([out], [16, 16], keep)


@case
def rfactor_and_atomics() -> Case:
    keep: list[Any] = []
    x, u = hl.vars("x u")
    inp = image_param(keep, hl.UInt(8), 64, 4)
    r = hl.RDom([(0, 64)], "r")
    ro, ri = hl.RVar("ro"), hl.RVar("ri")
    total = hl.Func("total")
    total[x] = hl.u32(0)
    total[x] += hl.u32(inp[r, x])
    partial = total.update(0).split(r, ro, ri, 8).rfactor(ro, u)
    partial.compute_root().update(0).parallel(u)
    return Case([total], [4], keep)


@case
def sliding_and_reordered() -> Case:
    keep: list[Any] = []
    x, y, c = hl.vars("x y c")
    inp = image_param(keep, hl.UInt(8), 24, 24)
    f, out = hl.funcs("f out")
    f[x, y, c] = hl.i32(inp[x, y]) * (c + 1)
    out[x, y, c] = f[x, y, c] + f[x, y + 1, c]
    out.reorder(c, x, y).unroll(c).bound(c, 0, 3)
    f.store_root().compute_at(out, y).reorder_storage(c, x, y).bound_storage(c, 4).align_storage(c, 4)
    return Case([out], [16, 16, 3], keep)


@case
def zero_dimensional_and_required() -> Case:
    x = hl.Var("x")
    p = hl.Param(hl.Int(32), "p", 5)
    total, out = hl.funcs("total out")
    r = hl.RDom([(0, 10)], "r")
    total[()] = 0
    total[()] += hl.require(p > 0, r * p, p)
    out[x] = total[()] + x
    total.compute_root()
    return Case([out], [4], [p], requirement=p < 100)


@case
def fused_loops() -> Case:
    keep: list[Any] = []
    x, y = hl.vars("x y")
    inp = image_param(keep, hl.UInt(8), 16, 16)
    f, g, out = hl.funcs("f g out")
    f[x, y] = inp[x, y] + hl.u8(1)
    g[x, y] = inp[x, y] - hl.u8(1)
    out[x, y] = f[x, y] * g[x, y]
    f.compute_root()
    g.compute_root().compute_with(f, y)
    return Case([out], [16, 16], keep)


@case
def rarer_schedules() -> Case:
    keep: list[Any] = []
    x, y, xi, xo = hl.vars("x y xi xo")
    inp = image_param(keep, hl.UInt(8), 40, 40)
    f, g, h, out = hl.funcs("f g h out")
    f[x, y] = inp[x, y] + hl.u8(1)
    g[x, y] = f[x, y] ^ f[x, y + 1]
    h[x, y] = hl.u8(0)
    h[x, y] += g[x, y]
    out[x, y] = h[x, y] + g[x + 1, y]
    out.split(x, xo, xi, 8, hl.TailStrategy.GuardWithIf).prefetch(inp, y, y, 2)
    f.hoist_storage_root().store_at(g, y).compute_at(g, x)
    g.hoist_storage_root().store_at(out, y).compute_at(out, y).async_().ring_buffer(2)
    h.compute_at(out, y).update().vectorize(x, 8, hl.TailStrategy.RoundUpAndBlend)
    h.align_bounds(x, 8).store_in(hl.MemoryType.Stack).partition(y, hl.Partition.Never)
    return Case([out], [32, 24], keep)
