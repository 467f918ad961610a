"""A pipeline packed for another process: the same bytes for the same pipeline, whatever the process built before.

Halide serializes Params and ImageParams as names, for whoever reads the bytes to give the objects: what the user fixed
or estimated of them is packed too. And it numbers what has no name, Lets, Vars and RDoms, through the life of the
process.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import halide as hl

from fluorite.frontend.naming import renamed
from fluorite.frontend.tables import wire
from fluorite.frontend.tables.rewrite import tables, transform
from fluorite.frontend.tables.table import Table

__all__ = ["pack"]

# t7, v7 and r7$x; v7 also as a part of a split's name, x.v7.
_NUMBERED = re.compile(r"(?<![^.])([tvr])(\d+)(?![^.$])")
_NAMES = {
    "Let": ("name",),
    "Variable": ("name",),
    "ReductionVariable": ("var",),
    "Bound": ("var",),
    "StorageDim": ("var",),
    "LoopLevel": ("var_name",),
    "FusedPair": ("var_name",),
    "Split": ("old_var", "outer", "inner"),
    "Dim": ("var",),
    "FuseLoopLevel": ("align_dimension_names",),
    "PrefetchDirective": ("at", "from"),
    "Func": ("args",),
}

_BUFFER_LIMITS = (
    *("min_constraint", "extent_constraint", "stride_constraint"),
    *("min_constraint_estimate", "extent_constraint_estimate"),
)
_SCALAR_LIMITS = ("default_value", "min_value", "max_value", "estimate")


def pack(pipeline: Any) -> bytes:
    """Serialize an ``hl.Pipeline`` for ``fluorite/glue/aot_process.py``, which imports nothing of fluorite.

    The values that Params and ImageParams hold are left out.

    Returns
    -------
    bytes
        JSON. ``pipeline`` is Halide's serialization, in base64. ``parameters`` are those it refers to: the type as
        (code, bits, lanes), whether it is a buffer, dimensions, name. ``limit_calls`` of their methods, (parameter,
        method, arguments), have as the last argument one of the ``limits``, the values of a serialized Func.
    """
    data, found = hl.serialize_pipeline(pipeline, get_params=True)
    limits: list[Any] = []
    limit_calls: list[tuple[Any, ...]] = []
    known: dict[str, Any] = {}
    limits_func = b""
    while new := {name: parameter for name, parameter in found.items() if name not in known}:
        known |= new
        for name in sorted(new):
            for method, arguments, limit in _limits(new[name]):
                limits.append(limit)
                limit_calls.append((name, method, arguments))
        if limits:  # an ImageParam's extent may be a Param that is nowhere else
            probe = hl.Func("fluorite_limits")
            probe[()] = tuple(limits) if len(limits) > 1 else limits[0]
            serialized, found = hl.serialize_pipeline(hl.Pipeline(probe), get_params=True)
            limits_func = wire.write(_renumbered(renamed(wire.read(serialized), {probe.name(): "limits"}, {})))
    buffers = [name for name in sorted(known) if known[name].is_buffer()]
    packed = {
        "pipeline": b64encode(wire.write(_renumbered(wire.read(data)))).decode(),
        "parameters": [
            ((of.code().name, of.bits(), of.lanes()), known[name].is_buffer(), known[name].dimensions(), name)
            for name in sorted(known)
            for of in (known[name].type(),)
        ],
        "alignments": {name: known[name].host_alignment() for name in buffers},
        "memory_types": {name: known[name].memory_type().name for name in buffers},
        "limits": b64encode(limits_func).decode(),
        "limit_calls": limit_calls,
    }
    return json.dumps(packed).encode()


def _limits(parameter: Any) -> Iterator[tuple[str, tuple[int, ...], Any]]:
    """What is set of a parameter: (method that sets it, arguments before the value, value)."""
    places: list[tuple[int, ...]] = [(d,) for d in range(parameter.dimensions())] if parameter.is_buffer() else [()]
    for place in places:
        for kind in _BUFFER_LIMITS if parameter.is_buffer() else _SCALAR_LIMITS:
            value = getattr(parameter, kind)(*place)
            if value.defined():
                yield f"set_{kind}", place, value


def _renumbered(root: Table) -> Table:
    """Count from 0 what Halide numbered; the order stays."""
    numbers: dict[str, set[int]] = {"t": set(), "v": set(), "r": set()}
    for node in tables(root):
        for field in _NAMES.get(node.kind, ()):
            for name in (node[field],) if isinstance(node[field], str) else node[field] or ():
                for letter, number in _NUMBERED.findall(name):
                    numbers[letter].add(int(number))
    ranks = {letter: {n: rank for rank, n in enumerate(sorted(found))} for letter, found in numbers.items()}

    def plain(name: str) -> str:
        return _NUMBERED.sub(lambda m: f"{m[1]}{ranks[m[1]][int(m[2])]}", name)

    def edit(node: Table) -> Table:
        if node.kind not in _NAMES or (node.kind == "Variable" and (node.param_name or node.image_name)):
            return node
        changes = {
            field: plain(node[field]) if isinstance(node[field], str) else tuple(map(plain, node[field] or ()))
            for field in _NAMES[node.kind]
        }
        return node.replace(**changes) if any(node[field] != new for field, new in changes.items()) else node

    return transform(root, edit)
