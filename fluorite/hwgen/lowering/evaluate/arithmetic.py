"""What evaluation asks of data: the two interfaces between running definitions and what comes of it.

Lowering makes nodes of the stream graph (:mod:`fluorite.hwgen.lowering.nodes`); the survey, which runs the same
definitions before it, only wants to know which of them are numbers and which depend on a position
(:mod:`fluorite.hwgen.lowering.survey.dependence`). ``D`` is what they have data as.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from fluorite.frontend.algorithm import ir
from fluorite.hwgen.lowering.evaluate.diagnostics import Origin
from fluorite.hwgen.lowering.evaluate.indices import Affine, Value
from fluorite.hwgen.lowering.evaluate.recursion import Recursion
from fluorite.hwgen.lowering.tables import TableRead

__all__ = ["Arithmetic", "Streams"]

D = TypeVar("D")


class Arithmetic(Protocol[D]):
    """Data of one stage, and what is computed of them."""

    def const(self, value: int) -> D:
        """A number."""
        ...

    def number(self, data: D) -> int | None:
        """The number that data are, wherever they are computed; None if they are not known to be one."""
        ...

    def param(self, variable: ir.Variable) -> D:
        """A scalar Param."""
        ...

    def metadata(self, variable: ir.Variable) -> D:
        """An extent or min of an image."""
        ...

    def coordinate(self, place: Affine) -> D:
        """A position, used as data."""
        ...

    def operate(self, node: ir.Expr, operands: Sequence[D]) -> D | None:
        """An operation applied to the values of its operands; None if hardware has no such operation."""
        ...

    def select(self, condition: D, true_value: D, false_value: D) -> D:
        """One of two values, by a condition."""
        ...

    def in_time(self, before: Sequence[D], steps: Sequence[Callable[[Sequence[D]], Sequence[D]]]) -> Sequence[D]:
        """The values of an update after its steps, one after the other in time.

        Parameters
        ----------
        before : sequence
            The values before it, one per Tuple element.
        steps : sequence of callable
            Each gives the values after a step, of those before it.
        """
        ...

    def earlier(self, number: int, element: int, place: Sequence[Value[D]], type_: ir.Type) -> D:
        """What an update of the stage has written at an earlier pixel, or at this one's.

        Parameters
        ----------
        number, element : int
            Which update, and which element of a Tuple.
        place : sequence of Value
            The pixel.
        type_ : ir.Type
            Of the element.
        """
        ...

    def written(self, number: int, place: Sequence[Value[D]], values: Sequence[D]) -> None:
        """Note what an update has written at a pixel, for those that come later."""
        ...

    def inside(self, place: Affine, recursion: Recursion) -> D:
        """1 where a position is one that a recursion goes over, and not before or behind these."""
        ...

    def recurs(self, recursion: Recursion) -> None:
        """Note a recursion, which a launch must begin with."""
        ...

    def table(self, read: TableRead, type_: ir.Type, indices: Sequence[D]) -> D:
        """A read of a table."""
        ...


class Streams(Protocol[D]):
    """What one stage reads of other stages and of inputs."""

    def read(self, call: ir.Call, name: str, args: Sequence[Value[D]], origins: Sequence[Origin | None]) -> D:
        """A read of a stream.

        Parameters
        ----------
        call : ir.Call
            The read.
        name : str
            The stage or input.
        args : sequence of Value
            Where it is read.
        origins : sequence of Origin or None
            Where each of the indices was written, if not in this read.
        """
        ...
