"""A core's plan as text: when each value is computed, where it is held, what a launch sets."""

from __future__ import annotations

from collections.abc import Sequence

from fluorite.hwgen.generate import Generated
from fluorite.hwgen.plan.storage import ages_of, cycles
from fluorite.hwgen.streams.text import show_ref

__all__ = ["show_ports", "show_schedule", "show_settings", "show_storage", "table"]


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Left-aligned columns; the first row is the heading."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def show_schedule(g: Generated) -> list[str]:
    """Every node of the scheduled graph with its lag and the ages it is read at, and what outputs read."""
    rows = [("node", "op", "operands [columns, rows earlier]", "range", "bits", "lag", "ages read at")]
    ages = ages_of(g.graph, g.plan)
    for node in g.plan.nodes:
        rows.append(
            (
                g.names[node.id],
                " ".join([node.op, *(str(n) for n in node.attr if node.op in ("shl", "shr"))]),
                ", ".join(show_ref(operand, g.names) for operand in node.operands),
                f"{node.lo}..{node.hi}",
                str(node.width_bits),
                str(g.plan.lags[node.id]) if node.id in g.plan.lags else "static",
                " ".join(map(str, sorted(ages.get(node.id, ()), key=lambda a: cycles(a, g.extents.strides)))),
            )
        )
    lines = table(rows)
    for output in g.graph.outputs:
        value = show_ref(output.value, g.names)
        lines.append(f"output {output.stream} reads {value} at lag {g.plan.output_lags[output.stream]}")
    return lines


def show_storage(g: Generated) -> list[str]:
    """Chains and memories."""
    rows: list[tuple[str, ...]] = [("stream", "from age", "to age", "gap", "cycles", "kind", "bits")]
    bits = {n.id: n.width_bits for n in g.plan.nodes}
    for line in g.storage.lines:
        total = bits[line.node] * line.length_cycles
        cells = (line.start, line.end, line.gap, line.length_cycles, line.kind, total)
        rows.append((g.names[line.node], *map(str, cells)))
    lines = table(rows)
    for memory in g.storage.memories:
        fields = ", ".join(f"{g.names[line.node]}_{line.suffix}" for line, _ in memory.fields)
        walk = f"last address {g.wraps[memory.length]}" if memory.counters else "walked by the scan"
        lines.append(f"memory {memory.name}: {memory.depth} x {memory.width_bits} bits, {walk}: {fields}")
    return lines


def show_settings(g: Generated) -> list[str]:
    """What software sets for a launch."""
    rows = [("setting", "bits", "formula")]
    return table(rows + [(s.port.name, str(s.port.width_bits), str(s.formula)) for s in g.settings])


def show_ports(g: Generated) -> list[str]:
    """When each stream's words come, and how many."""
    return [
        f"port {plan.port.name} ({plan.port.direction}): {plan.lag} behind the scan, "
        f"words ({', '.join(map(str, plan.words))})"
        for plan in g.streams
    ]
