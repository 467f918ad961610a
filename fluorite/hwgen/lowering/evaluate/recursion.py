"""Recursion: updates that go over the image itself, and read pixels that they have written before.

    f[r.x, y] = f[r.x - 1, y] + in[r.x, y]

The RVar is an argument of the Func: at each pixel of a launch it is that pixel's own position, and its own values
at earlier ones are what was computed there. The scan takes pixels in the order in which Halide does, and computes the
same, if a launch begins where the RVar does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fluorite.errors import UnsupportedError
from fluorite.frontend.algorithm import ir
from fluorite.hwgen.lowering.evaluate.diagnostics import Diagnostics
from fluorite.hwgen.lowering.evaluate.indices import Affine, Tree, Value
from fluorite.hwgen.lowering.evaluate.refusals import as_input

__all__ = ["Recursion", "places_of", "reach"]


@dataclass(frozen=True, slots=True)
class Recursion:
    """An RVar that goes along a dimension of the scan.

    Attributes
    ----------
    func : str
        The Func.
    dimension : int
        The dimension.
    first, last : Tree or int
        The RVar's first value and its last.
    before, behind : int
        How many pixels before the first, and behind the last, its own values are read.
    """

    func: str
    dimension: int
    first: Tree | int
    last: Tree | int
    before: int
    behind: int


def places_of(func: ir.Func, number: int, args: Sequence[Value[object]]) -> dict[str, Affine]:
    """The RVars of an update that are arguments of the Func along which it is scanned, and the position of each."""
    rvars = {rvar.var for rvar in func.updates[number].schedule.rvars}
    return {
        arg.name: own
        for arg, own in zip(func.updates[number].args, args, strict=True)
        if isinstance(arg, ir.Variable) and arg.name in rvars and isinstance(own, Affine)
    }


def reach(
    diagnostics: Diagnostics, call: ir.Call, args: Sequence[object], own: Sequence[object]
) -> tuple[int, ...] | None:
    """How many pixels further on a Func's own value is read, by dimension of the scan, the innermost first.

    Parameters
    ----------
    diagnostics : Diagnostics
        Says what is refused.
    call : ir.Call
        The read.
    args, own : sequence of Value
        Where it reads, and the pixel that is computed.

    Returns
    -------
    tuple of int or None
        None if it reads something else than a pixel so many further on.

    Raises
    ------
    UnsupportedError
        That pixel comes later.
    """
    further: dict[int, int] = {}
    for arg, at in zip(args, own, strict=True):
        if isinstance(arg, Affine) and isinstance(at, Affine) and arg.dimension == at.dimension:
            further[at.dimension] = arg.offset - at.offset
        elif arg != at or isinstance(at, Affine):
            return None
    by = tuple(further[d] for d in sorted(further))
    if by[::-1] > (0,) * len(by):
        raise _later(diagnostics, call)
    return by


def _later(diagnostics: Diagnostics, call: ir.Call) -> UnsupportedError:
    return diagnostics.unsupported(
        f"{diagnostics.show(call)} in its own update",
        "it is a pixel that the scan comes to later",
        f"read what is there before the update from a Func of its own, or {as_input('it')}",
    )
