"""The testbench of a design: it runs as it lies there, passes on every application, and fails when it must."""

import re
import shutil
import textwrap

import numpy as np
import pytest

import fluorite
from fluorite.frontend.region.identifiers import identifier
from fluorite.hwgen.shell.config import ShellConfig
from tests.glue.testbenches import APPS, AXI, AXIS, DESIGNS, ROOT, compiled, design, passed, run, write
from tests.rate_applications import by_turns

# --- it passes --------------------------------------------------------------------------------------------------------

TESTS = {"axi": 5, "axis": 6}  # how many there are
BOTH = ("sobel",)  # with video ports too; the others in the sweep
HERE = ("sobel", "nv12")  # the other applications in the sweep


@pytest.mark.slow
@pytest.mark.parametrize("app", [app if app in HERE else pytest.param(app, marks=pytest.mark.system) for app in APPS])
def test_every_application_passes(app, tmp_path):
    configs = (AXI, AXIS) if app in BOTH else (AXI,)
    folder = write(compiled(app), tmp_path, *configs)
    tests = sum(TESTS[config.kind] for config in configs) * len(compiled(app).accelerators)
    if app == "gaussian":
        tests += add_examples(folder, identifier(compiled(app).accelerators[0].name))
    code, printed = run(folder)
    assert code == 0 and printed.endswith("all tests passed\n"), printed
    assert passed(printed) == tests


@pytest.mark.system
@pytest.mark.parametrize("case", by_turns(0), ids=str)
def test_rates_in_any_number_of_lanes(case, tmp_path):
    design = fluorite.compile(case.load().pipeline, name=case.app)
    folder = write(design, tmp_path, AXI)
    for stalls, seed in ((0, 4), (0.5, 5)):
        code, printed = run(folder, "--stalls", str(stalls), "--seed", str(seed))
        assert code == 0 and passed(printed) == TESTS["axi"] * len(design.accelerators), printed


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


@pytest.mark.system
@pytest.mark.parametrize("name", ["volume", "blocks"])
def test_params_blocks_planes_and_tuples(name, tmp_path):
    code, printed = run(write(design(name), tmp_path, AXI))
    assert code == 0, printed
    assert passed(printed) == TESTS["axi"]


@pytest.mark.system
@pytest.mark.parametrize("data_bits", [32, 64, 128])
@pytest.mark.parametrize("app", APPS)
def test_every_width_stall_and_seed(app, data_bits, tmp_path):
    configs = (ShellConfig(data_bits=data_bits), *((AXIS,) if data_bits == 64 else ()))
    folder = write(compiled(app), tmp_path, *configs)
    for stalls, seed in ((0, 1), (0.3, 2), (0.8, 3)):
        code, printed = run(folder, "--stalls", str(stalls), "--seed", str(seed))
        assert code == 0, printed
        tests = sum(TESTS[config.kind] for config in configs)
        assert passed(printed) == tests * len(compiled(app).accelerators)


@pytest.mark.system
@pytest.mark.parametrize("name", DESIGNS)
def test_other_designs_in_other_shells(name, tmp_path):
    folder = write(design(name), tmp_path, ShellConfig(data_bits=32, address_bits=40, queue_depth=2), AXIS)
    for stalls in (0, 0.6):
        code, printed = run(folder, "--stalls", str(stalls))
        assert code == 0, printed
        assert passed(printed) == sum(TESTS.values())


def test_another_simulator_without_undefined_bits(sobel, edges, tmp_path):
    """Icarus Verilog, whose registers are undefined until they are reset or written."""
    assert shutil.which("iverilog"), "not found: iverilog; run `make tools`"
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
    """The accelerated Func's name, as an identifier."""
    return identifier(compiled("sobel").accelerators[0].name)


def halved(text, edges):
    """A coefficient of 2 becomes 1."""
    return re.sub(r"\{ (\w+), 1'h0 \}", r"{ 1'h0, \1 }", text)


def strides(text, edges):
    one, other = (f"row_stride({name}_block_stride_0)" for name in ("f_input", edges))
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
