"""The software folder of a design: driver, extern stages, Halide's part compiled, a program, how to build it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import halide as hl

from fluorite.errors import UsageError
from fluorite.frontend.identifiers import Taken, identifier
from fluorite.glue.accelerator import AcceleratorCode
from fluorite.glue.aot import compile_library
from fluorite.glue.registers import common_header
from fluorite.glue.sources import RUNTIME
from fluorite.glue.templates import design_header, makefile, readme
from fluorite.hwgen.shell.c_header import c_header
from fluorite.hwgen.shell.config import ShellConfig
from fluorite.hwgen.shell.registers import register_map

if TYPE_CHECKING:
    from fluorite.design import Design

__all__ = ["pipeline_name", "write_software"]


def pipeline_name(design: Design) -> str:
    """The C function of the software part, as Halide compiles it."""
    return Taken(a.identifier for a in design.accelerators).take(f"{identifier(design.name)}_pipeline")


def write_software(
    design: Design, folder: str | Path, targets: Sequence[str] = (), config: ShellConfig | None = None
) -> list[Path]:
    """Write everything that runs on the processor.

    Parameters
    ----------
    design : Design
    folder : str or Path
        Made if it is not there.
    targets : sequence of str
        Halide targets to compile the software part for, such as ``"arm-32-linux"``, ``"arm-64-linux"``, ``"host"``;
        each takes seconds, and gets a folder.
    config : ShellConfig, optional
        The shell around the cores; the design's own without.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    UsageError
        Halide does not know a target or cannot compile for it.
    """
    folder = Path(folder)
    maps = [register_map(a.generated, config or design.shell) for a in design.accelerators]
    codes = [AcceleratorCode(a.generated, m) for a, m in zip(design.accelerators, maps, strict=True)]
    pipeline, names = pipeline_name(design), [code.name for code in codes]
    program = identifier(design.name)
    files = {
        f"runtime/{path.name}": path.read_text(encoding="utf-8") for path in sorted(RUNTIME.glob("fluorite_*.[ch]"))
    }
    files["main.c"] = (RUNTIME / "main.c").read_text(encoding="utf-8")
    for code, registers in zip(codes, maps, strict=True):
        files[f"{code.name}.h"] = code.header()
        files[f"{code.name}.c"] = code.source()
        files[f"{registers.name}_registers.h"] = c_header(registers)
    files["fluorite_registers.h"] = common_header(maps[0])
    files["design.h"] = design_header(pipeline, names)
    files["Makefile"] = makefile(program, pipeline, names)
    files["README.md"] = readme(
        program, pipeline, [(c.name, m.name) for c, m in zip(codes, maps, strict=True)], targets
    )
    for part in ("halide", "runtime"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    header = folder / "halide" / "HalideRuntime.h"
    shutil.copyfile(Path(hl.install_dir()) / "include" / header.name, header)
    written = [folder / name for name in files] + [header]
    for target in targets:
        written += _compile(design, pipeline, folder / target, target)
    return written


def _compile(design: Design, pipeline: str, folder: Path, target: str) -> list[Path]:
    try:
        hl.Target(target)
    except Exception as error:  # Halide's bindings raise several types
        raise UsageError(f"Halide has no target {target!r}: {error}") from error
    folder.mkdir(parents=True, exist_ok=True)
    return compile_library(design.software, folder, pipeline, target)
