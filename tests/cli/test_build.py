"""``fluorite build``: what it prints and refuses. What is built: tests/boards/ecp5/test_build.py."""

import json
from pathlib import Path

import pytest

from fluorite.boards.ecp5.build import BuildResult
from fluorite.boards.ecp5.modules import Module
from fluorite.cli import build as cli_build
from fluorite.cli import main

SOBEL = str(Path(__file__).parents[2] / "apps" / "sobel.py")


@pytest.fixture
def builder(monkeypatch):
    """Stands in for the minute that building takes; the folders asked for."""
    folders = []

    def build_design(hardware, board, folder, *, progress):
        folders.append(folder)
        progress("packing")
        assert (hardware.name, board.name) == ("sobel", "ulx3s-85f")
        cells = {"TRELLIS_COMB": 1500, "TRELLIS_FF": 900}
        free = {"TRELLIS_COMB": 83640, "TRELLIS_FF": 83640, "DP16KD": 208, "MULT18X18D": 156}
        path = (("clk-to-q of a.Q", 0.5), ("routing", 8.0))
        return BuildResult(
            "top", 117.6, 100, cells, free, (Module("datapath", cells),), path, 1, (Path("out/top.bit"),)
        )

    monkeypatch.setattr(cli_build, "build_design", build_design)
    return folders


def test_text(builder, capsys):
    assert main(["build", SOBEL, "--board", "ulx3s-85f"]) == 0
    printed, errors = capsys.readouterr()
    assert printed == (
        """\
top: 117.6 MHz reached, 100 MHz wanted
  LUT4           1500 of 83640 (1.8%)
  flip-flops      900 of 83640 (1.1%)
  block RAM         0 of 208 (0.0%)
  multipliers       0 of 156 (0.0%)
                                  LUT4  flip-flops   block RAM multipliers
  datapath                        1500         900           0           0
wrote out/top.bit
"""
    )
    assert errors == "sobel: packing ...\n"
    assert builder == [Path("build/sobel")]


def test_json(builder, capsys, tmp_path):
    assert main(["build", SOBEL, "--board", "ulx3s-85f", "-o", str(tmp_path), "--json"]) == 0
    printed, errors = capsys.readouterr()
    found = json.loads(printed)
    assert found["clock_mhz"] == {"reached": 117.6, "wanted": 100}
    assert found["cells"]["TRELLIS_FF"] == {"used": 900, "available": 83640}
    assert found["files"] == ["out/top.bit"] and found["params"]["lanes"] == 1
    assert errors == "" and builder == [tmp_path]


@pytest.mark.parametrize(
    ("board", "message"),
    [
        ([], "build needs a board: --board ulx3s-85f"),
        (
            ["--board", "pynq-z2"],
            "pynq-z2 is not for the open flow, which needs an ECP5 with [pins] in its file: take a board such as "
            "ulx3s-85f",
        ),
    ],
)
def test_refusals(capsys, tmp_path, board, message):
    assert main(["build", SOBEL, *board, "-o", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"fluorite: error: {message}"
    assert not (tmp_path / "out").exists()
