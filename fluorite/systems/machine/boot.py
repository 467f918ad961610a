"""One run of a machine: from power on until its first process restarts it."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluorite.errors import SimulationError
from fluorite.host.processes import run_process
from fluorite.systems.machine.machines import Machine
from fluorite.systems.machine.plugin import Device, configuration, emulator, plugin

__all__ = ["Booted", "boot", "tail"]

_TAIL_LINES = 25
_COMMAND_LINE = "console=ttyPS0 quiet loglevel=4 panic=-1 oops=panic"


@dataclass(frozen=True, slots=True)
class Booted:
    """What came of a run.

    Attributes
    ----------
    console : str
        All that was printed.
    data : bytes
        What left through the other serial port.
    reports : dict of str to dict
        Per accelerator, what the plugin counted; ports by name.
    bitstreams_loaded : int
        How often the expected bitstream was loaded.
    seconds : float
        Duration, as we see it.
    """

    console: str
    data: bytes
    reports: dict[str, dict[str, Any]]
    bitstreams_loaded: int
    seconds: float


def boot(
    machine: Machine,
    image: bytes,
    tree: bytes,
    files: bytes,
    devices: Sequence[Device],
    *,
    clock_hz: int,
    bitstream: bytes | None = None,
    memory_bytes: int | None = None,
    arguments: str = "",
    environment: Mapping[str, str] | None = None,
    timeout_seconds: float = 600,
) -> Booted:
    """Boot a kernel and wait for the machine to end.

    Parameters
    ----------
    image, tree, files : bytes
        Kernel, device tree blob, initial file system.
    devices : sequence of Device
        The accelerators.
    clock_hz : int
        Their clock, in the guest's time.
    bitstream : bytes, optional
        What Linux must load into the FPGA before the accelerators are there; without, they are from the start.
    memory_bytes : int, optional
        Memory, if not the machine's usual.
    arguments : str
        More for the kernel's command line.
    environment : mapping of str to str, optional
        For QEMU itself, instead of this process's.
    timeout_seconds : float
        After this the machine is switched off.

    Raises
    ------
    SimulationError
        QEMU is not there, lacks a function, or fails; or the machine does not end in time. The message ends with the
        last that the console printed.
    """
    program, version = emulator(machine.emulator)
    library = plugin(version)
    with tempfile.TemporaryDirectory(prefix="fluorite-") as name:
        folder = Path(name)
        for file, data in (("image", image), ("tree", tree), ("files", files), ("bitstream", bitstream or b"")):
            (folder / file).write_bytes(data)
        text = configuration(
            devices, version=version, gic=machine.gic, clock_hz=clock_hz, report=folder / "report",
            bitstream=folder / "bitstream" if bitstream is not None else None,
        )  # fmt: skip
        (folder / "plugin.txt").write_text(text, encoding="utf-8")
        console, output = folder / "console", folder / "data"
        serials = [str(output), str(console)] if machine.swapped_serials else [str(console), str(output)]
        command = [
            program, "-M", machine.model, "-smp", str(machine.processors),
            "-m", str((memory_bytes or machine.memory_bytes) >> 20), "-display", "none", "-monitor", "none",
            "-nic", "none", "-audiodev", "none,id=none", "-no-reboot",
            "-icount", "shift=1,sleep=off",  # time is what the guest's instructions take: runs repeat exactly
            "-serial", f"file:{serials[0]}", "-serial", f"file:{serials[1]}",
            "-kernel", str(folder / "image"), "-dtb", str(folder / "tree"), "-initrd", str(folder / "files"),
            "-append", f"{_COMMAND_LINE} {arguments}".strip(),
            "-plugin", f"{_escaped(library)},config={_escaped(folder / 'plugin.txt')}",
        ]  # fmt: skip
        start = time.monotonic()
        try:
            done = run_process(command, cwd=folder, env=environment, timeout_seconds=timeout_seconds)
        except subprocess.TimeoutExpired:
            raise SimulationError(
                f"machine {machine.name} must end within {timeout_seconds:g} s\n{tail(_text(console))}"
            ) from None
        except OSError as error:
            raise SimulationError(f"{program} must be runnable: {error}") from error
        seconds = time.monotonic() - start
        said = "\n".join(line for line in done.stdout.splitlines() if ": warning: " not in line).strip()
        try:
            loaded, reports = _reports(folder / "report", devices)
        except (OSError, ValueError):
            loaded, reports = 0, {}
        broken = any(report["violation"] for report in reports.values())
        if not reports or (done.returncode and not broken):
            raise SimulationError(f"{Path(program).name} failed ({done.returncode}): {said}\n{tail(_text(console))}")
        return Booted(_text(console), output.read_bytes() if output.exists() else b"", reports, loaded, seconds)


def tail(console: str) -> str:
    """The last lines of a console, for messages."""
    lines = console.strip().splitlines()[-_TAIL_LINES:]
    return "the console's last lines:\n" + "\n".join(lines) if lines else "the console is empty"


def _text(path: Path) -> str:
    return path.read_bytes().decode(errors="replace").replace("\r", "") if path.exists() else ""


def _escaped(path: Path) -> str:
    return str(path).replace(",", ",,")  # as QEMU's options want it


def _reports(path: Path, devices: Sequence[Device]) -> tuple[int, dict[str, dict[str, Any]]]:
    text = json.loads(path.read_text(encoding="utf-8"))
    reports: dict[str, dict[str, Any]] = text["accelerators"]
    for device in devices:
        ports = reports[device.name]["ports"]
        reports[device.name]["ports"] = {m.name: ports[n] for n, m in enumerate(device.model.ports.masters)}
    return int(text["bitstreams_loaded"]), reports
