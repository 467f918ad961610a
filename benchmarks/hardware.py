"""Area and clock of generated accelerators, beside published figures and hand-written cores; all in one run.

    python benchmarks/hardware.py [--only NAME] [--lanes 1,2,4,8,16] [--bits 8,32] [--parts] [--route]

Stencils are compiled for whole 1920x1080 frames and synthesized for Xilinx 7-series by Yosys; each is also run in
Verilator, full width and a few rows, and compared with Halide. --route places and routes some for ECP5, --parts shows
where the LUTs and registers of the one-lane stencils are. Results are cached by the hash of the Verilog.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import halide as hl
import numpy as np

import fluorite
from fluorite.frontend.pipeline_file import load_pipeline
from fluorite.hwgen.family.delays import ECP5
from fluorite.hwgen.generate import generate
from fluorite.hwgen.verilog import emit
from fluorite.synth.nextpnr import Routed, nextpnr_version, route_ecp5
from fluorite.synth.yosys import XC7_SCRIPT, Area, synthesize_parts, synthesize_xc7, yosys_version

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from designs.stencils import DESIGNS, stencil  # noqa: E402

WIDTH, HEIGHT, CHECK_ROWS = 1920, 1080, 6
WORKERS = 2

#: LUT, FF, BRAM36 of Aetherling, placed and routed with Vivado at 175 MHz: 32-bit pixels, by pixels a cycle.
AETHERLING = {
    "conv3x3": {1: (385, 589, 4), 2: (610, 927, 4), 4: (1141, 1611, 4), 8: (2239, 2991, 8), 16: (4378, 5744, 15)},
    "back_to_back": {
        1: (545, 917, 6),
        2: (837, 1388, 6),
        4: (1553, 2456, 6),
        8: (3037, 4606, 12),
        16: (5945, 8901, 22.5),
    },
    "sharpen": {1: (511, 728, 4), 2: (858, 1081, 4), 4: (1626, 1907, 4), 8: (3197, 3571, 8), 16: (6290, 6895, 15)},
}
#: The same of Halide-HLS: 32 bits placed and routed with Vivado at 161 MHz, 8 bits as Vivado HLS 2017.2 estimates it.
HALIDE_HLS = {
    ("conv3x3", 32): (1019, 2002, 4),
    ("back_to_back", 32): (1487, 3018, 6),
    ("sharpen", 32): (1623, 3119, 4),
    ("conv3x3", 8): (1270, 1954, 4),
    ("back_to_back", 8): (1923, 2477, 3),
    ("sharpen", 8): (1721, 2202, 1),
}
#: Least BRAM36 of packed line buffers, one pixel a cycle.
FLOOR = {
    ("conv3x3", 32): 4,
    ("back_to_back", 32): 6,
    ("sharpen", 32): 4,
    ("conv3x3", 8): 1,
    ("back_to_back", 8): 1.5,
    ("sharpen", 8): 1,
}
#: Hand-written cores: what they can do, and the widths they are for.
HAND_WRITTEN = {
    "conv3x3_floor": ("by hand: valid only", (8, 32)),
    "conv3x3_reference": ("by hand: launches, ready, run-time size", (8,)),
}
#: Applications: whole frames of run-time size up to 1920x1080, one pixel a cycle.
APPS = ("gaussian", "harris", "sobel", "median", "unsharp", "demosaic", "blend", "fanout")
ROUTED_APPS = ("gaussian", "harris")
APP_PARAMS = {"tile": "0", "lanes": "1"}
#: LUT, FF, BRAM36 of Vitis Vision's kernel of the same purpose (Vivado HLS estimates, 1080p grey, 1 px/clk).
VITIS_VISION = {"sobel": (616, 609, 1.5), "median": (1197, 771, 1.5), "harris": (3522, 3254, 16.5)}


@dataclass(frozen=True, slots=True)
class Task:
    """One core to measure: a stencil, an application or a hand-written one, and what to do with it."""

    kind: str
    name: str
    bits: int = 8
    lanes: int = 1
    exact: bool = False
    do: str = "area"  # or "check", "parts", "route"

    def __str__(self) -> str:
        text = f"{self.do}: {self.name}{' exact' if self.exact else ''}"
        return text if self.kind == "app" else f"{text}, {self.bits} bits, {self.lanes} px/clk"

    def verilog(self) -> tuple[str, str]:
        """Source and top module."""
        if self.kind == "hand":
            text = (HERE / f"{self.name}.v").read_text().replace("parameter BITS = 8", f"parameter BITS = {self.bits}")
            return text, self.name.removesuffix("_reference")
        if self.kind == "app":
            loaded = load_pipeline(HERE.parent / "apps" / f"{self.name}.py", APP_PARAMS)
            core = fluorite.compile(loaded.pipeline, name=loaded.name).accelerators[0]
        else:
            func, _ = stencil(self.name, self.bits, self.lanes, WIDTH, HEIGHT, self.exact)
            core = fluorite.compile(func).accelerators[0]
        if self.do == "route":
            generated = generate(core.generated.region, ECP5)
            return emit(generated), generated.interface.module
        return core.verilog, core.generated.interface.module

    def check(self) -> bool:
        """Whether a frame of full width and a few rows is Halide's, bit for bit."""
        func, image = stencil(self.name, self.bits, self.lanes, WIDTH, CHECK_ROWS, self.exact)
        design = fluorite.compile(func)
        margin = 4 + self.lanes
        shape = (CHECK_ROWS + margin, WIDTH + margin)
        pixels = np.random.default_rng(self.lanes).integers(0, 1 << self.bits, shape, dtype=f"uint{self.bits}")
        image.set(hl.Buffer(pixels))
        ours = np.array(design.realize([WIDTH, CHECK_ROWS]))
        return bool((ours == np.array(func.realize([WIDTH, CHECK_ROWS]))).all())

    def run(self) -> Any:
        """Do it."""
        functions = {"area": synthesize_xc7, "parts": synthesize_parts, "route": route_ecp5}
        return self.check() if self.do == "check" else functions[self.do](*self.verilog())


