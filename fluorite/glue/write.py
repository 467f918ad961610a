"""The software folder of a design: driver, extern stages, Halide's part compiled, a program, how to build it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import halide as hl

from fluorite.errors import UsageError
from fluorite.frontend.region.identifiers import Taken, identifier
from fluorite.glue.accelerator import AcceleratorCode
from fluorite.glue.aot import compile_library
from fluorite.glue.registers.c_header import c_header
from fluorite.glue.registers.runtime import common_header
from fluorite.glue.sources import RUNTIME
from fluorite.glue.templates import design_header, makefile, readme
from fluorite.hwgen.output_sizes import size_formulas
from fluorite.hwgen.shell.hardware import Hardware

__all__ = ["pipeline_name", "write_software"]


def pipeline_name(hardware: Hardware) -> str:
    """The C function of the software part, as Halide compiles it."""
    return Taken(core.identifier for core in hardware.cores).take(f"{identifier(hardware.name)}_pipeline")


def write_software(hardware: Hardware, software: Any, folder: str | Path, targets: Sequence[str] = ()) -> list[Path]:
    """Write everything that runs on the processor.

    Parameters
    ----------
    hardware : Hardware
        With AXI shells.
    software : halide.Pipeline
        The software part, which calls the extern stages.
    folder : str or Path
        Made if it is not there.
    targets : sequence of str
        Halide targets to compile the software part for, such as ``"arm-32-linux"``, ``"arm-64-linux"``, ``"host"``;
        each takes seconds, and gets a folder.

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
    maps = hardware.registers
    codes = [AcceleratorCode(core.generated, core.registers) for core in hardware.cores]
    pipeline, names = pipeline_name(hardware), [code.name for code in codes]
    program = identifier(hardware.name)
    files = {
        f"runtime/{path.name}": path.read_text(encoding="utf-8") for path in sorted(RUNTIME.glob("fluorite_*.[ch]"))
    }
    files["main.c"] = (RUNTIME / "main.c").read_text(encoding="utf-8")
    for code, registers in zip(codes, maps, strict=True):
        files[f"{code.name}.h"] = code.header()
        files[f"{code.name}.c"] = code.source()
        files[f"{registers.name}_registers.h"] = c_header(registers)
    files["fluorite_registers.h"] = common_header(maps[0])
    generated = [core.generated for core in hardware.cores]
    algorithm = generated[0].region.pipeline
    sizes = [
        own for name, own in size_formulas(algorithm, generated).items() for _ in algorithm.funcs[name].types
    ]  # of every output buffer
    files["design.h"] = design_header(pipeline, names, sizes)
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
        written += _compile(software, pipeline, folder / target, target)
    return written


def _compile(software: Any, pipeline: str, folder: Path, target: str) -> list[Path]:
    try:
        hl.Target(target)
    except Exception as error:  # Halide's bindings raise several types
        raise UsageError(f"Halide has no target {target!r}: {error}") from error
    folder.mkdir(parents=True, exist_ok=True)
    return compile_library(software, folder, pipeline, target)
