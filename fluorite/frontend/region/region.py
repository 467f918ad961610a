"""A region: the part of a pipeline that becomes one accelerator, as data that hardware generation reads.

Made by :mod:`fluorite.frontend.region.extract`; free of Halide, like everything downstream of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from numpy.typing import NDArray

from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.visit import expressions, walk
from fluorite.frontend.region.identifiers import Identifiers, identifiers_of

__all__ = ["Channel", "ConstantValues", "Input", "Loop", "Region", "SideOutput"]


class ConstantValues(Protocol):
    """Values of Funcs and expressions that depend on no input, as Halide computes them."""

    def of_func(self, func: str, value_index: int, point: Sequence[int]) -> int | float:
        """Value of an input-free Func at a point."""
        ...

    def region(self, func: str, region: Sequence[tuple[int, int]]) -> Sequence[NDArray[Any]]:
        """Values of an input-free Func over ``(min, extent)`` of its arguments, a Tuple element each; axes reversed."""
        ...

    def of_expr(self, expr: ir.Expr) -> int | float:
        """Value of an expression without variables."""
        ...


@dataclass(frozen=True, slots=True)
class Input:
    """One input stream: a Func or ImageParam named in ``accelerate()``.

    Attributes
    ----------
    name : str
        The Func or ImageParam.
    type : ir.Type
        Type of its values, an integer.
    dimensions : int
        How many it has.
    """

    name: str
    type: ir.Type
    dimensions: int


@dataclass(frozen=True, slots=True)
class Loop:
    """One scan dimension of a launch.

    Attributes
    ----------
    var : str
        Pure argument of the accelerated Func.
    position : int
        Which argument it is.
    lanes : int
        Neighbours computed side by side (unrolled).
    max_extent : int
        Greatest extent of a launch, in pixels.
    fixed : bool
        Whether every launch has exactly that extent.
    whole : bool
        Whether a launch covers all of the dimension: no software loop is left over it.
    min : int or None
        The least coordinate of a launch, if all launches begin at the same one; None if they do not.
    """

    var: str
    position: int
    lanes: int
    max_extent: int
    fixed: bool
    whole: bool = False
    min: int | None = None


@dataclass(frozen=True, slots=True)
class Channel:
    """A dimension of the accelerated Func that is unrolled whole: every cycle computes all of it.

    Attributes
    ----------
    var : str
        Pure argument of the accelerated Func.
    position : int
        Which argument it is.
    min, extent : int
        Coordinates it runs over, always the same.
    """

    var: str
    position: int
    min: int
    extent: int


@dataclass(frozen=True, slots=True)
class SideOutput:
    """A Func that an accelerator gives beside the accelerated one.

    Attributes
    ----------
    name : str
        The Func.
    dimensions : tuple of int or None
        By its arguments, the scan dimension that each is along; None for a channel.
    channels : tuple of Channel
        Its arguments that every cycle computes all of, by position.
    """

    name: str
    dimensions: tuple[int | None, ...]
    channels: tuple[Channel, ...]


@dataclass(frozen=True)
class Region:
    """One accelerator's share of a pipeline.

    Attributes
    ----------
    name : str
        The accelerated Func.
    pipeline : ir.Pipeline
        The pipeline it lies in.
    inputs : tuple of Input
        In the order of ``accelerate()``.
    stages : tuple of str
        Funcs with a stream of their own, producers first: the accelerated Func, the outputs beside it, and those that
        are line-buffered. All others are inlined.
    loops : tuple of Loop
        Scan dimensions, innermost first.
    channels : tuple of Channel
        Dimensions unrolled whole.
    constants : ConstantValues
        Halide's own values of what needs no input.
    fifo_depths : tuple of (str, str, int)
        Producer, consumer and the depth the user gave.
    notes : tuple of str
        How sizes were found that the schedule does not say.
    sides : tuple of SideOutput
        What it gives beside the accelerated Func.
    read_inside : frozenset of str
        Those of its outputs that others of its stages read.
    """

    name: str
    pipeline: ir.Pipeline
    inputs: tuple[Input, ...]
    stages: tuple[str, ...]
    loops: tuple[Loop, ...]
    channels: tuple[Channel, ...]
    constants: ConstantValues
    fifo_depths: tuple[tuple[str, str, int], ...] = ()
    notes: tuple[str, ...] = ()
    sides: tuple[SideOutput, ...] = ()
    read_inside: frozenset[str] = frozenset()

    @property
    def outputs(self) -> tuple[str, ...]:
        """The Funcs it gives: the accelerated one, then those beside it."""
        return (self.name, *(side.name for side in self.sides))

    def channels_of(self, output: str) -> tuple[Channel, ...]:
        """The channels of one of `outputs`."""
        own = {side.name: side.channels for side in self.sides}
        return own.get(output, self.channels)

    def port(self, output: str) -> str:
        """The stream that one of `outputs` leaves by: the stage, or where others read it, one that does so, too."""
        return f"{output} out" if output in self.read_inside else output  # no Func of a user's has a space

    @property
    def func(self) -> ir.Func:
        """The accelerated Func."""
        return self.pipeline.funcs[self.name]

    @cached_property
    def names(self) -> Identifiers:
        """What the pipeline's Funcs, images, Params and Vars are called in whatever is generated."""
        return identifiers_of(self.pipeline)

    def callee(self, caller: str, name: str) -> str:
        """The Func that ``caller`` reads when it calls ``name``: a wrapper, if ``in_()`` made one for that caller."""
        if name not in self.pipeline.funcs:
            return name
        wrappers = dict(self.pipeline.funcs[name].schedule.wrappers)
        wrapper = wrappers.get(caller, wrappers.get("", name))
        # A wrapper's own call is the one that must reach what it wraps.
        return name if wrapper == caller else wrapper

    def depends_on_no_input(self, name: str) -> bool:
        """Whether a Func is a constant: no input, stage, ImageParam or Param anywhere below it."""
        return name in self.constant_funcs

    @cached_property
    def constant_funcs(self) -> frozenset[str]:
        """Names of all Funcs that depend on no input."""
        stops = {i.name for i in self.inputs} | set(self.stages)
        known: dict[str, bool] = {}

        def constant(name: str) -> bool:
            if name in stops or name not in self.pipeline.funcs:
                return False
            if name not in known:
                known[name] = True  # a Func's reads of itself do not decide
                func = self.pipeline.funcs[name]
                known[name] = func.init is not None and all(leaf_is_constant(expr) for expr in expressions(func))
            return known[name]

        def leaf_is_constant(expr: ir.Expr) -> bool:
            for node in walk(expr):
                if isinstance(node, ir.Variable) and node.param:
                    return False
                if isinstance(node, ir.Call) and node.call_type is ir.CallType.IMAGE and node.param:
                    return False
                if isinstance(node, ir.Call) and node.call_type is ir.CallType.HALIDE and not constant(node.name):
                    return False
            return True

        return frozenset(name for name in self.pipeline.funcs if constant(name))