def measure(tasks: Iterable[Task]) -> dict[Task, Any]:
    """Results of all tasks, each in a process of its own: Halide's names count up within one."""
    tasks = list(dict.fromkeys(tasks))
    results: dict[Task, Any] = {}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, mp_context=context, max_tasks_per_child=1) as pool:
        futures = {pool.submit(task.run): task for task in tasks}
        for future in as_completed(futures):
            results[futures[future]] = future.result()
            print(f"[{len(results)}/{len(tasks)}] {futures[future]}", file=sys.stderr, flush=True)
    return results


@dataclass(slots=True)
class Table:
    """Rows of text under a heading, printed with aligned columns."""

    heading: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, *cells: object) -> None:
        """One more row."""
        self.rows.append(tuple(str(cell) for cell in cells))

    def show(self) -> None:
        """Print it, as Markdown."""
        widths = [max(len(row[i]) for row in (self.heading, *self.rows)) for i in range(len(self.heading))]
        rule = tuple("-" * width for width in widths)
        for row in (self.heading, rule, *self.rows):
            first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            print("| " + " | ".join([row[0].ljust(len(first)), *others]) + " |")


def figures(known: tuple[float, ...] | None) -> str:
    """LUT / FF / BRAM36 as text."""
    return " / ".join(f"{value:g}" for value in known) if known else ""


def area_table(tasks: list[Task], results: dict[Task, Any]) -> None:
    """Everything synthesized, beside the published figures."""
    print(f"fluorite and by hand: Yosys {yosys_version()}, {XC7_SCRIPT}; not placed.")
    print("Aetherling, and Halide-HLS at 32 bits: Vivado, placed and routed. At 8 bits: Vivado HLS estimates.")
    print(f"LUT / FF / BRAM36; LUTs used as memory included. Frames of {WIDTH}x{HEIGHT}.\n")
    table = Table(
        ("design", "bits", "px/clk", "measured", "DSP", "as Halide", "Aetherling", "Halide-HLS", "packed BRAM floor")
    )
    for task in tasks:
        area: Area = results[task]
        used = figures((area.all_lut, area.ff, area.bram36))
        if task.kind != "stencil":
            note = f" ({HAND_WRITTEN[task.name][0]})" if task.kind == "hand" else ""
            table.add(task.name + note, task.bits, task.lanes, used, area.dsp, "", *theirs_of(task), "")
            continue
        theirs = AETHERLING[task.name].get(task.lanes) if task.bits == 32 else None
        other = HALIDE_HLS.get((task.name, task.bits)) if task.lanes == 1 else None
        floor = FLOOR[task.name, task.bits] if task.lanes == 1 else ""
        verdict = {True: "exact", False: "DIFFERS", None: "?"}[results.get(checking(task))]
        title = task.name + (", sums in double width" if task.exact else "")
        if task.exact:
            other = None
        table.add(title, task.bits, task.lanes, used, area.dsp, verdict, figures(theirs), figures(other), floor)
    table.show()


