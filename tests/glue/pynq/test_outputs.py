"""A PYNQ class of an accelerator that gives two Funcs, on the Verilated hardware: launches from anywhere."""

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.boards.read import load_board
from fluorite.glue.pynq import write_pynq
from fluorite.systems.program.build import build_system
from tests.glue.pynq.fake_pynq import Board

x, y = hl.vars("x y")


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    """A picture and its half, of which a launch gives 24 x 10 pixels and 12 x 5."""
    source, picture, half = hl.ImageParam(hl.UInt(8), 2, "source"), hl.Func("picture"), hl.Func("half")
    picture[x, y] = 255 - source[x, y]
    half[x, y] = hl.u8((hl.u16(picture[2 * x, 2 * y]) + picture[2 * x + 1, 2 * y + 1]) / 2)
    picture.set_estimate(x, 0, 24).set_estimate(y, 0, 10)
    picture.accelerate([source], x, hl.Var.outermost(), outputs=[half])
    design = fluorite.compile(hl.Pipeline([picture, half]))
    folder = tmp_path_factory.mktemp("picture")
    path = write_pynq(design.hardware, load_board("pynq-z2"), folder)[0]
    board = Board(build_system(design.hardware.cores[0].verilog, "picture_axi").open(bytes=1 << 20, stalls=0.1))
    return design.accelerators[0], board, board.open(path, "picture_axi")[1]


@pytest.mark.parametrize("mins", [(0, 0), (1, -3)])
@pytest.mark.parametrize("extents", [(24, 10), (1, 1), (61, 23)])
def test_both_outputs_are_exact(picture, mins, extents):
    accelerator, _, driver = picture
    _, taken = accelerator.generated.input("source").region(mins, extents)
    image = np.random.default_rng(3).integers(0, 256, taken[::-1]).astype(np.uint8)
    expected = accelerator.golden({"source": image}, mins, extents)
    out = tuple(np.zeros_like(array) for array in expected)
    given = driver(image, out=out, origin=dict(zip("xy", mins, strict=True)))
    assert all(one is other for one, other in zip(given, out, strict=True))
    for array, wanted in zip(out, expected, strict=True):
        np.testing.assert_array_equal(array, wanted)


def test_what_is_said_and_refused(picture):
    _, _, driver = picture
    text = type(driver).__doc__
    assert (
        "    Output half[y, x] of uint8; of it comes\n        x from min_x // 2 to (min_x + extent_x - 1) // 2\n"
        in text
    )
    assert [array.shape for array in driver.allocate_output(10, 23)] == [(10, 23), (5, 12)]
    images = np.zeros((10, 24), np.uint8), (np.zeros((10, 24), np.uint8), np.zeros((5, 11), np.uint8))
    with pytest.raises(ValueError, match=r"^picture: out must have shape \(5, 12\), not \(5, 11\)$"):
        driver(images[0], out=images[1])
