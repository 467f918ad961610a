"""The folder ``vivado/``: packaged cores, Tcl, how to run it."""

from __future__ import annotations

from pathlib import Path

from fluorite.boards.board import Board
from fluorite.boards.placement import place
from fluorite.boards.vivado.design_tcl import design_tcl
from fluorite.boards.vivado.ip_core import core_files
from fluorite.boards.vivado.processor import processor_block
from fluorite.boards.vivado.texts import CONSTRAINTS, MAKEFILE, readme
from fluorite.errors import UsageError
from fluorite.frontend.region.identifiers import identifier
from fluorite.hwgen.shell.hardware import Hardware

__all__ = ["write_vivado"]

_TCL = Path(__file__).parent / "tcl"


def write_vivado(hardware: Hardware, board: Board, folder: str | Path) -> list[Path]:
    """Write everything that Vivado needs for a design's bitstream on a Zynq board.

    Parameters
    ----------
    hardware : Hardware
        With AXI shells.
    board : Board
        With a processor.
    folder : str or Path
        Made if it is not there.

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
    if hardware.shell.kind != "axi":
        raise UsageError(f"{hardware.name}: the Vivado flow connects memory masters: compile it with shell axi")
    placement = place(hardware.registers, board)
    block = processor_block(placement)
    name = identifier(hardware.name)
    files = {path.name: path.read_text(encoding="utf-8") for path in sorted(_TCL.glob("*.tcl"))}
    files["design.tcl"] = design_tcl(name, placement, block)
    files["constraints.xdc"] = CONSTRAINTS
    files["Makefile"] = MAKEFILE
    files["README.md"] = readme(name, placement, block)
    for shelled in hardware.cores:
        core = shelled.registers.name
        packaged = core_files(shelled.registers, shelled.verilog, board.clock_hz)
        files |= {f"ip/{core}/{path}": text for path, text in packaged.items()}
    folder = Path(folder)
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return [folder / path for path in files]
