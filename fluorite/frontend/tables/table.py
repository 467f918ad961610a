"""Tables: the records a serialized pipeline is made of, and what the schema says of their fields."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from fluorite.frontend.tables.slots import ENUMS, TABLES, UNIONS

__all__ = ["DEFAULTS", "ENUM_INDEX", "SCALARS", "SCHEMA", "UNION_INDEX", "Field", "Table", "table"]


class Table:
    """One table: ``kind`` is its name in the schema, ``fields`` its values by name.

    Fields are read as attributes (``call.name``) or as items (``schedule["async"]``). A Table is
    never changed after it was built; :meth:`replace` makes a changed copy that shares the rest.
    """

    __slots__ = ("fields", "kind")

    kind: str
    fields: dict[str, Any]

    def __init__(self, kind: str, fields: dict[str, Any]) -> None:
        self.kind = kind
        self.fields = fields

    def __getattr__(self, name: str) -> Any:
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(f"a {self.kind} table has no field {name!r}") from None

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    def __repr__(self) -> str:
        shown = (f"{k}={v!r}" for k, v in self.fields.items() if isinstance(v, (str, int, float)))
        return f"{self.kind}({', '.join(shown)})"

    def replace(self, **changes: Any) -> Table:
        """Return a copy with some fields changed.

        Raises
        ------
        AttributeError
            If the kind has no such field.
        """
        for name in changes:
            if name not in self.fields:
                raise AttributeError(f"a {self.kind} table has no field {name!r}")
        return Table(self.kind, {**self.fields, **changes})


def table(kind: str, **fields: Any) -> Table:
    """Build a Table; fields not given are zero, empty, or None for tables and unions."""
    return Table(kind, dict(_EMPTY[kind])).replace(**fields)


# ---------------------------------------------------------------------------------------------
# What the schema says about a field, in the shape the loops below want it.

SCALARS: Final[dict[str, tuple[str, Any]]] = {
    "bool": ("?", False),
    "u8": ("B", 0),
    "i32": ("i", 0),
    "i64": ("q", 0),
    "u64": ("Q", 0),
    "u64?": ("Q", None),
    "f64": ("d", 0.0),
}
ENUM_INDEX: Final = {name: {value: i for i, value in enumerate(values)} for name, values in ENUMS.items()}
UNION_INDEX: Final = {name: {value: i for i, value in enumerate(values)} for name, values in UNIONS.items()}


class Field(NamedTuple):
    """One field of a table, as the reader and the writer want it."""

    name: str
    slot: int  # of the value; a union's tag is one slot before
    how: str  # "scalar" | "enum" | "str" | "table" | "union" | "vector"
    of: str  # the scalar, enum, table or union; a vector's element type
    code: str  # struct code of what is stored inline
    default: Any


def _describe(name: str, slot: int, kind: str) -> Field:
    if kind in SCALARS:
        return Field(name, slot, "scalar", kind, *SCALARS[kind])
    if kind in ENUMS:
        return Field(name, slot, "enum", kind, "B", ENUMS[kind][0])
    if kind.startswith("["):
        return Field(name, slot, "vector", kind[1:-1], "I", None)
    how = "str" if kind == "str" else "union" if kind in UNIONS else "table"
    return Field(name, slot, how, kind, "I", None)


def _schema() -> dict[str, tuple[Field, ...]]:
    schema = {}
    for table_name, fields in TABLES.items():
        slot, described = 0, []
        for name, kind in fields:
            slot += kind.strip("[]") in UNIONS
            described.append(_describe(name, slot, kind))
            slot += 1
        schema[table_name] = tuple(described)
    return schema


SCHEMA: Final = _schema()
DEFAULTS: Final = {kind: {f.name: f.default for f in fields} for kind, fields in SCHEMA.items()}
_EMPTY: Final = {
    kind: {
        f.name: "" if f.how == "str" else (b"" if f.of == "u8" else ()) if f.how == "vector" else f.default
        for f in fields
    }
    for kind, fields in SCHEMA.items()
}
