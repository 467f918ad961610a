"""Plain names: the names of a pipeline as if the process had built nothing else.

Halide numbers equal names of Funcs, and some of equal hash, through the life of a process: who builds a pipeline again,
a notebook's cell run twice, has ``corners`` and then ``corners$1``. What fluorite makes of a pipeline must not depend
on that, so every design is made under plain names. Params, ImageParams, Vars and RDoms keep theirs: Halide does not
number what the user named, and finds Params by name when it runs the software part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from fluorite.frontend.annotations import renamed_tag
from fluorite.frontend.tables.rewrite import transform
from fluorite.frontend.tables.table import Table, table

__all__ = ["buffer_names", "func_names", "output_name", "renamed"]

# What Halide appends to an equal name; rfactor() and in_() make names of such names: corners$1_intm.
_NUMBER = re.compile(r"\$(\d+)(?=[_$]|$)")
# What Halide calls what has no name. It gives a Func that the user calls f12 the name f12$0.
_UNNAMED = re.compile(r"([A-Za-z]|lambda_)(\d+)")
_LIKE_UNNAMED = re.compile(r"[A-Za-z]\d+")


def func_names(names: Collection[str], params: Collection[str]) -> dict[str, str]:
    """Plain names of Funcs.

    Equal names are numbered in the order the Funcs were made in, which Halide's numbers tell: the result is what
    Halide would have called them in a process that makes these Funcs and no others.

    Parameters
    ----------
    names : collection of str
        Names of all Funcs of a pipeline.
    params : collection of str
        Names of its Params and ImageParams, which keep theirs: a Func takes none of them.

    Returns
    -------
    dict of str to str
        The plain name of each Func that has another one.
    """
    families: dict[tuple[str, bool], list[tuple[tuple[int, ...], str]]] = {}
    for name in names:
        unnamed = _UNNAMED.fullmatch(name)
        if unnamed:
            families.setdefault((unnamed[1], True), []).append(((int(unnamed[2]),), name))
        else:
            numbers = tuple(map(int, _NUMBER.findall(name)))
            families.setdefault((_NUMBER.sub("", name), False), []).append((numbers, name))
    plain: dict[str, str] = {}
    taken = set(params)
    for (stem, unnamed_too), members in sorted(families.items()):
        number = 0
        for _, name in sorted(members):
            while (shown := _numbered(stem, number, unnamed=unnamed_too)) in taken:
                number += 1
            taken.add(shown)
            plain[name] = shown
    return {name: shown for name, shown in plain.items() if name != shown}


def _numbered(stem: str, number: int, *, unnamed: bool) -> str:
    if unnamed:
        return f"{stem}{number}"
    return f"{stem}${number}" if number or _LIKE_UNNAMED.fullmatch(stem) else stem


def buffer_names(names: Collection[str]) -> dict[str, str]:
    """Plain names of the constant Buffers that have none: ``b7`` is ``b0`` where it is the only one.

    Halide does not number Buffers that the user named; one whom the user calls ``b7`` cannot be told from one without
    a name.
    """
    unnamed = sorted((int(name[1:]), name) for name in names if re.fullmatch(r"b\d+", name))
    return {name: f"b{number}" for number, (_, name) in enumerate(unnamed) if name != f"b{number}"}


def output_name(name: str, funcs: Mapping[str, str]) -> str:
    """Plain name of a Func's output buffer: named as the Func, or ``f.0``, ``f.1``... for a Tuple's elements."""
    func, dot, element = name.rpartition(".")
    return funcs.get(name, name) if not dot else f"{funcs.get(func, func)}.{element}"


def renamed(root: Table, funcs: Mapping[str, str], buffers: Mapping[str, str]) -> Table:
    """Rename Funcs and Buffers wherever a pipeline refers to them, annotations included.

    Wrappers must have been applied. What Halide keeps in the order of names is put in order again.
    """
    # An output buffer whose size the pipeline asks for is a parameter named as its Func.
    outputs = {p.name: output_name(p.name, funcs) for p in root.external_parameters if p.is_buffer}
    order = sorted(funcs.get(name, name) for name in root.func_names_in_order)
    index = {i: order.index(funcs.get(name, name)) for i, name in enumerate(root.func_names_in_order)}
    edits: dict[str, dict[str, Callable[[Table], Any]]] = {
        "Func": {
            "name": lambda f: funcs.get(f.name, f.name),
            "origin_name": lambda f: funcs.get(f.origin_name, f.origin_name),
            "output_buffers_names": lambda f: tuple(output_name(name, funcs) for name in f.output_buffers_names),
            "trace_tags": lambda f: tuple(renamed_tag(tag, funcs) for tag in f.trace_tags),
        },
        "Call": {
            "name": lambda call: _called(call, funcs, outputs, buffers),
            "func_index": lambda call: index.get(call.func_index, call.func_index),
            **_one("param_name", outputs),
            **_one("image_name", buffers),
        },
        "Variable": {
            "name": lambda v: (
                _measured(v.name, v.param_name, outputs) or _measured(v.name, v.image_name, buffers) or v.name
            ),
            **_one("param_name", outputs),
            **_one("image_name", buffers),
        },
        "ExternFuncArgument": {
            "func_index": lambda a: index[a.func_index] if a.arg_type == "FuncArg" else a.func_index,
            **_one("image_param_name", outputs),
            **_one("buffer_name", buffers),
        },
        "PrefetchDirective": {**_one("name", {**buffers, **outputs, **funcs}), **_one("param_name", outputs)},
        "LoopLevel": _one("func_name", funcs),
        "WrapperRef": {"func_index": lambda w: index[w.func_index], **_one("func_name", funcs)},
        "FusedPair": {**_one("func_1", funcs), **_one("func_2", funcs)},
        "Parameter": {"name": lambda p: output_name(p.name, funcs)},
        "ExternalParameter": _one("name", outputs),
        "Buffer": _one("name", buffers),
    }

    def edit(node: Table) -> Table:
        changes = {field: value(node) for field, value in edits.get(node.kind, {}).items()}
        return node.replace(**changes) if any(node[field] != new for field, new in changes.items()) else node

    root = transform(root, edit)
    root = root.replace(parameters=(*root.parameters, *_missing_outputs(root)))
    parts = ("funcs", "parameters", "external_parameters", "buffers")
    in_order = {field: tuple(sorted(root[field], key=lambda part: str(part.name))) for field in parts}
    outputs_of_pipeline = tuple(funcs.get(name, name) for name in root.output_names)
    return root.replace(output_names=outputs_of_pipeline, func_names_in_order=tuple(order), **in_order)


def _missing_outputs(root: Table) -> list[Table]:
    """Output buffers that Halide left out: of a Func that is called as a Param is, it takes one for the other."""
    known = {parameter.name for parameter in (*root.parameters, *root.external_parameters)}
    fields = ("min", "extent", "stride", "min_estimate", "extent_estimate")
    undefined = table("BufferConstraint", **dict.fromkeys(fields, table("UndefinedExpr")))
    dense = undefined.replace(stride=table("IntImm", value=1, type=table("Type", code="Int", bits=32, lanes=1)))
    return [
        table(
            "Parameter",
            defined=True,
            is_buffer=True,
            type=of,
            dimensions=len(func.args),
            name=name,
            host_alignment=max(of.bits // 8, 1),
            buffer_constraints=tuple(undefined if d else dense for d in range(len(func.args))),
        )
        for func in root.funcs
        for name, of in zip(func.output_buffers_names, func.output_types, strict=True)
        if name not in known
    ]


def _one(field: str, names: Mapping[str, str]) -> dict[str, Callable[[Table], Any]]:
    return {field: lambda node: names.get(node[field], node[field])}


def _called(call: Table, funcs: Mapping[str, str], outputs: Mapping[str, str], buffers: Mapping[str, str]) -> str:
    if call.call_type == "Halide":
        names = funcs
    elif call.call_type == "Image":
        names = outputs if call.param_name else buffers
    else:
        return str(call.name)
    return names.get(call.name, call.name)


def _measured(variable: str, of: str, names: Mapping[str, str]) -> str:
    """The variable ``of.min.0``, ``of.extent.0`` and kin of a renamed buffer, else nothing."""
    return names[of] + variable.removeprefix(of) if of in names and variable.startswith(f"{of}.") else ""
