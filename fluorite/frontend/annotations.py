"""The annotations a user puts on Funcs: ``accelerate``, ``linebuffer`` and ``fifo_depth``.

Each is kept inside Halide's own Func, as a trace tag: it is then part of the serialized pipeline,
lives as long as the Func, and needs no registry beside it (Halide's Python wrappers come and go, and
take no attributes). Trace tags change nothing unless tracing is on, and the software part that fluorite
hands back to Halide has them removed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fluorite.errors import ScheduleError
from fluorite.frontend.algorithm import ir

__all__ = ["TAG_PREFIX", "Accelerate", "Annotations", "annotations_of", "install", "renamed_tag"]

TAG_PREFIX: Final = "fluorite:"
"""Every trace tag of ours starts so; the rest is JSON."""


@dataclass(frozen=True, slots=True)
class Accelerate:
    """``accelerate(inputs, compute_var, store_var, taps, outputs)``; everything by Halide's unique name.

    An ImageParam is named as itself; in the pipeline it is read through a Func ``<name>_im``.
    """

    inputs: tuple[str, ...]
    compute_var: str
    store_var: str
    taps: tuple[str, ...]
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Annotations:
    """All annotations of one Func; ``fifo_depths`` holds ``(consumer, depth)`` pairs."""

    accelerate: Accelerate | None = None
    linebuffer: bool = False
    fifo_depths: tuple[tuple[str, int], ...] = ()


def annotations_of(func: ir.Func) -> Annotations:
    """Read back what the user annotated a Func with.

    Raises
    ------
    ScheduleError
        If annotations of the Func contradict each other.
    """
    accelerated: Accelerate | None = None
    buffered = False
    depths: dict[str, int] = {}
    for tag in func.tags:
        if not tag.startswith(TAG_PREFIX):
            continue
        payload = json.loads(tag.removeprefix(TAG_PREFIX))
        if payload["kind"] == "accelerate":
            found = Accelerate(
                tuple(payload["inputs"]),
                payload["compute_var"],
                payload["store_var"],
                tuple(payload["taps"]),
                tuple(payload.get("outputs", ())),
            )
            if accelerated not in (None, found):
                raise ScheduleError(
                    func.name,
                    "accelerate()",
                    "it is accelerated twice, in different ways",
                    "call accelerate() once per Func",
                )
            accelerated = found
        elif payload["kind"] == "linebuffer":
            buffered = True
        else:
            consumer, depth = payload["consumer"], payload["depth"]
            if depths.setdefault(consumer, depth) != depth:
                raise ScheduleError(
                    func.name,
                    f"fifo_depth({consumer}, {depth})",
                    f"it was given depth {depths[consumer]} before",
                    "call fifo_depth() once per consumer, or not at all: depths follow from the schedule",
                )
    return Annotations(accelerated, buffered, tuple(depths.items()))


def renamed_tag(tag: str, names: Mapping[str, str]) -> str:
    """Return a trace tag with other names of Funcs in it; one that is not ours is left alone."""
    if not tag.startswith(TAG_PREFIX):
        return tag
    payload = json.loads(tag.removeprefix(TAG_PREFIX))
    for role in ("inputs", "taps", "outputs"):
        if role in payload:
            payload[role] = [names.get(name, name) for name in payload[role]]
    if "consumer" in payload:
        payload["consumer"] = names.get(payload["consumer"], payload["consumer"])
    return _encoded(payload)


def install() -> None:
    """Give ``halide.Func`` the methods ``accelerate``, ``linebuffer`` and ``fifo_depth``.

    Generator outputs get them too: they are Funcs. Calling it again changes nothing.
    """
    import halide as hl

    hl.Func.accelerate = accelerate
    hl.Func.linebuffer = linebuffer
    hl.Func.fifo_depth = fifo_depth


def _encoded(payload: Mapping[str, Any]) -> str:
    return TAG_PREFIX + json.dumps(payload, separators=(",", ":"))


def _tag(func: Any, **payload: Any) -> Any:
    func.add_trace_tag(_encoded(payload))
    return func


def accelerate(
    self: Any,
    inputs: Sequence[Any],
    compute_var: Any,
    store_var: Any,
    taps: Sequence[Any] = (),
    outputs: Sequence[Any] = (),
) -> Any:
    """Turn this Func, from the inputs on, into one accelerator.

    Parameters
    ----------
    inputs : sequence of halide.Func or halide.ImageParam
        What the accelerator reads as streams. Everything between them and this Func is hardware.
    compute_var : halide.Var or str
        The innermost loop of this Func that the hardware runs through: one step of it is one group of lanes.
    store_var : halide.Var or str
        The loop that software keeps: one launch of the accelerator computes all that is inside it.
        ``halide.Var.outermost()`` puts the whole image into one launch.
    taps : sequence of halide.Func, halide.ImageParam or halide.Param
        Coefficients: Funcs of constants, which become constants or ROMs, and scalar Params, which become registers.
        Naming them changes nothing. What only a run has the values of is refused.
    outputs : sequence of halide.Func
        Funcs that the same accelerator gives beside this one, at whatever rate: a thumbnail beside the picture, the
        levels of a pyramid. They may read this Func, be read by it, or read the inputs as it does; they have its Vars
        for their arguments. Software, or the pipeline's outputs, read them.

    Returns
    -------
    halide.Func
        This Func, so that calls can be chained.

    Raises
    ------
    ScheduleError
        If an argument is of the wrong kind.
    """
    import halide as hl

    call = "accelerate()"
    if isinstance(inputs, (str, hl.Func, hl.OutputImageParam)) or not isinstance(inputs, Sequence):
        raise ScheduleError(
            self.name(), call, f"inputs must be a list of Funcs and ImageParams, not {_shown(inputs)}", "write [input]"
        )
    if not inputs:
        raise ScheduleError(
            self.name(),
            call,
            "inputs is empty, so there is no place where the hardware begins",
            "name the Funcs or ImageParams that stream into the accelerator",
        )
    if isinstance(taps, (str, hl.Func, hl.OutputImageParam, hl.Param)) or not isinstance(taps, Sequence):
        raise ScheduleError(
            self.name(),
            call,
            f"taps must be a list of Funcs, ImageParams and Params, not {_shown(taps)}",
            "write taps=[coefficients]",
        )
    if isinstance(outputs, (str, hl.Func, hl.OutputImageParam)) or not isinstance(outputs, Sequence):
        raise ScheduleError(
            self.name(), call, f"outputs must be a list of Funcs, not {_shown(outputs)}", "write outputs=[thumbnail]"
        )
    input_names = [_named(self, call, "an input", item, (hl.Func, hl.ImageParam)) for item in inputs]
    tap_names = [_named(self, call, "a tap", item, (hl.Func, hl.ImageParam, hl.Param)) for item in taps]
    for name in input_names:
        if name == self.name():
            raise ScheduleError(
                name, call, "a Func cannot be an input of its own accelerator", "name the Funcs it reads"
            )
        if input_names.count(name) > 1 or name in tap_names:
            raise ScheduleError(
                self.name(),
                call,
                f"{name} is named more than once among inputs and taps",
                "name each input and each tap once",
            )
    output_names = [_named(self, call, "an output", item, (hl.Func,)) for item in outputs]
    for name in output_names:
        if name == self.name() or output_names.count(name) > 1 or name in (*input_names, *tap_names):
            raise ScheduleError(
                self.name(),
                call,
                f"{name} is an output, and it is the accelerated Func, an input, a tap or an output already",
                "name each Func once, in outputs only those beside the accelerated one",
            )
    return _tag(
        self,
        kind="accelerate",
        inputs=input_names,
        compute_var=_var(self, call, "compute_var", compute_var),
        store_var=_var(self, call, "store_var", store_var),
        taps=tap_names,
        **({"outputs": output_names} if output_names else {}),
    )


def linebuffer(self: Any) -> Any:
    """Make this Func a streaming stage of its own, with a line buffer before it; others are inlined.

    Returns
    -------
    halide.Func
        This Func, so that calls can be chained.
    """
    return _tag(self, kind="linebuffer")


def fifo_depth(self: Any, consumer: Any, n: int) -> Any:
    """Ask for a depth of the queue between this Func and a consumer.

    Accepted so that Halide-HLS schedules port, never needed: depths follow from the schedule. One that is smaller
    than the schedule's is refused by ``fluorite.compile``, which says the number.

    Parameters
    ----------
    consumer : halide.Func
        The Func that reads this one.
    n : int
        Values the queue holds, at least 1.

    Returns
    -------
    halide.Func
        This Func, so that calls can be chained.

    Raises
    ------
    ScheduleError
        If the consumer is no Func, or the depth not a positive integer.
    """
    import halide as hl

    call = "fifo_depth()"
    name = _named(self, call, "the consumer", consumer, (hl.Func,))
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ScheduleError(
            self.name(), call, f"the depth must be a positive integer, not {n!r}", "leave the call out, or give a depth"
        )
    return _tag(self, kind="fifo_depth", consumer=name, depth=n)


def _named(func: Any, call: str, role: str, item: Any, kinds: tuple[type, ...]) -> str:
    """Name of an argument that must be of one of some kinds."""
    if not isinstance(item, kinds):
        import halide as hl

        allowed = " or ".join(("an " if kind.__name__[0] in "AEIOU" else "a ") + kind.__name__ for kind in kinds)
        known = isinstance(item, (hl.Param, hl.Buffer))
        way_out = "leave it out: hardware reads it without" if known else f"name {allowed}, the object itself"
        raise ScheduleError(func.name(), call, f"{role} must be {allowed}, not {_shown(item)}", way_out)
    return str(item.name())  # type: ignore[attr-defined]


def _var(func: Any, call: str, role: str, item: Any) -> str:
    import halide as hl

    if isinstance(item, str) and item:
        return item
    if isinstance(item, hl.Var):
        return str(item.name())
    raise ScheduleError(
        func.name(),
        call,
        f"{role} must be a Var or the name of one, not {_shown(item)}",
        "name a loop of this Func, or Var.outermost()",
    )


def _shown(item: Any) -> str:
    """Describe a wrong argument: a Halide object by kind and name, anything else by its repr."""
    name = getattr(item, "name", None)
    return f"the {type(item).__name__} {name()}" if callable(name) else repr(item)
