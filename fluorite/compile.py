"""The compiler's front door: a Halide pipeline in, a Design out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from fluorite.boards.board import Board
from fluorite.boards.capacity.predict import check
from fluorite.boards.read import load_board
from fluorite.design import Design
from fluorite.errors import ScheduleError, UsageError
from fluorite.frontend import halide_io
from fluorite.frontend.annotations import annotations_of
from fluorite.frontend.constants import Constants
from fluorite.frontend.halide_errors import check_software
from fluorite.frontend.known import with_known_extents
from fluorite.frontend.region.extract import accelerated_funcs, extract, funcs_inside
from fluorite.frontend.region.ignored import ignored_directives
from fluorite.frontend.tables.directives import refuse_directives
from fluorite.frontend.tables.rewrite import find_func
from fluorite.hwgen.expand import check_after
from fluorite.hwgen.family.delays import ZYNQ7000
from fluorite.hwgen.generate import generate
from fluorite.hwgen.shell.config import ShellConfig
from fluorite.run.accelerator import Accelerator

__all__ = ["compile"]

_FOLLOWED = (
    "hardware is built as accelerate(), linebuffer() and the loops of the accelerated Func say: leave the others out, "
    "or keep what they stand on in software"
)


def compile(
    func_or_pipeline: Any,
    board: str | Path | Board | None = None,
    name: str | None = None,
    shell: str | None = None,
    *,
    debug: bool = False,
) -> Design:
    """Compile an annotated pipeline.

    Parameters
    ----------
    func_or_pipeline : halide.Func or halide.Pipeline
        The pipeline, with ``accelerate()`` on at least one Func.
    board : str, Path or Board, optional
        Board to build for: the name of one that comes with fluorite, or a board's TOML file. Its clock decides where
        pipeline registers go, its memory ports how wide the shells are.
    name : str, optional
        Name of the design; by default the output Func's.
    shell : str, optional
        ``"axi"``: the accelerators read and write memory. ``"axis"``: they take and give AXI4-Stream video. By default
        what the board can use.
    debug : bool
        Check what every pass over the hardware's graph leaves behind; an error of this kind is fluorite's own.

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
    if isinstance(board, str | Path):
        board = load_board(board)
    config = board.shell if board else ShellConfig()
    if shell is not None:
        config = replace(config, kind=shell)
    if config.kind == "axi" and board and board.processor is None:
        raise UsageError(f"shell must be 'axis' on {board.name}, which has no memory that an accelerator could reach")
    loaded = halide_io.plainly_named(halide_io.load(func_or_pipeline))
    output = loaded.pipeline.outputs[0]
    found = accelerated_funcs(loaded.pipeline)
    if not found:
        raise ScheduleError(
            output,
            "no accelerate()",
            "a design has at least one accelerator",
            "call accelerate() on the Func to put into hardware",
        )
    family = board.delays if board else ZYNQ7000
    for func in found:
        _check_directives(loaded, func)
    loaded, notes = with_known_extents(loaded)
    constants = Constants(loaded.root)
    regions = [extract(loaded.pipeline, func, constants, notes.get(func, ())) for func in found]
    accelerators = tuple(
        Accelerator(loaded, generate(region, family, check_after if debug else None)) for region in regions
    )
    ignored = ignored_directives(loaded.root, loaded.pipeline, regions)
    warnings = (f"without effect: {', '.join(ignored)}; {_FOLLOWED}",) if ignored else ()
    design = Design(name or output, loaded, accelerators, board, config, warnings)
    # What cannot be cut out of the pipeline, and what Halide cannot compile then, is refused now.
    check_software(design.software, output, found, loaded.pipeline.funcs)
    if board:
        check(design.capacities, board)
    return design


def _check_directives(loaded: halide_io.Loaded, func: str) -> None:
    """Refuse senseless directives on an accelerated Func, on what is inside it and on its inputs."""
    accelerate = annotations_of(loaded.pipeline.funcs[func]).accelerate
    assert accelerate is not None
    streamed = [name for name in accelerate.inputs if name in loaded.pipeline.funcs]
    for name in (*funcs_inside(loaded.pipeline, (func, *accelerate.outputs), accelerate.inputs), *streamed):
        refuse_directives(find_func(loaded.root, name))
