"""Rewriting: a graph copied node by node, some of its nodes replaced."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fluorite.hwgen.streams.graph import Graph, Node, Output, Ref, topological
from fluorite.hwgen.streams.ops import Builder

__all__ = ["rewrite"]


def rewrite(graph: Graph, replace: Callable[[Builder, Node, Sequence[Ref]], Ref | None]) -> Graph:
    """The same graph with nodes replaced, and all constructors run anew on the replaced operands.

    Parameters
    ----------
    graph : Graph
        The graph, which is left as it is.
    replace : callable
        ``replace(builder, node, operands)`` gives what stands in for a node over operands of the new graph, or None to
        keep its operation.
    """
    new = Graph(graph.dimensions)
    build = Builder(new)
    done: dict[int, Ref] = {}
    for node in topological(output.value.node for output in graph.outputs):
        operands = [done[operand.node.id].shifted(operand.delay) for operand in node.operands]
        replaced = replace(build, node, operands)
        done[node.id] = build.rebuild(node, operands) if replaced is None else replaced
    for output in graph.outputs:
        value = done[output.value.node.id].shifted(output.value.delay)
        new.outputs.append(Output(output.stream, output.position, value))
    return new
