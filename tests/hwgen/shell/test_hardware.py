"""A core in its shell: the core's Verilog is made once, and is the same there."""

import re

import halide as hl
import pytest

import fluorite
from fluorite.run import accelerator as run_accelerator

x, y = hl.vars("x y")


@pytest.mark.parametrize("kind", ["axi", "axis"])
def test_the_core_is_made_once(kind, monkeypatch):
    made = []
    emit = run_accelerator.emit
    monkeypatch.setattr(run_accelerator, "emit", lambda generated: made.append(emit(generated)) or made[-1])
    source, doubled = hl.ImageParam(hl.UInt(8), 2, "source"), hl.Func("doubled")
    held = hl.Func("held")
    held[x, y] = source[x, y]
    doubled[x, y] = held[x, y] + held[x, y + 1]
    doubled.bound(x, 0, 64).bound(y, 0, 8)
    doubled.accelerate([held], x, hl.Var.outermost())
    held.compute_root()
    design = fluorite.compile(doubled, shell=kind)
    (core,) = design.hardware.cores
    assert core.verilog.endswith(design.verilog())
    assert design.hardware.cores[0].verilog is core.verilog
    assert len(made) == 1
    modules = re.findall(r"^module (\w+)", core.verilog, re.MULTILINE)
    assert len(set(modules)) == len(modules)
    assert modules.count("doubled_core") == 1
    assert len(re.findall(r"^  doubled_core core \($", core.verilog, re.MULTILINE)) == 1
