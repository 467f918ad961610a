"""The folder ``vivado/``: packaged cores, Tcl, how to run it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fluorite.boards.board import Board
from fluorite.boards.placement import place
from fluorite.boards.vivado.design_tcl import design_tcl
from fluorite.boards.vivado.ip_xact import GUI, HDL, component_xml
from fluorite.boards.vivado.processor import processor_block
from fluorite.boards.vivado.texts import CONSTRAINTS, MAKEFILE, gui, readme
from fluorite.errors import UsageError
from fluorite.frontend.identifiers import identifier
from fluorite.hwgen.shell.registers import register_map
from fluorite.hwgen.shell.top import emit_shell

if TYPE_CHECKING:
    from fluorite.design import Design

__all__ = ["write_vivado"]

_TCL = Path(__file__).parent / "tcl"


def write_vivado(
    design: Design, board: Board, folder: str | Path, verilog: Mapping[str, str] | None = None
) -> list[Path]:
    """Write everything that Vivado needs for a design's bitstream on a Zynq board.

    Parameters
    ----------
    design : Design
        With AXI shells.
    board : Board
        With a processor.
    folder : str or Path
        Made if it is not there.
    verilog : mapping of str to str, optional
        By module, the Verilog of the shells, where it is made already; making it takes seconds.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    UsageError
        The shells are streams, the board has no processor, or it names something that its processor does not have.
        Nothing is written then.
    """
    if design.shell.kind != "axi":
        raise UsageError(f"{design.name}: the Vivado flow connects memory masters: compile it with shell axi")
    maps = [register_map(a.generated, design.shell) for a in design.accelerators]
    placement = place(maps, board)
    block = processor_block(placement)
    name = identifier(design.name)
    files = {path.name: path.read_text(encoding="utf-8") for path in sorted(_TCL.glob("*.tcl"))}
    files["design.tcl"] = design_tcl(name, placement, block)
    files["constraints.xdc"] = CONSTRAINTS
    files["Makefile"] = MAKEFILE
    files["README.md"] = readme(name, placement, block)
    for accelerator, registers in zip(design.accelerators, maps, strict=True):
        core = registers.name
        files[f"ip/{core}/component.xml"] = component_xml(registers)
        text = verilog[core] if verilog else emit_shell(accelerator.generated, design.shell)
        files[f"ip/{core}/{HDL.format(name=core)}"] = text
        files[f"ip/{core}/{GUI.format(name=core)}"] = gui(core)
    folder = Path(folder)
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return [folder / path for path in files]
