"""Names of a core's nodes: the stage that each is part of, and what its signal is called."""

from __future__ import annotations

from fluorite.frontend.region.identifiers import Identifiers
from fluorite.hwgen.plan.schedule import Schedule
from fluorite.hwgen.streams.operations import names_value, value_of

__all__ = ["names_of", "owners_of"]


def owners_of(plan: Schedule, identifiers: Identifiers) -> dict[int, str]:
    """Stage of each node: the one whose expression it is part of."""
    owners: dict[int, str] = {}
    for node in reversed(plan.nodes):
        if names_value(node):
            owners[node.id] = identifiers[value_of(node).stream]
        owner = owners.setdefault(node.id, "shared")
        for operand in node.operands:
            owners.setdefault(operand.node.id, owner)
    return owners


def names_of(plan: Schedule, owners: dict[int, str]) -> dict[int, str]:
    """Signal name of each node, by its id: the stage and lane of a value, else the stage it is part of and a number."""
    names: dict[int, str] = {}
    values = [node for node in plan.nodes if names_value(node)]
    several_lanes = {value_of(node).stream for node in values if value_of(node).lane}
    several_channels = {value_of(node).stream for node in values if value_of(node).channel}
    taken: set[str] = set()
    for node in values:
        key, lane, channel = value_of(node)
        name = owners[node.id] + (f"_lane{lane}" if key in several_lanes or node.op == "input" else "")
        names[node.id] = name + (f"_c{channel}" if key in several_channels else "")
        taken.add(names[node.id])
    counts: dict[str, int] = {}
    for node in plan.nodes:
        if node.id in names:
            continue
        base = f"{owners[node.id]}_{node.op}"
        counts[base] = counts.get(base, 0) + 1
        while (name := f"{base}{counts[base]}") in taken:
            counts[base] += 1
        names[node.id] = name
        taken.add(name)
    return names
