"""What an accelerator's extern stage takes and gives: one list for Halide, the simulator, and the driver in C."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fluorite.frontend.algorithm import ir

__all__ = ["ImageFact", "SideStage", "StageScalar", "StageSignature"]


class ImageFact(NamedTuple):
    """Where an image begins or how long it is: ``kind`` is ``"min"`` or ``"extent"``."""

    image: str
    kind: str
    dimension: int


@dataclass(frozen=True, slots=True)
class StageScalar:
    """A Param, or an extent or min of an image, that Halide passes by value.

    Attributes
    ----------
    param : str
        The Param, or the image's parameter.
    type : ir.Type
        Its type.
    name : str
        As an identifier: the formulas' variable, and the parameter in C.
    variable : ir.Variable or None
        What the pipeline calls it where it is not the Param itself, such as ``input.extent.0``.
    """

    param: str
    type: ir.Type
    name: str
    variable: ir.Variable | None = None

    @property
    def raw(self) -> str:
        """What index functions call it."""
        return self.name if self.variable is None else self.variable.name

    @property
    def title(self) -> str:
        """What the pipeline calls it."""
        return self.param if self.variable is None else self.variable.name

    @property
    def image_fact(self) -> ImageFact:
        """What it says of an image; Params have none."""
        image, kind, dimension = self.raw.rsplit(".", 2)
        return ImageFact(image, kind, int(dimension))


@dataclass(frozen=True, slots=True)
class SideStage:
    """The C function that is called for an output beside an accelerated Func: that Func's buffers in, its own out.

    Attributes
    ----------
    symbol : str
        Its name.
    func : str
        The output.
    outputs : int
        Number of buffers it fills in: one per Tuple element.
    """

    symbol: str
    func: str
    outputs: int


@dataclass(frozen=True, slots=True)
class StageSignature:
    """The C function that is called for an accelerated Func: buffers in, scalars, buffers out, in this order.

    Attributes
    ----------
    symbol : str
        Its name.
    func : str
        The accelerated Func.
    inputs : tuple of str
        Funcs and ImageParams whose buffers it gets: input streams, in the order of ``accelerate()``.
    scalars : tuple of StageScalar
        What it gets by value.
    outputs : int
        Number of buffers it fills in: one per Tuple element.
    sides : tuple of SideStage
        The functions for the outputs beside the accelerated Func.
    """

    symbol: str
    func: str
    inputs: tuple[str, ...]
    scalars: tuple[StageScalar, ...]
    outputs: int
    sides: tuple[SideStage, ...] = ()

    @property
    def params(self) -> tuple[StageScalar, ...]:
        """The scalars that are Params."""
        return tuple(scalar for scalar in self.scalars if scalar.variable is None)

    @property
    def metadata(self) -> tuple[StageScalar, ...]:
        """The scalars that say something of an image."""
        return tuple(scalar for scalar in self.scalars if scalar.variable is not None)

    def values(self, scalars: Sequence[int | float]) -> dict[str, int]:
        """The scalars by what formulas and what index functions call them."""
        found: dict[str, int] = {}
        for scalar, value in zip(self.scalars, scalars, strict=True):
            found[scalar.raw] = found[scalar.name] = int(value)
        return found
