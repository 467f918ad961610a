"""An input at another rate than the output, in every room that starts launches: the driver's ``halved``.

Its settings and the words of its input depend on where a launch begins, which may be negative.
"""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from fluorite.boards.ecp5.host import BoardBackend
from fluorite.glue.registers.python_class import class_name
from fluorite.glue.testbench.launch_module import launch_module
from fluorite.hwgen.shell.config import ShellConfig
from fluorite.hwgen.shell.registers import register_map
from fluorite.run.launch import launches
from fluorite.run.words import Words
from fluorite.systems.program.launcher import Launcher

REGIONS = [((least, -3), extents) for least in (-8, -7, 0, 5) for extents in ((1, 1), (6, 5), (39, 30), (83, 31))]


@pytest.fixture(scope="module")
def halved(load):
    return load("designs").example("halved")


def images(load, halved, launch):
    """A launch's input, room for its output, and what must be there then."""
    (stream,) = halved.generated.inputs
    mins, extents = stream.region(launch.mins, launch.extents)
    source = np.random.default_rng(2).integers(0, 256, extents[::-1]).astype(np.uint8)
    expected = load("scenarios").golden("halved", source, launch.mins, mins, launch.extents, None)
    return source, np.zeros_like(expected), expected


@pytest.mark.parametrize(("mins", "extents"), REGIONS)
def test_launches_have_words_of_every_streams_own(load, halved, mins, extents):
    for launch in launches(halved.generated, mins, extents, {}):
        assert launch.settings["phase_x"] == (launch.mins[0] - 1) % 2
        source, result, _ = images(load, halved, launch)
        for stream, image in zip(halved.generated.streams, (source, result), strict=True):
            words = [formula.evaluate(launch.variables) for formula in stream.words]
            packed = Words(stream).pack(image)
            assert packed.shape == (words[1], words[0] * stream.port.word_values)


def test_launcher_of_simulated_systems(load, halved, tmp_path):
    fake = load("fake_device")
    (tmp_path / "arena").write_bytes(bytes(1 << 16))
    device = fake.FakeDevice(halved.map, halved.words, tmp_path / "halved", tmp_path / "arena", 1 << 16)
    core = SimpleNamespace(generated=halved.generated, registers=halved.map)
    for mins, extents in REGIONS:
        for launch in launches(halved.generated, mins, extents, {}):
            launcher = Launcher(fake.FakeSystem(device), core, row_gap=3)
            source, result, expected = images(load, halved, launch)
            launcher.finish(launcher.start(launch, [source], [result]))
            np.testing.assert_array_equal(result, expected)


class SerialLine:
    """A board at the end of it, with the example's arithmetic."""

    def __init__(self, halved, registers):
        self.halved, self.registers = halved, registers
        self.names = {register.offset: register.name for register in registers.registers}
        self.values = {register.name: register.constant or 0 for register in registers.registers}

    def read(self, offset):
        return self.values[self.names[offset]]

    def write(self, offset, value):
        assert 0 <= value < 1 << 32
        self.values[self.names[offset]] = value

    def exchange(self, frames, sizes):
        rows = [np.stack([np.frombuffer(row, np.uint8) for row in frame]) for frame in frames]
        shapes = [(len(rows[0]), size // len(rows[0])) for size in sizes]
        return [result.tobytes() for result in self.halved.words(self.values, rows, shapes)]


def test_serial_host(load, halved):
    registers = register_map(halved.generated, ShellConfig(kind="axis"))
    core = SimpleNamespace(generated=halved.generated, registers=registers)
    backend = BoardBackend(core, SerialLine(halved, registers))
    (source_stream,), (result_stream,) = halved.generated.inputs, halved.generated.outputs
    for mins, extents in REGIONS:
        for launch in launches(halved.generated, mins, extents, {}):
            source, result, expected = images(load, halved, launch)
            room = Words(result_stream).room(result)
            backend.run(launch, [Words(source_stream).pack(source)], [room])
            Words(result_stream).unpack(room, result)
            np.testing.assert_array_equal(result, expected)


@pytest.fixture
def launch(halved, monkeypatch):
    """The function of a testbench."""
    registers = ModuleType(f"{halved.map.name}_registers")
    setattr(registers, class_name(halved.map), None)
    monkeypatch.setitem(sys.modules, registers.__name__, registers)
    module = {}
    exec(launch_module(halved.generated, halved.map, []), module)
    return module["launch"]


@pytest.mark.parametrize(("mins", "extents"), REGIONS)
def test_testbench(halved, launch, mins, extents):
    for piece in launches(halved.generated, mins, extents, {}):
        variables = {name: piece.variables[name] for name in ("min_x", "extent_x", "extent_y")}
        settings, shapes = launch(**variables)
        for entry in halved.map.settings:
            assert settings[entry.low.name] == entry.setting.formula.evaluate(piece.variables)
        for stream in halved.map.streams:
            formulas = (*reversed(stream.layout.counts), stream.layout.row_bytes)
            assert shapes[stream.port.name] == tuple(formula.evaluate(piece.variables) for formula in formulas)
        assert settings["setting_phase_x"] == (piece.mins[0] - 1) % 2
