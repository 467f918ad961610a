"""Recurrences: what a state is computed from, around which a value has to come in time.

A ``state`` carries what was computed ``interval`` positions earlier, one register at least lying between. So on the way
round, from the state to what it is computed from, there is room for ``interval - 1`` registers more, and for all the
logic that the clock lets stand between them. How many registers a way needs follows from the same constraints that the
schedule has: it is the longest path from the state.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fluorite.hwgen.family.delays import Family, taken_at
from fluorite.hwgen.plan.paths import too_long
from fluorite.hwgen.streams.graph import Graph, Node
from fluorite.hwgen.streams.operations import STATE

__all__ = ["intervals", "ways_round"]


def ways_round(nodes: Sequence[Node]) -> dict[int, tuple[int, ...]]:
    """Ids of the nodes on the way round from each state to what it is computed from, by the state's number.

    Parameters
    ----------
    nodes : sequence of Node
        All nodes, operands first but for those of states.
    """
    return {
        STATE.of(state).number: tuple(node.id for node in _way(state, nodes)) for state in nodes if state.op == "state"
    }


def intervals(graph: Graph, family: Family) -> dict[int, int]:
    """The least interval of each state, in positions of the scan, by the state's number.

    Parameters
    ----------
    graph : Graph
        An expanded graph.
    family : Family
        Delay model and clock.
    """
    nodes = list(graph.walk())
    found: dict[int, int] = {}
    for state in nodes:
        if state.op == "state":
            number = STATE.of(state).number
            found[number] = max(_registers(_way(state, nodes), state, family) + 1, found.get(number, 1))
    return found


def _way(state: Node, nodes: Iterable[Node]) -> list[Node]:
    """The nodes between a state and what it is computed from, both included, operands first."""
    reached = {state.id}
    ordered = [state]
    for node in nodes:
        if node.id not in reached and node.op != "state" and any(o.node.id in reached for o in node.operands):
            reached.add(node.id)
            ordered.append(node)
    needed = {operand.node.id for operand in state.operands}
    for node in reversed(ordered):
        if node.id in needed and node.op != "state":
            needed.update(operand.node.id for operand in node.operands)
    return [node for node in ordered if node.id in needed or node is state]


def _registers(way: Sequence[Node], state: Node, family: Family) -> int:
    """How many registers a way needs, beside the one in front of the state."""
    inside = {node.id for node in way}
    readers: dict[int, list[tuple[Node, int]]] = {}
    bounds: list[tuple[int, int, int]] = []
    for node in way:
        for operand in node.operands if node.op != "state" else ():
            if operand.node.id in inside:
                readers.setdefault(operand.node.id, []).append((node, operand.delay[0]))
                bounds.append((operand.node.id, node.id, -taken_at(node, operand)[0]))
    far = too_long(way, readers, family, ())
    bounds.extend((source.id, target.id, 1 - distance) for source, target, distance in far)
    lag = {state.id: 0}
    ending: dict[int, list[tuple[int, int]]] = {}
    for source, target, least in bounds:
        ending.setdefault(target, []).append((source, least))
    for node in way[1:]:  # operands come first, and with them all that a bound begins at
        lag[node.id] = max(lag[source] + least for source, least in ending[node.id])
    return max((lag.get(operand.node.id, 0) for operand in state.operands), default=0)
