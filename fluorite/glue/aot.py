"""The software part compiled by Halide, in a process of its own.

Halide numbers the functions of a library, such as those of parallel loops, through the life of a process. What was
compiled before must not show in what is written.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from fluorite.errors import UsageError
from fluorite.frontend.halide_errors import one_line
from fluorite.frontend.parcel import pack

__all__ = ["compile_library"]

_PROCESS = Path(__file__).with_name("aot_process.py")


def compile_library(pipeline: Any, folder: Path, function: str, target: str) -> list[Path]:
    """Compile an ``hl.Pipeline`` to ``<function>.a`` and ``<function>.h``; takes seconds.

    Parameters
    ----------
    pipeline : halide.Pipeline
        The software part.
    folder : Path
        An existing one.
    function : str
        Name of the C function.
    target : str
        A Halide target.

    Returns
    -------
    list of Path
        The library and its header.

    Raises
    ------
    UsageError
        Halide cannot compile the pipeline for this target.
    """
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            _PROCESS.read_text(encoding="utf-8"),
            str(folder.resolve() / function),
            function,
            target,
        ],
        input=pack(pipeline),
        capture_output=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        check=False,
    )
    if done.returncode:
        # Without the traceback.
        said = RuntimeError(
            re.split(r"^[\w.]+Error: ", done.stderr.decode(errors="replace"), maxsplit=1, flags=re.M)[-1]
        )
        raise UsageError(f"Halide cannot compile the software part for {target!r}: {one_line(said)}") from said
    library, header = folder / f"{function}.a", folder / f"{function}.h"
    text = header.read_text(encoding="utf-8")
    # Halide's include guard is the whole path of the file.
    guard = re.search(r"^#ifndef (HALIDE_\w+)$", text, re.MULTILINE)
    assert guard is not None, "Halide's header has an include guard"
    text = text.replace(guard[1], f"HALIDE_{function}_h")
    # Halide gives an argument whose name begins with a digit no other one.
    text = re.sub(r"(halide_buffer_t \*|(?:int\d+_t|float|double|bool) )(?=\d\w*[,)])", r"\1_", text)
    header.write_text(text, encoding="utf-8")
    return [library, header]
