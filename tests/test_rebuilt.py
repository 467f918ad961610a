"""The same pipeline built again in one process: what is written is the same, byte for byte."""

from pathlib import Path

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.frontend.halide_io import load
from fluorite.frontend.pipeline_file import load_pipeline

APPS = Path(__file__).parents[1] / "apps"
GAMMA = np.arange(256, dtype=np.uint8)[::-1].copy()  # an hl.Buffer keeps no array alive
x, y, xi, yi, xo, yo = hl.vars("x y xi yi xo yo")


def app(name):
    return lambda: load_pipeline(APPS / f"{name}.py").pipeline


class Mixed:
    """Two inputs, one of them a Func, Params, a Tuple, a table without a name, and Funcs of equal names."""

    def __init__(self):
        left, right = hl.ImageParam(hl.UInt(8), 2, "left"), hl.ImageParam(hl.UInt(8), 2, "right")
        gain, offset = hl.Param(hl.UInt(8), "gain"), hl.Param(hl.UInt(8), "offset")
        gamma = hl.Buffer(GAMMA)
        padded, blur, wide, both, mixed = (hl.Func(n) for n in ("padded", "blur", "blur", "both", "mixed"))
        bare, result = hl.Func(), hl.Func("result")
        r = hl.RDom([(-1, 3)])
        padded[x, y] = hl.BoundaryConditions.repeat_edge(left)[x, y]
        bare[x, y] = hl.u16(padded[x, y]) * gain
        blur[x, y] = hl.u16(0)
        blur[x, y] += bare[x + r, y]
        wide[x, y] = blur[x, y - 1] + blur[x, y + 1]
        both[x, y] = (wide[x, y], gamma[hl.i32(right[x, y])] + offset)
        mixed[x, y] = (both[x, y][0] + bare[x, y], both[x, y][1])
        result[x, y] = mixed[x, y][0] + mixed[x, y][1] + hl.u16(left.width())
        result.tile(x, y, xo, yo, xi, yi, 32, 16, hl.TailStrategy.GuardWithIf).parallel(yo)
        padded.compute_at(result, xo)
        mixed.compute_at(result, xo).tile(x, y, xo, yo, xi, yi, 32, 16, hl.TailStrategy.GuardWithIf)
        blur.update().unroll(r)
        blur.linebuffer()
        wide.linebuffer()
        self.accelerated, self.inputs = mixed.accelerate([padded, right], xi, xo), (left, right)
        self.padded, self.result, self.gain, self.offset = padded, result, gain, offset


def written(pipeline, folder, board):
    design = fluorite.compile(pipeline, board=board)
    design.write(folder)
    return design, {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("build", "board"),
    [
        pytest.param(app("sobel"), "pynq-z2", id="sobel-pynq-z2"),
        pytest.param(app("harris"), "zcu104", id="harris-zcu104", marks=pytest.mark.system),
        pytest.param(app("demosaic"), "kv260", id="demosaic-kv260", marks=pytest.mark.system),
        pytest.param(lambda: Mixed().result, "pynq-z2", id="mixed-pynq-z2"),
    ],
)
def test_a_pipeline_built_again(build, board, tmp_path):
    """Halide's names differ from the first time. Nothing else does: no file, no name of one, no byte."""
    built = [build() for _ in range(2)]
    assert set(load(built[0]).pipeline.funcs) != set(load(built[1]).pipeline.funcs)
    (first, files), (second, again) = (written(p, tmp_path / str(i), board) for i, p in enumerate(built))
    assert files.keys() == again.keys()
    assert [name for name in sorted(files) if files[name] != again[name]] == []
    assert {"vivado", "linux", "pynq", "testbench", "software"} <= {name.split("/")[0] for name in files}
    assert any(name.endswith(".a") for name in files)
    assert (first.name, [a.name for a in first.accelerators]) == (second.name, [a.name for a in second.accelerators])
    for name, data in again.items():
        assert str(tmp_path).encode() not in data, f"{name} says where it was written"


def test_halide_names_are_taken_too():
    """Of a pipeline built again: accelerators and inputs by the names that Halide gave, or by the plain ones."""
    Mixed()
    mixed = Mixed()
    design = fluorite.compile(mixed.result)
    accelerator = design.accelerator("mixed")
    assert mixed.accelerated.name() != "mixed"
    assert design.accelerator(mixed.accelerated.name()) is accelerator
    assert design.verilog(mixed.accelerated.name()) == design.verilog("mixed")
    rng = np.random.default_rng(5)
    padded, right = (rng.integers(0, 256, shape, np.uint8) for shape in ((6, 10), (4, 8)))
    mixed.gain.set(3)
    mixed.offset.set(9)
    plain = accelerator.golden({"padded": padded, "right": right}, [0, 0], [8, 4])
    given = accelerator.golden({mixed.padded.name(): padded, "right": right}, [0, 0], [8, 4])
    np.testing.assert_array_equal(plain, given)


def test_a_pipeline_built_again_runs():
    """The software part still reads the user's own Params and images."""
    Mixed()
    mixed = Mixed()
    design = fluorite.compile(mixed.result)
    rng = np.random.default_rng(6)
    arrays = [rng.integers(0, 256, (32, 64), np.uint8) for _ in mixed.inputs]  # an hl.Buffer keeps none alive
    for image, array in zip(mixed.inputs, arrays, strict=True):
        image.set(hl.Buffer(array))
    for gain, offset in ((3, 9), (200, 1)):
        mixed.gain.set(gain)
        mixed.offset.set(offset)
        np.testing.assert_array_equal(np.array(design.realize([45, 21])), np.array(mixed.result.realize([45, 21])))
