"""The ``linux/`` folder of a design."""

from __future__ import annotations

from pathlib import Path

from fluorite.boards.board import Board
from fluorite.boards.placement import place
from fluorite.frontend.region.identifiers import identifier
from fluorite.glue.linux.device_tree import DRIVERS, file_name, overlay, reserved_memory
from fluorite.glue.linux.driver_build import driver_sources
from fluorite.glue.linux.install import install_script, linux_makefile, shell_json, udev_rules
from fluorite.glue.linux.memory import arena
from fluorite.glue.linux.readme import readme
from fluorite.hwgen.shell.hardware import Hardware

__all__ = ["BINDINGS", "write_linux"]

#: What a device tree may say, for dtschema.
BINDINGS = Path(__file__).parent / "bindings"


def write_linux(hardware: Hardware, board: Board, folder: Path) -> list[Path]:
    """Write what Linux on the board needs to know: device tree, kernel driver, steps.

    Parameters
    ----------
    hardware : Hardware
        With AXI shells.
    board : Board
        With a processor.
    folder : Path
        Made if it is not there: the parent of ``linux/``.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    UsageError
        The design does not fit the board: interrupts, addresses, memory for a launch.
    """
    name = identifier(hardware.name)
    placement = place(hardware.registers, board)
    memory = arena(hardware.registers, board)
    files = {
        "reserved/reserved-memory.dtsi": reserved_memory(placement, memory),
        "README.md": readme(name, placement, memory),
        "Makefile": linux_makefile(name, placement),
        "install": install_script(name, placement, memory),
        "udev.rules": udev_rules(placement),
    }
    assert board.processor is not None
    if board.processor.kind == "psu":
        files[f"firmware/{name}/shell.json"] = shell_json()
    for driver in DRIVERS:
        source = file_name(name, driver)
        files[source] = overlay(name, placement, memory, driver)
        files[f"reserved/{source}"] = overlay(name, placement, memory, driver, reserved=True)
    binding = BINDINGS / "misc" / "fluorite,accelerator.yaml"
    sources = {**driver_sources(), binding.name: binding.read_text(encoding="utf-8")}
    files |= {f"driver/{file}": text for file, text in sources.items()}
    target = folder / "linux"
    for file, text in files.items():
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        (target / file).write_text(text, encoding="utf-8")
    (target / "install").chmod(0o755)
    return [target / file for file in files]
