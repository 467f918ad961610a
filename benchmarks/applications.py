"""Applications: rate, latency and memory of every accelerator in apps/, for full HD frames.

The frames that come out are 1920x1080 (fanout: lines of 1920 pixels); what an accelerator reads is larger by its
halo, the only reason for more than one cycle a pixel and lane. `--markdown` prints the table of docs/applications.md.
"""

import argparse
from pathlib import Path

import fluorite
from fluorite.frontend.pipeline_file import load_pipeline

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
}
HEADER = ("application", "lanes", "latency", "cycles a pixel", "bits held", "least possible", "memories (words x bits)")


def row(app: str, lanes: int) -> tuple[str, ...]:
    """One line of the table."""
    params = {"tile": "0", "lanes": str(lanes), "max_width": "1920"}
    if app != "fanout":
        params["max_height"] = "1080"
    loaded = load_pipeline(APPS / f"{app}.py", params)
    (report,) = fluorite.compile(loaded.pipeline, name=loaded.name).report.accelerators
    pixels = 1920 if app == "fanout" else 1920 * 1080
    memories = ", ".join(f"{memory.depth} x {memory.width_bits}" for memory in report.memories) or "none"
    return (
        app,
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
    rows = [row(app, lanes) for app, counts in LANES.items() for lanes in counts]
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
