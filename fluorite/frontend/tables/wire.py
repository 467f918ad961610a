"""A reader and a writer for Halide's serialized pipelines (flatbuffers).

:func:`read` turns the bytes into a tree of :class:`Table`, :func:`write` turns a tree back into
bytes. Nothing is lost between the two, so a pipeline can be read, edited with
:meth:`Table.replace` and given back to Halide. Neither recurses: an expression may be as deep
as memory allows.

Fields hold plain Python values: numbers, ``bool``, ``str``, the *name* of an enum's value,
``bytes`` for ``[u8]``, a tuple for any other vector, and a :class:`Table` for a table or a union
(whose ``kind`` says which member it is). An absent table, string or vector is None.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Any, Final, NamedTuple

from fluorite.errors import UsageError
from fluorite.frontend.tables.slots import ENUMS, HALIDE_VERSION, SERIALIZATION_VERSION, UNIONS
from fluorite.frontend.tables.table import DEFAULTS, ENUM_INDEX, SCALARS, SCHEMA, UNION_INDEX, Field, Table, table

__all__ = ["Table", "read", "table", "write"]


# ---------------------------------------------------------------------------------------------
# Reading


class _Reference(NamedTuple):
    """A field to follow: where its relative offset is stored, in the unpacked record and in the table."""

    field: Field
    position: int
    offset: int
    tag_position: int  # the same two for the tag of a union, or the tag vector of a [union]; else -1
    tag_offset: int


class _Plan(NamedTuple):
    """How to read the tables that share one vtable."""

    record: struct.Struct
    scalars: tuple[tuple[str, int, tuple[str, ...] | None], ...]  # name, index in the record, enum names
    references: tuple[_Reference, ...]


_U16: Final = struct.Struct("<H")
_U32: Final = struct.Struct("<I")
_I32: Final = struct.Struct("<i")


class _Reader:
    """The bytes, the plans made for the vtables in them, and the tables still to be filled."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.plans: dict[tuple[str, int], _Plan] = {}
        self.pending: list[tuple[Table, int]] = []

    def run(self, root: Table, at: int) -> None:
        """Fill a table and all that hang from it."""
        self.pending.append((root, at))
        # Every table takes 4 bytes of its own, so more than that many means that damaged bytes refer in circles.
        tables_left = len(self.data) // 4
        while self.pending:
            tables_left -= 1
            if tables_left < 0:
                raise ValueError("tables refer in circles")
            self.fill(*self.pending.pop())

    def plan(self, kind: str, vtable: int) -> _Plan:
        """Compile a vtable into one ``unpack`` and a list of what to follow."""
        (size,) = _U16.unpack_from(self.data, vtable)
        slots = struct.unpack_from(f"<{size // 2 - 2}H", self.data, vtable + 4)
        stored: list[tuple[int, str, Field, bool]] = []  # offset in the table, code, field, is a tag
        for f in SCHEMA[kind]:
            if f.slot < len(slots) and slots[f.slot]:
                stored.append((slots[f.slot], f.code, f, False))
                if f.of in UNIONS:
                    stored.append((slots[f.slot - 1], "B" if f.how == "union" else "I", f, True))
        stored.sort(key=lambda entry: entry[0])
        layout, end = "<", 0
        tags: dict[str, tuple[int, int]] = {}
        for i, (offset, code, f, is_tag) in enumerate(stored):
            layout += f"{offset - end}x{code}"
            end = offset + struct.calcsize("<" + code)
            if is_tag:
                tags[f.name] = (i, offset)
        values = [(i, offset, f) for i, (offset, _, f, is_tag) in enumerate(stored) if not is_tag]
        scalars = tuple((f.name, i, ENUMS.get(f.of)) for i, _, f in values if f.how in ("scalar", "enum"))
        references = tuple(
            _Reference(f, i, offset, *tags.get(f.name, (-1, -1)))
            for i, offset, f in values
            if f.how not in ("scalar", "enum")
        )
        return self.plans.setdefault((kind, vtable), _Plan(struct.Struct(layout), scalars, references))

    def fill(self, target: Table, at: int) -> None:
        """Read the fields of a table; the tables it refers to become ``pending``."""
        kind, fields = target.kind, target.fields
        vtable = at - _I32.unpack_from(self.data, at)[0]
        plan = self.plans.get((kind, vtable)) or self.plan(kind, vtable)
        record = plan.record.unpack_from(self.data, at)
        fields.update(DEFAULTS[kind])
        for name, i, names in plan.scalars:
            fields[name] = record[i] if names is None else names[record[i]]
        for f, i, offset, tag_position, tag_offset in plan.references:
            where = at + offset + record[i]
            if f.how == "str":
                fields[f.name] = self.string(where)
            elif f.how == "table":
                fields[f.name] = self.child(f.of, where)
            elif f.how == "union":
                fields[f.name] = self.child(UNIONS[f.of][record[tag_position]], where)
            elif f.of in UNIONS:
                tags = self.vector("u8", at + tag_offset + record[tag_position])
                members = zip(tags, self.targets(where), strict=True)
                fields[f.name] = tuple(self.child(UNIONS[f.of][t], w) for t, w in members)
            else:
                fields[f.name] = self.vector(f.of, where)

    def child(self, kind: str, at: int) -> Table:
        """Make a table that will be filled later."""
        made = Table(kind, {})
        self.pending.append((made, at))
        return made

    def vector(self, of: str, at: int) -> Any:
        """Read a vector of anything but unions."""
        (count,) = _U32.unpack_from(self.data, at)
        if of == "u8":
            return self.data[at + 4 : at + 4 + count]
        if of in ENUMS:
            names = ENUMS[of]
            return tuple(names[value] for value in self.data[at + 4 : at + 4 + count])
        if of in SCALARS:
            return struct.unpack_from(f"<{count}{SCALARS[of][0]}", self.data, at + 4)
        if of == "str":
            return tuple(map(self.string, self.targets(at)))
        return tuple(self.child(of, where) for where in self.targets(at))

    def targets(self, at: int) -> list[int]:
        """Positions that a vector of offsets points to."""
        (count,) = _U32.unpack_from(self.data, at)
        offsets = struct.unpack_from(f"<{count}I", self.data, at + 4)
        return [at + 4 + 4 * i + offset for i, offset in enumerate(offsets)]

    def string(self, at: int) -> str:
        """Read a string."""
        (size,) = _U32.unpack_from(self.data, at)
        return self.data[at + 4 : at + 4 + size].decode()


