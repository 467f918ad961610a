"""The plugin that puts simulated accelerators into a machine in QEMU, compiled for the QEMU that is here."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fluorite.errors import SimulationError
from fluorite.host.cache import cached
from fluorite.host.toolchain import find_toolchain, run_tool
from fluorite.sim.verilate import tool_versions
from fluorite.systems.program.model import SystemModel
from fluorite.systems.program.settings import InjectedError, Memory

__all__ = ["Device", "configuration", "emulator", "plugin"]

_HERE = Path(__file__).parent
_FLAGS = ("-std=gnu++17", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-fvisibility=hidden")
_FIRST_SPI = 32  # number of the first shared interrupt at the GIC


@dataclass(frozen=True, slots=True)
class Device:
    """An accelerator as a device of a machine.

    Attributes
    ----------
    name : str
        The accelerator's.
    model : SystemModel
        Its shell, compiled.
    base, bytes : int
        Window of its registers.
    interrupt : int
        Number at the interrupt controller (GIC).
    memory : Memory
        The part of the machine's memory that it may use, and how it answers.
    errors : sequence of InjectedError
        Errors of that memory.
    """

    name: str
    model: SystemModel
    base: int
    bytes: int
    interrupt: int
    memory: Memory
    errors: Sequence[InjectedError] = ()


def emulator(program: str) -> tuple[str, str]:
    """Find a program of QEMU; returns its path and its version.

    Raises
    ------
    SimulationError
        It is not there.
    """
    found = shutil.which(program)
    if found is None:
        raise SimulationError(f"a machine needs {program}: apt-get install qemu-system-arm")
    match = re.search(r"version (\d+\.\d+\S*)", run_tool([found, "--version"]).stdout)
    return found, match[1] if match else "unknown"


def plugin(version: str) -> Path:
    """The plugin for a version of QEMU.

    Raises
    ------
    SimulationError
        It does not compile.
    """
    tools = find_toolchain()
    # QEMU refuses plugins of another interface. What is used of it here has never changed.
    flags = [*_FLAGS, f"-DQEMU_PLUGIN_API={1 if int(version.partition('.')[0] or 0) < 9 else 2}"]
    paths = [*sorted((_HERE / "qemu").iterdir()), _HERE.parent / "program" / "abi.h"]
    texts = {path.name: path.read_text(encoding="utf-8") for path in paths if path.suffix in (".cpp", ".h")}

    def make(work: Path) -> Path:
        for name, text in texts.items():
            (work / name).write_text(text, encoding="utf-8")
        run_tool([*tools.compiler, *flags, "-o", "plugin.so", "plugin.cpp", "-ldl"], cwd=work)
        return work / "plugin.so"

    return cached("machines", (*tool_versions(tools), *flags, *texts.values()), ".so", make)


def configuration(
    devices: Sequence[Device], *, version: str, gic: str, clock_hz: int, report: Path, bitstream: Path | None = None
) -> str:
    """The text that tells the plugin what to put where.

    Parameters
    ----------
    devices : sequence of Device
    version : str
        QEMU's.
    gic : str
        QEMU's type of the interrupt controller.
    clock_hz : int
        The accelerators' clock.
    report : Path
        Where the plugin writes what it counted.
    bitstream : Path, optional
        What must be loaded into the FPGA (of a Zynq-7000) before the accelerators are there.
    """
    lines = [f"qemu {version}", f"gic {gic}", f"cycle_ps {round(1e12 / clock_hz)}", f"report {report}"]
    if bitstream is not None:
        lines.append(f"bitstream {bitstream}")
    for device in devices:
        lines += [
            f"device {device.name}",
            f"library {device.model.path}",
            f"base {device.base:#x}",
            f"bytes {device.bytes:#x}",
            f"spi {device.interrupt - _FIRST_SPI}",
            f"options {bytes(device.memory.to_abi()).hex()}",
            f"faults {b''.join(bytes(error.to_abi()) for error in device.errors).hex()}",
        ]
    return "\n".join(lines) + "\n"
