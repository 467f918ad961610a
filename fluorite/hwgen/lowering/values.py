"""The result of lowering."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from fluorite.frontend.algorithm import ir
from fluorite.frontend.region.region import Region
from fluorite.hwgen.formula import Formula
from fluorite.hwgen.lowering.borders import Border
from fluorite.hwgen.lowering.domain import Domain
from fluorite.hwgen.lowering.placed import PlacedImage
from fluorite.hwgen.lowering.rates import Rates
from fluorite.hwgen.lowering.tables import TableRead
from fluorite.hwgen.streams.graph import Graph, Ref

__all__ = ["Lowered", "OutputPort", "output_ports", "stage_key"]


@dataclass(slots=True)
class Lowered:
    """All stages as expressions over taps.

    Attributes
    ----------
    graph : Graph
        Nodes; reads of other stages and of inputs are ``tap`` nodes.
    rates : Rates
        How streams come.
    bodies : dict of (str, int, int) to Ref
        Per `stage_key`, lane and channel, what is computed.
    domains : dict of str to Domain
        Per stage or input that is read, which pixels a launch computes or takes.
    parameters : dict of str to ir.Type
        Scalar Params that are read, and their types.
    metadata : dict of str to ir.Variable
        Extents and mins of images, by name, that software must know the values of.
    derived : dict of str to Formula
        Variables of formulas that follow from a launch's region and from what is known of images, in order.
    settings : dict of str to (int, int, Formula)
        Static input ports by name: least and greatest value, and the formula whose value software writes.
    borders : list of Border
        Border conditions as they were built; software checks before a launch that the image is one they hold for.
    images : list of PlacedImage
        Images with borders that lie where software says, which checks before a launch that hardware can do them.
    beyond : dict of str to int
        Streams read under a border condition by a stage that is itself computed beyond the image, and how many pixels
        beyond that is at most.
    notes : list of str
        Warnings of overflow; the note of a ``wrap`` node is a place in it, from 1, or 0 for none.
    tables : list of TableRead
        What ``table`` nodes read.
    steps : dict of str to int
        Per stage with an update that takes several steps in time, how many.
    intervals : dict of str to int
        Positions of the scan from one step to the next, by stage; 1 where there is none.
    states : list of str
        Of each ``state`` node, by its number, the stage.
    """

    graph: Graph
    rates: Rates
    bodies: dict[tuple[str, int, int], Ref] = field(default_factory=dict)
    domains: dict[str, Domain] = field(default_factory=dict)
    parameters: dict[str, ir.Type] = field(default_factory=dict)
    metadata: dict[str, ir.Variable] = field(default_factory=dict)
    derived: dict[str, Formula] = field(default_factory=dict)
    settings: dict[str, tuple[int, int, Formula]] = field(default_factory=dict)
    borders: list[Border] = field(default_factory=list)
    images: list[PlacedImage] = field(default_factory=list)
    beyond: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    tables: list[TableRead] = field(default_factory=list)
    steps: dict[str, int] = field(default_factory=dict)
    intervals: dict[str, int] = field(default_factory=dict)
    states: list[str] = field(default_factory=list)

    def next_state(self, stage: str) -> int:
        """A number that no other ``state`` has."""
        self.states.append(stage)
        return len(self.states) - 1


def stage_key(name: str, value_index: int) -> str:
    """Name of the stream of one Tuple element of a stage: the stage's own for element 0."""
    return name if value_index == 0 else f"{name}.{value_index}"


class OutputPort(NamedTuple):
    """One output stream of a region.

    Attributes
    ----------
    stream : str
        What its domain and rate are known by: the Func, or where stages read it, too, a stream that does so.
    func : str
        The output Func.
    element : int
        Which of its Tuple's elements.
    type : ir.Type
        Of its values.
    """

    stream: str
    func: str
    element: int
    type: ir.Type


def output_ports(region: Region) -> dict[str, OutputPort]:
    """The output streams of a region, by what the stream graph calls them."""
    return {
        stage_key(region.port(name), index): OutputPort(region.port(name), name, index, type_)
        for name in region.outputs
        for index, type_ in enumerate(region.pipeline.funcs[name].types)
    }
