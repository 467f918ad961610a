"""The plugin's source, and what it is told."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from fluorite.errors import SimulationError
from fluorite.systems.machine import plugin as plugin_module
from fluorite.systems.machine.plugin import Device, configuration, emulator, plugin
from fluorite.systems.program.settings import InjectedError, Memory


def test_it_compiles_for_old_and_new_versions_of_qemu():
    assert plugin("7.2.22").read_bytes() != plugin("10.0.2").read_bytes()  # another interface version


def test_its_files_say_under_which_licence_they_are():
    files = list((Path(plugin_module.__file__).parent / "qemu").iterdir())
    assert len(files) == 4
    for path in files:
        assert path.read_text().startswith("// SPDX-License-Identifier: GPL-2.0-or-later\n")


def test_configuration(tmp_path):
    memory = Memory(base=0x10_0000, bytes=1 << 20)
    error = InjectedError("write", beat=3)
    device = Device("corners", SimpleNamespace(path="/x.so"), 0xA000_0000, 0x1_0000, 121, memory, [error])
    text = configuration([device], version="7.2", gic="arm_gic", clock_hz=125_000_000, report=tmp_path / "report")
    assert text.splitlines() == [
        "qemu 7.2",
        "gic arm_gic",
        "cycle_ps 8000",
        f"report {tmp_path}/report",
        "device corners",
        "library /x.so",
        "base 0xa0000000",
        "bytes 0x10000",
        "spi 89",
        f"options {bytes(memory.to_abi()).hex()}",
        f"faults {bytes(error.to_abi()).hex()}",
    ]


def test_a_qemu_that_is_not_there():
    with pytest.raises(SimulationError, match=r"^a machine needs qemu-system-none: apt-get install qemu-system-arm$"):
        emulator("qemu-system-none")
