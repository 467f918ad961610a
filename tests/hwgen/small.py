"""Small pipelines whose graphs and plans are kept as texts, each with something to do for some pass."""

import halide as hl

import fluorite

OUTERMOST = hl.Var.outermost()
x, y = hl.vars("x y")


def _image(bits=8, name="photo", dimensions=2):
    return hl.ImageParam(hl.UInt(bits), dimensions, name)


def _whole(func, inputs, extents=(1920, 1080), lanes=1):
    """Accelerated over whole images of any size up to these extents."""
    for var, extent in zip((x, y), extents, strict=False):
        func.set_estimate(var, 0, extent)
    if lanes > 1:
        func.unroll(x, lanes, hl.TailStrategy.GuardWithIf)
    func.accelerate(inputs, x, OUTERMOST)
    return func


def weights():
    """A separable window with weights that are not powers of two."""
    photo, out = _image(), hl.Func("out")
    taps = [a * b * hl.u16(photo[x + i, y + j]) for j, b in ((-1, 3), (0, 5), (1, 3)) for i, a in ((0, 1), (1, 1))]
    out[x, y] = hl.u8((sum(taps[1:], taps[0]) + 7) >> 5)
    return _whole(out, [photo])


def greatest():
    """A chain of maxima over two lanes."""
    photo, out = _image(), hl.Func("out")
    value = photo[x, y]
    for i, j in ((1, 0), (2, 0), (0, 1), (1, 1), (2, 1)):
        value = hl.max(value, photo[x + i, y + j])
    out[x, y] = value
    return _whole(out, [photo], lanes=2)


def quotients():
    """Division by a number, by data, and what is left."""
    photo, other, out = _image(), _image(name="other"), hl.Func("out")
    out[x, y] = photo[x, y] / 7 + photo[x, y] / other[x, y] + photo[x, y] % 5
    return _whole(out, [photo, other])


def wide():
    """A product that no multiplier block takes, and its low bits alone."""
    photo, other, out = _image(32), _image(32, "other"), hl.Func("out")
    out[x, y] = hl.u32((hl.u64(photo[x, y]) * hl.u64(other[x, y])) >> 32) ^ (photo[x, y] * other[x, y])
    return _whole(out, [photo, other])


def stages():
    """Two stages of run-time rows, read above one another, with a border in front."""
    photo, middle, out = _image(), hl.Func("middle"), hl.Func("out")
    clamped = hl.BoundaryConditions.repeat_edge(photo)
    middle[x, y] = hl.absd(clamped[x, y - 1], clamped[x, y + 1])
    out[x, y] = hl.max(middle[x, y], middle[x + 1, y + 1])
    middle.linebuffer()
    return _whole(out, [photo])


def fixed():
    """The same window on images of one size: rows are a number of cycles."""
    photo, out = _image(), hl.Func("out")
    out[x, y] = hl.max(photo[x, y], photo[x + 1, y + 2])
    out.bound(x, 0, 64).bound(y, 0, 48)
    out.accelerate([photo], x, OUTERMOST)
    return out


def table():
    """A table, too large for logic, read at data."""
    photo, gamma, out = _image(10 + 6), hl.Func("gamma"), hl.Func("out")
    gamma[x] = hl.u16(hl.sqrt(hl.f32(x)) * 255)
    gamma.compute_root()
    out[x, y] = gamma[hl.i32(photo[x, y] >> 6)] + photo[x + 1, y]
    return _whole(out, [photo])


def channels():
    """Two values of a Tuple and three channels, a position, a Param."""
    c, gain = hl.Var("c"), hl.Param(hl.UInt(8), "gain")
    photo, out = _image(dimensions=3), hl.Func("out")
    out[x, y, c] = hl.Tuple([photo[x, y, c] * gain, hl.u8(x + c)])
    out.set_estimate(x, 0, 640).set_estimate(y, 0, 480).bound(c, 0, 3).unroll(c).reorder(c, x, y)
    out.accelerate([photo], x, OUTERMOST)
    return out


def steps():
    """A weighted sum over time, and an update whose last step takes no notice of those before it."""
    photo, total, last, out = _image(), hl.Func("total"), hl.Func("last"), hl.Func("out")
    r = hl.RDom([(0, 3)], "r")
    total[x, y] = hl.u16(0)
    total[x, y] += hl.u16(photo[x + r.x, y]) * hl.u16(2 * r.x + 3)
    last[x, y] = hl.u8(9)
    last[x, y] = hl.select(r.x == 2, photo[x, y + r.x], last[x, y] + hl.u8(1))
    out[x, y] = total[x, y] + hl.u16(last[x, y])
    total.linebuffer()
    last.linebuffer()
    return _whole(out, [photo])


SMALL = {make.__name__: make for make in (weights, greatest, quotients, wide, stages, fixed, table, channels, steps)}
_KEPT = []  # inputs, which Halide does not keep alive


def compiled(name):
    """The accelerator's hardware."""
    out = SMALL[name]()
    _KEPT.append(out)
    return fluorite.compile(out).accelerators[0].generated
