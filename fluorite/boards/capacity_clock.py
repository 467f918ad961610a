"""The clock that a schedule reaches, by the delay model: its longest path from register to register."""

from __future__ import annotations

from fluorite.hwgen.delays import Family, latency_cycles, taken_at
from fluorite.hwgen.generate import Generated

__all__ = ["longest_path_ns"]


def longest_path_ns(generated: Generated, delays: Family) -> float:
    """Longest register-to-register path of a core, in nanoseconds; control and shell are not in it.

    Parameters
    ----------
    generated : Generated
        The core, as scheduled.
    delays : Family
        The delay model.
    """
    plan = generated.plan
    memory_ends = {(line.node, line.end) for line in generated.storage.lines if line.kind == "memory"}
    arrival: dict[int, float] = {}
    longest = 0.0
    for node in plan.nodes:
        if node.static:
            continue
        latest = 0.0
        for operand in node.operands:
            if operand.node.static:
                continue
            age = plan.age(plan.lags[node.id], taken_at(node, operand), operand.node)
            if not any(age):
                latest = max(latest, arrival[operand.node.id])
            elif (operand.node.id, age) in memory_ends:
                latest = max(latest, delays.memory_ns)
        total = latest + delays.node_ns(node)
        if latency_cycles(node):  # a table in block RAM: its address ends at a register, its word begins at one
            longest = max(longest, latest)
            total = delays.memory_ns
        arrival[node.id] = total
        longest = max(longest, total)
    return delays.register_ns + longest
