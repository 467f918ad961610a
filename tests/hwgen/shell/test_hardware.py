"""A core in its shell: Verilog and registers are made once, and what is written reads them."""

import re
from pathlib import Path

import halide as hl
import pytest

import fluorite
from fluorite.hwgen.shell import hardware
from fluorite.run import accelerator as run_accelerator

x, y = hl.vars("x y")


def doubled_design(kind, board=None):
    source, doubled = hl.ImageParam(hl.UInt(8), 2, "source"), hl.Func("doubled")
    held = hl.Func("held")
    held[x, y] = source[x, y]
    doubled[x, y] = held[x, y] + held[x, y + 1]
    doubled.bound(x, 0, 64).bound(y, 0, 8)
    doubled.accelerate([held], x, hl.Var.outermost())
    held.compute_root()
    return fluorite.compile(doubled, board=board, shell=kind)


@pytest.mark.parametrize("kind", ["axi", "axis"])
def test_the_core_is_made_once(kind, monkeypatch):
    made = []
    emit = run_accelerator.emit
    monkeypatch.setattr(run_accelerator, "emit", lambda generated: made.append(emit(generated)) or made[-1])
    design = doubled_design(kind)
    (core,) = design.hardware.cores
    assert core.verilog.endswith(design.verilog())
    assert design.hardware.cores[0].verilog is core.verilog
    assert len(made) == 1
    modules = re.findall(r"^module (\w+)", core.verilog, re.MULTILINE)
    assert len(set(modules)) == len(modules)
    assert modules.count("doubled_core") == 1
    assert len(re.findall(r"^  doubled_core core \($", core.verilog, re.MULTILINE)) == 1


@pytest.mark.parametrize("kind", ["axi", "axis"])
def test_registers_are_worked_out_once_for_all_that_is_written(kind, monkeypatch, tmp_path):
    made = []
    register_map = hardware.register_map
    monkeypatch.setattr(hardware, "register_map", lambda *core: made.append(register_map(*core)) or made[-1])
    design = doubled_design(kind, "pynq-z2")
    design.write(tmp_path, targets=())
    (accelerator,) = design.accelerators
    assert accelerator.in_shell(design.shell).registers is design.hardware.cores[0].registers
    assert len(made) == 1


def test_one_place_of_the_package_works_out_registers():
    package = Path(fluorite.__file__).parent
    calls = [path.name for path in package.rglob("*.py") if re.search(r"(?<!def )\bregister_map\(", path.read_text())]
    assert calls == ["hardware.py"]
