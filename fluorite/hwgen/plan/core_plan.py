"""What a core is built from: everything that was decided about it, and nothing of how it is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fluorite.hwgen.formula import Formula
from fluorite.hwgen.interface import CoreInterface, StreamPort
from fluorite.hwgen.plan.due import Due
from fluorite.hwgen.plan.schedule import Schedule
from fluorite.hwgen.plan.storage import Storage
from fluorite.hwgen.streams.graph import Delay, Graph

__all__ = ["CorePlan", "PortPlan"]


@dataclass(frozen=True, slots=True)
class PortPlan:
    """When a stream port is due.

    Attributes
    ----------
    port : StreamPort
        The port.
    key : str
        The stream it carries, by the graph's name.
    lag : Delay
        Its first word comes so much later than the scan's beginning.
    words : tuple of Formula
        Its extents, in words.
    due : Due
        Scan positions where it starts and ends.
    """

    port: StreamPort
    key: str
    lag: Delay
    words: tuple[Formula, ...]
    due: Due

    @property
    def is_input(self) -> bool:
        """Whether words come in at it."""
        return self.port.direction == "in"

    @property
    def with_scan(self) -> bool:
        """Whether its first word comes where the scan begins."""
        return not any(self.lag)

    def ends(self, d: int, scan: Sequence[Formula]) -> bool:
        """Whether the port has to know its last position along dimension d."""
        return not self.is_input or self.words[d] != scan[d]


@dataclass(frozen=True, slots=True)
class CorePlan:
    """A core before it is hardware.

    Attributes
    ----------
    interface : CoreInterface
        Its ports.
    graph : Graph
        Its datapath's nodes and what leaves it.
    schedule : Schedule
        Lags of the nodes.
    storage : Storage
        Delay lines and memories.
    ports : tuple of PortPlan
        Control of each stream, in the interface's order.
    coordinates : dict of int to Delay
        Per ``coord`` node, how much later than the scan's beginning its first word comes.
    scan : tuple of Formula
        Positions of the scan along each dimension.
    maxima : dict of str to int
        Greatest values of the launch's variables.
    names : dict of int to str
        Signal name of each node.
    setting_names : dict of Formula to str
        The setting that software computes a formula into.
    wraps : dict of Delay to Formula
        Last address of the memories of each length.
    """

    interface: CoreInterface
    graph: Graph
    schedule: Schedule
    storage: Storage
    ports: tuple[PortPlan, ...]
    coordinates: Mapping[int, Delay]
    scan: tuple[Formula, ...]
    maxima: Mapping[str, int]
    names: Mapping[int, str]
    setting_names: Mapping[Formula, str]
    wraps: Mapping[Delay, Formula]
