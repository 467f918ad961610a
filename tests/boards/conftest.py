"""A small accelerator for the tests of boards."""

import halide as hl
import pytest

import fluorite


@pytest.fixture(scope="session")
def make_blur():
    """Makes a design: two inputs, a window of 3 x 2 on one of them."""

    def make(board=None):
        x, y = hl.vars("x y")
        source, mask = hl.ImageParam(hl.UInt(8), 2, "source"), hl.ImageParam(hl.UInt(8), 2, "mask")
        blur, out = hl.Func("blur"), hl.Func("out")
        blur[x, y] = (source[x, y] + source[x + 2, y + 1]) & mask[x, y]
        out[x, y] = blur[x, y]
        blur.compute_root().set_estimate(x, 0, 640).set_estimate(y, 0, 480)
        blur.accelerate([source, mask], x, hl.Var.outermost())
        return fluorite.compile(out, board=board)

    return make


@pytest.fixture(scope="session")
def blur(make_blur):
    """It, for no board."""
    return make_blur()
