"""A shell's Verilog compiled to a shared library with its memory model and its server, cached."""

from __future__ import annotations

import os
from pathlib import Path

from fluorite.host.cache import cached
from fluorite.host.toolchain import Toolchain, find_toolchain, run_tool
from fluorite.sim.power_up import forget_initial_values
from fluorite.sim.verilate import COMPILER_FLAGS, LARGE_FLAGS, compile_library, tool_versions, verilated_runtime
from fluorite.systems.program.model import SystemModel
from fluorite.systems.program.ports import TOP, read_ports, render_ports, render_wrapper

__all__ = ["build_system", "server_program"]

_HERE = Path(__file__).parent
_PROTOCOL = _HERE.parents[1] / "glue" / "runtime" / "fluorite_sim_protocol.h"
_RANDOM = _HERE.parents[1] / "sim" / "random.h"
_SOURCES = ("abi.h", "ddr.h", "system.h", "caches.h", "server.h", "system.cpp")
_VERILATOR_FLAGS = (
    "--cc", "-O3", "--x-assign", "fast", "--x-initial", "unique", "--noassert", "--prefix", "Vsystem", "--top-module",
    TOP, "-Wno-fatal",
)  # fmt: skip


def build_system(verilog: str, module: str, *, random_power_up: bool = False) -> SystemModel:
    """Compile a shell with memory for simulation, or find it in the cache.

    Parameters
    ----------
    verilog : str
        Source of the shell and all modules in it.
    module : str
        The top: ``<name>_axi``.
    random_power_up : bool
        Forget the initial values of registers and memories in the source, see :func:`fluorite.sim.verilate.build`.

    Raises
    ------
    SimulationError
        A tool is missing or fails, or the module is not an AXI shell.
    """
    ports = read_ports(verilog, module)
    tools = find_toolchain()
    if random_power_up:
        verilog = forget_initial_values(verilog)
    sources = {
        "shell.v": verilog,
        "wrapper.v": render_wrapper(ports),
        "ports.h": render_ports(ports),
        **{
            path.name: path.read_text(encoding="utf-8")
            for path in (_PROTOCOL, _RANDOM, *(_HERE / name for name in _SOURCES))
        },
    }
    runtime = verilated_runtime(tools)

    def make(work: Path) -> Path:
        for name, text in sources.items():
            (work / name).write_text(text, encoding="utf-8")
        environment = {**os.environ, "VERILATOR_ROOT": str(tools.verilator_root)}
        command = [str(tools.verilator), *_VERILATOR_FLAGS, "--Mdir", str(work / "model"), "shell.v", "wrapper.v"]
        run_tool(command, cwd=work, env=environment)
        return compile_library(tools, runtime, work, "system.cpp")

    parts = (*tool_versions(tools), *COMPILER_FLAGS, *LARGE_FLAGS, *_VERILATOR_FLAGS, *sources.values())
    return SystemModel(cached("systems", parts, ".so", make), ports)


def server_program() -> Path:
    """The program that serves drivers, for any compiled system."""
    tools = find_toolchain()
    sources = {name: (_HERE / name).read_text(encoding="utf-8") for name in ("abi.h", "server_main.cpp")}
    parts = (*tool_versions(tools), *sources.values())
    return cached("systems", parts, "", lambda work: _compile_server(tools, sources, work))


def _compile_server(tools: Toolchain, sources: dict[str, str], work: Path) -> Path:
    for name, text in sources.items():
        (work / name).write_text(text, encoding="utf-8")
    made = work / "server"
    run_tool([*tools.compiler, "-std=gnu++17", "-O1", "-o", str(made), "server_main.cpp", "-ldl"], cwd=work)
    return made
