"""Names that other languages use: whatever Halide takes compiles, is written, read by every tool, and runs."""

import json
import subprocess
from xml.etree import ElementTree

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.glue.sources import WARNINGS
from fluorite.sim.lint import UNAVOIDABLE, lint
from tests.nasty_names import NAMES

x, y = hl.vars("x y")
_CC = ("cc", *WARNINGS, "-Werror", "-fsyntax-only", "-I.", "-Iruntime", "-Ihalide")


def pipeline(funcs, images, params, variables, stages):
    """Accelerators called `funcs`, each with an equal part of the other names; a border around every image."""
    total, keep = hl.u8(0), []

    def mine(names):
        return names[number * len(names) // len(funcs) : (number + 1) * len(names) // len(funcs)]

    for number, name in enumerate(funcs):  # noqa: B007 - read by mine()
        inputs = [hl.ImageParam(hl.UInt(8), 2, image) for image in mine(images)]
        here = tuple(hl.Var(variable) for variable in [*mine(variables), "x", "y"][:2])
        value = hl.u8(here[0])
        for seed, image in enumerate(inputs):
            data = np.random.default_rng(seed).integers(0, 256, (12, 16), np.uint8)
            keep.append((data, hl.Buffer(data)))
            image.set(keep[-1][1])
            value += hl.BoundaryConditions.repeat_edge(image)[here]
        for bits, param in enumerate(mine(params)):
            param = hl.Param(hl.UInt(64 if bits % 2 else 8), param)
            param.set(bits * 2 + 1)
            value = value * 3 + hl.u8(param)
        for stage in mine(stages):
            func = hl.Func(stage)
            func[here] = value
            func.compute_root().linebuffer()
            value = func[here[0] - 1, here[1]] + func[here[0], here[1]] * 2
        hw = hl.Func(name)
        hw[here] = value
        hw.compute_root().set_estimate(here[0], 0, 40).set_estimate(here[1], 0, 30)
        hw.accelerate(inputs, here[0], hl.Var.outermost())
        total += hw[x, y]
    result = hl.Func("result")
    result[x, y] = total
    return result, keep


def without_dots(names):
    return [name for name in names if "." not in name]


def run(*command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stdout + done.stderr
    assert not done.stderr, done.stderr


def check_written(design, folder):
    """Read all that is written with the tools it is for."""
    design.write(folder, targets=())
    made = [a.identifier for a in design.accelerators]
    for name in made:
        lint((folder / f"{name}_core.v").read_text(), f"{name}_core", allow=UNAVOIDABLE)
        lint((folder / f"{name}_axi.v").read_text(), f"{name}_axi", allow=(*UNAVOIDABLE, "UNUSEDPARAM"))
        run(*_CC, f"{name}.c", folder=folder / "software")
        run("c++", "-x", "c++", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I.", "-Iruntime", "-Ihalide",
            f"{name}.h", f"{name}_axi_registers.h", folder=folder / "software")  # fmt: skip
    for file in folder.rglob("*.py"):
        compile(file.read_text(), str(file), "exec")
    for file in folder.rglob("*.ipynb"):
        for cell in json.loads(file.read_text())["cells"]:
            if cell["cell_type"] == "code":
                compile("".join(cell["source"]), str(file), "exec", flags=0x2000)  # await at the top
    for file in [*folder.rglob("*.xml"), *folder.rglob("*.hwh")]:
        ElementTree.parse(file)
    for file in folder.rglob("*.dtso"):
        run("dtc", "-@", "-q", "-I", "dts", "-O", "dtb", "-o", "/dev/null", file, folder=folder)
    tcl = 'set f [open design.tcl]; if {![info complete [read $f]]} {error "open brace"}; source design.tcl'
    run("sh", "-c", f"echo '{tcl}' | tclsh", folder=folder / "vivado")
    names = [str(path.relative_to(folder)).lower() for path in folder.rglob("*")]
    assert len(set(names)) == len(names)
    assert all(len(part) < 120 and part.isascii() for name in names for part in name.split("/"))


FEW = {
    "funcs": ["time", "a*/b"],
    "images": ["image", "launch", "é", "a\nb"],
    "params": ["edge", "table", "always", "final", "x.y", "class", "out", "a b", "1x", "x" * 300],
    "variables": ["é", "a b", "x.y", "int"],
    "stages": ["output", "image_last_x", "a_valid", 'a"""b\\', "x" * 299 + "y"],
}


@pytest.fixture(scope="module")
def few():
    output, keep = pipeline(**FEW)
    return fluorite.compile(output, board="pynq-z2"), output, keep


@pytest.mark.slow
def test_a_design_of_nasty_names_is_written(few, tmp_path):
    check_written(few[0], tmp_path / "out")


@pytest.mark.slow
def test_a_design_of_nasty_names_runs(few):
    design, output, _ = few
    np.testing.assert_array_equal(np.array(design.realize([16, 12])), np.array(output.realize([16, 12])))


def rotated(count, *parts):
    """Slices of all names, disjoint, turned by `count`."""
    names = without_dots([name for name in NAMES if name != "_"])
    names = names[count:] + names[:count]
    found = []
    for part in parts:
        found.append(names[:part])
        names = names[part:]
    return found


@pytest.mark.system
@pytest.mark.parametrize("turn", range(0, len(NAMES), 12))
def test_every_name_in_every_role_is_written(turn, tmp_path):
    funcs, images, params, variables, stages = rotated(turn, 4, 12, 24, 8, 12)
    output, keep = pipeline(funcs, images, params, variables, stages)
    check_written(fluorite.compile(output, board="zcu104"), tmp_path / "out")
    del keep
