"""Designs written for Vivado, and the model of Vivado that runs them."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import halide as hl
import pytest

import fluorite
from fluorite.boards import load_board
from fluorite.boards.vivado import write_vivado

STUB = Path(__file__).parent / "stub" / "main.tcl"


@dataclass
class Ran:
    """A run of the scripts in the model."""

    code: int
    output: str
    error: str
    design: dict | None


@pytest.fixture(scope="session")
def vivado():
    """Runs ``build.tcl`` of a folder in the model; with keyword arguments as environment."""
    assert shutil.which("tclsh"), "these tests need tclsh: run `make tools`, or apt-get install tcl"

    def run(folder, *arguments, **environment):
        dump = folder / "design.json"
        dump.unlink(missing_ok=True)
        command = ["tclsh", str(STUB), str(dump), "build.tcl", *arguments]
        done = subprocess.run(
            command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=60
        )
        design = json.loads(dump.read_text()) if dump.exists() else None
        return Ran(done.returncode, done.stdout, done.stderr, design)

    return run


@pytest.fixture(scope="session")
def compiled():
    """A design of two accelerators by board, compiled once; five masters on four ports."""
    kept = {}

    def make(board):
        if board not in kept:
            x, y = hl.vars("x y")
            left, right = (hl.ImageParam(hl.UInt(8), 2, name) for name in ("left", "right"))
            blend, middle, edges, out = (hl.Func(f"vivado_{n}") for n in ("blend", "middle", "edges", "out"))
            blend[x, y] = hl.u8((hl.u16(left[x, y]) + right[x, y] + 1) / 2)
            middle[x, y] = blend[x, y] ^ 1
            edges[x, y] = hl.absd(middle[x, y], middle[x + 1, y + 1])
            out[x, y] = edges[x, y]
            middle.compute_root()
            for func, inputs in ((blend, [left, right]), (edges, [middle])):
                func.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 64)
                func.accelerate(inputs, x, hl.Var.outermost())
            kept[board] = fluorite.compile(out, board=load_board(board), name="vivado_two")
        return kept[board]

    return make


@pytest.fixture(scope="session")
def written(compiled, tmp_path_factory):
    """The folder ``vivado/`` of that design for a board. Not to be changed."""
    kept = {}

    def make(board):
        if board not in kept:
            kept[board] = tmp_path_factory.mktemp(board) / "vivado"
            write_vivado(compiled(board).hardware, load_board(board), kept[board])
        return kept[board]

    return make


@pytest.fixture
def copy(written, tmp_path):
    """A copy of it that may be changed."""

    def make(board):
        return shutil.copytree(written(board), tmp_path / board)

    return make


@pytest.fixture
def refused():
    """Seeds an error in a file of a folder: the model refuses it, by the message that is given."""

    def check(folder, vivado, path, old, new, message):
        text = (folder / path).read_text()
        assert old in text, "the seeded error has nothing to change"
        (folder / path).write_text(text.replace(old, new, 1))
        result = vivado(folder)
        assert result.code == 1
        if message.endswith(("no file", "copying")):  # a path follows
            assert result.error.startswith(message)
        else:
            assert result.error == message + "\n"
        assert result.design is None

    return check
