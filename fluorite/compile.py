"""The compiler's front door: a Halide pipeline in, a Design out."""

from __future__ import annotations

from typing import Any

from fluorite.design import Accelerator, Design
from fluorite.errors import ScheduleError, UsageError
from fluorite.frontend import halide_io
from fluorite.frontend.constants import Constants
from fluorite.frontend.extract import accelerated_funcs, extract
from fluorite.hwgen.generate import generate
from fluorite.hwgen.names import identifier

__all__ = ["compile"]


def compile(func_or_pipeline: Any, board: str | None = None, name: str | None = None) -> Design:
    """Compile an annotated pipeline.

    Parameters
    ----------
    func_or_pipeline : halide.Func or halide.Pipeline
        The pipeline, with ``accelerate()`` on at least one Func.
    board : str, optional
        Board to build for.
    name : str, optional
        Name of the design; by default the output Func's.

    Returns
    -------
    Design
        Accelerators and software.

    Raises
    ------
    CompileError
        The pipeline cannot become hardware as it is written.
    UsageError
        The arguments are not a pipeline, or the board is not known.
    """
    if board is not None:
        raise UsageError(f"no board is named {board!r}: there are none yet")
    loaded = halide_io.load(func_or_pipeline)
    output = loaded.pipeline.outputs[0]
    found = accelerated_funcs(loaded.pipeline)
    if not found:
        raise ScheduleError(
            output,
            "no accelerate()",
            "a design has at least one accelerator",
            "call accelerate() on the Func to put into hardware",
        )
    for number, func in enumerate(found):
        same = next((other for other in found[:number] if identifier(other) == identifier(func)), None)
        if same is not None:
            raise ScheduleError(
                func,
                f"accelerators {same} and {func}",
                f"both are called {identifier(func)} in Verilog, where all but letters and digits becomes an "
                "underscore",
                "give one of the Funcs another name",
            )
    constants = Constants(loaded.root)
    accelerators = tuple(Accelerator(loaded, generate(extract(loaded.pipeline, func, constants))) for func in found)
    design = Design(name or output, loaded, accelerators)
    _ = design.software  # what cannot be cut out of the pipeline is refused now
    return design
