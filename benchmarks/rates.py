"""Designs whose streams come at different rates: area, cycles and bits held, beside goals and published figures.

    python benchmarks/rates.py [--only NAME] [--parts] [--no-area]

Cores are synthesized for Xilinx 7-series by Yosys and not placed; ``--parts`` shows where the LUTs of the small ones
are. *Cycles* are those of the largest launch, *fastest stream* the words that the stream with most words has in it,
padding by software included: no core with so many lanes takes fewer. Results of Yosys are cached by the hash of the
Verilog.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fluorite
from fluorite.frontend.pipeline_file import load_pipeline
from fluorite.hwgen.plan.stream_plan import region_variables
from fluorite.synth.yosys import XC7_SCRIPT, synthesize_parts, synthesize_xc7, yosys_version

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from designs.pyramids import gaussian_pyramid, max_pool_layer, midpoints  # noqa: E402
from hardware import Table, figures  # noqa: E402

FOUR_K = {"tile": 0, "taps": 2, "max_width": 1920, "max_height": 1080}  # the result of 3840x2160
HD_HALF = {"tile": 0, "max_width": 960, "max_height": 540}  # the result of 1920x1080
HD = {"tile": 0, "max_width": 1920, "max_height": 1080}


def app(name: str, **params: object) -> Callable[[], Any]:
    """What makes an application's pipeline."""
    return lambda: load_pipeline(HERE.parent / "apps" / f"{name}.py", {k: str(v) for k, v in params.items()}).pipeline


@dataclass(frozen=True, slots=True)
class Design:
    """One row.

    Attributes
    ----------
    name : str
        What it is.
    make : callable
        Makes its pipeline, or its output Func.
    beside : str
        A goal, or what others have published.
    small : bool
        Whether ``--parts`` shows it.
    """

    name: str
    make: Callable[[], Any]
    beside: str = ""
    small: bool = False


DESIGNS = (
    Design("downsample 2x, 4K, fixed", app("downsample", **FOUR_K, fixed=True), "goal 80 / 85 / 0.5", True),
    Design("downsample 2x, 4K, run-time", app("downsample", **FOUR_K), "goal 1.2 x fixed", True),
    Design("bilinear 2x, midpoints, fixed", lambda: midpoints(1920, 1080), "goal 100 / 100", True),
    Design("bilinear 2x, fixed", app("bilinear", **HD, fixed=True), "goal 100 / 100", True),
    Design("bilinear 2x, run-time", app("bilinear", **HD), "goal 1.2 x fixed", True),
    Design("binning, Bayer", app("binning", **HD_HALF)),
    Design("binning, monochrome", app("binning", **HD_HALF, colour=False)),
    Design("downsample, [1 3 3 1]", app("downsample", **HD_HALF)),
    Design("max_pool 3x3", app("max_pool", **HD_HALF)),
    Design("resample32, down", app("resample32", tile=0, max_width=1280, max_height=720)),
    Design("resample32, down, 2 lanes", app("resample32", tile=0, max_width=1280, max_height=720, lanes=2)),
    Design("resample32, up", app("resample32", **HD, up=True)),
    Design("flat_field", app("flat_field", **HD)),
    Design("nv12", app("nv12", **HD)),
    Design("to_nv12", app("to_nv12")),
    Design("thumbnails, 4 outputs", app("thumbnails")),
    Design("demosaic_half", app("demosaic_half", **HD_HALF)),
    Design("pyramid, 4 levels", app("pyramid", **HD)),
    Design("pyramid_blend, 4 levels", app("pyramid_blend", **HD)),
    Design("gaussian pyramid, 16 bits", lambda: gaussian_pyramid(1920, 1080, 1)),
    Design(
        "gaussian pyramid, 16 bits, 32 px/clk",
        lambda: gaussian_pyramid(1920, 1080, 32),
        "Clockwork: 8 BRAM36, 68,500 cycles",
    ),
    Design(
        "max pooling 128x128x64, 32 px/clk",
        lambda: max_pool_layer(128, 128, 64, 32),
        "Clockwork: 37 BRAM36, 32,750 cycles",
    ),
)


#: What `measured` gives.
COLUMNS = (
    "design", "LUT / FF / BRAM36", "cycles", "fastest stream", "ratio", "bits held", "least possible", "compile s",
    "beside",
)  # fmt: skip


def measured(design: Design, area: bool, parts: bool) -> tuple[str, ...]:
    """One line of the table."""
    started = time.monotonic()
    compiled = fluorite.compile(design.make())
    (core,), (report,) = compiled.accelerators, compiled.report.accelerators
    generated = core.generated
    verilog = core.verilog
    seconds = time.monotonic() - started
    rank = len(generated.region.func.args)
    mins, extents = [0] * rank, [1] * rank
    for loop in generated.region.loops:
        mins[loop.position], extents[loop.position] = loop.min or 0, loop.max_extent
    for channel in generated.region.channels:
        mins[channel.position], extents[channel.position] = channel.min, channel.extent
    variables = region_variables(generated.loops, mins, extents)
    cycles = generated.extents.cycles_per_launch.evaluate(variables)
    fastest = max(math.prod(f.evaluate(variables) for f in stream.words) for stream in generated.streams)
    used = ""
    if area:
        found = synthesize_xc7(verilog, generated.interface.module)
        used = figures((found.all_lut, found.ff, found.bram36))
        dsp = found.dsp
        used += f", {dsp} DSP" if dsp else ""
    if parts and design.small:
        print(f"\n{design.name}: LUT / FF of each module, synthesized on its own\n")
        table = Table(("module", "LUT", "FF"))
        for module, own in synthesize_parts(verilog, generated.interface.module).items():
            if own.all_lut or own.ff:
                table.add(module, own.all_lut, own.ff)
        table.show()
    return (
        design.name,
        used,
        f"{cycles:,}",
        f"{fastest:,}",
        f"{cycles / fastest:.4f}",
        f"{report.line_buffer_bits:,}",
        f"{report.line_buffer_bits_lower_bound:,}",
        f"{seconds:.1f}",
        design.beside,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="NAME", help="only what has this in its name")
    parser.add_argument("--parts", action="store_true", help="show where the LUTs of the small designs are")
    parser.add_argument("--no-area", action="store_true", help="do not synthesize (minutes for the pyramids)")
    options = parser.parse_args()
    table = Table(COLUMNS)
    for design in DESIGNS:
        if options.only in design.name:
            table.add(*measured(design, not options.no_area, options.parts))
            print(f"{design.name} done", file=sys.stderr, flush=True)
    print(f"\nYosys {yosys_version()}, {XC7_SCRIPT}; not placed. LUTs used as memory included.\n")
    table.show()


if __name__ == "__main__":
    main()
