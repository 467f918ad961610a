"""The survey's arithmetic: which data are numbers, and what the others depend on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from fluorite.frontend.algorithm import ir
from fluorite.hwgen.lowering.evaluate.indices import Affine, Value, dimensions_of
from fluorite.hwgen.lowering.evaluate.recursion import Recursion
from fluorite.hwgen.lowering.semantics.apply import apply
from fluorite.hwgen.lowering.tables import TableRead
from fluorite.hwgen.streams.builder import Builder, constant_value
from fluorite.hwgen.streams.graph import Graph

__all__ = ["STREAM", "Dependence", "Dependences"]


@dataclass(frozen=True, slots=True)
class Dependence:
    """What data depend on.

    Attributes
    ----------
    number : int or None
        The number that they always are, if they are one.
    dimensions : frozenset of int
        Dimensions of the scan along which a position was used as data, so that what is computed differs from place to
        place even where all that is read is the same.
    on_streams, on_params : bool
        Whether they depend on streams or tables, and on what software writes for a launch.
    """

    number: int | None = None
    dimensions: frozenset[int] = frozenset()
    on_streams: bool = False
    on_params: bool = False


STREAM = Dependence(on_streams=True)
"""What is read of a stream. Whether that stream's values depend on a position is asked where it is computed."""


class Dependences:
    """Numbers fold as they do in hardware; of anything else, only the dependences are kept.

    Data are taken to depend on all that went into them, but where a number decides: a condition that is known, a factor
    or dividend of 0. What depends on more than it really does is computed further out than it need be, and never wrong.

    Attributes
    ----------
    steps : int
        The most steps that an update takes in time.
    recursions : dict of Recursion to None
        The dimensions of the scan that updates go along, each once.
    """

    def __init__(self) -> None:
        self._build = Builder(Graph(1))  # holds numbers only
        self.steps = 1
        self.recursions: dict[Recursion, None] = {}

    def const(self, value: int) -> Dependence:
        """A number."""
        return Dependence(value)

    def number(self, data: Dependence) -> int | None:
        """The number that data are, or None."""
        return data.number

    def param(self, variable: ir.Variable) -> Dependence:
        """A scalar Param."""
        return Dependence(on_params=True)

    def metadata(self, variable: ir.Variable) -> Dependence:
        """An extent or min of an image."""
        return Dependence(on_params=True)

    def coordinate(self, place: Affine) -> Dependence:
        """A position, used as data."""
        return Dependence(dimensions=frozenset({place.dimension}))

    def operate(self, node: ir.Expr, operands: Sequence[Dependence]) -> Dependence:
        """An operation; one that hardware does not have is refused when it is lowered."""
        numbers = [operand.number for operand in operands]
        known = [number for number in numbers if number is not None]
        if len(known) == len(numbers):
            result = apply(self._build, node, [self._build.const(number) for number in known], lambda: 0)
            return Dependence() if result is None else Dependence(constant_value(result))
        match node:
            case ir.Select() if numbers[0] is not None:
                return operands[1] if numbers[0] else operands[2]
            case ir.Binary(op=ir.BinaryOp.MUL | ir.BinaryOp.AND) | ir.Call(name="bitwise_and") if 0 in known:
                return Dependence(0)
            case ir.Binary(op=ir.BinaryOp.DIV | ir.BinaryOp.MOD) | ir.Call(name="shift_left" | "shift_right") if (
                numbers[0] == 0
            ):
                return Dependence(0)
            case ir.Binary(op=ir.BinaryOp.OR) if 1 in known:
                return Dependence(1)
        return _together(operands)

    def select(self, condition: Dependence, true_value: Dependence, false_value: Dependence) -> Dependence:
        """One of two values, by a condition that is no number."""
        return _together((condition, true_value, false_value))

    def in_time(
        self, before: Sequence[Dependence], steps: Sequence[Callable[[Sequence[Dependence]], Sequence[Dependence]]]
    ) -> Sequence[Dependence]:
        """Values after all steps, none of which is a number: hardware that takes them in turn is one for all."""
        self.steps = max(self.steps, len(steps))
        values = before
        for step in steps:
            values = [replace(value, number=None) for value in step(values)]
        return values

    def earlier(self, number: int, element: int, place: Sequence[Value[Dependence]], type_: ir.Type) -> Dependence:
        """What was written before differs from place to place."""
        return Dependence(dimensions=frozenset().union(*map(dimensions_of, place)), on_streams=True)

    def written(self, number: int, place: Sequence[Value[Dependence]], values: Sequence[Dependence]) -> None:
        """Of what is written nothing is kept."""

    def inside(self, place: Affine, recursion: Recursion) -> Dependence:
        """Whether a position is one that a recursion goes over."""
        return Dependence(dimensions=frozenset({place.dimension}))

    def recurs(self, recursion: Recursion) -> None:
        """Note a recursion."""
        self.recursions[recursion] = None

    def table(self, read: TableRead, type_: ir.Type, indices: Sequence[Dependence]) -> Dependence:
        """A read of a table."""
        return replace(_together(indices), on_streams=True)


def _together(operands: Sequence[Dependence]) -> Dependence:
    return Dependence(
        None,
        frozenset().union(*(operand.dimensions for operand in operands)),
        any(operand.on_streams for operand in operands),
        any(operand.on_params for operand in operands),
    )
