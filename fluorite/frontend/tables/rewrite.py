"""Changes to a pipeline's tables that keep its meaning: walk, substitute wrappers, drop what is dead."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fluorite.errors import UsageError
from fluorite.frontend.tables.table import Table

__all__ = ["apply_wrappers", "find_func", "prune", "reachable", "tables", "transform"]


def tables(root: Table) -> Iterator[Table]:
    """Yield a table and all below it."""
    work = [root]
    while work:
        node = work.pop()
        yield node
        for value in node.fields.values():
            if type(value) is Table:
                work.append(value)
            elif type(value) is tuple and value and type(value[0]) is Table:
                work += value


def transform(root: Table, edit: Callable[[Table], Table]) -> Table:
    """Rebuild a tree from the leaves up, giving each table to ``edit`` after those below it.

    What ``edit`` returns unchanged is shared with the old tree.
    """
    done: dict[int, Table] = {}
    work = [(root, False)]
    while work:
        node, ready = work.pop()
        if id(node) in done:
            continue
        if not ready:
            work.append((node, True))
        changes: dict[str, Table | tuple[Table, ...]] = {}
        for name, value in node.fields.items():
            if type(value) is Table:
                if not ready:
                    work.append((value, False))
                elif done[id(value)] is not value:
                    changes[name] = done[id(value)]
            elif type(value) is tuple and value and type(value[0]) is Table:
                if not ready:
                    work += ((item, False) for item in value)
                elif any(done[id(item)] is not item for item in value):
                    changes[name] = tuple(done[id(item)] for item in value)
        if ready:
            done[id(node)] = edit(node.replace(**changes) if changes else node)
    return done[id(root)]


def find_func(root: Table, name: str) -> Table:
    """Return the Func of a name.

    Raises
    ------
    UsageError
        If the pipeline has none.
    """
    for func in root.funcs:
        if func.name == name:
            assert isinstance(func, Table)
            return func
    raise UsageError(f"the pipeline has no Func named {name}")


def apply_wrappers(root: Table) -> Table:
    """Let every consumer call the wrapper that ``in_()`` or ``clone_in()`` made for it.

    Halide keeps the calls as written and a list of wrappers in the schedule of the Func they stand in for,
    and substitutes when it compiles. Done here, before anything is cut or read, so that a call says what
    is called:

    Before
        ``g(x) = f(x)``; ``f`` has the wrapper ``f_in_g`` for ``g``
    After
        ``g(x) = f_in_g(x)``; ``f_in_g(x) = f(x)``
    """
    names = root.func_names_in_order
    stands_in: dict[tuple[str, str], int] = {}  # (caller, callee) -> index of the Func to call
    for func in root.funcs:
        wrappers = {wrapper.func_name: wrapper.func_index for wrapper in func.func_schedule.wrappers}
        own = {names[index] for index in wrappers.values()}
        for caller in names:
            index = wrappers.get(caller, wrappers.get(""))
            # A wrapper itself calls what it wraps, and an update reads its own Func.
            if index is not None and caller not in own and caller != func.name:
                stands_in[caller, func.name] = index
    if not stands_in:
        return root

    def substituted(func: Table) -> Table:
        def edit(node: Table) -> Table:
            if node.kind == "Call" and node.call_type == "Halide":
                name, index = node.name, node.func_index
                while (func.name, name) in stands_in:  # a wrapper may be wrapped for the same consumer again
                    index = stands_in[func.name, name]
                    name = names[index]
                if index != node.func_index:
                    return node.replace(name=name, func_index=index)
            return node.replace(wrappers=()) if node.kind == "FuncSchedule" else node

        return transform(func, edit)

    return _own_output_buffers(root.replace(funcs=tuple(map(substituted, root.funcs))))


def _own_output_buffers(root: Table) -> Table:
    """Give each clone output buffers of its own.

    ``clone_in`` makes a Func that shares them with the original. Halide then takes a clone that only an extern
    stage reads for unused, and the stage gets memory that nobody wrote.
    """
    parameters = {parameter.name: parameter for parameter in root.parameters}

    def owning(func: Table) -> Table:
        shared = func.output_buffers_names
        own = (func.name,) if len(shared) == 1 else tuple(f"{func.name}.{i}" for i in range(len(shared)))
        for theirs, name in zip(shared, own, strict=True):
            if theirs in parameters:
                parameters.setdefault(name, parameters[theirs].replace(name=name))
        return func.replace(output_buffers_names=own)

    funcs = tuple(map(owning, root.funcs))
    return root.replace(funcs=funcs, parameters=tuple(parameters.values()))


def reachable(root: Table) -> set[str]:
    """Names of the Funcs that the outputs need. Wrappers must have been applied."""
    names = root.func_names_in_order
    by_name = {func.name: func for func in root.funcs}
    found = set(root.output_names)
    work = list(found)
    while work:
        for node in tables(by_name[work.pop()]):
            if (node.kind == "Call" and node.call_type == "Halide") or (
                node.kind == "ExternFuncArgument" and node.arg_type == "FuncArg"
            ):
                name = names[node.func_index]
                if name not in found:
                    found.add(name)
                    work.append(name)
    return found


def prune(root: Table) -> Table:
    """Drop the Funcs, parameters and buffers that the outputs do not need."""
    root = apply_wrappers(root)
    alive = reachable(root)
    kept = tuple(func for func in root.funcs if func.name in alive)
    index_of = {func.name: i for i, func in enumerate(kept)}
    names = root.func_names_in_order

    def edit(node: Table) -> Table:
        if node.kind in ("Call", "ExternFuncArgument") and node.func_index >= 0:
            if node.kind == "ExternFuncArgument" and node.arg_type != "FuncArg":
                return node
            return node.replace(func_index=index_of[names[node.func_index]])
        return node

    root = root.replace(funcs=kept, func_names_in_order=tuple(index_of))
    root = root.replace(funcs=tuple(transform(func, edit) for func in kept))
    used: set[str | None] = set()
    for node in (node for part in (*root.funcs, *root.requirements) for node in tables(part)):
        for field in ("param_name", "image_name", "image_param_name", "buffer_name"):
            used.add(node.fields.get(field))
        used.update(node.fields.get("output_buffers_names", ()))
    return root.replace(
        parameters=tuple(parameter for parameter in root.parameters if parameter.name in used),
        external_parameters=tuple(parameter for parameter in root.external_parameters if parameter.name in used),
        buffers=tuple(buffer for buffer in root.buffers if buffer.name in used),
    )
