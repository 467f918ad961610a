"""Applications: rate, latency and memory of every accelerator in apps/, for full HD frames.

The frames that come out are 1920x1080 (fanout: lines of 1920 pixels); what an accelerator reads is larger by its
halo, the only reason at one rate for more than one cycle a pixel and lane. Where an application makes its result
smaller, frames of 1920x1080 go in, and lanes are of the smaller result. `--markdown` prints the table of
docs/applications.md.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import fluorite
from fluorite.frontend.pipeline_file import load_pipeline
from fluorite.report import AcceleratorReport

APPS = Path(__file__).parent.parent / "apps"
LANES = {
    "gaussian": (1,),
    "sobel": (1, 4),
    "median": (1, 4),
    "harris": (1, 2),
    "unsharp": (1, 2),
    "blend": (1, 2),
    "demosaic": (1, 2),
    "jacobi": (1, 4, 16),
    "fanout": (1, 4),
    "binning": (1, 2),
    "downsample": (1, 2),
    "bilinear": (1, 4),
    "max_pool": (1, 2),
    "resample32": (1, 2),
    "nv12": (1, 4),
    "to_nv12": (1, 4),
    "demosaic_half": (1, 2),
    "pyramid": (1, 4),
    "pyramid_blend": (1,),
    "exposure_fusion": (1,),
}
# Results of frames of 1920x1080, where they are smaller.
RESULTS = {
    **dict.fromkeys(("binning", "downsample", "max_pool", "demosaic_half"), (960, 540)),
    "resample32": (1280, 720),
}
MANY = 8  # memories that are not listed
HEADER = ("application", "lanes", "latency", "cycles a pixel", "bits held", "least possible", "memories (words x bits)")


def rows_of(app: str, lanes: int) -> Iterator[tuple[str, ...]]:
    """Lines of the table, one an accelerator."""
    width, height = RESULTS.get(app, (1920, 1080))
    params = {"tile": "0", "lanes": str(lanes), "max_width": str(width)}
    if app != "fanout":
        params["max_height"] = str(height)
    if app == "to_nv12":  # which has no tiles
        del params["tile"]
    loaded = load_pipeline(APPS / f"{app}.py", params)
    reports = fluorite.compile(loaded.pipeline, name=loaded.name).report.accelerators
    for report in reports:
        yield row(app if len(reports) == 1 else f"{app}, {report.name}", report)


def row(name: str, report: AcceleratorReport) -> tuple[str, ...]:
    """One line of the table."""
    pixels = 1920 if name == "fanout" else 1920 * 1080
    memories = ", ".join(f"{memory.depth} x {memory.width_bits}" for memory in report.memories) or "none"
    if len(report.memories) > MANY:
        memories = f"{len(report.memories)} memories"
    return (
        name,
        str(report.lanes),
        f"{report.latency_cycles:,}",
        f"{report.cycles_per_largest_launch / pixels:.4f}",
        f"{report.line_buffer_bits:,}",
        f"{report.line_buffer_bits_lower_bound:,}",
        memories,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--markdown", action="store_true", help="as a Markdown table")
    options = parser.parse_args()
    rows = [row for app, counts in LANES.items() for lanes in counts for row in rows_of(app, lanes)]
    if options.markdown:
        for cells in (HEADER, ("---",) + ("---:",) * 5 + ("---",), *rows):
            print(f"| {' | '.join(cells)} |")
        return
    widths = [max(len(cells[n]) for cells in (HEADER, *rows)) for n in range(len(HEADER))]
    for cells in (HEADER, *rows):
        right = [cell.rjust(width) for cell, width in zip(cells[1:-1], widths[1:-1], strict=True)]
        print("  ".join((cells[0].ljust(widths[0]), *right, cells[-1])))


if __name__ == "__main__":
    main()
