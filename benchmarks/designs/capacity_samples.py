"""Designs that the capacity model is fitted to and measured on, and what synthesis makes of each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from designs.stencils import DESIGNS, stencil

import fluorite
from fluorite.boards import load_board
from fluorite.boards.capacity.clock import longest_path_ns
from fluorite.boards.capacity.core import core_dsp, core_memories, core_parts
from fluorite.boards.capacity.shell import shell_memories, shell_parts
from fluorite.frontend.pipeline_file import load_pipeline
from fluorite.host.cache import cached
from fluorite.synth.nextpnr import route_ecp5, synthesis_commands, synthesis_parts
from fluorite.synth.yosys import read_cached, run_yosys, synthesize_xc7, xilinx_commands, yosys_version

APPS = Path(__file__).parent.parent.parent / "apps"
BOARDS = {"zynq-7000": "pynq-z2", "zynq-ultrascale+": "zcu104", "ecp5": "ulx3s-85f"}


@dataclass(frozen=True, slots=True)
class Sample:
    """A design on a family: its core, or the core in its shell; on ECP5 the shell is placed and routed."""

    family: str
    what: str  # "core", or the kind of the shell around it
    design: str
    options: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        options = " ".join(f"{key}={value}" for key, value in self.options)
        return f"{self.family} {self.what} {self.design} {options}"

    @property
    def is_application(self) -> bool:
        """Whether the error is stated over it; the rest serves the fit only."""
        return self.design not in DESIGNS


@dataclass(frozen=True, slots=True)
class Cells:
    """What a design takes; ``lut`` is logic, ``memory_lut`` memories and shift registers."""

    lut: float
    memory_lut: float
    ff: float
    bram: float
    dsp: float

    @property
    def all_lut(self) -> float:
        """LUTs of either use."""
        return self.lut + self.memory_lut


@dataclass(frozen=True, slots=True)
class Record:
    """A sample, the parts it is made of, what their memories become, and what was measured."""

    sample: Sample
    core: dict[str, float]
    shell: dict[str, float]
    exact: Cells  # block RAM, multiplier blocks and memory LUTs as predicted; no logic
    path_ns: float
    measured: Cells
    megahertz: float  # 0: not measured


def _options(**values: object) -> tuple[tuple[str, str], ...]:
    return tuple((key, str(value)) for key, value in values.items())


#: Parameterisations of the applications. The first of each is the one whose shell is routed for ECP5.
APPLICATIONS: dict[str, list[tuple[tuple[str, str], ...]]] = {
    "gaussian": [
        _options(tile=256, lanes=1),
        _options(tile=0, lanes=1),
        _options(tile=256, lanes=2),
        _options(tile=128, lanes=1, sigma=1.8),
    ],
    "sobel": [_options(tile=256, lanes=1), _options(tile=0, lanes=1), _options(tile=256, lanes=4)],
    "median": [_options(tile=256, lanes=2), _options(tile=0, lanes=1), _options(tile=256, lanes=4)],
    "harris": [_options(tile=256, lanes=2), _options(tile=0, lanes=1), _options(tile=64, lanes=1)],
    "unsharp": [_options(tile=256, lanes=1), _options(tile=0, lanes=1), _options(tile=256, lanes=2)],
    "blend": [_options(tile=256, lanes=2), _options(tile=0, lanes=1)],
    "demosaic": [_options(tile=256, lanes=1), _options(tile=0, lanes=1), _options(tile=256, lanes=2)],
    "jacobi": [
        _options(tile=128, lanes=2, iterations=5),
        _options(tile=256, lanes=1),
        _options(tile=0, lanes=1, iterations=4, border="each"),
    ],
    "fanout": [_options(tile=64, lanes=1), _options(tile=0, lanes=4)],
}


#: Variants of each application that are synthesized in AXI shells, which takes minutes; of the others, the first.
IN_AXI = {"gaussian": (0, 1, 2, 3), "sobel": (0, 1, 2), "median": (0, 1), "jacobi": (1,)}


def samples(families: list[str]) -> list[Sample]:
    """Everything that is synthesized."""
    found: list[Sample] = []
    stencils = [(name, _options(bits=b, lanes=n)) for b in (8, 32) for name in DESIGNS for n in (1, 4)]
    firsts = {app: variants[0] for app, variants in APPLICATIONS.items()}
    if "zynq-7000" in families:
        found += [Sample("zynq-7000", "core", app, o) for app, variants in APPLICATIONS.items() for o in variants]
        found += [Sample("zynq-7000", "core", name, options) for name, options in stencils]
        for app, variants in APPLICATIONS.items():
            found += [Sample("zynq-7000", "axi", app, variants[number]) for number in IN_AXI.get(app, (0,))]
        found += [Sample("zynq-7000", "axis", app, firsts[app]) for app in ("sobel", "blend", "fanout")]
    if "ecp5" in families:
        found += [Sample("ecp5", "core", app, o) for app, variants in APPLICATIONS.items() for o in variants[:2]]
        found += [Sample("ecp5", "core", name, options) for name, options in stencils]
        found += [Sample("ecp5", "axis", app, options) for app, options in firsts.items()]
    if "zynq-ultrascale+" in families:
        apps = ("gaussian", "harris", "median", "blend")
        found += [Sample("zynq-ultrascale+", "core", app, firsts[app]) for app in apps]
        found += [Sample("zynq-ultrascale+", "axi", app, firsts[app]) for app in ("sobel", "harris")]
    return found


def record(sample: Sample) -> Record:
    """Compile a sample, take it apart and synthesize it; synthesis is cached by the Verilog."""
    os.nice(10)
    board = load_board(BOARDS[sample.family])
    options = dict(sample.options)
    if sample.is_application:
        loaded = load_pipeline(APPS / f"{sample.design}.py", options)
        design = fluorite.compile(loaded.pipeline, board=board, name=loaded.name)
    else:
        func, _ = stencil(sample.design, int(options["bits"]), int(options["lanes"]), 1920, 1080)
        design = fluorite.compile(func, board=board)
    (accelerator,) = design.accelerators
    generated = accelerator.generated
    memories = core_memories(generated, sample.family)
    shell: dict[str, float] = {}
    if sample.what != "core":
        shelled = accelerator.in_shell(replace(design.shell, kind=sample.what))
        registers = shelled.registers
        shell = shell_parts(generated, registers)
        memories += shell_memories(registers, sample.family)
        verilog, top = shelled.verilog, registers.name
    else:
        verilog, top = accelerator.verilog, generated.interface.module
    core = core_parts(generated, sample.family)
    exact = Cells(
        0,
        sum(cells.lut for _, cells in memories) + core["shift register"],
        0,
        sum(cells.bram for _, cells in memories),
        core_dsp(generated, sample.family),
    )
    measured, megahertz = measure(sample, verilog, top)
    path = longest_path_ns(generated, board.delays)
    return Record(sample, core, shell, exact, path, measured, megahertz)


def measure(sample: Sample, verilog: str, top: str) -> tuple[Cells, float]:
    """Cells by Yosys; on ECP5, of a design in its shell, by nextpnr, with the clock."""
    if sample.family == "zynq-7000":
        area = synthesize_xc7(verilog, top)
        return Cells(area.lut, area.memory_lut, area.ff, area.bram36, area.dsp), 0.0
    if sample.family == "zynq-ultrascale+":
        commands = xilinx_commands("synth_xilinx -family xcup -flatten -noiopad -noclkbuf", verilog, top)
        cells = _yosys(["read_verilog design.v", *commands], (*commands, yosys_version()), top, verilog)
        return _count_xcup(cells), 0.0
    if sample.what == "core":
        cells = _yosys(synthesis_commands("design.v", top, "design.json"), synthesis_parts(), top, verilog)
        memory = 4 * cells.get("TRELLIS_DPR16X4", 0)
        logic = cells.get("LUT4", 0) + 2 * cells.get("CCU2C", 0)
        blocks = cells.get("DP16KD", 0), cells.get("MULT18X18D", 0)
        return Cells(logic, memory, cells.get("TRELLIS_FF", 0), *blocks), 0.0
    routed = route_ecp5(verilog, top)
    used = routed.utilization
    # A distributed memory of 16 x 4 bits is four LUTs and half of two that only drive its write port.
    memory = 4 * used.get("TRELLIS_RAMW", 0)
    logic = used["TRELLIS_COMB"] - memory
    return Cells(logic, memory, used["TRELLIS_FF"], used.get("DP16KD", 0), used.get("MULT18X18D", 0)), routed.megahertz


def _yosys(commands: Sequence[str], versions: tuple[str, ...], top: str, verilog: str) -> dict[str, int]:
    """Cells by kind."""

    def make(folder: Path) -> Path:
        (folder / "design.v").write_text(verilog)
        run_yosys([*commands, "delete t:$scopeinfo", "tee -q -o stat.json stat -json"], folder)
        return folder / "stat.json"

    report: Any = read_cached(cached("synth", (*versions, top, verilog), ".json", make))
    return dict(report["design"]["num_cells_by_type"])


def _count_xcup(cells: dict[str, int]) -> Cells:
    memory = {
        "SRL16E": 1, "SRLC32E": 1, "RAM32X1S": 1, "RAM64X1S": 1, "RAM128X1S": 2, "RAM256X1S": 4, "RAM512X1S": 8,
        "RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4,
    }  # fmt: skip
    logic = {"INV", *(f"LUT{n}" for n in range(1, 7))}
    ignored = {"CARRY4", "CARRY8", "MUXF7", "MUXF8", "MUXF9"}
    registers = {"FDRE", "FDSE", "FDCE", "FDPE"}
    blocks = {"RAMB36E2": 1.0, "RAMB18E2": 0.5}
    if unknown := set(cells) - set(memory) - logic - ignored - registers - set(blocks) - {"DSP48E2"}:
        raise SystemExit(f"cells that are not counted: {', '.join(sorted(unknown))}")
    return Cells(
        sum(cells.get(name, 0) for name in logic),
        sum(luts * cells.get(name, 0) for name, luts in memory.items()),
        sum(cells.get(name, 0) for name in registers),
        sum(share * cells.get(name, 0) for name, share in blocks.items()),
        cells.get("DSP48E2", 0),
    )
