"""What Halide refuses, said as fluorite says it; Halide's own error stays the ``__cause__``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import halide as hl

from fluorite.errors import ScheduleError, UsageError

__all__ = ["HALIDE_ERRORS", "check_software", "one_line", "run_refused"]

# Halide's bindings raise RuntimeError for what C++ throws of its own, and cannot decode every message.
HALIDE_ERRORS = (hl.HalideError, RuntimeError, UnicodeDecodeError)

_PLACE = re.compile(
    r'Func "(?P<func>.+)" is computed at the following invalid location:\n(?P<place>.+);\n'
    r"Legal locations for this function are:\n(?P<legal>(?: .+;\n)*)"
)

_LEVELS = "leave store_root(), store_at(), hoist_storage() and ring_buffer() of {func} out"

# What Halide says -> the way out; `func` is the Func that it is about.
_WAYS_OUT = (
    (r"Couldn't infer the upper bound for the storage size of (?P<func>\S+),", _LEVELS),
    (r"Cannot fold dimension \d+ of (?P<func>\S+) because an extern stage", _LEVELS),
    (r'Func "(?P<func>\S+)" is scheduled with ring_buffer\(\)', _LEVELS),
    (r"The fold factor \(\d+\) of dimension \S+ of (?P<func>\S+) is too small", "leave fold_storage() of {func} out"),
    (
        r"The explicit allocation bound \(\d+\) of dimension \S+ of (?P<func>\S+) is too",
        "leave bound_storage() of {func} out",
    ),
    (r'Illegal compute_with: "(?P<func>\S+)" is scheduled to be computed with', "leave compute_with() of {func} out"),
    (r"Bounds given for (?P<func>\S+) in", "give bound() of {func} all that is read of it"),
    (r"Schedule for Func (?P<func>\S+) requires", "leave the schedule of {func} for other devices out"),
    (
        r"Failed to materialize symbols",
        "define its extern functions: load their library by ctypes.CDLL, with RTLD_GLOBAL",
    ),
)


def one_line(error: BaseException) -> str:
    """Halide's message on one line, without the word that all of them begin with."""
    text = " ".join(str(error).split()).removeprefix("Error:").strip().rstrip(".")
    return text or "it does not say why"


def check_software(software: Any, output: str, accelerators: Sequence[str], funcs: Collection[str]) -> None:
    """Let Halide lower the software part, which finds all that it refuses before any image is there.

    Parameters
    ----------
    software : halide.Pipeline
        The software part.
    output : str
        The pipeline's output Func: the one to name where Halide names none.
    accelerators : sequence of str
        The accelerated Funcs.
    funcs : collection of str
        Names of all Funcs of the pipeline.

    Raises
    ------
    ScheduleError
        Halide cannot compile the software part as it is scheduled.
    """
    try:
        software.compile_to_module(software.infer_arguments(), "software", hl.get_jit_target_from_environment())
    except HALIDE_ERRORS as error:
        if place := _PLACE.search(str(error)):
            raise _no_place(place["func"], place["place"].strip(), place["legal"], accelerators) from error
        func, way_out = _way_out(one_line(error), funcs)
        raise ScheduleError(
            func or output,
            "the software part",
            f"Halide refuses it: {one_line(error)}",
            way_out or f"change the schedule of the Funcs around {' and '.join(accelerators)}",
        ) from error


@contextmanager
def run_refused(name: str, funcs: Collection[str]) -> Iterator[None]:
    """Around a run in Halide's JIT.

    Parameters
    ----------
    name : str
        What is run.
    funcs : collection of str
        Names of all Funcs of the pipeline.

    Raises
    ------
    UsageError
        Halide stops: an image is too small, a Param out of its range, a promise of the schedule broken.
    """
    try:
        yield
    except HALIDE_ERRORS as error:
        text = one_line(error)
        _, way_out = _way_out(text, funcs)
        raise UsageError(f"{name}: Halide stops: {text}{way_out and '; ' + way_out}") from error


def _no_place(func: str, place: str, legal: str, accelerators: Sequence[str]) -> ScheduleError:
    places = [line.strip(" ;") for line in legal.splitlines()]
    if place in places:  # where it is computed is right, so it is where its memory is
        rule = f"the memory must be there outside of {place}"
        return ScheduleError(func, "hoist_storage()", rule, "leave it out, or hoist to an outer loop")
    inside = tuple(f".compute_at({name}, " for name in accelerators)
    return ScheduleError(
        func,
        place,
        "the software part has no such place for it: the loops of an accelerator are hardware",
        f"use {' or '.join(there for there in places if not any(i in there for i in inside))}",
    )


def _way_out(text: str, funcs: Collection[str]) -> tuple[str, str]:
    """The Func that Halide's message is about, and what to change; empty where that is not known."""
    for pattern, way_out in _WAYS_OUT:
        if found := re.search(pattern, text):
            func = found.groupdict().get("func", "")
            if not func or func in funcs:
                return func, way_out.format(func=func)
    return "", ""
