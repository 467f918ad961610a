"""Extraction: which Funcs of a pipeline become an accelerator, and what one launch of it covers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from fluorite.errors import ScheduleError, UnsupportedError
from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.pretty import show
from fluorite.frontend.algorithm.visit import expressions, walk
from fluorite.frontend.annotations import Accelerate, annotations_of
from fluorite.frontend.region.limits import check_limits
from fluorite.frontend.region.loops import Leaf, inside, leaves, matches
from fluorite.frontend.region.region import Channel, ConstantValues, Input, Loop, Region
from fluorite.frontend.region.taps import check_taps

__all__ = ["accelerated_funcs", "extract", "funcs_inside", "funcs_outside"]

_MAX_DIMENSIONS = 4  # of a stream: what drivers and simulators step through


def accelerated_funcs(pipeline: ir.Pipeline) -> list[str]:
    """Names of the Funcs under ``accelerate()``, in the pipeline's order."""
    return [name for name, func in pipeline.funcs.items() if annotations_of(func).accelerate is not None]


def funcs_inside(pipeline: ir.Pipeline, name: str, inputs: Collection[str]) -> list[str]:
    """The Funcs of an accelerator: the accelerated one, and all below it as far as the inputs."""
    return _below(pipeline, [name], lambda func: [f for f in _callees(pipeline, func) if f not in inputs])


def funcs_outside(pipeline: ir.Pipeline, inputs: Mapping[str, Sequence[str]]) -> list[str]:
    """The Funcs of the software part, the accelerated ones included.

    Parameters
    ----------
    pipeline : ir.Pipeline
        The pipeline.
    inputs : mapping of str to sequence of str
        Per accelerated Func, the inputs of its accelerator.
    """
    return _below(pipeline, pipeline.outputs, lambda func: inputs.get(func) or _callees(pipeline, func))


def _below(pipeline: ir.Pipeline, names: Sequence[str], reads: Callable[[str], Sequence[str]]) -> list[str]:
    """These Funcs and all that they read, directly or through others; ``reads`` says what one Func reads."""
    found: dict[str, None] = {}
    stack = list(names)
    while stack:
        name = stack.pop()
        if name in pipeline.funcs and name not in found:
            found[name] = None
            stack += reads(name)
    return list(found)


def extract(pipeline: ir.Pipeline, name: str, constants: ConstantValues) -> Region:
    """The region of one accelerated Func.

    Parameters
    ----------
    pipeline : ir.Pipeline
        The pipeline.
    name : str
        The Func, which has ``accelerate()``.
    constants : ConstantValues
        Computes what depends on no input.

    Raises
    ------
    ScheduleError
        The annotations or the Func's schedule do not describe an accelerator.
    """
    func = pipeline.funcs[name]
    accelerate = annotations_of(func).accelerate
    assert accelerate is not None
    inputs = tuple(_input(pipeline, name, i) for i in accelerate.inputs)
    reached = _reached(pipeline, name, {i.name for i in inputs})
    check_taps(pipeline, name, accelerate.taps, reached)
    stages = tuple(f for f in reached if f == name or annotations_of(pipeline.funcs[f]).linebuffer)
    loops, channels = _loops(func, accelerate)
    check_limits(name, loops, channels)
    _check_outputs(pipeline, name, accelerate.inputs)
    streams = (*(i.name for i in inputs if i.name in pipeline.funcs), *stages)
    return Region(name, pipeline, inputs, stages, loops, channels, constants, tuple(_depths(pipeline, streams)))


def _check_outputs(pipeline: ir.Pipeline, name: str, inputs: Collection[str]) -> None:
    """Refuse an output of the pipeline inside the accelerator: software would have to know how much of it is read."""
    for output in pipeline.outputs:
        if output != name and output in funcs_inside(pipeline, name, inputs):
            raise ScheduleError(
                output,
                f"output of the pipeline and inside the accelerator {name}",
                f"as an output it has all that {name} reads, and software cannot know what that is",
                f"make a Func that copies {output} the output",
            )


def _depths(pipeline: ir.Pipeline, streams: Collection[str]) -> Iterator[tuple[str, str, int]]:
    """Producer, consumer and depth of each ``fifo_depth()``; inlined Funcs may stand between the two."""
    for producer in streams:
        for consumer, depth in annotations_of(pipeline.funcs[producer]).fifo_depths:
            first = _callees(pipeline, consumer) if consumer in pipeline.funcs else []
            read = _below(pipeline, first, lambda func: [] if func in streams else _callees(pipeline, func))
            if producer not in read:
                raise ScheduleError(
                    producer,
                    f"fifo_depth({consumer}, {depth})",
                    f"{consumer} does not read {producer}",
                    "name a Func that does, or leave the call out: depths follow from the schedule",
                )
            yield producer, consumer, depth


