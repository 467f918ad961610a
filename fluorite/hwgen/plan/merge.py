"""Merging: delays over the scan's dimensions become delays over as few as its run-time lengths need."""

from __future__ import annotations

from dataclasses import replace

from fluorite.hwgen.plan.extents import Extents
from fluorite.hwgen.streams.graph import Graph, Node, Output, Ref

__all__ = ["merge_dimensions"]


def merge_dimensions(graph: Graph, extents: Extents) -> Graph:
    """The same graph, node for node and with the same ids, with merged delays.

    Rows were kept apart until here so that sharing up to a shift (see :mod:`fluorite.hwgen.streams.graph`) stays within
    a row: across rows it would move what a line buffer holds.
    """
    merged = Graph(len(extents.groups))
    done: dict[int, Node] = {}

    def moved(ref: Ref) -> Ref:
        return Ref(done[ref.node.id], extents.merge(ref.delay))

    nodes = list(graph.walk())
    for node in nodes:
        operands = () if node.op == "state" else tuple(moved(operand) for operand in node.operands)
        done[node.id] = replace(node, operands=operands)
        merged.nodes.append(done[node.id])
    for node in nodes:
        if node.op == "state":
            merged.tie(done[node.id], moved(node.operands[0]))
    merged.outputs.extend(Output(o.stream, o.position, moved(o.value)) for o in graph.outputs)
    return merged
