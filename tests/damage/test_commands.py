"""Damaged command lines and folders end in the documented exit codes; what cannot be written leaves what was there."""

import os
import random
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from fluorite import design
from fluorite.cli import build as cli_build
from fluorite.host.files import folder_in_place
from fluorite.hwgen.shell import hardware
from tests.damage.command_lines import damaged_command, make_folder


@pytest.fixture
def quick(monkeypatch):
    """What takes seconds a call, and has tests of its own, writes a file in no time."""

    def written(part, at):
        def write(*arguments, **_):
            folder = arguments[at] / part if part == "linux" or part == "pynq" else arguments[at]
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "file").write_text(part)
            return [folder / "file"]

        return write

    monkeypatch.setattr(design, "write_testbench", written("testbench", 3))
    monkeypatch.setattr(design, "write_vivado", written("vivado", 2))
    monkeypatch.setattr(design, "write_linux", written("linux", 2))
    monkeypatch.setattr(design, "write_pynq", written("pynq", 2))
    software = design.write_software

    def write_software(hardware, pipeline, folder, targets):
        return software(hardware, pipeline, folder, [name for name in targets if "arm" not in name])

    monkeypatch.setattr(design, "write_software", write_software)
    monkeypatch.setattr(hardware, "shell_verilog", lambda *_: "// a shell\n")

    def build_design(hardware, board, folder, progress):
        with folder_in_place(folder) as work:
            (work / "top.bit").write_text("bits")
        files = (folder / "top.bit",)
        return SimpleNamespace(files=files, to_json=dict, to_text=lambda: "built")

    monkeypatch.setattr(cli_build, "build_design", build_design)


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """Makes the folder that commands meet anew, and works in it."""
    template = tmp_path / "template"
    template.mkdir()
    make_folder(template)

    def fresh():
        folder = tmp_path / "folder"
        monkeypatch.chdir(tmp_path)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        make_folder(folder)
        monkeypatch.chdir(folder)
        return folder

    return fresh


def state(folder):
    """Every path in it, and the contents of files."""
    found = {}
    for root, folders, files in os.walk(folder):
        if "__pycache__" in folders:  # Python's own
            folders.remove("__pycache__")
        for name in (*folders, *files):
            path = Path(root, name)
            found[str(path)] = path.read_bytes() if path.is_file() and not path.is_symlink() else "no file"
    return found


def sweep(command, pipelines, fresh, tally, count, seed):
    rng = random.Random(seed)
    folder, before = None, None
    wrong = []
    for number in range(count):
        if before is None:
            folder = fresh()
            before = state(folder)
        arguments = damaged_command(rng, pipelines)
        try:
            ran = command(arguments)
            tally[ran.code] = tally.get(ran.code, 0) + 1
            after = state(folder)
            assert not any(".fluorite-" in path for path in after)
            assert ran.code < 2 or after == before, f"exit {ran.code} left {sorted(set(after) ^ set(before))}"
        except AssertionError as error:
            wrong.append(f"number {number}: {arguments}: {error}"[:2000])
            after = None
        if after != before:
            before = None
    assert not wrong, f"{len(wrong)} of seed {seed}:\n" + "\n".join(wrong[:20])


def test_some_damaged_commands(command, pipelines, fresh, quick, tally):
    sweep(command, pipelines, fresh, tally, 300, seed=0)


@pytest.mark.system
def test_5000_damaged_commands(command, pipelines, fresh, quick, tally):
    sweep(command, pipelines, fresh, tally, 5000, seed=1)
