"""Draw docs/img/architecture.svg: the data (boxes) and the modules that turn one into the next (arrows).

.venv/bin/python docs/img/architecture.py
"""

from pathlib import Path

WIDTH, HEIGHT = 1060, 640
BOX_WIDTH, BOX_HEIGHT = 132, 50
COLUMNS = [100, 310, 520, 730, 940]
INK, GREY, PAPER = "#1e222a", "#6b7280", "#ffffff"
BANDS = [  # title, its right end and baseline, top, height, colour
    ("fluorite/frontend: Halide in", (1036, 36), 16, 208, "#f3f6fb"),
    ("fluorite/hwgen: hardware; never imports Halide", (840, 358), 232, 214, "#f7f4ec"),
    ("fluorite/sim, run, report: what runs it", (1036, 612), 454, 170, "#eef6ef"),
]
BOXES = {  # name: (column, y of the centre, first line, second line)
    "funcs": (0, 84, "hl.Func, tagged", "accelerate, linebuffer"),
    "table": (1, 84, "wire Table", "all of Halide's bytes"),
    "ir": (2, 84, "algorithm IR", "ir.Pipeline"),
    "region": (3, 84, "Region", "stages, loops, channels"),
    "software": (0, 184, "software part", "hl.Pipeline"),
    "golden": (1, 184, "golden model", "hl.Pipeline"),
    "constants": (3, 184, "constants.py", "Halide evaluates"),
    "lowered": (0, 300, "Lowered", "expressions over taps"),
    "graph": (1, 300, "stream graph", "linked, exact ranges"),
    "expanded": (2, 300, "expanded graph", "add, sub, shl, mul"),
    "merged": (3, 300, "merged graph", "run-time rows only"),
    "schedule": (4, 300, "Schedule", "lags"),
    "storage": (4, 406, "Storage", "chains, memories"),
    "generated": (3, 406, "Generated", "ports, settings, names"),
    "core": (2, 406, "rtl.Core", "Amaranth components"),
    "verilog": (1, 406, "Verilog", "module per component"),
    "model": (1, 520, "CoreModel", "compiled, cached"),
    "report": (4, 520, "report", "sizes, lower bound"),
    "launches": (3, 520, "Launch", "regions, settings"),
    "result": (0, 590, "output image", "equal, bit for bit"),
    "stage": (2, 590, "extern stage", "called by software part"),
}
ARROWS = [  # from, to, label, anchor of the label, dx, dy
    ("funcs", "table", "wire", 0, -8),
    ("table", "ir", "decode", 0, -8),
    ("ir", "region", "extract", 0, -8),
    ("table", "golden", "cut.golden", 38, 4),
    ("table", "software", "cut.software", -34, -4),
    ("constants", "region", "", 0, 0),
    ("lowered", "graph", "link", 0, -8),
    ("graph", "expanded", "division, sums", 0, -8),
    ("expanded", "merged", "merge", 0, -8),
    ("merged", "schedule", "schedule", 0, -8),
    ("schedule", "storage", "storage", 30, 4),
    ("storage", "generated", "generate", 0, -8),
    ("generated", "core", "rtl/", 0, -8),
    ("core", "verilog", "verilog", 0, -8),
    ("verilog", "model", "sim.verilate", 42, 16),
    ("generated", "launches", "launch", -26, 16),
    ("generated", "report", "report", 30, -4),
    ("launches", "stage", "words", 34, 4),
    ("model", "stage", "sim.model", 34, -10),
    ("stage", "result", "", 0, 0),
]


def centre(name):
    """Middle of a box."""
    column, y, *_ = BOXES[name]
    return COLUMNS[column], y


def edge(start, end):
    """Where the line from one box's middle to another's leaves the first box."""
    (x, y), (u, v) = start, end
    dx, dy = u - x, v - y
    scale = min(
        (BOX_WIDTH / 2) / abs(dx) if dx else float("inf"),
        (BOX_HEIGHT / 2) / abs(dy) if dy else float("inf"),
    )
    return x + dx * scale, y + dy * scale


def text(x, y, content, size=13, fill=INK, anchor="middle", weight="normal"):
    """One line of text."""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{fill}" text-anchor="{anchor}" '
        f'font-weight="{weight}">{content}</text>'
    )


def draw():
    """The picture as SVG."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="DejaVu Sans, Verdana, sans-serif">',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" '
        f'orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="{GREY}"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>',
    ]
    for title, (right, base), top, height, colour in BANDS:
        parts.append(f'<rect x="10" y="{top}" width="{WIDTH - 20}" height="{height}" rx="8" fill="{colour}"/>')
        parts.append(text(right, base, title, 12, GREY, "end"))
    # Region to Lowered, round the corner to the next band.
    (x, y), (u, v) = centre("region"), centre("lowered")
    side, between = x + BOX_WIDTH / 2, 252
    parts.append(
        f'<path d="M{side:g} {y} H{side + 32:g} V{between} H{u} V{v - BOX_HEIGHT / 2:g}" fill="none" '
        f'stroke="{GREY}" stroke-width="1.5" marker-end="url(#tip)"/>'
    )
    parts.append(text(u + 28, between + 16, "lower", 12, GREY))
    for start, end, label, dx, dy in ARROWS:
        a, b = edge(centre(start), centre(end)), edge(centre(end), centre(start))
        parts.append(
            f'<line x1="{a[0]:g}" y1="{a[1]:g}" x2="{b[0]:g}" y2="{b[1]:g}" stroke="{GREY}" stroke-width="1.5" '
            'marker-end="url(#tip)"/>'
        )
        if label:
            parts.append(text((a[0] + b[0]) / 2 + dx, (a[1] + b[1]) / 2 + dy, label, 12, GREY))
    for name, (_, _, first, second) in BOXES.items():
        x, y = centre(name)
        parts.append(
            f'<rect x="{x - BOX_WIDTH / 2:g}" y="{y - BOX_HEIGHT / 2:g}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" '
            f'rx="6" fill="{PAPER}" stroke="{INK}"/>'
        )
        parts.append(text(x, y - 4, first, weight="bold"))
        parts.append(text(x, y + 14, second, 10.5, GREY))
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(draw())
