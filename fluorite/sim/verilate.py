"""A core's Verilog compiled to a shared library that runs whole images: Verilator, then the C++ compiler, cached."""

from __future__ import annotations

import contextlib
import functools
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fluorite.errors import SimulationError
from fluorite.host.cache import cached
from fluorite.host.toolchain import Toolchain, find_toolchain, run_tool
from fluorite.hwgen.interface import CoreInterface
from fluorite.sim.harness import TOP, check_interface, harness_sources, render_ports, render_wrapper
from fluorite.sim.model import CoreInstance, CoreModel
from fluorite.sim.power_up import forget_initial_values
from fluorite.sim.run import Job, LaunchStatistics, RunResult, Stalls, StreamStatistics

__all__ = [
    "COMPILER_FLAGS", "LARGE_FLAGS", "CoreInstance", "CoreModel", "Job", "LaunchStatistics", "RunResult", "Stalls",
    "StreamStatistics", "build", "compile_library", "tool_versions", "verilated_runtime",
]  # fmt: skip

_VERILATOR_FLAGS = (
    "--cc", "-O3", "--x-assign", "fast", "--noassert", "--prefix", "Vcore", "--top-module", TOP, "-Wno-fatal",
)  # fmt: skip
# Every core has the same C++ names: nothing of one library may be visible to, or shared with, another.
COMPILER_FLAGS = (
    "-std=gnu++17", "-fPIC", "-fvisibility=hidden", "-fno-gnu-unique", "-fcf-protection=none", "-pthread", "-w",
    "-DVERILATOR=1", "-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TIMING=0", "-DVM_TRACE=0", "-DVM_TRACE_FST=0",
    "-DVM_TRACE_VCD=0", "-DVM_TRACE_SAIF=0", "-DVL_USER_FATAL",
)  # fmt: skip
# By size of the generated C++. Measured: -O2 costs 0.1 s at 90 kB, but 5 s at 600 kB, for a fifth of the speed.
_O2_BYTES = 300 << 10
_ONE_FILE_BYTES = 1 << 20
# What all models and harnesses include, which is half of the time that a small core takes.
_HEADERS = "".join(
    f"#include <{name}>\n" for name in ("verilated.h", "chrono", "cstring", "string", "type_traits", "vector")
)
LARGE_FLAGS = ("-O1", "-finline-functions", "-fexpensive-optimizations")


def build(verilog: str, interface: CoreInterface, *, random_power_up: bool = False) -> CoreModel:
    """Compile a core for simulation, or find it in the cache.

    Parameters
    ----------
    verilog : str
        Source of the core and all modules in it.
    interface : CoreInterface
        The core's ports.
    random_power_up : bool
        Forget the initial values of registers and memories in the source: everything that the reset does not set
        starts with random bits, different in each instance opened with another seed. The core must not care.

    Returns
    -------
    CoreModel
        Opens any number of independent instances.

    Raises
    ------
    SimulationError
        A tool is missing or fails, or the ports of the Verilog are not those of the interface.
    UsageError
        The interface is out of the harness's range.
    """
    check_interface(interface)
    tools = find_toolchain()
    if random_power_up:
        verilog = forget_initial_values(verilog)
    sources = {
        "core.v": verilog,
        "wrapper.v": render_wrapper(interface),
        "ports.h": render_ports(interface),
        **harness_sources(),
    }
    verilator_flags = (*_VERILATOR_FLAGS, "--x-initial", "unique" if random_power_up else "fast")
    versions = tool_versions(tools)
    runtime = verilated_runtime(tools)

    def make(work: Path) -> Path:
        for name, text in sources.items():
            (work / name).write_text(text, encoding="utf-8")
        _verilate(tools, verilator_flags, interface, work)
        return compile_library(tools, runtime, work, "harness.cpp")

    parts = (*versions, *COMPILER_FLAGS, *LARGE_FLAGS, *verilator_flags, *sources.values())
    return CoreModel(cached("cores", parts, ".so", make), interface, random_power_up=random_power_up)


def tool_versions(tools: Toolchain) -> tuple[str, ...]:
    """Everything about the tools that a compiled model depends on."""
    return (tools.verilator_version, str(tools.verilator_root), tools.compiler_version, *tools.compiler)


