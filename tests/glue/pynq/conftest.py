"""Applications and small designs as simulated hardware with their PYNQ modules."""

import importlib.util
import sys
from pathlib import Path

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.boards.read import load_board
from fluorite.frontend.pipeline_file import load_pipeline
from fluorite.glue.pynq import write_pynq
from fluorite.run.words import Words
from fluorite.systems.program.build import build_system

HERE = Path(__file__).parent
APPS = HERE.parents[2] / "apps"


def _load(path):
    """A module beside the tests, which are not a package."""
    key = f"fluorite_tests_pynq_{path.stem}"
    if key not in sys.modules:
        spec = importlib.util.spec_from_file_location(key, path)
        sys.modules[key] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[key])
    return sys.modules[key]


fake = _load(HERE / "fake_pynq.py")
designs = importlib.import_module("tests.glue.designs")
#: As other tests have them, so that they are compiled once.
PARAMS = {
    "harris": {"lanes": 1}, "demosaic": {"lanes": 2}, "blend": {"lanes": 1}, "gaussian": {"lanes": 1},
    "fanout": {"lanes": 1}, "jacobi": {"lanes": 1, "border": "each", "iterations": 2},
}  # fmt: skip


def pair():
    """Two outputs of different types, Params of three kinds, one dimension of which is never cut."""
    x, y = hl.vars("x y")
    source, func, out = hl.ImageParam(hl.Int(16), 2, "source"), hl.Func("pair"), hl.Func("out")
    offset, limit, flip = hl.Param(hl.Int(32), "offset"), hl.Param(hl.UInt(8), "out"), hl.Param(hl.Bool(), "flip")
    value = hl.i32(source[x, y]) + offset
    func[x, y] = hl.Tuple([hl.select(flip, -value, value), hl.u8(hl.min(hl.abs(source[x, y]), limit))])
    out[x, y] = func[x, y][0] + func[x, y][1]
    func.compute_root().set_estimate(x, 0, 24).set_estimate(y, 0, 16)
    func.accelerate([source], x, hl.Var.outermost())
    return out


class Built:
    """A design with one accelerator."""

    def __init__(self, name, folder):
        if name in PARAMS:
            params = {"tile": 0, "max_width": 200, "max_height": 100, **PARAMS[name]}
            if name == "fanout":
                del params["max_height"]
            loaded = load_pipeline(APPS / f"{name}.py", {k: str(v) for k, v in params.items()})
            self.design = fluorite.compile(loaded.pipeline, name=loaded.name)
        else:
            board = "zcu104" if name == "fixed" else None  # 128 bits of data, 40 of address
            self.design = fluorite.compile(
                pair() if name == "pair" else getattr(designs, name)(), board=board, name=name
            )
        (self.accelerator,) = self.design.accelerators
        self.generated = self.accelerator.generated
        self.files = write_pynq(self.design.hardware, self.design.board or load_board("pynq-z2"), folder)
        self.path = self.files[0]
        self.module_name = f"{self.generated.interface.module.removesuffix('_core')}_axi"
        self.model = build_system(self.design.hardware.cores[0].verilog, self.module_name)

    def open(self, pin="none", path=None, board=None, **memory):
        """The board (with options), the module (or one of another path), and the driver."""
        board = fake.Board(self.model.open(bytes=4 << 20, **memory), pin, **(board or {}))
        return board, *board.open(path or self.path, self.module_name)

    def images(self, extents, seed=0):
        """Random inputs for an output of these extents by argument: axes are rows, columns, channels."""
        random = np.random.default_rng(seed)
        found = []
        for source in self.generated.region.inputs:
            shape = self.generated.input(source.name).region([0] * len(extents), extents)[1][::-1]
            image = random.integers(0, min(2**source.type.bits, 2**16), shape).astype(str(source.type))
            found.append(np.ascontiguousarray(image.transpose(self._axes(source.name))))
        return found

    def golden(self, images, extents, mins=None):
        """Halide's answer."""
        names = [source.name for source in self.generated.region.inputs]
        given = {name: image.transpose(np.argsort(self._axes(name))) for name, image in zip(names, images, strict=True)}
        (result,) = self.accelerator.golden(given, mins or [0] * len(extents), extents)
        return result.transpose(self._axes(self.accelerator.name))

    def _axes(self, name):
        return Words(next(stream for stream in self.generated.streams if stream.source == name)).axes


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """Makes a design by name, once."""
    made = {}

    def get(name):
        if name not in made:
            made[name] = Built(name, tmp_path_factory.mktemp(name))
        return made[name]

    return get
