"""Designs whose reductions and recursions run over time: area and cycles, as for those at several rates.

python benchmarks/over_time.py [--only NAME] [--no-area]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from designs.reductions import convolution, integral_image, matching_cost  # noqa: E402
from hardware import Table  # noqa: E402
from rates import COLUMNS, HD, Design, app, measured  # noqa: E402

from fluorite.synth.yosys import XC7_SCRIPT, yosys_version  # noqa: E402

HD_WHOLE = {name: value for name, value in HD.items() if name != "tile"}
DESIGNS = (
    Design("convolution 5x5, in space", lambda: convolution(("x", "y"))),
    Design("convolution 5x5, rows in space", lambda: convolution(("x",)), "5 multipliers, 5 cycles"),
    Design("convolution 5x5, in time", lambda: convolution(()), "1 multiplier, 25 cycles"),
    Design("integral image", integral_image, "goal 250 LUT, 4 BRAM18"),
    Design("box, radius 4", app("box", **HD_WHOLE)),
    Design("dither", app("dither", **HD_WHOLE)),
    Design("matching cost, 16 disparities, 4 in a step", lambda: matching_cost(16, 4)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="NAME", help="only what has this in its name")
    parser.add_argument("--no-area", action="store_true", help="do not synthesize")
    options = parser.parse_args()
    table = Table(COLUMNS)
    for design in DESIGNS:
        if options.only in design.name:
            table.add(*measured(design, not options.no_area, False))
            print(f"{design.name} done", file=sys.stderr, flush=True)
    print(f"\nYosys {yosys_version()}, {XC7_SCRIPT}; not placed. LUTs used as memory included.\n")
    table.show()


if __name__ == "__main__":
    main()