def _input(pipeline: ir.Pipeline, name: str, given: str) -> Input:
    """The input that ``accelerate()`` of a Func names ``given``."""
    if given in pipeline.funcs:
        func = pipeline.funcs[given]
        if len(func.types) != 1:
            raise ScheduleError(
                name, f"input {given}", "a Tuple cannot be streamed in", "pass its elements as separate Funcs"
            )
        found = Input(given, func.types[0], len(func.args))
    elif given in pipeline.parameters and pipeline.parameters[given].is_buffer:
        parameter = pipeline.parameters[given]
        found = Input(given, parameter.type, parameter.dimensions)
    else:
        raise ScheduleError(
            name,
            f"input {given}",
            "it is not part of the pipeline",
            "name a Func or ImageParam that the accelerated Func reads",
        )
    if not found.type.is_integer:
        raise ScheduleError(
            name,
            f"input {given} of type {found.type}",
            "streams carry integers",
            "convert it to an integer type in software",
        )
    return found


def _reached(pipeline: ir.Pipeline, name: str, inputs: set[str]) -> list[str]:
    """The accelerated Func and all that it reads, up to the inputs, producers first."""
    order: list[str] = []
    state: dict[str, bool] = {}
    reached: set[str] = set()
    stack: list[tuple[str, bool]] = [(name, False)]
    while stack:
        current, done = stack.pop()
        if done:
            state[current] = True
            order.append(current)
            continue
        if current in state or current not in pipeline.funcs or current in inputs:
            reached.add(current)
            continue
        state[current] = False
        stack.append((current, True))
        stack.extend((callee, False) for callee in _callees(pipeline, current))
    unread = sorted(i for i in inputs if i not in reached)
    if unread:
        raise ScheduleError(
            name, f"input {unread[0]}", "the accelerated Func does not read it", "remove it from the inputs"
        )
    return order


def _callees(pipeline: ir.Pipeline, name: str) -> list[str]:
    """What a Func reads, wrappers resolved, in order of first use."""
    found: dict[str, None] = {}
    extern = pipeline.funcs[name].extern
    if extern is not None:
        found.update((argument.name, None) for argument in extern.arguments if argument.name)
    for expr in expressions(pipeline.funcs[name]):
        for node in walk(expr):
            if isinstance(node, ir.Call) and node.call_type is ir.CallType.HALIDE and node.name != name:
                wrappers = dict(pipeline.funcs[node.name].schedule.wrappers) if node.name in pipeline.funcs else {}
                callee = wrappers.get(name, wrappers.get("", node.name))
                found[node.name if callee == name else callee] = None
            elif isinstance(node, ir.Call) and node.call_type is ir.CallType.IMAGE:
                found[node.name] = None
    return list(found)


def _loops(func: ir.Func, accelerate: Accelerate) -> tuple[tuple[Loop, ...], tuple[Channel, ...]]:
    """The loops of one launch, those inside ``store_var``: scanned ones, and dimensions unrolled whole."""
    name = func.name
    if func.extern is not None:
        raise UnsupportedError(
            name,
            f"define_extern({func.extern.function})",
            "an extern stage has no algorithm that could become hardware",
            "accelerate a Func that is defined in Halide",
        )
    if func.init is None or not func.args:
        raise ScheduleError(
            name, "accelerate()", "it has no pure dimension to scan", "accelerate a Func of one dimension or more"
        )
    extents = {bound.var: int(bound.extent.value) for bound in func.schedule.bounds if isinstance(bound.extent, ir.Imm)}
    all_leaves = leaves(func.init.schedule, extents)
    inner = _inside(name, all_leaves, accelerate.store_var)
    _check_leaves(name, all_leaves, inner)
    unrolled = [var for var in func.args if all(leaf.for_type == "Unrolled" for leaf in inner if var in leaf.roots)]
    channels = tuple(_channel(func, var) for var in unrolled if any(var in leaf.roots for leaf in inner))
    scanned = [leaf for leaf in inner if leaf.for_type != "Unrolled"]
    if not scanned:
        raise ScheduleError(
            name,
            f"accelerate(..., {accelerate.compute_var}, {accelerate.store_var})",
            "no loop is left inside a launch",
            "choose an outer store_var",
        )
    if not matches(scanned[0].name, accelerate.compute_var):
        raise ScheduleError(
            name,
            f"compute_var {accelerate.compute_var}",
            f"the innermost loop that is not unrolled is {scanned[0].name}",
            f"accelerate at {scanned[0].name.rsplit('.', 1)[-1]}, or reorder",
        )
    loops: list[Loop] = []
    for leaf in scanned:
        var = leaf.roots[0]
        own = [other for other in inner if other.roots == (var,)]
        if any(loop.var == var for loop in loops):
            raise ScheduleError(
                name,
                f"two loops over {var} inside a launch",
                "a launch scans each dimension once",
                "put the outer one outside store_var",
            )
        if own[-1] is not leaf and own[-1].for_type == "Unrolled":
            raise ScheduleError(
                name, f"unroll of {own[-1].name}", "lanes are neighbours", f"unroll the innermost loop over {var}"
            )
        loops.append(_loop(func, var, own, extents))
    for var in func.args:
        if var not in {loop.var for loop in loops} | {channel.var for channel in channels}:
            raise ScheduleError(
                name, f"dimension {var}", "no loop inside a launch scans it", "choose an outer store_var"
            )
    if len(loops) > _MAX_DIMENSIONS:
        raise ScheduleError(
            name,
            f"a launch of {len(loops)} dimensions",
            f"streams have at most {_MAX_DIMENSIONS}",
            "unroll a dimension whole",
        )
    return tuple(loops), channels


