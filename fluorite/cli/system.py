"""``fluorite run --system``: the design's own program, for this machine or ARM, against its simulated hardware."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import fluorite
from fluorite.frontend.pipeline_file import LoadedFile
from fluorite.glue.linux.device_tree import Driver
from fluorite.run.images import Array
from fluorite.systems.machine.machines import MACHINES
from fluorite.systems.machine.run import MachineProgram
from fluorite.systems.program.program import SystemProgram
from fluorite.systems.program.settings import Memory
from fluorite.systems.program.targets import find_target

__all__ = ["SYSTEMS", "SystemRun", "run_system"]

SYSTEMS = (
    "host", "arm32", "arm64", "arm32-board", "arm64-board",
    "zynq", "zynq-driver", "zcu102", "zcu102-driver", "kria", "kria-driver",
)  # fmt: skip
_ARENA_BYTES = 64 << 20
_HIGH_MEMORY = 0x8_0000_0000  # where Zynq UltraScale+ has the memory that 32-bit addresses do not reach


@dataclass(frozen=True, slots=True)
class SystemRun:
    """What a system simulation gave.

    Attributes
    ----------
    arrays : list of ndarray
        The outputs, axes reversed.
    printed : str
        What the program printed.
    reports : dict
        Per accelerator, what the simulator counted.
    seconds : float
        Of the program's run; building not included.
    """

    arrays: list[Array]
    printed: str
    reports: dict[str, dict[str, Any]]
    seconds: float


def run_system(
    loaded: LoadedFile, design: fluorite.Design, sizes: Sequence[int], scalars: Mapping[str, str], system: str
) -> SystemRun:
    """Build the design's program for a processor and run it on the inputs that are set.

    Parameters
    ----------
    system : str
        One of `SYSTEMS`. With ``-board``, the program is the one for a board, on a simulated board; otherwise its
        driver talks to the simulator itself. ``zynq``, ``zcu102`` and ``kria`` are whole machines on which Linux
        boots, and the program reaches the accelerators through UIO; with ``-driver``, through fluorite's kernel driver.

    Raises
    ------
    SimulationError
        A tool is missing, the program fails, or the hardware breaks a rule of its bus.
    """
    target, _, suffix = system.partition("-")
    if target not in MACHINES:
        find_target(target)  # before anything takes time
    images = {image.name: np.array(image.parameter.get()) for image in loaded.images}
    every = zip(loaded.outputs, design.sizes(sizes).values(), strict=True)
    arrays = [np.zeros(own[::-1], name) for output, own in every for name in output.types]
    used = sum(array.nbytes for array in (*images.values(), *arrays))
    # Room for padded copies and tiles in flight, in whole MiB.
    memory = Memory(bytes=max(_ARENA_BYTES, -(-4 * used >> 20) << 20))
    if design.shell.address_bits > 32:
        memory = replace(memory, base=_HIGH_MEMORY)
    with tempfile.TemporaryDirectory(prefix="fluorite-") as folder:
        if target in MACHINES:
            machine = MachineProgram.build(design, target, Path(folder))
            driver: Driver = "kernel" if suffix else "uio"
            done = machine.run(images, arrays, scalars=scalars, driver=driver, timeout_seconds=3600)
            return SystemRun(arrays, done.output, done.reports, done.seconds)
        program = SystemProgram.build(design, target, Path(folder))
        program.compile("uio" if suffix else "sim")
        start = time.monotonic()
        done = program.run(images, arrays, scalars=scalars, board=bool(suffix), memory=memory, timeout_seconds=3600)
    return SystemRun(arrays, done.output, done.reports, time.monotonic() - start)
