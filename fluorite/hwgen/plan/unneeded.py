"""Choices without what nobody looks at: a ``choose`` drops what it takes in phases in which it is not needed itself.

An update whose last step takes no notice of those before it needs what these computed at no position.
"""

from __future__ import annotations

from fluorite.hwgen.plan.grids import Grids
from fluorite.hwgen.streams.graph import Graph, Node, Ref
from fluorite.hwgen.streams.operations import CHOOSE
from fluorite.hwgen.streams.phased import choose
from fluorite.hwgen.streams.rewrite import Rewriter

__all__ = ["without_unneeded"]


def without_unneeded(graph: Graph, grids: Grids) -> Graph:
    """The same graph, of whose nodes every one is needed at some position.

    Parameters
    ----------
    graph : Graph
        A linked graph.
    grids : Grids
        Where its nodes are needed.
    """
    if not any(node.op == "choose" for node in graph.walk()):
        return graph
    rewriter = Rewriter(graph)

    def replaced(node: Node) -> Ref | None:
        if node.op != "choose" or node.id not in grids.of:
            return None
        (phases,) = CHOOSE.of(node)
        taken = grids.chosen(node)
        return choose(rewriter.new, rewriter.operands(node), [p if n in taken else None for n, p in enumerate(phases)])

    return rewriter.run(replaced)