def _check_leaves(name: str, all_leaves: Sequence[Leaf], inner: Sequence[Leaf]) -> None:
    """Refuse loops that hardware has not, anywhere or inside a launch."""
    for leaf in all_leaves:
        if leaf.for_type == "Vectorized":
            raise ScheduleError(
                name,
                f"vectorize of {leaf.name}",
                "hardware has lanes, not vectors",
                "use unroll for more pixels a cycle",
            )
        if leaf.for_type.startswith("GPU"):
            raise ScheduleError(
                name,
                f"{leaf.name} as a loop of a GPU",
                "an accelerated Func is computed by the accelerator alone",
                "leave the schedule for other devices out",
            )
    for leaf in inner:
        if len(leaf.roots) != 1:
            raise ScheduleError(
                name,
                f"fuse into {leaf.name}",
                "a launch scans the Func's own dimensions",
                "leave the dimensions inside a launch unfused",
            )


def _channel(func: ir.Func, var: str) -> Channel:
    """A dimension unrolled whole, which needs a ``bound``."""
    for bound in func.schedule.bounds:
        if bound.var == var and isinstance(bound.min, ir.Imm) and isinstance(bound.extent, ir.Imm):
            return Channel(var, func.args.index(var), int(bound.min.value), int(bound.extent.value))
    raise ScheduleError(
        func.name,
        f"unroll of all of {var}",
        "what every cycle computes whole needs a fixed extent",
        f"give {func.name}.bound({var}, min, extent), in numbers",
    )


def _inside(name: str, all_leaves: Sequence[Leaf], store_var: str) -> list[Leaf]:
    """The loops inside ``store_var``, which a launch runs."""
    if store_var == "__outermost":
        return list(all_leaves)
    for position, leaf in enumerate(all_leaves):
        if matches(leaf.name, store_var):
            return list(all_leaves[:position])
    raise ScheduleError(
        name,
        f"store_var {store_var}",
        "the Func has no such loop",
        f"use one of {', '.join(leaf.name.rsplit('.', 1)[-1] for leaf in all_leaves)}, or hl.Var.outermost()",
    )


def _loop(func: ir.Func, var: str, inner: Sequence[Leaf], extents: dict[str, int]) -> Loop:
    """One scan dimension: its lanes, and its extent from the split, the bound or the estimate."""
    assert func.init is not None
    position = func.args.index(var)
    lanes = 1
    for leaf in inner:
        if leaf.for_type == "Unrolled":
            if leaf.extent is None:
                raise ScheduleError(
                    func.name, f"unroll of {leaf.name}", "the number of lanes is not known", f"unroll({var}, lanes)"
                )
            lanes *= leaf.extent
    covered = inside(func.init.schedule, var, {leaf.name for leaf in inner}, extents)
    if covered.tails:  # a software loop over launches remains
        if covered.extent is None:
            raise ScheduleError(
                func.name, f"split of {var}", "the extent of a launch is not a number", "split by constant factors"
            )
        if any(bound.var == var and bound.min is None and bound.extent is not None for bound in func.schedule.bounds):
            raise ScheduleError(
                func.name,
                f"bound_extent({var}, ...)",
                "Halide moves each tile so that it ends where the extent does",
                f"leave it out, or give {func.name}.bound({var}, min, extent)",
            )
        fixed = all(tail in ("RoundUp", "ShiftInwards") for tail in covered.tails)
        return Loop(var, position, lanes, covered.extent, fixed)
    for bounds, fixed in ((func.schedule.bounds, True), (func.schedule.estimates, False)):
        for bound in reversed(bounds):  # of several estimates the last one holds
            if bound.var == var and isinstance(bound.extent, ir.Imm):
                if bound.extent.value < 1:
                    raise ScheduleError(
                        func.name,
                        f"extent of {var}",
                        f"a launch of {bound.extent.value} pixels computes nothing",
                        "give bound() or set_estimate() the largest extent there will be",
                    )
                least = int(bound.min.value) if fixed and isinstance(bound.min, ir.Imm) else None
                return Loop(var, position, lanes, int(bound.extent.value), fixed, True, least)
    given = next((b for b in (*func.schedule.bounds, *func.schedule.estimates) if b.var == var and b.extent), None)
    if given is not None and given.extent is not None:
        raise ScheduleError(
            func.name,
            f"extent of {var}",
            f"a launch needs a greatest extent that is a number, and {show(given.extent)} is none",
            f"add {func.name}.set_estimate({var}, min, extent) with the largest there will be, or tile {func.name}",
        )
    raise ScheduleError(
        func.name,
        f"extent of {var}",
        "a launch needs a greatest extent",
        f"tile {func.name}, or give {func.name}.bound({var}, min, extent) or set_estimate({var}, min, extent)",
    )
