"""Programs run against simulated accelerators: the servers, the arena, the program, and what came of it.

A program finds its accelerators through the environment (``fluorite_sim_protocol.h``). It runs natively, or under
QEMU's user mode where it is for ARM.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fluorite.errors import SimulationError, UsageError
from fluorite.host.processes import run_process
from fluorite.systems.program.board import board_environment
from fluorite.systems.program.build import server_program
from fluorite.systems.program.model import SystemModel
from fluorite.systems.program.settings import InjectedError, Memory
from fluorite.systems.program.targets import Target, find_target

__all__ = ["Finished", "Servers", "run_program", "serving"]

_START_SECONDS = 20.0
_STOP_SECONDS = 20.0
_MOST_SOCKET_FOLDER_BYTES = 80  # of the 107 of a socket's address


@dataclass(frozen=True, slots=True)
class Finished:
    """What came of a program.

    Attributes
    ----------
    code : int
        Its exit code; negative: the signal that ended it.
    output : str
        What it printed, standard error included.
    reports : dict of str to dict
        Per accelerator: ``violation`` (empty if the hardware kept all rules), ``cycles``, ``interrupts``,
        ``register_reads``, ``register_writes``, and per port ``read_beats``, ``write_beats``, ``bytes_written``.
    seconds : float
        Duration.
    """

    code: int
    output: str
    reports: dict[str, dict[str, Any]]
    seconds: float

    @property
    def violations(self) -> list[str]:
        """What the hardware did against the rules, empty if nothing."""
        return [f"{name}: {r['violation']}" for name, r in self.reports.items() if r.get("violation")]

    def check(self) -> None:
        """Raise where the program failed or the hardware broke a rule.

        Raises
        ------
        SimulationError
            One of both; the message ends with what the program printed.
        """
        if self.violations:
            raise SimulationError(f"the hardware broke a rule: {'; '.join(self.violations)}\n{self.output.strip()}")
        if self.code:
            how = f"ended by signal {-self.code}" if self.code < 0 else f"exit code {self.code}"
            raise SimulationError(f"the program failed ({how}):\n{self.output.strip()}")


@dataclass
class Servers:
    """Running servers.

    Attributes
    ----------
    environment : dict of str to str
        What programs need to find them.
    arena : Path
        The CPU's view of the arena.
    memory : Memory
        Where it lies and how it answers.
    reports : dict of str to dict
        Filled in when they have ended.
    """

    environment: dict[str, str]
    arena: Path
    memory: Memory
    reports: dict[str, dict[str, Any]] = field(default_factory=dict)


@contextlib.contextmanager
def serving(
    systems: Mapping[str, SystemModel],
    memory: Memory | None = None,
    *,
    errors: Sequence[InjectedError] = (),
    shared: bool = False,
) -> Iterator[Servers]:
    """Serve drivers while the context lasts.

    Parameters
    ----------
    systems : mapping of str to SystemModel
        Accelerators by name.
    memory : Memory, optional
        The arena and how it answers; 64 MiB without.
    errors : sequence of InjectedError
        Errors of every accelerator's memory.
    shared : bool
        One copy of the arena for CPU and devices, as with coherent DMA; missing cache maintenance goes unnoticed.

    Raises
    ------
    SimulationError
        A server does not start.
    """
    memory = memory or Memory(bytes=64 << 20)
    program = server_program()
    with tempfile.TemporaryDirectory(prefix="fluorite-", dir=_socket_folder()) as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        arena = folder / "arena"
        for suffix in ("", "-ddr", "-clean"):  # see caches.h
            with Path(f"{arena}{suffix}").open("wb") as file:
                file.truncate(memory.bytes)
        servers = Servers({"FLUORITE_SIM_ARENA": str(arena)}, arena, memory)
        processes: dict[str, subprocess.Popen[str]] = {}
        faults = b"".join(bytes(error.to_abi()) for error in errors)
        for number, (accelerator, model) in enumerate(systems.items()):
            socket = folder / f"socket{number}"
            servers.environment.setdefault("FLUORITE_SIM_SOCKET", str(socket))
            servers.environment[f"FLUORITE_SIM_SOCKET_{accelerator.upper()}"] = str(socket)
            report = folder / f"report{number}"
            log = stack.enter_context((folder / f"log{number}").open("w", encoding="utf-8"))
            command = [
                str(program), str(model.path), str(socket), str(arena), str(report), str(int(shared)),
                bytes(memory.to_abi()).hex(), faults.hex(),
            ]  # fmt: skip
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, encoding="utf-8")
            processes[accelerator] = process
            stack.callback(_end, process)
            deadline = time.monotonic() + _START_SECONDS
            while not socket.exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    log.flush()
                    text = (folder / f"log{number}").read_text(encoding="utf-8").strip()
                    raise SimulationError(f"simulator of {accelerator} must start: {text}")
                time.sleep(0.005)
        try:
            yield servers
        finally:
            for number, (accelerator, process) in enumerate(processes.items()):
                _end(process)
                servers.reports[accelerator] = _report(folder, number, process)


def _end(process: subprocess.Popen[str]) -> None:
    """End a server: gently, so that it checks for what is left and writes its report, then not."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _report(folder: Path, number: int, process: subprocess.Popen[str]) -> dict[str, Any]:
    try:
        report: dict[str, Any] = json.loads((folder / f"report{number}").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        text = (folder / f"log{number}").read_text(encoding="utf-8").strip()
        report = {"violation": f"the simulator ended without a report, code {process.returncode}: {text}"}
    return report


def run_program(
    program: Path,
    arguments: Sequence[str],
    systems: Mapping[str, SystemModel],
    *,
    target: str | Target = "host",
    memory: Memory | None = None,
    errors: Sequence[InjectedError] = (),
    shared: bool = False,
    board: bool = False,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout_seconds: float = 300,
) -> Finished:
    """Run a program against simulated accelerators.

    Parameters
    ----------
    program : Path
        A binary for `target`.
    arguments : sequence of str
        Its arguments.
    systems : mapping of str to SystemModel
        Accelerators by name.
    target : str or Target
        ``"host"``, ``"arm32"`` or ``"arm64"``.
    memory, errors, shared
        As for `serving`.
    board : bool
        Give the program a board (:mod:`~fluorite.systems.program.board`): UIO devices and u-dma-buf, as the driver uses
        them when built for one. Only for ARM programs. The names of `systems` are then the devices' too, with ``_axi``.
    environment : mapping of str to str, optional
        Added to the program's environment.
    timeout_seconds : float
        After this the program is killed.

    Raises
    ------
    SimulationError
        A server or the program does not start, or the program does not end in time.
    """
    chosen = find_target(target) if isinstance(target, str) else target
    if board and not chosen.runner:
        raise UsageError(f"a simulated board must be arm32 or arm64, not {chosen.name}")
    start = time.monotonic()
    with serving(systems, memory, errors=errors, shared=shared) as servers:
        variables = {**os.environ, **servers.environment, **(environment or {})}
        options: list[str] = []
        if board:
            sockets = {f"{name}_axi": servers.environment[f"FLUORITE_SIM_SOCKET_{name.upper()}"] for name in systems}
            folder = servers.arena.parent / "board"
            for name, value in board_environment(folder, chosen, sockets, servers.arena, servers.memory).items():
                options += ["-E", f"{name}={value}"]  # the program's, not QEMU's own
        command = [*chosen.runner, *options, str(program), *arguments]
        try:
            done = run_process(command, cwd=cwd, env=variables, timeout_seconds=timeout_seconds)
        except subprocess.TimeoutExpired as error:
            printed = error.stdout or b""
            text = printed.decode(errors="replace") if isinstance(printed, bytes) else printed
            raise SimulationError(f"{program.name} must end within {timeout_seconds:g} s:\n{text.strip()}") from None
        except OSError as error:
            raise SimulationError(f"{command[0]} must be runnable: {error}") from error
    return Finished(done.returncode, done.stdout, servers.reports, time.monotonic() - start)


def _socket_folder() -> str | None:
    """Where sockets go: /tmp if TMPDIR is so long that their names would not fit a socket's address."""
    return "/tmp" if len(os.fsencode(tempfile.gettempdir())) > _MOST_SOCKET_FOLDER_BYTES else None
