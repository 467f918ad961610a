"""Pipelines to build shells around."""

import halide as hl
import pytest

import fluorite

x, y = hl.vars("x y")


@pytest.fixture(scope="session")
def blur():
    """A 3x3 box blur of any size up to 64 x 64."""
    source, blurred, out = hl.ImageParam(hl.UInt(8), 2, "source"), hl.Func("shell_blur"), hl.Func("out")
    total = sum((hl.u16(source[x + i, y + j]) for i in (-1, 0, 1) for j in (-1, 0, 1)), hl.u16(0))
    blurred[x, y] = hl.u8(total / 9)
    out[x, y] = blurred[x, y]
    blurred.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 64)
    blurred.accelerate([source], x, hl.Var.outermost())
    return fluorite.compile(out).accelerators[0].generated
