"""Schedule, storage, extents, ports and settings of small pipelines, kept as text."""

import pytest

from fluorite.hwgen.text import show_ports, show_schedule, show_settings, show_storage
from tests.hwgen.small import SMALL, compiled


def show_extents(g):
    """Sizes of every stream and of the scan, merged dimensions, what rows are padded to."""
    yield f"scan ({', '.join(map(str, g.extents.scan))}), dimensions merged as {g.extents.groups}"
    for name, words in g.extents.words.items():
        domain = g.lowered.domains[name]
        yield f"{name}: from min + {domain.lo} to max + {domain.hi}, words ({', '.join(map(str, words))})"
    yield f"at least {g.storage.least} long; {g.extents.cycles_per_launch} cycles a launch; latency {g.latency_cycles}"


def show_due(g):
    """Scan positions at which each port starts and ends."""
    for plan in g.streams:
        starts, ends = (", ".join(map(str, positions)) for positions in (plan.due.starts, plan.due.ends))
        yield f"{plan.port.name} due from ({starts}) to ({ends})"


@pytest.mark.parametrize("name", SMALL)
def test_plans(name, golden):
    g = compiled(name)
    parts = {
        "schedule": show_schedule(g),
        "storage": show_storage(g),
        "extents": list(show_extents(g)),
        "ports": [*show_ports(g), *show_due(g)],
        "settings": show_settings(g),
    }
    golden(f"plan/{name}", "\n".join("\n".join([f"# {part}", *lines, ""]) for part, lines in parts.items()))