def read(data: bytes) -> Table:
    """Read a serialized pipeline.

    Parameters
    ----------
    data : bytes
        What ``halide.serialize_pipeline`` returned.

    Returns
    -------
    Table
        The ``Pipeline`` table.

    Raises
    ------
    UsageError
        If the bytes are of another format version, or are no serialized pipeline.
    """
    reader = _Reader(data)
    try:
        (at,) = _U32.unpack_from(data, 0)
        _check_version(reader, at)
        root = Table("Pipeline", {})
        reader.run(root, at)
    except (struct.error, IndexError, ValueError, KeyError) as error:
        raise UsageError(f"these {len(data)} bytes are not a serialized Halide pipeline ({error})") from error
    return root


def _check_version(reader: _Reader, at: int) -> None:
    # The two version strings are the last slots of the root table in every format so far, so
    # they are read on their own before the rest of the bytes is trusted.
    vtable = at - _I32.unpack_from(reader.data, at)[0]
    (size,) = _U16.unpack_from(reader.data, vtable)
    last = struct.unpack_from("<2H", reader.data, vtable + size - 4) if size >= 8 else (0, 0)
    halide, version = (
        reader.string(at + offset + _U32.unpack_from(reader.data, at + offset)[0]) if offset else "" for offset in last
    )
    if version != SERIALIZATION_VERSION:
        raise UsageError(
            f"the pipeline was serialized by Halide {halide or '(unknown)'} in format {version or '(unknown)'};"
            f" fluorite reads format {SERIALIZATION_VERSION}: install halide=={HALIDE_VERSION}"
        )


# ---------------------------------------------------------------------------------------------
# Writing. Offsets of a flatbuffer point forward, so a parent is laid out before its children and
# every reference is patched when its target is reached.


class _Layout(NamedTuple):
    """Where the present fields of a table go."""

    vtable: bytes
    record: struct.Struct  # everything after the offset to the vtable
    align8: bool
    order: tuple[tuple[Field, bool, int], ...]  # field, is a tag, offset in the table


