"""Pixel columns: where along a row a stream comes from."""

from __future__ import annotations

from fluorite.hwgen.streams.graph import Node, Ref
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
        waiting = [node]
        while waiting:
            below = waiting[-1]
            if below.id not in self.known and not names_value(below):
                operands = [operand for operand in below.operands if not operand.node.static]
                if unknown := [operand.node for operand in operands if operand.node.id not in self.known]:
                    waiting += unknown
                    continue
                self.known[below.id] = max((self.of(operand) for operand in operands), default=0)
            elif below.id not in self.known:
                self.known[below.id] = value_of(below).lane % self.lanes
            waiting.pop()
        return self.known[node.id]
