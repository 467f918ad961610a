"""Designs, and boards that are simulated pin by pin."""

from pathlib import Path

import halide as hl
import pytest

import fluorite
from fluorite.boards.read import load_board
from fluorite.frontend.pipeline_file import load_pipeline
from tests.boards.ecp5.simulated_board import SimulatedBoard

APPS = Path(__file__).parents[3] / "apps"


@pytest.fixture(scope="session")
def ulx3s():
    return load_board("ulx3s-85f")


@pytest.fixture(scope="session")
def load():
    """Loads an application, compiled for the board."""

    def load(name, **params):
        loaded = load_pipeline(APPS / f"{name}.py", {key: str(value) for key, value in params.items()})
        return loaded, fluorite.compile(loaded.pipeline, board="ulx3s-85f", name=loaded.name)

    return load


@pytest.fixture(scope="session")
def small():
    """Two inputs of different width and lag, two outputs of different width: any size up to 32 x 32."""
    x, y = hl.vars("x y")
    left, right = hl.ImageParam(hl.UInt(8), 2, "left"), hl.ImageParam(hl.UInt(16), 2, "right")
    pair, out = hl.Func("harness_pair"), hl.Func("out")
    value = hl.u16(left[x, y]) + right[x + 1, y + 2]
    pair[x, y] = hl.Tuple([value, value > hl.u16(left[x, y + 1]) * 256])
    out[x, y] = pair[x, y][0] + hl.u16(pair[x, y][1])
    pair.compute_root().set_estimate(x, 0, 32).set_estimate(y, 0, 32)
    pair.accelerate([left, right], x, hl.Var.outermost())
    return (left, right), out, fluorite.compile(out, board="ulx3s-85f")


@pytest.fixture
def simulated():
    """Makes simulated boards."""
    made = []

    def make(design, **options):
        made.append(SimulatedBoard(design, design.board, **options))
        return made[-1]

    yield make
    for board in made:
        board.close()
