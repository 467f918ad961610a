import re

import pytest

from fluorite.errors import SimulationError
from fluorite.sim.lint import lint


def module(statement):
    return f"module m (input wire [3:0] a, output wire [3:0] b);\n{statement}\nendmodule\n"


def test_clean():
    lint(module("assign b = ~a;"), "m")
    lint(module("m2 x (.a(a), .b(b));") + module("assign b = a;").replace("module m ", "module m2 "), "m")


def test_warnings_are_errors_and_all_are_listed():
    with pytest.raises(SimulationError) as caught:
        lint(module("wire c = a[0];\nassign b = {a, 1'b0};"), "m")
    lines = str(caught.value).splitlines()
    assert lines[0] == "module 'm' must pass Verilator's lint:"
    warnings = [line.partition(": ")[0] for line in lines if line.startswith("%")]
    assert warnings == ["%Warning-WIDTHTRUNC", "%Warning-UNUSEDSIGNAL"]
    assert not any("verilator lint_off" in line for line in lines)


def test_allowed_warnings():
    lint(module("wire c = a[0];\nassign b = a;"), "m", allow=["UNUSEDSIGNAL"])


def test_syntax_errors():
    with pytest.raises(SimulationError, match=r"^module 'm' must pass Verilator's lint: (.|\n)*core\.v:2:"):
        lint(module("assign b = ;"), "m")


def test_missing_top():
    with pytest.raises(SimulationError, match=re.escape("module 'n' must pass Verilator's lint: ")):
        lint(module("assign b = a;"), "n")
