"""A checker of stream graphs: what holds after every pass, and what a pass may leave behind."""

from __future__ import annotations

from collections.abc import Callable, Collection

from fluorite.hwgen.streams.graph import Graph, Node
from fluorite.hwgen.streams.operation import Interval
from fluorite.hwgen.streams.operations import OPERATIONS
from fluorite.hwgen.streams.text import numbered, show_node

__all__ = ["GraphError", "check"]


class GraphError(AssertionError):
    """A pass left a graph that it must not."""


def check(
    graph: Graph,
    after: str,
    *,
    without: Collection[str] = (),
    also: Callable[[Node], str | None] = lambda node: None,
) -> None:
    """Look at a whole graph.

    Parameters
    ----------
    graph : Graph
        The graph.
    after : str
        The pass that made it, for the message.
    without : collection of str
        Operations that it has replaced.
    also : callable
        What else is wrong with a node, or None.

    Raises
    ------
    GraphError
        A node is of no known operation or of one that should be gone, has operands or attributes that its record does
        not have, claims a range that its operands cannot give, or says wrongly whether it moves; or a delay is not of
        the scan's dimensions.
    """
    nodes = list(graph.walk())
    names = numbered(nodes)
    for node in nodes:
        wrong = _wrong(node, graph.dimensions, without) or also(node)
        if wrong:
            raise GraphError(f"after {after}: {names[node.id]} = {show_node(node, names)} {wrong}")
    for output in graph.outputs:
        if len(output.value.delay) != graph.dimensions:
            raise GraphError(f"after {after}: output {output.stream} is not {graph.dimensions} dimensions late")


def _wrong(node: Node, dimensions: int, without: Collection[str]) -> str | None:
    record = OPERATIONS.get(node.op)
    if record is None:
        return "is of no known operation"
    if node.op in without:
        return "should have been replaced"
    if record.operands not in (None, len(node.operands)):
        return f"has {len(node.operands)} operands, not {record.operands}"
    if type(node.attr) is not record.attributes:
        return f"has attributes {node.attr!r}, not of {record.attributes.__name__}"
    if any(len(operand.delay) != dimensions for operand in node.operands):
        return f"reads with a delay that is not of {dimensions} dimensions"
    if node.lo > node.hi:
        return f"has no values: {node.lo}..{node.hi}"
    phased = node.op in ("stage", "choose")  # which move whatever their operands do
    if node.operands and not phased and node.static != all(operand.node.static for operand in node.operands):
        return "is static while an operand moves" if node.static else "moves while no operand does"
    intervals = [Interval(operand.node.lo, operand.node.hi) for operand in node.operands]
    if not record.takes(*intervals, *node.attr):
        return f"is not defined for operands of {', '.join(f'{lo}..{hi}' for lo, hi in intervals)}"
    if record.range is not None:
        lo, hi = record.range(*intervals, *node.attr)
        if node.lo < lo or node.hi > hi:
            return f"claims {node.lo}..{node.hi}, and its operands give {lo}..{hi}"
    return None
