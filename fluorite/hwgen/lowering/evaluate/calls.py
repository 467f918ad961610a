"""What a read of a Func or image stands for: a stream, a number, a table, or the Func's own definition inlined."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from fluorite.frontend.algorithm import ir
from fluorite.frontend.region.region import Region
from fluorite.hwgen.lowering.evaluate.aliases import passed_on
from fluorite.hwgen.lowering.evaluate.arithmetic import Arithmetic, Streams
from fluorite.hwgen.lowering.evaluate.diagnostics import Diagnostics, Origin
from fluorite.hwgen.lowering.evaluate.expressions import Expressions
from fluorite.hwgen.lowering.evaluate.indices import Affine, Tree, Value
from fluorite.hwgen.lowering.evaluate.recursion import reach
from fluorite.hwgen.lowering.evaluate.refusals import as_input
from fluorite.hwgen.lowering.tables import TableRead, buffer_value, is_table

__all__ = ["Before", "Calls", "Running"]

D = TypeVar("D")

Before: TypeAlias = tuple[Value[D] | None, ...]
"""Values of a Func before an update of it; None where ``undef()`` left one out."""


@dataclass(frozen=True, slots=True)
class Running(Generic[D]):
    """A Func that is being run.

    Attributes
    ----------
    func : ir.Func
        The Func.
    args : tuple of Value
        The point that it is run at.
    before : tuple of Value or None
        Its values there so far, for an update that reads them.
    over : int or None
        The update that is run, if it goes over the image itself.
    furthest : set of tuple of int
        How many pixels further on it reads its own values then, by dimension of the scan: noted while it is run.
    """

    func: ir.Func
    args: tuple[Value[D], ...]
    before: Before[D]
    over: int | None = None
    furthest: set[tuple[int, ...]] = dataclasses.field(default_factory=set)


_Inlined: TypeAlias = Callable[[ir.Func, Sequence[Value[D]], Mapping[str, Origin]], tuple[Value[D], ...]]


class Calls(Generic[D]):
    """Gives the values of the reads in one stage.

    Parameters
    ----------
    region : Region
        The stage's.
    stage : str
        The stage.
    diagnostics : Diagnostics
        Says what has no hardware.
    data : Arithmetic
        What data are.
    expressions : Expressions
        Makes data of indices.
    streams : Streams
        What reads of other stages and of inputs are.
    inlined : callable
        Runs the definition of a Func at a point, given where the indices were written.
    """

    def __init__(
        self,
        region: Region,
        stage: str,
        diagnostics: Diagnostics,
        data: Arithmetic[D],
        expressions: Expressions[D],
        streams: Streams[D],
        inlined: _Inlined[D],
    ) -> None:
        self._region = region
        self._diagnostics = diagnostics
        self._arithmetic = data
        self._expressions = expressions
        self._streams = streams
        self._inlined = inlined
        self._inputs = {i.name for i in region.inputs}
        self._with_stream = self._inputs | (set(region.stages) - {stage})

    def read(self, running: Running[D], call: ir.Call, args: tuple[Value[D], ...]) -> Value[D]:
        """Value of a read.

        Parameters
        ----------
        running : Running
            The Func in whose definition it stands.
        call : ir.Call
            The read.
        args : tuple of Value
            Where it reads.

        Raises
        ------
        UnsupportedError
            Nothing that hardware has can be read there.
        """
        origins = self._diagnostics.origins(call, args)
        name = call.name if call.call_type is ir.CallType.IMAGE else self._region.callee(running.func.name, call.name)
        if name == running.func.name:
            return self._own(running, call, args)
        while name not in self._inputs and (behind := passed_on(self._region, name)) is not None:
            call = dataclasses.replace(behind, args=call.args)
            name = behind.name
        if name in self._with_stream:
            return self._streams.read(call, name, args, origins)
        if call.call_type is ir.CallType.IMAGE:
            return self._image(call, args)
        numbers = self._expressions.numbers(args)
        is_constant = self._region.depends_on_no_input(name)
        if numbers is not None and is_constant:
            return self._expressions.literal(self._region.constants.of_func(name, call.value_index, numbers), call.type)
        by_position = any(isinstance(arg, Affine | Tree) for arg in args)
        if is_constant and is_table(self._region, name, by_position=by_position):
            return self._table(call, name, args)
        callee = self._region.pipeline.funcs[name]
        written = {arg: origin for arg, origin in zip(callee.args, origins, strict=True) if origin}
        return self._inlined(callee, args, written)[call.value_index]

    def _own(self, running: Running[D], call: ir.Call, args: tuple[Value[D], ...]) -> Value[D]:
        """A read of a Func in its own update."""
        if args != running.args and running.over is not None:
            by = reach(self._diagnostics, call, args, running.args)
            if by is not None:
                running.furthest.add(by)
                return self._arithmetic.earlier(running.over, call.value_index, args, call.type)
        if args != running.args:
            raise self._diagnostics.unsupported(
                f"{self._diagnostics.show(call)} in its own update",
                "an update may read only the element it writes (neither another channel nor another pixel)",
                f"write it as separate Funcs, or {as_input('it')}",
            )
        value = running.before[call.value_index]
        if value is None:
            raise self._diagnostics.unsupported(
                f"{self._diagnostics.show(call)} in its own update",
                "it is undef() there",
                "give the pure definition a value",
            )
        return value

    def _table(self, call: ir.Call, name: str, args: Sequence[Value[D]]) -> D:
        """A read of what needs no input, at an index that moves."""
        if not call.type.is_integer:
            raise self._diagnostics.unsupported(
                f"{self._diagnostics.show(call)} of type {call.type}",
                "tables hold integers",
                f"convert to an integer type in {name}",
            )
        indices = [self._expressions.data(arg) for arg in args]
        read = TableRead(
            self._diagnostics.user_func(),
            self._diagnostics.show(call),
            name,
            call.value_index,
            call.call_type is ir.CallType.IMAGE,
            tuple(isinstance(arg, Affine | Tree) for arg in args),
            max(loop.lanes for loop in self._region.loops) - 1,
        )
        return self._arithmetic.table(read, call.type, indices)

    def _image(self, call: ir.Call, args: Sequence[Value[D]]) -> Value[D]:
        """A read of an image that is no input: a constant Buffer, or something that is refused."""
        numbers = self._expressions.numbers(args)
        if call.image and numbers is not None:
            stored = buffer_value(self._region.pipeline.buffers[call.image], numbers)
            if stored is not None:
                return self._expressions.literal(stored, call.type)
            index = ir.Type(ir.TypeCode.INT, 32)  # Halide says what is wrong with it
            at = dataclasses.replace(call, args=tuple(ir.Imm(index, n) for n in numbers))
            return self._expressions.literal(self._region.constants.of_expr(at), call.type)
        if call.image:
            return self._table(call, call.name, args)
        shown = self._diagnostics.show(call)
        construct = f"{shown} reads the ImageParam {call.name}"
        if any(not isinstance(arg, Affine | Tree) and self._expressions.number(arg) is None for arg in args):
            raise self._diagnostics.unsupported(
                construct,
                "what is read at an index by data is a table, and a table is constant",
                f"make {call.name} a constant hl.Buffer, or {as_input(shown)}",
            )
        raise self._diagnostics.unsupported(
            construct, "an accelerator reads only its inputs", f"name {call.name} in the inputs of accelerate()"
        )
