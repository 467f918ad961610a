"""Which part of the design a placed cell belongs to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fluorite.synth.ecp5 import Cell

__all__ = ["TITLES", "Module", "modules_of", "titles_of"]

#: In the order of listing. A cell belongs to the first whose pattern its name begins with.
_PATTERNS = {
    "line buffers": r"harness\.shell\.core\.datapath\.(address_)?linebuffer_",
    "datapath": r"harness\.shell\.core\.datapath\.",
    "core's control": r"harness\.shell\.core\.",
    "registers and launches": r"harness\.(shell\.(registers|launcher|ledger|soft_reset)|port)\.",
    "video streams": r"harness\.(shell|inlet\d+|outlet\d+)\.",
    "serial port": r"harness\.",
    "clock, reset, pins": r"",
}

TITLES = tuple(_PATTERNS)

#: What nextpnr adds of its own to begin and end carry chains, beside the chain.
_NAMELESS = "$nextpnr_"


@dataclass(frozen=True, slots=True)
class Module:
    """A part of the design and its cells by kind."""

    title: str
    cells: Mapping[str, int]


def titles_of(cells: Sequence[Cell]) -> list[str]:
    """Per cell, the title of the part that it belongs to; one without a name, to that of its neighbours."""
    named = {cell.name: _title(cell) for cell in cells if not cell.name.startswith(_NAMELESS)}
    tiles: dict[tuple[int, int], Counter[str]] = {}
    for cell in cells:
        if cell.name in named:
            tiles.setdefault((cell.x, cell.y), Counter())[named[cell.name]] += 1
    return [named.get(cell.name) or _neighbours(cell, tiles) for cell in cells]


def modules_of(cells: Sequence[Cell]) -> tuple[Module, ...]:
    """All parts with their cells."""
    counts = {title: Counter[str]() for title in TITLES}
    for cell, title in zip(cells, titles_of(cells), strict=True):
        counts[title][cell.kind] += 1
    return tuple(Module(title, dict(count)) for title, count in counts.items() if count)


def _title(cell: Cell) -> str:
    return next(title for title, pattern in _PATTERNS.items() if re.match(pattern, cell.name))


def _neighbours(cell: Cell, tiles: Mapping[tuple[int, int], Counter[str]]) -> str:
    found = tiles.get((cell.x, cell.y))
    if found is None:
        if not tiles:
            return TITLES[-1]
        found = tiles[min(tiles, key=lambda at: (abs(at[0] - cell.x) + abs(at[1] - cell.y), at))]
    return min(found, key=lambda title: (-found[title], TITLES.index(title)))
