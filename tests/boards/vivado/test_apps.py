"""Every application through the scripts, written as a user writes it."""

from pathlib import Path

import pytest

import fluorite
from fluorite.boards import load_board
from fluorite.boards.vivado import write_vivado
from fluorite.frontend.pipeline_file import load_pipeline

APPS = sorted(p for p in (Path(__file__).parents[3] / "apps").glob("*.py") if "Generator" in p.read_text())


@pytest.mark.system
@pytest.mark.parametrize("board", ["pynq-z2", "kv260"])
@pytest.mark.parametrize("path", APPS, ids=[path.stem for path in APPS])
def test_application(path, board, tmp_path, vivado):
    loaded = load_pipeline(path)
    design = fluorite.compile(loaded.pipeline, name=loaded.name, board=board)
    write_vivado(design.hardware, load_board(board), tmp_path)
    result = vivado(tmp_path)
    assert result.code == 0, result.error
    cells = set(result.design["cells"])
    assert {name for name in cells if name.endswith("_axi")} >= {path.name for path in (tmp_path / "ip").iterdir()}
    assert len(design.accelerators) == len(list((tmp_path / "ip").iterdir()))
    assert sorted(path.suffix for path in (tmp_path / "output").iterdir()) == [".bin", ".bit", ".hwh", ".xsa"]
