"""The stream graph as text: a node a line, in the order in which they depend on each other.

    n3 = add(n0[0, 2], n1)  0..510

is a node that adds what ``n0`` carried two rows ago to what ``n1`` carries, and carries 0 to 510. Nodes are numbered
anew, so that texts of equal graphs are equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fluorite.hwgen.streams.graph import Graph, Node, Ref
from fluorite.hwgen.streams.operations import SUM

__all__ = ["numbered", "show_graph", "show_node", "show_nodes", "show_ref"]


def numbered(nodes: Iterable[Node]) -> dict[int, str]:
    """Names ``n0``, ``n1`` ... by node id."""
    return {node.id: f"n{number}" for number, node in enumerate(nodes)}


def show_ref(ref: Ref, names: Mapping[int, str]) -> str:
    """``n0``, or ``n0[1, 2]`` for what it carried a column and two rows earlier."""
    return names[ref.node.id] + (f"[{', '.join(map(str, ref.delay))}]" if any(ref.delay) else "")


def show_node(node: Node, names: Mapping[int, str]) -> str:
    """``add(n0, n1[1, 0])``, ``wrap(n2, width_bits=8, signed=False)``; a sum as the weighted sum that it is."""
    operands = [show_ref(operand, names) for operand in node.operands]
    if node.op == "sum":
        constant, coefficients = SUM.of(node)
        factors = [{1: "", -1: "-"}.get(c, f"{c}*") for c in coefficients]
        terms = [factor + operand for factor, operand in zip(factors, operands, strict=True)]
        return f"sum({', '.join(terms + ([str(constant)] if constant else []))})"
    fields = getattr(node.attr, "_fields", range(len(node.attr)))
    attributes = [f"{name}={_spoken(value)}" for name, value in zip(fields, node.attr, strict=True)]
    return f"{node.op}({', '.join(operands + attributes)})"


def show_nodes(nodes: Iterable[Node], names: Mapping[int, str]) -> list[str]:
    """Lines of nodes, with their ranges; constants and settings, the same in a whole launch, are ``static``."""
    return [
        f"{names[node.id]} = {show_node(node, names)}  {node.lo}..{node.hi}{'  static' if node.static else ''}"
        for node in nodes
    ]


def show_graph(graph: Graph) -> str:
    """A whole graph: its nodes and what its outputs read."""
    nodes = list(graph.walk())
    names = numbered(nodes)
    outputs = [f"output {o.stream} {o.position}: {show_ref(o.value, names)}" for o in graph.outputs]
    return "\n".join([*show_nodes(nodes, names), *outputs]) + "\n"


def _spoken(value: Any) -> str:
    return repr(value) if isinstance(value, str) else str(value)