@cache
def _layout(kind: str, present: tuple[str, ...]) -> _Layout:
    entries: list[tuple[int, int, str, Field, bool]] = []  # -size, slot, code, field, is a tag
    for f in SCHEMA[kind]:
        if f.name in present:
            entries.append((-struct.calcsize("<" + f.code), f.slot, f.code, f, False))
            if f.of in UNIONS:
                code = "B" if f.how == "union" else "I"
                entries.append((-struct.calcsize("<" + code), f.slot - 1, code, f, True))
    entries.sort(key=lambda entry: entry[:2])  # widest first: all are then aligned without padding
    slots = [0] * (max((slot for _, slot, *_ in entries), default=-1) + 1)
    offset, codes, order = 4, "<", []
    for negative_size, slot, code, f, is_tag in entries:
        slots[slot] = offset
        order.append((f, is_tag, offset))
        codes += code
        offset -= negative_size
    vtable = struct.pack(f"<{2 + len(slots)}H", 4 + 2 * len(slots), offset, *slots)
    return _Layout(vtable, struct.Struct(codes), any(entry[0] == -8 for entry in entries), tuple(order))


class _Writer:
    """The bytes so far, and what they still refer to."""

    def __init__(self) -> None:
        self.out = bytearray(4)
        self.pending: list[tuple[int, Table]] = []  # where the offset of a table belongs, and the table
        self.strings: dict[str, list[int]] = {}  # a string and all places that refer to it
        self.vtables: dict[bytes, int] = {}

    def run(self, root: Table) -> bytes:
        """Write a table and all that hang from it."""
        self.pending.append((0, root))
        while self.pending:
            self.emit(*self.pending.pop())
        # Strings go last and only once each: every reference to them then points forward.
        for text, places in self.strings.items():
            encoded = text.encode()
            self.align(4)
            for place in places:
                self.patch(place)
            self.out += _U32.pack(len(encoded)) + encoded + b"\0"
        return bytes(self.out)

    def align(self, to: int) -> None:
        """Pad so that the next byte written is aligned."""
        self.out += bytes(-len(self.out) % to)

    def patch(self, place: int) -> None:
        """Let an offset point to the next byte written."""
        _U32.pack_into(self.out, place, len(self.out) - place)

    def emit(self, place: int, item: Table) -> None:
        """Write one table with its vectors; the tables it refers to become ``pending``."""
        values, defaults = item.fields, DEFAULTS[item.kind]
        # A float is always written: -0.0 equals the default but is not it.
        present = tuple(
            name
            for name, value in values.items()
            if value is not None and (value != defaults[name] or type(value) is float)
        )
        layout = _layout(item.kind, present)
        vtable = self.vtables.get(layout.vtable)
        if vtable is None:
            self.align(2)
            vtable = self.vtables[layout.vtable] = len(self.out)
            self.out += layout.vtable
        self.align(4)
        if layout.align8 and len(self.out) % 8 == 0:
            self.out += bytes(4)  # 8-byte fields follow the 4-byte offset to the vtable
        at = len(self.out)
        self.patch(place)
        inline = []
        for f, is_tag, _ in layout.order:
            if f.how == "scalar":
                inline.append(values[f.name])
            elif f.how == "enum":
                inline.append(ENUM_INDEX[f.of][values[f.name]])
            else:  # references are patched later
                inline.append(UNION_INDEX[f.of][values[f.name].kind] if is_tag and f.how == "union" else 0)
        self.out += _I32.pack(at - vtable) + layout.record.pack(*inline)
        for f, is_tag, offset in layout.order:
            value = values[f.name]
            if f.how == "str":
                self.strings.setdefault(value, []).append(at + offset)
            elif f.how == "vector":
                self.vector(f.of, value, at + offset, is_tag)
            elif f.how not in ("scalar", "enum") and not is_tag:
                self.pending.append((at + offset, value))

    def vector(self, of: str, values: Any, place: int, tags: bool) -> None:
        """Write a vector, or the tags of a vector of unions."""
        self.align(4)
        self.patch(place)
        self.out += _U32.pack(len(values))
        if tags:
            self.out += bytes(UNION_INDEX[of][value.kind] for value in values)
        elif of == "u8":
            self.out += values
        elif of in ENUMS:
            self.out += bytes(ENUM_INDEX[of][value] for value in values)
        elif of in SCALARS:
            self.out += struct.pack(f"<{len(values)}{SCALARS[of][0]}", *values)
        else:
            start = len(self.out)
            self.out += bytes(4 * len(values))
            for i, value in enumerate(values):
                if of == "str":
                    self.strings.setdefault(value, []).append(start + 4 * i)
                else:
                    self.pending.append((start + 4 * i, value))


def write(root: Table) -> bytes:
    """Write a ``Pipeline`` table as bytes that ``halide.deserialize_pipeline`` reads.

    A Table that is referred to from several places is written as often. Halide does not check
    the bytes it reads, so an absent field it relies on ends the process: start from tables that
    :func:`read` or :func:`table` made.
    """
    return _Writer().run(root)
