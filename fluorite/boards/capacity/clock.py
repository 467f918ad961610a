"""The clock that a schedule reaches, by the delay model: its longest path from register to register.

Found by following every operand through the delay lines as they were allocated, so that it also says whether the
schedule did what its constraints are for.
"""

from __future__ import annotations

from fluorite.hwgen.family.delays import Family, latency_cycles
from fluorite.hwgen.generate import Generated

__all__ = ["arrivals_ns", "longest_path_ns"]


def arrivals_ns(generated: Generated, delays: Family) -> dict[int, float]:
    """How long after a clock edge each node's value is there, or what it takes from its operands if that is later.

    Parameters
    ----------
    generated : Generated
        The core, as scheduled; control and shell are not in it.
    delays : Family
        The delay model.

    Returns
    -------
    dict of int to float
        Nanoseconds by id of the node. A table in block RAM has two paths, one to its address and one from its word,
        and the longer counts; static nodes have none.
    """
    plan = generated.plan
    memory_ends = {(line.node, line.end) for line in generated.storage.lines if line.kind in ("memory", "row")}
    arrival: dict[int, float] = {}
    longest: dict[int, float] = {}
    for node in plan.nodes:
        if node.static:
            continue
        latest = 0.0
        for operand in node.operands:
            if operand.node.static:
                continue
            for age in plan.held(node, operand):
                if not any(age):
                    latest = max(latest, arrival[operand.node.id])
                elif (operand.node.id, age) in memory_ends:
                    latest = max(latest, delays.memory_ns)
        if latency_cycles(node):
            arrival[node.id] = delays.memory_ns
            longest[node.id] = max(latest, delays.memory_ns)
        else:
            arrival[node.id] = longest[node.id] = latest + delays.node_ns(node)
    return longest


def longest_path_ns(generated: Generated, delays: Family) -> float:
    """Longest register-to-register path of a core, in nanoseconds, what the registers themselves take included."""
    return delays.register_ns + max(arrivals_ns(generated, delays).values(), default=0.0)
