"""Yosys as a judge of area: a design's cells for a device family.

Yosys runs in a process of its own, because a pass that fails ends the process it runs in.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluorite.errors import UsageError
from fluorite.host.cache import cached

__all__ = ["Area", "synthesize_parts", "synthesize_xc7", "xilinx_commands", "yosys_version"]

#: LUTs that a cell of distributed memory or a shift register takes.
_MEMORY_LUTS = {
    "SRL16E": 1,
    "SRLC16E": 1,
    "SRLC32E": 1,
    "RAM16X1D": 2,
    "RAM32X1D": 2,
    "RAM64X1D": 2,
    "RAM128X1D": 4,
    "RAM32X1S": 1,
    "RAM64X1S": 1,
    "RAM128X1S": 2,
    "RAM256X1S": 4,
    "RAM32M": 4,
    "RAM64M": 4,
}
_REGISTERS = ("FDRE", "FDSE", "FDCE", "FDPE", "FDRE_1", "FDSE_1", "FDCE_1", "FDPE_1", "LDCE", "LDPE")

XC7_SCRIPT = "synth_xilinx -family xc7 -flatten -noiopad -noclkbuf"

_DRIVER = """\
import sys
import pyosys.libyosys as ys
design = ys.Design()
for command in sys.stdin.read().splitlines():
    ys.run_pass(command, design)
"""


@dataclass(frozen=True, slots=True)
class Area:
    """Cells of a synthesized design.

    Attributes
    ----------
    lut : int
        LUTs of logic: LUT1 to LUT6 and inverters, not packed into dual-output LUTs.
    memory_lut : int
        LUTs used as memory or as shift registers.
    ff : int
        Flip-flops.
    bram36 : float
        Block RAM in units of 36 kbit: a RAMB18 is half of one.
    dsp : int
        DSP blocks.
    carry : int
        CARRY4 cells.
    cells : mapping of str to int
        Every cell type.
    """

    lut: int
    memory_lut: int
    ff: int
    bram36: float
    dsp: int
    carry: int
    cells: Mapping[str, int]

    @property
    def all_lut(self) -> int:
        """LUTs of either use."""
        return self.lut + self.memory_lut


def yosys_version() -> str:
    """Version of the Yosys that is used.

    Raises
    ------
    UsageError
        It is not installed.
    """
    if importlib.util.find_spec("pyosys") is None:
        raise UsageError("synthesis needs pyosys, which is not installed: pip install 'fluorite[synth]'")
    return importlib.metadata.version("pyosys")


def run_yosys(commands: list[str], folder: Path) -> None:
    """Run commands in a folder.

    Raises
    ------
    UsageError
        Yosys is not installed, or a command failed.
    """
    yosys_version()
    result = subprocess.run(
        [sys.executable, "-c", _DRIVER],
        input="\n".join(commands),
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        cwd=folder,
    )
    if result.returncode:
        tail = "\n".join((result.stdout + result.stderr).strip().splitlines()[-5:])
        raise UsageError(f"Yosys failed on {folder.name}:\n{tail}")


def read_cached(path: Path) -> Any:
    """The JSON in a cached file; what follows it is the cache's seal."""
    return json.JSONDecoder().raw_decode(path.read_bytes().decode(errors="replace"))[0]


def xilinx_commands(script: str, verilog: str, top: str) -> list[str]:
    """Commands that synthesize a design that has been read.

    Yosys 0.70 takes an adder, the register behind it and the multiplier behind that into one DSP block, and takes the
    adder away from whoever else reads the register, whose readers are then left with nothing. So no register between
    adder and multiplier is offered, though some could be taken without harm.

    Parameters
    ----------
    script : str
        ``synth_xilinx`` with its options.
    verilog : str
        The design. One without products is synthesized in one go.
    top : str
        Name of the top module.
    """
    script = f"{script} -top {top}"
    if "*" not in re.sub(r"//.*|/\*.*?\*/", "", verilog):
        return [script]
    return [
        f"{script} -run begin:map_dsp",
        "select -set factors t:$mul %ci1:+[A,B] w:* %i",
        "select -set sums @factors %ci1:+[Q] c:* %i %ci1:+[D] w:* %i %ci1:+[Y] t:$add t:$sub %u %i",
        "select -set registers @sums %co1:+[Y] w:* %i %co1:+[D] c:* %i %co1:+[Q] w:* %i",
        "setattr -set keep 1 @registers",
        f"{script} -run map_dsp:coarse",
        "setattr -unset keep @registers",
        f"{script} -run coarse:",
    ]


def synthesize_xc7(verilog: str, top: str) -> Area:
    """Synthesize for Xilinx 7-series; results are cached.

    Parameters
    ----------
    verilog : str
        Source of all modules.
    top : str
        Name of the top module.
    """
    return count_xc7(_report(XC7_SCRIPT, verilog, top)["design"]["num_cells_by_type"])


def count_xc7(cells: Mapping[str, int]) -> Area:
    """Sum up 7-series cells."""
    known = {"INV", "CARRY4", "MUXF7", "MUXF8", *_REGISTERS, *_MEMORY_LUTS, *(f"LUT{n}" for n in range(1, 7))}
    known |= {"RAMB18E1", "RAMB36E1", "DSP48E1"}
    if unknown := set(cells) - known:
        raise UsageError(f"Yosys left cells that are not of the 7-series: {', '.join(sorted(unknown))}")
    return Area(
        lut=sum(cells.get(f"LUT{n}", 0) for n in range(1, 7)) + cells.get("INV", 0),
        memory_lut=sum(luts * cells.get(name, 0) for name, luts in _MEMORY_LUTS.items()),
        ff=sum(cells.get(name, 0) for name in _REGISTERS),
        bram36=cells.get("RAMB36E1", 0) + cells.get("RAMB18E1", 0) / 2,
        dsp=cells.get("DSP48E1", 0),
        carry=cells.get("CARRY4", 0),
        cells=dict(cells),
    )


def synthesize_parts(verilog: str, top: str) -> dict[str, Area]:
    """The same module by module, each synthesized on its own: where the area of a design is."""
    modules: dict[str, dict[str, Any]] = _report(XC7_SCRIPT.replace(" -flatten", ""), verilog, top)["modules"]
    names = {name.removeprefix("\\") for name in modules}
    return {
        name.removeprefix("\\"): count_xc7({k: v for k, v in m["num_cells_by_type"].items() if k not in names})
        for name, m in modules.items()
    }


def _report(script: str, verilog: str, top: str) -> Any:
    """What Yosys' ``stat`` says."""
    commands = xilinx_commands(script, verilog, top)

    def make(folder: Path) -> Path:
        (folder / "design.v").write_text(verilog, encoding="utf-8")
        report = ["delete t:$scopeinfo", "tee -q -o stat.json stat -json"]
        run_yosys(["read_verilog design.v", *commands, *report], folder)
        return folder / "stat.json"

    return read_cached(cached("synth", (script, *commands[1:], yosys_version(), top, verilog), ".json", make))
