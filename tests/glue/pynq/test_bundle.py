"""The wheel: built by pip and by the script, read back, installed, and its self-test run."""

import ast
import importlib.metadata
import json
import shutil
import subprocess
import sys
import zipfile

import halide as hl
import pytest

import fluorite
from fluorite.boards.read import load_board
from fluorite.frontend.region.identifiers import identifier
from fluorite.glue.pynq import write_pynq
from fluorite.glue.testbench import write_testbench


def run(*command, cwd=None):
    return subprocess.run([str(c) for c in command], text=True, capture_output=True, check=False, cwd=cwd, timeout=300)


@pytest.fixture(scope="module")
def written(built, tmp_path_factory):
    """A written design, with what stands for Vivado's results."""
    folder = tmp_path_factory.mktemp("written")
    design = built("harris").design
    write_pynq(design.hardware, load_board("pynq-z2"), folder)
    write_testbench(design.name, design.accelerators, design.loaded.parameters, folder / "testbench")
    output = folder / "vivado" / "output"
    output.mkdir(parents=True)
    (output / "harris.bit").write_bytes(b"bitstream")
    (output / "harris.hwh").write_text("<metadata of Vivado's/>")
    return folder


@pytest.fixture(scope="module")
def wheel(written, tmp_path_factory):
    """As pip builds it."""
    dist = tmp_path_factory.mktemp("dist")
    done = run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-index", "-w", dist, written / "pynq")
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = dist.iterdir()
    return made


def test_holds_everything(built, written, wheel):
    assert wheel.name.startswith("harris_overlay-1.0+")
    assert wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        bit, hwh = archive.read("harris_overlay/harris.bit"), archive.read("harris_overlay/harris.hwh")
        book = json.loads(archive.read("harris_overlay/notebooks/harris.ipynb"))
        frame = json.loads(archive.read("harris_overlay/selftest.json"))[built("harris").module_name]
        module = archive.read("harris_overlay/harris.py").decode()
    images = {f"harris_overlay/{file}" for file in frame["images"].values()}
    assert len(images) == 2
    assert names == images | {
        f"harris_overlay/{file}"
        for file in (
            "__init__.py", "__main__.py", "harris.py", "harris.bit", "harris.hwh", "selftest.json",
            "notebooks/__init__.py", "notebooks/harris.ipynb",
        )
    }  # fmt: skip
    assert (bit, hwh) == (b"bitstream", b"<metadata of Vivado's/>")
    assert module == (written / "pynq" / "harris.py").read_text()
    (first, *_) = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert "from harris_overlay import harris  # before the overlay" in "".join(first["source"])


def test_the_script_makes_the_same(written, wheel, tmp_path):
    done = run(sys.executable, written / "pynq" / "make_bundle.py", tmp_path)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / wheel.name}\n"), done.stderr
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


def test_installed_it_is_found_and_tests_itself(built, wheel, tmp_path):
    done = run(sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "-t", tmp_path, wheel)
    assert done.returncode == 0, done.stderr
    (found,) = importlib.metadata.distributions(path=[str(tmp_path)])
    points = {point.group: (point.name, point.value) for point in found.entry_points}
    assert points["pynq.overlays"] == ("harris", "harris_overlay")
    assert points["pynq.notebooks"] == ("harris", "harris_overlay.notebooks")
    assert found.metadata["Requires-Python"] == ">=3.8"
    package = tmp_path / "harris_overlay"
    design = built("harris")
    board, module, _ = design.open(path=package / "harris.py")
    (line,) = module.Overlay().self_test()
    assert board.downloads[-1] == str(package / "harris.bit")
    assert line.startswith(f"{design.module_name}: ")
    (package / "selftest.json").unlink()
    with pytest.raises(FileNotFoundError) as missing:
        module.Overlay().self_test()
    why = (
        f"{package / 'selftest.json'} is not there: the self-test is packed by make_bundle.py, where the design's "
        "folder testbench lies beside the folder pynq"
    )
    assert str(missing.value) == why
    # As a program it says so, and shows no traceback.
    (package / "harris.py").write_text(
        f"class Overlay:\n    def self_test(self):\n        raise FileNotFoundError({why!r})\n"
    )
    done = run(sys.executable, "-m", "harris_overlay", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"harris_overlay: {why}\n")


def test_metadata_of_ours_where_vivado_left_none(written, tmp_path):
    """And a bitstream that lies beside the module; no testbench was written, so that there is no self-test."""
    folder = tmp_path / "pynq"
    shutil.copytree(written / "pynq", folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "harris.bit").write_bytes(b"mine")
    done = run(sys.executable, folder / "make_bundle.py", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        0, f"make_bundle: packed without a self-test: there is no {tmp_path / 'testbench'}\n"
    )  # fmt: skip
    with zipfile.ZipFile(tmp_path / done.stdout.strip()) as archive:
        assert archive.read("harris_overlay/harris.bit") == b"mine"
        assert archive.read("harris_overlay/harris.hwh") == (folder / "harris.hwh").read_bytes()
        assert "harris_overlay/selftest.json" not in archive.namelist()


def test_the_script_is_python_3_8(written):
    """And needs nothing else."""
    text = (written / "pynq" / "make_bundle.py").read_text()
    tree = ast.parse(text, feature_version=(3, 8))
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {n.module if isinstance(n, ast.ImportFrom) else n.names[0].name for n in imports}
    assert names <= sys.stdlib_module_names
    lint = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--target-version", "py38", "-"]
    done = subprocess.run(lint, input=text, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_bitstream(written, tmp_path):
    folder = tmp_path / "pynq"
    shutil.copytree(written / "pynq", folder, ignore=shutil.ignore_patterns("__pycache__"))
    done = run(sys.executable, folder / "make_bundle.py", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        f"make_bundle: harris.bit is neither in {folder} nor in {tmp_path / 'vivado' / 'output'}: build it with "
        "make -C vivado\n"
    )


@pytest.mark.parametrize("name", ["3d", "Sharp__er", "numpy"])
def test_names_that_pip_minds(tmp_path, name):
    """What is made of the design's name is a distribution's, too; a module's may not be numpy's."""
    x, y = hl.vars("x y")
    source, func, out = hl.ImageParam(hl.UInt(8), 2, "source"), hl.Func("plus"), hl.Func("out")
    func[x, y] = source[x, y] + 1
    out[x, y] = func[x, y]
    func.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 48)
    func.accelerate([source], x, hl.Var.outermost())
    write_pynq(fluorite.compile(out, name=name).hardware, load_board("pynq-z2"), tmp_path)
    name = identifier(name)
    (tmp_path / "pynq" / f"{name}.bit").write_bytes(b"")
    done = run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-index", "-w", tmp_path, tmp_path / "pynq")
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        module = f"{name}_" if name == "numpy" else name
        assert f"{name}_overlay/{module}.py" in archive.namelist()
        assert f"from .{module} import Overlay\n" in archive.read(f"{name}_overlay/__init__.py").decode()
