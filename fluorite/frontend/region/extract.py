"""Extraction: which Funcs of a pipeline become an accelerator, and which of them are stages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from fluorite.errors import ScheduleError
from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.visit import expressions, walk
from fluorite.frontend.annotations import Accelerate, annotations_of
from fluorite.frontend.region.limits import check_limits
from fluorite.frontend.region.region import ConstantValues, Input, Region
from fluorite.frontend.region.scan import loops_of
from fluorite.frontend.region.sides import sides_of
from fluorite.frontend.region.taps import check_taps

__all__ = ["accelerated_funcs", "extract", "funcs_inside", "funcs_outside"]


def accelerated_funcs(pipeline: ir.Pipeline) -> list[str]:
    """Names of the Funcs under ``accelerate()``, in the pipeline's order."""
    return [name for name, func in pipeline.funcs.items() if annotations_of(func).accelerate is not None]


def funcs_inside(pipeline: ir.Pipeline, outputs: Sequence[str], inputs: Collection[str]) -> list[str]:
    """The Funcs of an accelerator: those that it gives, and all below them as far as the inputs."""
    return _below(pipeline, outputs, lambda func: [f for f in _callees(pipeline, func) if f not in inputs])


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


def extract(pipeline: ir.Pipeline, name: str, constants: ConstantValues, notes: Sequence[str] = ()) -> Region:
    """The region of one accelerated Func.

    Parameters
    ----------
    pipeline : ir.Pipeline
        The pipeline.
    name : str
        The Func, which has ``accelerate()``.
    constants : ConstantValues
        Computes what depends on no input.
    notes : sequence of str
        What the report says of how its sizes were found.

    Raises
    ------
    ScheduleError
        The annotations or the Func's schedule do not describe an accelerator.
    """
    func = pipeline.funcs[name]
    accelerate = annotations_of(func).accelerate
    assert accelerate is not None
    inputs = tuple(_input(pipeline, name, i) for i in accelerate.inputs)
    loops, channels = loops_of(func, accelerate)
    check_limits(name, loops, channels)
    sides = sides_of(pipeline, func, accelerate, loops, channels)
    outputs = (name, *accelerate.outputs)
    reached = _reached(pipeline, outputs, {i.name for i in inputs})
    check_taps(pipeline, name, accelerate.taps, reached)
    stages = tuple(f for f in reached if f in outputs or annotations_of(pipeline.funcs[f]).linebuffer)
    _check_outputs(pipeline, name, accelerate)
    streams = (*(i.name for i in inputs if i.name in pipeline.funcs), *stages)
    depths = tuple(_depths(pipeline, streams))
    read = frozenset(
        output
        for output in outputs
        for other in outputs
        if other != output and output in funcs_inside(pipeline, [other], accelerate.inputs)
    )
    return Region(name, pipeline, inputs, stages, loops, channels, constants, depths, tuple(notes), sides, read)


def _check_outputs(pipeline: ir.Pipeline, name: str, accelerate: Accelerate) -> None:
    """Refuse an output of the pipeline inside the accelerator: software would have to know how much of it is read."""
    given = (name, *accelerate.outputs)
    for output in pipeline.outputs:
        if output not in given and output in funcs_inside(pipeline, given, accelerate.inputs):
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


def _reached(pipeline: ir.Pipeline, outputs: Sequence[str], inputs: set[str]) -> list[str]:
    """The outputs and all that they read, up to the inputs, producers first."""
    order: list[str] = []
    state: dict[str, bool] = {}
    reached: set[str] = set()
    stack: list[tuple[str, bool]] = [(output, False) for output in outputs]
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
            outputs[0], f"input {unread[0]}", "the accelerated Func does not read it", "remove it from the inputs"
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
