"""Tables: what needs no input and is read at an index that moves becomes a ROM.

Lowering leaves a ``table`` node, because only linking knows how far the index really ranges: the table holds the values
of that range and no others. Values are Halide's own, so a table may be written in floating point with exponentials.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from fluorite.errors import UnsupportedError
from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.visit import expressions, walk
from fluorite.frontend.region.region import Region
from fluorite.hwgen.streams.builder import Builder
from fluorite.hwgen.streams.graph import Ref
from fluorite.hwgen.streams.table import Table

__all__ = ["TableRead", "buffer_value", "is_table", "rom"]

WORDS_MAX = 1 << 16  # of one table


@dataclass(frozen=True, slots=True)
class TableRead:
    """One read of a table.

    Attributes
    ----------
    func : str
        Func in whose definition the read stands.
    construct : str
        The read, as the user wrote it.
    name : str
        The input-free Func, or the constant Buffer.
    value_index : int
        Tuple element.
    is_buffer : bool
        Whether it is a Buffer.
    positional : tuple of bool
        Per index, whether it is a position of the scan.
    slack : int
        By how many elements a position may leave the Buffer: in a row's last word, lanes beyond the image's edge
        read there, and nothing depends on what they read.
    """

    func: str
    construct: str
    name: str
    value_index: int
    is_buffer: bool
    positional: tuple[bool, ...]
    slack: int


def is_table(region: Region, name: str, *, by_position: bool) -> bool:
    """Whether a read of an input-free Func at an index that moves becomes a table, and not logic.

    Integer arithmetic that the schedule leaves inline is logic. A Func that is scheduled to be stored is a table,
    unless it is read by position: that table would be as large as the image.

    Parameters
    ----------
    region : Region
        The region.
    name : str
        The Func.
    by_position : bool
        Whether an index of the read is a position of the scan.
    """
    func = region.pipeline.funcs[name]
    if func.updates:
        return True
    if func.schedule.compute_level.var and not by_position:
        return True
    return _needs_halide(region, name, set())


def _needs_halide(region: Region, name: str, seen: set[str]) -> bool:
    """Whether a Func, or one that it reads, computes with floats or reads a constant Buffer.

    ``seen`` are the Funcs that were looked at before, to which this adds.
    """
    seen.add(name)
    for expr in expressions(region.pipeline.funcs[name]):
        for node in walk(expr):
            if isinstance(node, ir.Call) and node.call_type is ir.CallType.IMAGE:
                return True
            if not isinstance(node, ir.Undefined | ir.StringImm) and not node.type.is_integer:
                return True
            if isinstance(node, ir.Call) and node.call_type is ir.CallType.HALIDE and node.name not in seen:
                callee = region.callee(name, node.name)
                if callee not in seen and _needs_halide(region, callee, seen):
                    return True
    return False


def rom(build: Builder, region: Region, read: TableRead, indices: Sequence[Ref]) -> Ref:
    """A ROM that holds a table over the range of its indices, read at these.

    Parameters
    ----------
    build : Builder
        Makes nodes.
    region : Region
        The region.
    read : TableRead
        What is read.
    indices : sequence of Ref
        Where, in streams whose ranges are final.

    Raises
    ------
    UnsupportedError
        The range is too large, or leaves the Buffer.
    """
    ranges = [(index.node.lo, index.node.hi) for index in indices]
    extents = [hi - lo + 1 for lo, hi in ranges]
    spoken = " x ".join(f"{lo}..{hi}" for lo, hi in ranges)
    if prod(extents) > WORDS_MAX:
        raise UnsupportedError(
            read.func,
            read.construct,
            f"its index ranges over {spoken}, and a table holds {WORDS_MAX} values at most",
            _known_position(region, read) or "clamp the index",
        )
    if read.is_buffer:
        values = _buffer_values(region.pipeline.buffers[read.name], read, ranges)
    else:
        region_wanted = [(lo, extent) for (lo, _), extent in zip(ranges, extents, strict=True)]
        try:
            values = region.constants.region(read.name, region_wanted)[read.value_index]
        except UnsupportedError as error:
            raise UnsupportedError(
                read.func, read.construct, f"its index ranges over {spoken}, where {error.rule}", "clamp the index"
            ) from error
    # Index 0 fastest. Extents of powers of two make the address a concatenation: taken where that costs no address bit.
    padded = [1 << (extent - 1).bit_length() for extent in extents[:-1]]
    if (prod(padded) * extents[-1] - 1).bit_length() > (prod(extents) - 1).bit_length():
        padded = extents[:-1]
    values = np.pad(values, [(0, 0), *((0, p - e) for p, e in zip(padded[::-1], extents[-2::-1], strict=True))])
    terms: list[tuple[int, Ref]] = []
    stride, first = 1, 0
    for index, (lo, _), extent in zip(indices, ranges, [*padded, extents[-1]], strict=True):
        terms.append((stride, index))
        first += stride * lo
        stride *= extent
    words = values.ravel().tolist()
    return build.rom(build.linear(terms), build.graph.table(Table.of(read.name, first, words)))


def buffer_value(buffer: ir.Buffer, point: Sequence[int]) -> int | float | None:
    """The value of a Buffer at a point; None if that is beyond its edges, or if numpy has no such type."""
    if buffer.type.code is ir.TypeCode.BFLOAT or buffer.type.lanes != 1:
        return None
    index = [at - least for at, (least, _, _) in zip(point, buffer.dims, strict=True)]
    if any(not 0 <= at < extent for at, (_, extent, _) in zip(index, buffer.dims, strict=True)):
        return None
    value = _stored(buffer)[tuple(reversed(index))].item()
    return int(value) & 1 if buffer.type.bits == 1 else value


def _stored(buffer: ir.Buffer) -> np.ndarray[tuple[int, ...]]:
    """All elements of a Buffer, axes reversed (``[y, x]``), without a copy."""
    kind = ("i" if buffer.type.is_signed else "u") if buffer.type.is_integer else "f"
    dtype = np.dtype(f"{kind}{max(buffer.type.bits, 8) // 8}")
    return np.frombuffer(buffer.data, dtype).reshape([extent for _, extent, _ in reversed(buffer.dims)])


def _known_position(region: Region, read: TableRead) -> str:
    """The way out if a table is read at a position and launches may begin anywhere; empty if that is not so.

    A border condition around the read is no way out: positions would still have any value.
    """
    anywhere = [loop for loop in region.loops if loop.min is None] if any(read.positional) else []
    if not anywhere:
        return ""
    if not all(loop.whole for loop in anywhere):
        return f"compute {read.name} in software, as a Func of its own that is an input of accelerate()"
    bounds = " and ".join(f"{region.name}.bound({loop.var}, min, extent)" for loop in anywhere)
    return f"give {bounds}, in numbers: where a launch begins must be known, not only how large it is"


def _buffer_values(
    buffer: ir.Buffer, read: TableRead, ranges: Sequence[tuple[int, int]]
) -> np.ndarray[tuple[int, ...]]:
    """A Buffer's values over these ranges of its indices, axes reversed; 0 beyond its edges, as far as `slack` allows.

    Raises
    ------
    UnsupportedError
        An index leaves the Buffer.
    """
    stored = _stored(buffer)
    for position, ((lo, hi), (least, extent, _)) in enumerate(zip(ranges, buffer.dims, strict=True)):
        slack = read.slack if read.positional[position] else 0
        if lo < least - slack or hi > least + extent - 1 + slack:
            raise UnsupportedError(
                read.func,
                read.construct,
                f"index {position} ranges over {lo}..{hi}, but {read.name} over {least}..{least + extent - 1}",
                "clamp the index",
            )
    before = [(max(least - lo, 0), lo - least) for (lo, _), (least, _, _) in zip(ranges, buffer.dims, strict=True)]
    inside = stored[
        tuple(
            slice(max(lo - least, 0), hi - least + 1)
            for (lo, hi), (least, _, _) in zip(reversed(ranges), reversed(buffer.dims), strict=True)
        )
    ]
    missing = [
        (front, hi - lo + 1 - front - length)
        for (front, _), (lo, hi), length in zip(reversed(before), reversed(ranges), inside.shape, strict=True)
    ]
    return np.pad(inside, missing)
