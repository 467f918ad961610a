"""Recurrences: what a state is computed from, around which a value has to come in time.

A ``state`` carries what was computed ``interval`` positions earlier, one register at least lying between. So on the way
round, from the state to what it is computed from, there is room for ``interval - 1`` registers more, and for all the
logic that the clock lets stand between them. How many registers a way needs follows from the same constraints that the
schedule has: it is the longest path from the state.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

from fluorite.hwgen.family.delays import Family, taken_at
from fluorite.hwgen.plan.paths import too_long
from fluorite.hwgen.streams.graph import Graph, Node, Ref
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


def intervals(graph: Graph, family: Family, apart: Sequence[int]) -> dict[int, int]:
    """The least interval of each state, in positions of the scan, by the state's number.

    Parameters
    ----------
    graph : Graph
        An expanded graph.
    family : Family
        Delay model and clock.
    apart : sequence of int
        By the state's number, the interval that the graph was made with.
    """
    nodes = list(graph.walk())
    # What only holds a value goes round as slowly as it comes.
    states = [node for node in nodes if node.op == "state" and not STATE.of(node).holds]
    short = {state.id: _short(state, states, nodes, family) for state in states}
    found: dict[int, int] = {}
    for cycle in _cycles(short):
        more = max(0, _slowest(cycle, short))
        for state in states:
            if state.id in cycle:
                number = STATE.of(state).number
                found[number] = max(apart[number] + more, found.get(number, 1))
    return found


def _short(state: Node, states: Sequence[Node], nodes: Sequence[Node], family: Family) -> dict[int, int]:
    """By id of each state that is computed from one, how many positions more than there are the way to it takes."""
    lag = _registers(_way(state, nodes, states), family)
    found: dict[int, int] = {}
    for target in states:
        for operand in target.operands:
            if _at_once(operand, lag):
                found[target.id] = lag[operand.node.id] + 1 - operand.delay[0]
    return found


def _cycles(edges: Mapping[int, Mapping[int, int]]) -> list[set[int]]:
    """The states that are computed from one another, together; each alone that is computed from itself only."""
    reached: dict[int, set[int]] = {}
    for source in edges:
        waiting, seen = list(edges[source]), set[int]()
        while waiting:
            at = waiting.pop()
            if at not in seen:
                seen.add(at)
                waiting.extend(edges[at])
        reached[source] = seen
    cycles: list[set[int]] = []
    for source, seen in reached.items():
        if source in seen and not any(source in cycle for cycle in cycles):
            cycles.append({other for other in seen if source in reached[other]})
    return cycles


def _slowest(cycle: Collection[int], short: Mapping[int, Mapping[int, int]]) -> int:
    """How many positions more each step of the worst way round takes, shared among its states."""
    inside = {a: {b: length for b, length in short[a].items() if b in cycle} for a in cycle}
    worst: list[float] = []
    for first in cycle:  # the longest ways from a state back to it, by how many states are on them
        ways = {first: 0}
        for count in range(1, len(cycle) + 1):
            longer: dict[int, int] = {}
            for at, length in ways.items():
                for target, more in inside[at].items():
                    longer[target] = max(length + more, longer.get(target, length + more))
            ways = longer
            if first in ways:
                worst.append(ways[first] / count)
    return math.ceil(max(worst))


def _way(state: Node, nodes: Iterable[Node], targets: Sequence[Node] | None = None) -> list[Node]:
    """The nodes between a state and what it is computed from, or what others are; both included, operands first."""
    reached = {state.id}
    ordered = [state]
    for node in nodes:
        if node.id not in reached and node.op != "state" and any(_at_once(o, reached) for o in node.operands):
            reached.add(node.id)
            ordered.append(node)
    needed = {operand.node.id for target in targets or [state] for operand in target.operands}
    for node in reversed(ordered):
        if node.id in needed and node.op != "state":
            needed.update(operand.node.id for operand in node.operands if _at_once(operand, reached))
    return [node for node in ordered if node.id in needed or node is state]


def _at_once(operand: Ref, nodes: Collection[int]) -> bool:
    """Whether an operand is one of these nodes, and not behind rows, which are long enough for whatever there is."""
    return operand.node.id in nodes and not any(operand.delay[1:])


def _registers(way: Sequence[Node], family: Family) -> dict[int, int]:
    """How much later than a way's first node, a state, each of its nodes is at least, by id."""
    inside = {node.id for node in way}
    readers: dict[int, list[tuple[Node, int]]] = {}
    bounds: list[tuple[int, int, int]] = []
    for node in way:
        for operand in node.operands if node.op != "state" else ():
            if _at_once(operand, inside):
                readers.setdefault(operand.node.id, []).append((node, operand.delay[0]))
                bounds.append((operand.node.id, node.id, -taken_at(node, operand)[0]))
    far = too_long(way, readers, family, ())
    bounds.extend((source.id, target.id, 1 - distance) for source, target, distance in far)
    lag = {way[0].id: 0}
    ending: dict[int, list[tuple[int, int]]] = {}
    for source, target, least in bounds:
        ending.setdefault(target, []).append((source, least))
    for node in way[1:]:  # operands come first, and with them all that a bound begins at
        lag[node.id] = max(lag[source] + least for source, least in ending[node.id])
    return lag
