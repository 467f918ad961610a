"""A design's program compiled for one processor, as the written Makefile does it; object files are cached."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fluorite.glue.sources import BACKENDS, DRIVER, LIBRARIES, PROGRAM, STAGES, WARNINGS
from fluorite.host.cache import cached
from fluorite.host.toolchain import run_tool
from fluorite.systems.program.targets import Target

__all__ = ["build_software"]

_FLAGS = (*WARNINGS, "-O2", "-I.", "-Iruntime", "-Ihalide")


def build_software(folder: Path, name: str, target: Target, backend: str) -> Path:
    """Compile and link the program in a written design's software folder.

    Parameters
    ----------
    folder : Path
        What :func:`fluorite.glue.write.write_software` wrote, with the software part for `target`.
    name : str
        Of the program.
    target : Target
        The processor.
    backend : str
        The driver's access layer, a key of :data:`fluorite.glue.sources.BACKENDS`.

    Raises
    ------
    SimulationError
        The compiler fails.
    """
    common = [*folder.glob("runtime/*.h"), *folder.glob("halide/*.h"), folder / "fluorite_registers.h"]
    headers = [*common, *folder.glob("*.h"), *folder.glob(f"{target.halide}/*.h")]
    runtime = [f"runtime/{source}" for source in (*DRIVER, *STAGES, *BACKENDS[backend], *PROGRAM)]
    own = sorted(path.name for path in folder.glob("*.c"))
    # What is the same for every design is compiled once: its own headers are none of these files' business.
    jobs = [(source, _text(common)) for source in runtime] + [(source, _text(headers)) for source in own]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        objects = list(pool.map(lambda job: _object(folder, job[0], job[1], target), jobs))
    program = folder / f"build-{target.halide}-{backend}" / name
    program.parent.mkdir(exist_ok=True)
    archives = sorted(folder.glob(f"{target.halide}/*.a"))
    run_tool([*target.compiler, "-o", str(program), *map(str, (*objects, *archives)), *LIBRARIES])
    return program


def _text(headers: Iterable[Path]) -> str:
    return "".join(f"{path.name}\n{path.read_text(encoding='utf-8')}" for path in sorted(set(headers)))


def _object(folder: Path, source: str, headers: str, target: Target) -> Path:
    flags = (*_FLAGS, "-isystem", target.halide)

    def make(work: Path) -> Path:
        made = work / "object.o"
        run_tool([*target.compiler, *flags, "-c", "-o", str(made), source], cwd=folder)
        return made

    parts = (*target.compiler, _version(target), *flags, source, (folder / source).read_text(encoding="utf-8"), headers)
    return cached("objects", parts, ".o", make)


@functools.cache
def _version(target: Target) -> str:
    return run_tool([*target.compiler, "--version"]).stdout.partition("\n")[0]
