"""All passes over the stream graph, from stages that read taps of one another to what is scheduled."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from fluorite.frontend.region.region import Region
from fluorite.hwgen.family.delays import Family
from fluorite.hwgen.lowering.lower import lower
from fluorite.hwgen.lowering.values import Lowered, output_ports
from fluorite.hwgen.passes.division import expand_divisions
from fluorite.hwgen.passes.link import link
from fluorite.hwgen.passes.products import split_products
from fluorite.hwgen.passes.sums import expand_sums
from fluorite.hwgen.passes.trees import balance_trees
from fluorite.hwgen.plan.extents import Extents, measure
from fluorite.hwgen.plan.grids import grids_of
from fluorite.hwgen.plan.merge import merge_dimensions
from fluorite.hwgen.plan.recurrence import intervals
from fluorite.hwgen.plan.unneeded import without_unneeded
from fluorite.hwgen.streams.check import check
from fluorite.hwgen.streams.graph import Graph, Node

__all__ = ["Watch", "check_after", "expanded", "expanded_in_time", "periods_of_outputs", "unwatched"]

#: Told the name of each pass and the graph that it made.
Watch = Callable[[str, Graph, Family], None]

#: The operations that are gone after each pass.
_GONE = {
    "link": ("tap", "table"),
    "choices": ("tap", "table"),
    "trees": ("tap", "table"),
    "division": ("tap", "table", "div", "mod"),
    "sums": ("tap", "table", "div", "mod", "sum"),
    "products": ("tap", "table", "div", "mod", "sum"),
    "merge": ("tap", "table", "div", "mod", "sum"),
}


def expanded(region: Region, lowered: Lowered, family: Family, watch: Watch | None = None) -> tuple[Graph, Extents]:
    """The graph that is scheduled, and the sizes of a launch before the schedule asks for padding."""
    lanes = math.lcm(*(rate.lanes[0] for rate in lowered.rates.streams.values()))
    extents = measure(region, lowered.domains, lowered.rates)
    graph = link(region, lowered)
    look = watch or unwatched
    look("link", graph, family)
    passes: list[tuple[str, Callable[[Graph], Graph]]] = [
        ("choices", lambda graph: without_unneeded(graph, grids_of(graph, periods_of_outputs(region, lowered, graph)))),
        ("trees", partial(balance_trees, lanes=lanes)),
        ("division", partial(expand_divisions, multiplier=family.multiplier)),
        ("sums", lambda graph: expand_sums(graph, lanes, _in_some_columns(region, lowered, graph))),
        ("products", partial(split_products, multiplier=family.multiplier)),
        ("merge", partial(merge_dimensions, extents=extents)),
    ]
    for name, run in passes:
        graph = run(graph)
        look(name, graph, family)
    return graph, extents


def expanded_in_time(region: Region, family: Family, watch: Watch | None) -> tuple[Lowered, Graph, Extents]:
    """A region's graph, with steps in time as far apart as what goes round in them takes."""
    apart: dict[str, int] = {}
    while True:
        lowered = lower(region, apart)
        graph, extents = expanded(region, lowered, family, watch)
        now = {stage: apart.get(stage, 1) for stage in lowered.steps}  # others: from word to word
        made_with = [now.get(stage, lowered.rates.streams[stage].periods[0]) for stage in lowered.states]
        longer: dict[str, int] = {}
        for number, interval in intervals(graph, family, made_with).items():
            if interval > made_with[number]:
                longer[lowered.states[number]] = max(interval, longer.get(lowered.states[number], 1))
        if not longer:
            return lowered, graph, extents
        apart |= longer


def _in_some_columns(region: Region, lowered: Lowered, graph: Graph) -> frozenset[int]:
    """Ids of the nodes that are not needed in every column."""
    if lowered.rates.is_one:
        return frozenset()
    grids = grids_of(graph, periods_of_outputs(region, lowered, graph))
    return frozenset(number for number, grid in grids.of.items() if grid[0].period > 1)


def periods_of_outputs(region: Region, lowered: Lowered, graph: Graph) -> dict[str, tuple[int, ...]]:
    """Positions from a word to the next, by output stream; at one rate the graph's dimensions may be merged ones."""
    if lowered.rates.is_one:
        return dict.fromkeys(output_ports(region), (1,) * graph.dimensions)
    return {key: lowered.rates.streams[port.stream].periods for key, port in output_ports(region).items()}


def unwatched(name: str, graph: Graph, family: Family) -> None:
    """Look at nothing."""


def check_after(name: str, graph: Graph, family: Family) -> None:
    """Check what a pass leaves behind.

    Raises
    ------
    GraphError
        Something that it must not.
    """

    def too_wide(node: Node) -> str | None:
        fits = node.op != "mul" or family.multiplier.takes(*(operand.node for operand in node.operands))
        return None if fits else "does not fit a multiplier block"

    split = name in ("products", "merge")
    check(graph, name, without=_GONE[name], also=too_wide if split else lambda node: None)
