"""Where the program of a system simulation runs: on this machine, or as an ARM program under QEMU's user mode."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from fluorite.errors import SimulationError, UsageError

__all__ = ["PACKAGES", "TARGETS", "Target", "find_target"]


@dataclass(frozen=True, slots=True)
class Target:
    """A processor to run programs for.

    Attributes
    ----------
    name : str
        ``"host"``, ``"arm32"`` or ``"arm64"``.
    compiler : tuple of str
        Command of its C compiler, with the options that choose the processor.
    runner : tuple of str
        What goes before a program's name to run it; empty for this machine.
    halide : str
        Halide's name of the target.
    """

    name: str
    compiler: tuple[str, ...]
    runner: tuple[str, ...]
    halide: str


# Debian's packages that a target needs. host/install-tools.sh installs the same.
PACKAGES = {
    "host": ("gcc",),
    "arm32": ("qemu-user-static", "gcc-arm-linux-gnueabihf", "libc6-dev-armhf-cross"),
    "arm64": ("qemu-user-static", "gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"),
}
_SYSROOTS = {"arm32": "/usr/arm-linux-gnueabihf", "arm64": "/usr/aarch64-linux-gnu"}
# Zynq-7000's Cortex-A9 and Zynq UltraScale+'s Cortex-A53.
TARGETS = {
    "host": Target("host", ("gcc",), (), "host"),
    "arm32": Target(
        "arm32",
        ("arm-linux-gnueabihf-gcc", "-mcpu=cortex-a9", "-mfpu=neon", "-mfloat-abi=hard"),
        ("qemu-arm", "-cpu", "cortex-a9", "-L", _SYSROOTS["arm32"]),
        "arm-32-linux",
    ),
    "arm64": Target(
        "arm64",
        ("aarch64-linux-gnu-gcc", "-mcpu=cortex-a53"),
        ("qemu-aarch64", "-cpu", "cortex-a53", "-L", _SYSROOTS["arm64"]),
        "arm-64-linux",
    ),
}


def find_target(name: str) -> Target:
    """A target whose tools are there.

    Raises
    ------
    UsageError
        There is no target of that name.
    SimulationError
        A tool is missing; the message names the packages.
    """
    if name not in TARGETS:
        raise UsageError(f"system must be {', '.join(TARGETS)}, not {name!r}")
    target = TARGETS[name]
    runner, missing = target.runner, []
    if runner:
        found = shutil.which(runner[0]) or shutil.which(f"{runner[0]}-static")
        if found is None:
            missing.append(runner[0])
        else:
            runner = (found, *runner[1:])
    if shutil.which(target.compiler[0]) is None:
        missing.append(target.compiler[0])
    if missing:
        raise SimulationError(
            f"system {name} needs {' and '.join(missing)}: apt-get install {' '.join(PACKAGES[name])}"
        )
    return Target(target.name, target.compiler, runner, target.halide)
