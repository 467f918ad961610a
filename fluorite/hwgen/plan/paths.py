"""Combinational paths: between which nodes a register must stand for the clock to be reached.

A path is too long if the times of its nodes come to more than the budget between two registers. There is a register
on it if any of its edges has an age. Ages along a path add up to ``lag(target) - lag(source) + distance``, the distance
being the sum of the edges' delays; as none of them is negative, "one register at least" is

    lag(target) >= lag(source) - distance + 1

From one node to another there are many paths, but only those of the least distance matter: the edges alone make
``lag(target) >= lag(source) - least distance``, so that a path of any greater distance has a register anyway. Of those
of the least distance, the slowest matters. So one distance and one time for each pair of nodes is all there is to know,
found in topological order.

Where the rest of such a path, without its first node, is too long as well, the register there is one on the whole path:
only the shortest of them are said. Of a division's thousands of pairs, tens are left.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from heapq import heappop, heappush

from fluorite.hwgen.family.delays import Family, latency_cycles
from fluorite.hwgen.streams.graph import Node

__all__ = ["too_long"]


def too_long(
    nodes: Sequence[Node],
    readers: Mapping[int, Sequence[tuple[Node, int]]],
    family: Family,
    behind_memory: Collection[int],
) -> Iterator[tuple[Node, Node, int]]:
    """Pairs of nodes with too long a path between them, and its distance.

    Parameters
    ----------
    nodes : sequence of Node
        All nodes that are not static, operands first.
    readers : dict of int to sequence of (Node, int)
        By id of a node, who may read it without a register between, and at which delay.
    family : Family
        Delay model and clock.
    behind_memory : collection of int
        Ids of nodes that take an operand straight from a memory's output: a path begins in the memory, then.
    """
    place = {node.id: number for number, node in enumerate(nodes)}
    time_ns = [family.node_ns(node) for node in nodes]
    clocked = [latency_cycles(node) > 0 for node in nodes]  # a path ends at such a node, or begins in it
    edges = [[(place[reader.id], delay) for reader, delay in readers.get(node.id, ())] for node in nodes]
    budget_ns = family.budget_ns
    far: list[dict[int, int]] = [{} for _ in nodes]  # by target, the distance of a path that is too long
    for source in reversed(range(len(nodes))):
        from_memory = nodes[source].id in behind_memory and not clocked[source]
        found = {source: (0, time_ns[source] + (family.memory_ns if from_memory else 0.0))}
        waiting = [source]
        while waiting:
            at = heappop(waiting)
            distance, time = found[at]
            if at != source:
                if time > budget_ns:
                    far[source][at] = distance
                    continue
                if clocked[at]:
                    continue
            for reader, delay in edges[at]:
                reached = (distance + delay, time + time_ns[reader])
                known = found.get(reader)
                if known is None:
                    heappush(waiting, reader)
                if known is None or (reached[0], -reached[1]) < (known[0], -known[1]):
                    found[reader] = reached
    for source, node in enumerate(nodes):
        for target, distance in far[source].items():
            if not any(far[reader].get(target) == distance - delay for reader, delay in edges[source]):
                yield node, nodes[target], distance
