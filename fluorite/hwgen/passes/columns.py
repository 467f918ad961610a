"""Pixel columns: where along a row a stream comes from."""

from __future__ import annotations

from fluorite.hwgen.streams.graph import Node, Ref, topological

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
                if below.op in ("input", "stage"):
                    self.known[below.id] = int(below.attr[1]) % self.lanes
                else:
                    columns = (self.of(operand) for operand in below.operands if not operand.node.static)
                    self.known[below.id] = max(columns, default=0)
        return self.known[node.id]
