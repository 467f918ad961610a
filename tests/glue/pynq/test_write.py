"""What is written for PYNQ: a module that old Pythons read, a notebook that runs, refusals."""

import ast
import asyncio
import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.boards.read import load_board
from fluorite.errors import UsageError
from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.evaluate import evaluate
from fluorite.frontend.region.identifiers import identifier
from fluorite.glue.pynq import write_pynq
from fluorite.glue.python_code import HELPERS, python_formula, python_function
from fluorite.hwgen.formula import ceil_div, constant, floor_div, maximum, minimum, modulo, variable


@pytest.mark.parametrize("name", ["harris", "jacobi", "blend", "pair", "blocks", "fixed"])
def test_modules_are_python_3_8(built, name):
    """Undefined names, unused imports, and syntax that PYNQ's oldest Python lacks."""
    path = built(name).path
    lint = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--target-version", "py38"]
    found = subprocess.run(
        [*lint, "--line-length", "140", "--select", "E,F,W,I", str(path)], text=True, capture_output=True, check=False
    )
    assert found.returncode == 0, found.stdout
    ast.parse(path.read_text(), feature_version=(3, 8))
    imports = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).partition(".")[0]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.Import, ast.ImportFrom))
    }
    assert imports - sys.stdlib_module_names == {"numpy", "pynq"}


def test_files(built, tmp_path):
    design = built("blend")
    names = ["blend.py", "blend.hwh", "blend.ipynb", "README.md", "make_bundle.py", "pyproject.toml"]
    assert [path.name for path in design.files] == names
    assert {path.parent.name for path in design.files} == {"pynq"}
    again = write_pynq(design.design.hardware, load_board("pynq-z2"), tmp_path)
    assert [path.read_text() for path in again] == [path.read_text() for path in design.files]
    readme = design.files[3].read_text()
    *inputs, output = (stream.name for stream in design.generated.interface.streams)  # Halide may have numbered them
    assert f"    result = overlay.{design.module_name}({', '.join(inputs)})\n" in readme
    assert f"    Input {inputs[0]}[y, x, channel] of uint8.\n" in readme
    assert f"    Output {output}[y, x, c] of uint8.\n" in readme
    assert "    A launch computes at most 200 x 100 pixels.\n" in readme
    assert ElementTree.parse(design.files[1]).getroot().tag == "EDKSYSTEM"


def test_notebook_runs(built):
    """Every cell, in order, on the simulated hardware."""
    design = built("pair")
    book = json.loads(next(path for path in design.files if path.suffix == ".ipynb").read_text())
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in book["cells"]}) == len(book["cells"])
    board, module, _ = design.open()
    space = {"__name__": "__main__"}
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

    async def notebook():
        for cell in book["cells"]:
            text = "".join(cell["source"])
            if cell["cell_type"] == "code":
                assert (cell["outputs"], cell["execution_count"]) == ([], None)
                for statement in ast.parse(text).body:
                    done = eval(compile(ast.Module([statement], []), "cell", "exec", flags=flags), space)
                    if done is not None:
                        await done

    with board.installed():
        sys.modules["pair"] = module
        try:
            asyncio.run(notebook())
        finally:
            del sys.modules["pair"]
    first, second = space["result"]
    source = space[design.generated.interface.inputs[0].name]
    assert source.shape == first.shape == (16, 24)
    np.testing.assert_array_equal(first, -(source.astype(np.int32) + 1))  # every Param is 1
    np.testing.assert_array_equal(second, np.minimum(source, 1))


def test_several_accelerators_in_one_module(tmp_path):
    x, y = hl.vars("x y")
    source, first, second, out = (
        hl.ImageParam(hl.UInt(8), 2, "source"),
        hl.Func("first"),
        hl.Func("second"),
        hl.Func("out"),
    )
    first[x, y] = source[x, y] + 1
    second[x, y] = first[x, y] * 3
    out[x, y] = second[x, y]
    for func, given in ((first, source), (second, first)):
        func.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 48)
        func.accelerate([given], x, hl.Var.outermost())
    design = fluorite.compile(out, name="both")
    path, *_ = write_pynq(design.hardware, load_board("zcu104"), tmp_path)
    text = path.read_text()
    assert text.count("class Accelerator(Hardware):") == 1
    for number, accelerator in enumerate(design.accelerators):
        core = f"fluorite:accelerators:{identifier(accelerator.name)}_axi:1.0"
        assert f'    bindto = ["{core}"]\n    FUNC = "{accelerator.name}"\n' in text
        assert f"    INTERRUPT = {121 + number}\n" in text