def verilated_runtime(tools: Toolchain) -> Path:
    """Object file of the part of the Verilated runtime that all models share (five seconds, once a machine)."""
    parts = (*tool_versions(tools), *COMPILER_FLAGS)
    return cached("runtime", parts, ".o", lambda work: _compile_runtime(tools, work))


def _precompiled_header(tools: Toolchain, level: tuple[str, ...]) -> Path | None:
    """Name to include the headers of models and harnesses by, compiled once a machine for this level (four seconds).

    None for compilers that do not take a ``.gch`` for the header it is named after.
    """
    if "clang" in tools.compiler_version:
        return None
    parts = (*tool_versions(tools), *COMPILER_FLAGS, *level, _HEADERS)
    made = cached("headers", parts, ".h.gch", lambda work: _compile_header(tools, level, work))
    return made.with_suffix("")


def _compile_header(tools: Toolchain, level: tuple[str, ...], work: Path) -> Path:
    (work / "common.h").write_text(_HEADERS, encoding="utf-8")
    made = work / "common.h.gch"
    _compile_file(tools, work, level, work / "common.h", made, kind=("-x", "c++-header"))
    return made


def _verilate(tools: Toolchain, flags: tuple[str, ...], interface: CoreInterface, work: Path) -> None:
    environment = {**os.environ, "VERILATOR_ROOT": str(tools.verilator_root)}
    command = [str(tools.verilator), *flags, "--Mdir", str(work / "model"), "core.v", "wrapper.v"]
    printed = run_tool(command, cwd=work, env=environment).stdout
    # The wrapper is right by construction, so a warning there means ports other than the interface's.
    if wrong := re.findall(r"^%Warning-\w+: wrapper\.v:\d+:\d+: (.*)$", printed, re.MULTILINE):
        listed = "; ".join(wrong)
        raise SimulationError(f"ports of module {interface.module!r} must be those of its interface: {listed}")


def _compile_runtime(tools: Toolchain, work: Path) -> Path:
    (work / "runtime.cpp").write_text('#include "verilated.cpp"\n#include "verilated_threads.cpp"\n', encoding="utf-8")
    made = work / "runtime.o"
    _compile_file(tools, work, ("-O2",), work / "runtime.cpp", made)
    return made


def compile_library(tools: Toolchain, runtime: Path, work: Path, harness: str) -> Path:
    """Compile ``work/model/*.cpp`` and the file `harness` in `work` to a shared library."""
    model = sorted((work / "model").glob("*.cpp"))
    size = sum(path.stat().st_size for path in model)
    sources = [*model, work / harness]
    if size < _ONE_FILE_BYTES:  # most of the time goes into the headers
        (work / "all.cpp").write_text("".join(f'#include "{path}"\n' for path in sources), encoding="utf-8")
        sources = [work / "all.cpp"]
    objects = [work / f"{i}.o" for i in range(len(sources))]
    level = ("-O2",) if size < _O2_BYTES else LARGE_FLAGS
    common = _precompiled_header(tools, level)
    # Slow: runs once, at the start.
    levels = [(("-O0",), None) if "Slow" in path.name else (level, common) for path in sources]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(functools.partial(_compile_model, tools, work), levels, sources, objects))
    made = work / "core.so"
    linked = [str(path) for path in (*objects, runtime)]
    run_tool([*tools.compiler, "-shared", "-s", "-pthread", "-o", str(made), *linked], cwd=work)
    return made


def _compile_model(
    tools: Toolchain, work: Path, level: tuple[tuple[str, ...], Path | None], source: Path, made: Path
) -> None:
    flags, common = level
    if common is not None:
        # A compiler that cannot load it (GCC wants it at one address of its own) says so; then it goes without.
        with contextlib.suppress(SimulationError):
            _compile_file(tools, work, (*flags, "-include", str(common)), source, made)
            return
    _compile_file(tools, work, flags, source, made)


def _compile_file(
    tools: Toolchain, work: Path, level: tuple[str, ...], source: Path, made: Path, kind: tuple[str, ...] = ("-c",)
) -> None:
    includes = [f"-I{path}" for path in (work / "model", work, tools.include, tools.include / "vltstd")]
    run_tool([*tools.compiler, *level, *COMPILER_FLAGS, *includes, *kind, "-o", str(made), str(source)], cwd=work)
