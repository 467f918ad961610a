"""Lowering's arithmetic: data are nodes of the stream graph."""

from __future__ import annotations

from collections.abc import Sequence

from fluorite.frontend.algorithm import ir
from fluorite.frontend.region.region import Region
from fluorite.hwgen.formula import variable
from fluorite.hwgen.lowering.evaluate.diagnostics import Diagnostics
from fluorite.hwgen.lowering.evaluate.indices import Affine, Value
from fluorite.hwgen.lowering.evaluate.recursion import Recursion
from fluorite.hwgen.lowering.history import History
from fluorite.hwgen.lowering.positions import Positions
from fluorite.hwgen.lowering.semantics.apply import apply
from fluorite.hwgen.lowering.tables import TableRead
from fluorite.hwgen.lowering.timed import Step, Timing, in_time
from fluorite.hwgen.lowering.values import Lowered
from fluorite.hwgen.streams.builder import Builder, constant_value
from fluorite.hwgen.streams.graph import Ref
from fluorite.hwgen.streams.operations import TABLE

__all__ = ["Nodes"]


class Nodes:
    """Makes the nodes of one stage.

    Parameters
    ----------
    region : Region
        The stage's.
    stage : str
        The stage.
    diagnostics : Diagnostics
        Says what may overflow.
    lowered : Lowered
        Where nodes and what they need are collected.
    build : Builder
        Makes nodes in its graph.
    positions : Positions
        Makes nodes of positions and settings in it.
    timing : Timing
        When the stage's updates take their steps.
    history : History
        What its updates have written so far.
    """

    def __init__(
        self,
        region: Region,
        stage: str,
        diagnostics: Diagnostics,
        lowered: Lowered,
        build: Builder,
        positions: Positions,
        timing: Timing,
        history: History,
    ) -> None:
        self._timing = timing
        self._history = history
        self._names = region.names
        self._stage = stage
        self._diagnostics = diagnostics
        self._lowered = lowered
        self._build = build
        self._positions = positions

    def const(self, value: int) -> Ref:
        """A number."""
        return self._build.const(value)

    def number(self, data: Ref) -> int | None:
        """The number that a stream always carries, or None."""
        return constant_value(data)

    def param(self, variable_: ir.Variable) -> Ref:
        """A scalar Param, which software writes before a launch."""
        name, type_ = variable_.name, variable_.type
        self._lowered.parameters[name] = type_
        port = self._names.param(name)
        return self._positions.setting(port, type_.min, type_.max, variable(port))

    def metadata(self, variable_: ir.Variable) -> Ref:
        """An extent or min of an image, which software writes before a launch."""
        name, type_ = variable_.name, variable_.type
        self._lowered.metadata[name] = variable_
        port = self._names.metadata(name)
        return self._positions.setting(port, type_.min, type_.max, variable(port))

    def coordinate(self, place: Affine) -> Ref:
        """A position, used as data."""
        return self._positions.coordinate(self._stage, place)

    def operate(self, node: ir.Expr, operands: Sequence[Ref]) -> Ref | None:
        """An operation; None if hardware has none."""
        return apply(self._build, node, operands, lambda: self._overflow(node))

    def select(self, condition: Ref, true_value: Ref, false_value: Ref) -> Ref:
        """One of two values, by a condition."""
        return self._build.select(condition, true_value, false_value)

    def in_time(self, before: Sequence[Ref], steps: Sequence[Step]) -> Sequence[Ref]:
        """Values after steps that are taken in time, by one set of operators."""
        return in_time(self._build, self._timing, lambda: self._lowered.next_state(self._stage), before, steps)

    def earlier(self, number: int, element: int, place: Sequence[Value[Ref]], type_: ir.Type) -> Ref:
        """What an update has written at an earlier pixel, or at this one's."""
        return self._history.earlier(number, element, place, type_)

    def written(self, number: int, place: Sequence[Value[Ref]], values: Sequence[Ref]) -> None:
        """Note what an update has written."""
        self._history.written(number, place, values)

    def inside(self, place: Affine, recursion: Recursion) -> Ref:
        """1 where a recursion goes over a position: a launch has those before and behind it, and no more."""
        d, build = place.dimension, self._build
        own, lanes = self._lowered.domains[self._stage], self._lowered.rates.streams[self._stage].lanes[d]
        offset, word = place.offset - own.lo[d], self._positions.word(self._stage, d)
        begun = build.le(build.const(-((offset - recursion.before) // lanes)), word)
        if not recursion.behind:
            return begun
        left = build.linear([(1, self._positions.last_of(d)), (-lanes, word)], own.hi[d] - place.offset)
        return build.select(begun, build.le(build.const(recursion.behind), left), build.const(0))

    def recurs(self, recursion: Recursion) -> None:
        """A recursion is known from the survey."""

    def table(self, read: TableRead, type_: ir.Type, indices: Sequence[Ref]) -> Ref:
        """A read of a table, which linking makes."""
        if read not in self._lowered.tables:
            self._lowered.tables.append(read)
        number = self._lowered.tables.index(read)
        return self._build.graph.intern("table", indices, TABLE.attributes(number), type_.min, type_.max)

    def _overflow(self, node: ir.Expr) -> int:
        """The number of the warning that an operation may overflow, from 1."""
        func, operation = self._diagnostics.user_func(), self._diagnostics.show(node)
        message = (
            f"{func}: {operation}: may overflow {node.type}, which Halide leaves undefined; "
            f"the hardware keeps the low {node.type.bits} bits"
        )
        if message not in self._lowered.notes:
            self._lowered.notes.append(message)
        return 1 + self._lowered.notes.index(message)