def theirs_of(task: Task) -> tuple[str, str]:
    """The published figures beside what is no stencil."""
    known = VITIS_VISION.get(task.name)
    return "", f"{figures(known)} (Vitis Vision)" if known else ""


def checking(task: Task) -> Task:
    """The task that checks what another measures."""
    return Task(task.kind, task.name, task.bits, task.lanes, task.exact, "check")


def parts_table(results: dict[Task, Any]) -> None:
    """Where the LUTs and registers of a core are."""
    for task, parts in results.items():
        if task.do == "parts":
            print(f"\n{task}: LUT / FF of each module, synthesized on its own\n")
            table = Table(("module", "LUT", "FF"))
            for module, area in parts.items():
                if area.all_lut or area.ff:
                    table.add(module, area.all_lut, area.ff)
            table.show()


def route_table(results: dict[Task, Any], paths: bool) -> None:
    """Clock rates on ECP5."""
    print(f"\nLattice ECP5-85, speed grade 6: Yosys {yosys_version()} synth_ecp5, nextpnr {nextpnr_version()}.")
    print(f"Compiled for {1000 / ECP5.clock_ns:.0f} MHz.\n")
    table = Table(("design", "bits", "MHz", "LUT4", "FF", "DP16KD", "MULT18"))
    slowest: list[tuple[Task, Routed]] = []
    for task, routed in results.items():
        if task.do == "route":
            used = [routed.utilization.get(c, 0) for c in ("TRELLIS_COMB", "TRELLIS_FF", "DP16KD", "MULT18X18D")]
            table.add(task.name, task.bits, f"{routed.megahertz:.1f}", *used)
            slowest.append((task, routed))
    table.show()
    for task, routed in slowest if paths else []:
        print(f"\n{task}: the slowest path")
        for kind, delay in routed.summary():
            print(f"  {delay:6.2f} ns  {kind}")


def main() -> None:
    def numbers(text: str) -> list[int]:
        return [int(part) for part in text.split(",")]

    parser = argparse.ArgumentParser(description="Area and clock of generated accelerators beside published figures.")
    parser.add_argument("--only", default="", metavar="NAME", help="only what has this in its name")
    parser.add_argument("--lanes", type=numbers, default=[1, 2, 4, 8, 16], help="pixels a cycle (default 1,2,4,8,16)")
    parser.add_argument("--bits", type=numbers, default=[8, 32], help="pixel widths (default 8,32)")
    parser.add_argument("--unchecked", action="store_true", help="do not compare with Halide")
    parser.add_argument("--parts", action="store_true", help="show where the LUTs of the one-lane stencils are")
    parser.add_argument("--route", action="store_true", help="place and route for ECP5 (minutes)")
    parser.add_argument("--paths", action="store_true", help="with --route, print the slowest paths")
    options = parser.parse_args()

    areas = [Task("stencil", name, bits, lanes) for name in DESIGNS for bits in options.bits for lanes in options.lanes]
    areas += [Task("stencil", name, 8, 1, exact=True) for name in DESIGNS]
    areas += [Task("hand", name, b) for name, (_, own) in HAND_WRITTEN.items() for b in options.bits if b in own]
    areas += [Task("app", name) for name in APPS]
    tasks = list(areas)
    if not options.unchecked:
        tasks += [checking(task) for task in areas if task.kind == "stencil"]
    if options.parts:
        tasks += [Task("stencil", name, bits, do="parts") for name in DESIGNS for bits in options.bits]
    if options.route:
        tasks += [Task("stencil", "conv3x3", bits, do="route") for bits in options.bits]
        tasks += [Task("app", name, do="route") for name in ROUTED_APPS]
    results = measure(task for task in tasks if options.only in task.name)
    area_table([task for task in areas if task in results], results)
    if options.parts:
        parts_table(results)
    if options.route:
        route_table(results, options.paths)
    if any(task.do == "check" and not result for task, result in results.items()):
        sys.exit("A core's output is not Halide's.")


if __name__ == "__main__":
    main()
