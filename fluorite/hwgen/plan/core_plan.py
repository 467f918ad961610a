"""What a core is built from: everything that was decided about it, and nothing of how it is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fluorite.hwgen.formula import Formula, Ranges
from fluorite.hwgen.interface import CoreInterface
from fluorite.hwgen.plan.memory import Length
from fluorite.hwgen.plan.schedule import Schedule
from fluorite.hwgen.plan.storage import Storage
from fluorite.hwgen.plan.stream_plan import StreamPlan
from fluorite.hwgen.streams.graph import Delay, Graph

__all__ = ["CorePlan"]


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
    streams : tuple of StreamPlan
        Each stream, in the interface's order.
    coordinates : dict of int to Delay
        Per ``coord`` node, how much later than the scan's beginning its first word comes.
    scan : tuple of Formula
        Positions of the scan along each dimension.
    ranges : dict of str to (int, int)
        Least and greatest values of the launch's variables.
    names : dict of int to str
        Signal name of each node.
    setting_names : dict of Formula to str
        The setting that software computes a formula into.
    wraps : dict of Length to Formula
        Last address of the memories of each length.
    begin : Delay
        The lag of what begins with the scan.
    periods : dict of str to tuple of int
        Per stage or input, positions of the scan from a word to the next along each dimension.
    """

    interface: CoreInterface
    graph: Graph
    schedule: Schedule
    storage: Storage
    streams: tuple[StreamPlan, ...]
    coordinates: Mapping[int, Delay]
    scan: tuple[Formula, ...]
    ranges: Ranges
    names: Mapping[int, str]
    setting_names: Mapping[Formula, str]
    wraps: Mapping[Length, Formula]
    begin: Delay
    periods: Mapping[str, tuple[int, ...]]
