"""How a stream lies in memory: bytes of a row, number of rows, as formulas of the launch's extents.

A row of memory holds the stream's words one after another: pixels along dimension 0, each with its channels, channel 0
first, without gaps. A value takes a power of two of bytes; a bit takes one byte, 0 or 1, as Halide stores it. Where the
lanes are neighbours along an outer dimension too, software copies (:class:`fluorite.run.words.Words`), and a row of
memory holds whole words.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from fluorite.frontend.region.identifiers import Taken
from fluorite.hwgen.formula import Formula, ceil_div
from fluorite.hwgen.generate import Generated, Setting
from fluorite.hwgen.interface import SettingPort, StreamPort
from fluorite.hwgen.plan.stream_plan import StreamPlan

__all__ = ["StreamLayout", "element_bytes", "layouts", "shape_settings", "word_bytes"]


def element_bytes(port: StreamPort) -> int:
    """Bytes of one value in memory."""
    return max(port.element_bits // 8, 1)


def word_bytes(port: StreamPort) -> int:
    """Bytes of one word in memory."""
    return element_bytes(port) * port.word_values


@dataclass(frozen=True, slots=True)
class StreamLayout:
    """What a launch transfers of a stream.

    Attributes
    ----------
    in_rows : bool
        Whether a row is pixels as they lie in an interleaved image, rather than words copied by software.
    row_bytes : Formula
        Bytes of a row; the last word of a row may be cut short.
    counts : tuple of Formula
        Rows, planes, volumes: as many as the stream has dimensions beyond the first.
    row_bytes_bits : int
        Bits that the greatest ``row_bytes`` needs.
    count_bits : tuple of int
        Bits that the greatest of each of ``counts`` needs.
    words : tuple of Formula
        Extents in words, along every dimension.
    most_bytes : int
        Bytes of the largest launch.
    """

    in_rows: bool
    row_bytes: Formula
    counts: tuple[Formula, ...]
    row_bytes_bits: int
    count_bits: tuple[int, ...]
    words: tuple[Formula, ...]
    most_bytes: int


def layouts(generated: Generated) -> dict[str, StreamLayout]:
    """The layout of every stream, by the port's name."""
    ranges = generated.extents.ranges
    found: dict[str, StreamLayout] = {}
    for plan in generated.streams:
        port, words = plan.port, _words(plan)
        if plan.in_rows:
            row_bytes = plan.scanned[0].extent * (element_bytes(port) * port.channels)
        else:
            row_bytes = words[0] * word_bytes(port)
        counts = words[1:]
        found[port.name] = StreamLayout(
            plan.in_rows,
            row_bytes,
            counts,
            # Room for a row of whole words, so that software may pad.
            (words[0].greatest(ranges) * word_bytes(port)).bit_length(),
            tuple(count.greatest(ranges).bit_length() for count in counts),
            words,
            math.prod(length.greatest(ranges) for length in (row_bytes, *counts)),
        )
    return found


def _words(plan: StreamPlan) -> tuple[Formula, ...]:
    """Words of a stream's image along each dimension, of what software knows of a launch."""
    return tuple(ceil_div(axis.extent, lanes) for axis, lanes in zip(plan.scanned, plan.lanes, strict=True))


def shape_settings(generated: Generated) -> tuple[Setting, ...]:
    """What the shell must know besides the core's settings: the last position of each stream along each dimension.

    One per formula that is neither a number nor a setting of the core. They are static for a launch as the core's are.
    """
    ranges = generated.extents.ranges
    taken = Taken(setting.port.name for setting in generated.settings)
    positions = set(generated.setting_names.values())
    of_core = {setting.formula for setting in generated.settings if setting.port.name in positions}
    found: dict[Formula, Setting] = {}
    for plan in generated.streams:
        for axis, words in zip(plan.scanned, _words(plan), strict=True):
            last = words - 1
            if not (last.is_constant or last in of_core or last in found):
                name = taken.take(f"{plan.port.name}_last_{axis.name}")
                found[last] = Setting(SettingPort(name, max(last.greatest(ranges).bit_length(), 1), False), last)
    return tuple(found.values())
