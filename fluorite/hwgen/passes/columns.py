"""Pixel columns: where along a row a stream comes from."""

from __future__ import annotations

from fluorite.hwgen.streams.graph import Node, Ref, topological
from fluorite.hwgen.streams.operations import names_value, value_of

__all__ = ["Columns"]


class Columns:
    """Pixel columns of streams relative to the scan: taps that lie above one another share theirs.

    Parameters
    ----------
    lanes : int
        Lanes along scan dimension 0.
    """

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self.known: dict[int, int] = {}

    def of(self, ref: Ref) -> int:
        """Column of a stream some iterations ago."""
        return self._of_node(ref.node) - self.lanes * ref.delay[0]

    def _of_node(self, node: Node) -> int:
        if node.id not in self.known:
            for below in topological([node]):
                if below.id in self.known:
                    continue
                if names_value(below):
                    self.known[below.id] = value_of(below).lane % self.lanes
                else:
                    columns = (self.of(operand) for operand in below.operands if not operand.node.static)
                    self.known[below.id] = max(columns, default=0)
        return self.known[node.id]
