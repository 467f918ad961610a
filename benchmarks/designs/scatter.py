"""Scatter plots of predicted over measured, as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

SIZE, GAP, MARGIN = 260, 70, 50  # pixels
COLOURS = ("#1f5fa8", "#c05a1a", "#3a8a3f")


def scatter(plots: Mapping[str, Sequence[tuple[str, float, float]]]) -> str:
    """One square a plot, both axes logarithmic; points are (series, measured, predicted)."""
    series = list(dict.fromkeys(name for points in plots.values() for name, _, _ in points))
    width = 2 * MARGIN + len(plots) * SIZE + (len(plots) - 1) * GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{SIZE + 2 * MARGIN + 30}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    for number, (title, points) in enumerate(plots.items()):
        parts += _plot(title, [p for p in points if min(p[1:]) > 0], series, MARGIN + number * (SIZE + GAP))
    for number, name in enumerate(series):
        x, y = MARGIN + number * 170, SIZE + 2 * MARGIN + 12
        parts.append(f'<circle cx="{x}" cy="{y - 4}" r="4" fill="{COLOURS[number % len(COLOURS)]}"/>')
        parts.append(f'<text x="{x + 10}" y="{y}">{name}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _plot(title: str, points: Sequence[tuple[str, float, float]], series: list[str], left: int) -> list[str]:
    values = [value for _, *both in points for value in both]
    low, high = math.log10(min(values)) - 0.1, math.log10(max(values)) + 0.1

    def at(value: float) -> float:
        return SIZE * (math.log10(value) - low) / (high - low)

    top, bottom = MARGIN, MARGIN + SIZE
    parts = [
        f'<rect x="{left}" y="{top}" width="{SIZE}" height="{SIZE}" fill="none" stroke="#888888"/>',
        f'<line x1="{left}" y1="{bottom}" x2="{left + SIZE}" y2="{top}" stroke="#bbbbbb"/>',
        f'<text x="{left}" y="{top - 10}" font-weight="bold">{title}: predicted over measured</text>',
    ]
    for decade in range(math.ceil(low), math.floor(high) + 1):
        for step in (1, 2, 5):
            value = step * 10.0**decade
            if low < math.log10(value) < high:
                x, y = left + at(value), bottom - at(value)
                parts.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{value:g}</text>')
                parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    for name, measured, predicted in points:
        colour = COLOURS[series.index(name) % len(COLOURS)]
        x, y = left + at(measured), bottom - at(predicted)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}" fill-opacity="0.7"/>')
    return parts
