"""Open flow: every application behind its serial port as a bitstream for the ULX3S; clock reached and area.

A minute or so each the first time. `--markdown` prints the table of docs/open-flow.md, `--output DIR` keeps the folders
that `fluorite build` writes.
"""

import argparse
import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import fluorite
from fluorite.boards.ecp5.build import build_design
from fluorite.errors import CompileError
from fluorite.frontend.pipeline_file import load_pipeline

APPS = Path(__file__).parent.parent / "apps"
NAMES = ("sobel", "median", "gaussian", "harris", "unsharp", "blend", "demosaic", "jacobi", "fanout")
HEADER = ("application", "lanes", "MHz", "LUT4", "FF", "block RAM", "multipliers", "slowest path", "seconds")
KINDS = ("TRELLIS_COMB", "TRELLIS_FF", "DP16KD", "MULT18X18D")


def row(name: str, board: str, folder: Path) -> tuple[str, ...]:
    """One line of the table; a design that is too slow is one too."""
    loaded = load_pipeline(APPS / f"{name}.py", {})
    design = fluorite.compile(loaded.pipeline, board=board, name=loaded.name)
    assert design.board is not None
    start = time.monotonic()
    lanes = str(design.report.accelerators[0].lanes)
    try:
        result = build_design(design.hardware, design.board, folder / name)
    except CompileError as error:
        return (name, lanes, error.construct, *[""] * 6)
    seconds = f"{time.monotonic() - start:.0f}"
    begin = result.path[0][0].removeprefix("clk-to-q of harness.").split("_TRELLIS")[0].split("_DP16")[0]
    cells = (str(result.used.get(kind, 0)) for kind in KINDS)
    return (name, lanes, f"{result.megahertz:.1f}", *cells, f"from {begin}", seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="applications (default: all)")
    parser.add_argument("--board", default="ulx3s-85f")
    parser.add_argument("--markdown", action="store_true", help="as a Markdown table")
    parser.add_argument("--output", metavar="DIR", type=Path, help="keep what is built")
    options = parser.parse_args()
    columns = HEADER[:-1] if options.markdown else HEADER
    if options.markdown:
        print(f"| {' | '.join(columns)} |\n| --- |{' ---: |' * (len(columns) - 2)} --- |")
    else:
        print("  ".join(cell.rjust(11) for cell in columns))
    # A process for each, as `fluorite build` is.
    context = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as temporary,
        ProcessPoolExecutor(1, mp_context=context, max_tasks_per_child=1) as pool,
    ):
        folder = options.output or Path(temporary)
        for name in options.names or NAMES:
            cells = pool.submit(row, name, options.board, folder).result()[: len(columns)]
            print(f"| {' | '.join(cells)} |" if options.markdown else "  ".join(c.rjust(11) for c in cells), flush=True)


if __name__ == "__main__":
    main()
