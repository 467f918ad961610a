"""Rewriting: a graph copied node by node, some of its nodes replaced."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from fluorite.hwgen.streams.builder import Builder
from fluorite.hwgen.streams.graph import Graph, Node, Output, Ref

__all__ = ["Rewriter"]


class Rewriter:
    """The walk that passes are made of: operands before users, each node given a value in the new graph.

    Parameters
    ----------
    graph : Graph
        The graph, which is left as it is.

    Attributes
    ----------
    build : Builder
        Makes nodes of the new graph.
    done : dict of int to Ref
        By id of an old node, what stands for it in the new graph.
    """

    def __init__(self, graph: Graph) -> None:
        self.old = graph
        self.new = Graph(graph.dimensions)
        self.build = Builder(self.new)
        self.done: dict[int, Ref] = {}

    def moved(self, ref: Ref) -> Ref:
        """What stands for a stream of the old graph, the same delay later."""
        return self.done[ref.node.id].shifted(ref.delay)

    def operands(self, node: Node) -> list[Ref]:
        """What stands for a node's operands."""
        return [self.moved(operand) for operand in node.operands]

    def rebuilt(self, node: Node) -> Ref:
        """The same operation, simplified anew over what stands for its operands; of a state, these come later."""
        return self.build.rebuild(node, () if node.op == "state" else self.operands(node))

    def tied(self, nodes: Iterable[Node]) -> None:
        """Let the new states carry what stands for the old ones' operands."""
        for node in nodes:
            if node.op == "state":
                self.new.tie(self.done[node.id].node, self.moved(node.operands[0]))

    def run(self, replace: Callable[[Node], Ref | None], without: Collection[int] = ()) -> Graph:
        """Give the new graph.

        Parameters
        ----------
        replace : callable
            Gives what stands in for an old node, or None to keep its operation; ``self`` knows its operands by then.
        without : collection of int
            Ids of nodes that nothing of the new graph reads, which are passed over.
        """
        for node in self.old.walk():
            if node.id not in without:
                self.done[node.id] = replace(node) or self.rebuilt(node)
        self.tied(self.old.walk())
        for output in self.old.outputs:
            self.new.outputs.append(Output(output.stream, output.position, self.moved(output.value)))
        return self.new
