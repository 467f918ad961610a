"""The device tree of a machine with a design in it: the machine's own, reserved memory, and the design's overlay."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from fluorite.boards.placement import Placement
from fluorite.errors import SimulationError
from fluorite.glue.linux.device_tree import Driver, overlay, reserved_memory
from fluorite.glue.linux.memory import Arena
from fluorite.host.toolchain import run_tool
from fluorite.systems.machine.machines import Machine

__all__ = ["base_tree", "merged_tree", "overlay_blob"]

_HERE = Path(__file__).parent


def base_tree(machine: Machine, placement: Placement, memory: Arena) -> bytes:
    """The machine's own tree, with labels and with memory reserved for accelerators, as a blob.

    Raises
    ------
    SimulationError
        ``dtc`` is missing or fails.
    """
    source = (_HERE / f"{machine.name}.dts").read_text(encoding="utf-8") + "\n" + reserved_memory(placement, memory)
    return _compiled(source)


def overlay_blob(machine: Machine, name: str, placement: Placement, memory: Arena, driver: Driver) -> bytes:
    """The design's overlay as a blob: what `Design.write` writes for the machine's base tree and a driver, compiled.

    On ``zcu102`` without its clocks, which firmware on a processor of their own would control: QEMU has neither, and
    the machine's tree says so.
    """
    source = overlay(name, placement, memory, driver, reserved=True)
    if machine.name == "zcu102":
        source = re.sub(r"^    clocking0 \{.*?^    \};\n", "", source, flags=re.MULTILINE | re.DOTALL)
        source = re.sub(r"^ *(assigned-)?clock(s|-rates) = .*\n", "", source, flags=re.MULTILINE)
    return _compiled(source)


def merged_tree(base: bytes, blob: bytes) -> bytes:
    """A tree with an overlay applied to it, as a boot loader does."""
    with tempfile.TemporaryDirectory(prefix="fluorite-") as name:
        folder = Path(name)
        (folder / "base.dtb").write_bytes(base)
        (folder / "overlay.dtbo").write_bytes(blob)
        _run(["fdtoverlay", "-i", "base.dtb", "-o", "merged.dtb", "overlay.dtbo"], folder)
        return (folder / "merged.dtb").read_bytes()


def _compiled(source: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="fluorite-") as name:
        folder = Path(name)
        (folder / "tree.dts").write_text(source, encoding="utf-8")
        _run(["dtc", "-q", "-@", "-I", "dts", "-O", "dtb", "-i", str(_HERE), "-o", "tree.dtb", "tree.dts"], folder)
        return (folder / "tree.dtb").read_bytes()


def _run(command: list[str], folder: Path) -> None:
    try:
        run_tool(command, cwd=folder)
    except SimulationError as error:
        raise SimulationError(
            f"{error} (a machine needs dtc and fdtoverlay: apt-get install device-tree-compiler)"
        ) from error