def plus(name, **options):
    x, y = hl.vars("x y")
    source, func = hl.ImageParam(hl.UInt(8), 2, "source"), hl.Func("plus")
    out = hl.Func("out")
    func[x, y] = source[x, y] + 1
    out[x, y] = func[x, y]
    func.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 48)
    func.accelerate([source], x, hl.Var.outermost())
    return fluorite.compile(out, name=name, **options)


@pytest.mark.parametrize("name", ["numpy", "asyncio", "lambda"])
def test_modules_shadow_none_of_pythons(tmp_path, name):
    files = {path.name: path.read_text() for path in write_pynq(plus(name).hardware, load_board("pynq-z2"), tmp_path)}
    others = {"README.md", "make_bundle.py", "pyproject.toml"}
    assert set(files) == {f"{name}_.py", f"{name}.hwh", f"{name}.ipynb", *others}
    for file in (f"{name}_.py", f"{name}.ipynb", "README.md"):
        assert f"import {name}_ " in files[file]
        assert f"{name}.bit" in files[file]


def test_refusals(tmp_path):
    with pytest.raises(UsageError) as refused:
        write_pynq(plus("plus", shell="axis").hardware, load_board("pynq-z2"), tmp_path)
    assert str(refused.value) == "plus: PYNQ drives memory masters: compile it with shell axi"
    with pytest.raises(UsageError, match="has no processor"):
        write_pynq(plus("plus").hardware, load_board("ulx3s-85f"), tmp_path)
    assert not list(tmp_path.iterdir())


# --- formulas and index functions -------------------------------------------------------------------------------------


def test_formulas_are_evaluated_as_in_the_simulator():
    a, b = variable("a"), variable("b")
    ranges = {"a": (0, 11), "b": (0, 8)}
    formulas = [
        constant(-3), a, a + b - 7, (a + 1) * (b + 2), maximum([a, b + 2, constant(5)], {}), ceil_div(a + b, 3),
        modulo(a * 5, b + 3, ranges), ceil_div(a * b, 4) * 2 + 1, maximum([a, b], {}) * ceil_div(b + 9, 2) - 4,
        modulo(a + b + 11, maximum([b, constant(4)], {}), ranges) * 3, floor_div(a - b * 2, 3) * 2,
        minimum([a, b], {}) + 1, minimum([a * 2, floor_div(b - 3, 2), constant(4)], {}) * (a + 1),
    ]  # fmt: skip
    for formula in formulas:
        text = python_formula(formula, {"a": "left", "b": "right"})
        for left in range(12):
            for right in range(9):
                assert eval(text, {"left": left, "right": right}) == formula.evaluate({"a": left, "b": right}), text


def test_index_functions_are_evaluated_as_in_the_simulator():
    """Every operation that an index may be made of, at positions of either sign and divisors of any."""
    int32, boolean = ir.Type(ir.TypeCode.INT, 32), ir.Type(ir.TypeCode.UINT, 1)
    p, n = ir.Variable("p", int32), ir.Variable("n", int32)
    three = ir.Imm(int32, 3)

    def binary(op, a, b):
        kind = boolean if op in _COMPARES else int32
        return ir.Binary(op, a, b, kind)

    exprs = [binary(op, a, b) for op in ir.BinaryOp for a, b in ((p, n), (p, three), (n, p)) if op not in _LOGICAL]
    tests = [binary(op, p, n) for op in sorted(_COMPARES - _LOGICAL)]
    exprs += [binary(op, tests[0], tests[1]) for op in _LOGICAL]
    exprs += [ir.Select(tests[0], p, three, int32), ir.Not(tests[2], boolean), ir.Cast(int32, tests[0])]
    total = ir.Binary(ir.BinaryOp.ADD, ir.Cast(int32, tests[0]), ir.Cast(int32, tests[1]), int32)
    exprs += [total, ir.Binary(ir.BinaryOp.MUL, total, total, int32)]
    positions = np.arange(-9, 10)
    for expr in exprs:
        space = {"np": np}
        exec(HELPERS + "\n".join(python_function("def found(p, v):", expr, {"p": "p", "n": 'v["n"]'})), space)
        for value in (-4, -1, 0, 1, 5):
            expected = np.broadcast_to(evaluate(expr, {"p": positions, "n": value}), positions.shape)
            found = np.broadcast_to(space["found"](positions, {"n": value}), positions.shape)
            np.testing.assert_array_equal(found, expected, str(expr))


_LOGICAL = {ir.BinaryOp.AND, ir.BinaryOp.OR}
_COMPARES = _LOGICAL | {
    ir.BinaryOp.EQ, ir.BinaryOp.NE, ir.BinaryOp.LT, ir.BinaryOp.LE, ir.BinaryOp.GT, ir.BinaryOp.GE,
}  # fmt: skip
