"""A picture of a placed design: every cell where it lies on the chip, coloured by the part it belongs to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from fluorite.boards.ecp5.modules import TITLES, titles_of
from fluorite.synth.ecp5 import Cell

__all__ = ["draw_placement"]

_COLOURS = dict(zip(TITLES, ("#2f6fb7", "#e07b28", "#c23b3b", "#7a57a8", "#3f9a5a", "#b89a1c", "#6d7480"), strict=True))
_BACKGROUND, _FREE, _TEXT, _EDGE = "#ffffff", "#eef0f3", "#222831", "#c3c9d1"
_CHIP_TILES = {"LFE5U-12": (73, 50), "LFE5U-25": (73, 50), "LFE5U-45": (91, 72), "LFE5U-85": (127, 96)}
_MARGIN, _LEGEND, _GAP = 24, 360, 4
_MOST_PIXELS = 1100  # of the part of the chip that is drawn large
#: Kinds of cells that are counted in the legend.
_COUNTED = {"LUT": "TRELLIS_COMB", "FF": "TRELLIS_FF", "BRAM": "DP16KD", "DSP": "MULT18X18D"}


def draw_placement(cells: Sequence[Cell], title: str, part: str, path: Path) -> None:
    """Draw a placed design as a PNG.

    Tiles hold four slices each, drawn as rows of two look-up tables (left) and two flip-flops (right); block RAMs and
    multipliers lie in rows of their own. The area in use is drawn large, the whole chip small.

    Parameters
    ----------
    cells : sequence of Cell
        All placed cells.
    title : str
        Printed above.
    part : str
        Order number of the FPGA, for its size.
    path : Path
        The file.
    """
    titles = titles_of(cells)
    left, top, right, bottom = _area(cells)
    columns, rows = right - left + 1, bottom - top + 1
    tile = max(4, min(_MOST_PIXELS // columns, _MOST_PIXELS // rows, 24) // 4 * 4)
    width = max(columns * tile, 480)
    image = Image.new(
        "RGB", (2 * _MARGIN + width + _GAP + _LEGEND, max(2 * _MARGIN + 40 + rows * tile, 640)), _BACKGROUND
    )
    draw = ImageDraw.Draw(image)
    draw.text((_MARGIN, _MARGIN - 6), title, _TEXT, ImageFont.load_default(20))
    x0, y0 = _MARGIN, _MARGIN + 32
    for y in range(rows):
        for x in range(columns):
            at = x0 + x * tile, y0 + y * tile
            draw.rectangle((*at, at[0] + tile - 2, at[1] + tile - 2), _FREE)
    for cell, part_title in sorted(zip(cells, titles, strict=True), key=lambda pair: pair[0].name):
        if left <= cell.x <= right and top <= cell.y <= bottom:
            _draw_cell(
                draw, cell, _COLOURS[part_title], (x0 + (cell.x - left) * tile, y0 + (cell.y - top) * tile), tile
            )
    edge = _MARGIN + width + _GAP + 20
    below = _legend(draw, cells, titles, (edge, y0))
    _whole_chip(draw, cells, titles, part, (edge, below + 16), (left, top, right, bottom))
    image.save(path)


def _area(cells: Sequence[Cell]) -> tuple[int, int, int, int]:
    """Columns and rows in use, but for pins and clocks at the edges."""
    inner = [cell for cell in cells if re.match(r"SLICE|EBR|MULT18", cell.place)] or list(cells)
    xs, ys = [cell.x for cell in inner], [cell.y for cell in inner]
    wide = 1 if any(cell.place.startswith("EBR") and cell.x == max(xs) for cell in inner) else 0
    return min(xs), min(ys), max(xs) + wide, max(ys)


def _draw_cell(draw: ImageDraw.ImageDraw, cell: Cell, colour: str, at: tuple[int, int], tile: int) -> None:
    x, y = at
    if slot := re.fullmatch(r"SLICE([A-D])\.(K|FF)([01])", cell.place):
        step = tile // 4
        x += step * (int(slot[3]) + 2 * (slot[2] == "FF"))
        y += step * "ABCD".index(slot[1])
        size = max(step - 2, 0) if step > 2 else 0
        draw.rectangle((x, y, x + size, y + size), _darker(colour) if slot[2] == "FF" else colour)
    elif cell.place.startswith("EBR"):
        draw.rectangle((x, y, x + 2 * tile - 3, y + tile - 2), colour, _darker(colour))
    elif cell.place.startswith("MULT18"):
        draw.rectangle((x, y, x + tile - 2, y + tile - 2), colour, _darker(colour))


def _darker(colour: str) -> str:
    return "#" + "".join(f"{int(colour[n : n + 2], 16) * 7 // 10:02x}" for n in (1, 3, 5))


def _legend(draw: ImageDraw.ImageDraw, cells: Sequence[Cell], titles: Sequence[str], at: tuple[int, int]) -> int:
    """Parts with their cells; returns the row of pixels below."""
    font = ImageFont.load_default(14)
    x, y = at
    for number, head in enumerate(_COUNTED):
        draw.text((x + 205 + 46 * number, y), head, _TEXT, font, anchor="rt")
    for title in (*TITLES, "all"):
        y += 24
        if title != "all":
            draw.rectangle((x, y, x + 13, y + 13), _COLOURS[title])
        draw.text((x + 20, y), title, _TEXT, font)
        for number, kind in enumerate(_COUNTED.values()):
            count = sum(c.kind == kind and title in (t, "all") for c, t in zip(cells, titles, strict=True))
            draw.text((x + 205 + 46 * number, y), str(count), _TEXT, font, anchor="rt")
    return y + 24


def _whole_chip(
    draw: ImageDraw.ImageDraw,
    cells: Sequence[Cell],
    titles: Sequence[str],
    part: str,
    at: tuple[int, int],
    area: tuple[int, int, int, int],
) -> None:
    columns, rows = _CHIP_TILES[part[:8]]
    scale = 2
    x, y = at
    draw.text((x, y), f"{part[:8]}, all of it:", _TEXT, ImageFont.load_default(14))
    y += 22
    draw.rectangle((x - 1, y - 1, x + columns * scale, y + rows * scale), _FREE, _EDGE)
    for cell, title in zip(cells, titles, strict=True):
        corner = x + cell.x * scale, y + cell.y * scale
        draw.rectangle((*corner, corner[0] + scale - 1, corner[1] + scale - 1), _COLOURS[title])
    left, top, right, bottom = area
    draw.rectangle(
        (x + left * scale - 2, y + top * scale - 2, x + (right + 1) * scale + 1, y + (bottom + 1) * scale + 1),
        None,
        _TEXT,
    )
