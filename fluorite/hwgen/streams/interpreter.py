"""Stream graphs in plain Python: what each node carries at each iteration."""

from __future__ import annotations

from collections.abc import Callable

from fluorite.hwgen.streams.graph import Delay, Node, Ref
from fluorite.hwgen.streams.operations import CHOOSE, IN_PHASE, RESAMPLE, operation_of

__all__ = ["Interpreter"]


class Interpreter:
    """Values of a graph's nodes, worked out as they are asked for. Not for deep graphs over long scans: it recurses.

    Parameters
    ----------
    sources : callable
        ``(node, iteration) -> int``: values of inputs, taps, coordinates and settings.

    Raises
    ------
    ValueError
        A node carries a value outside its range: the graph is wrong.
    """

    def __init__(self, sources: Callable[[Node, Delay], int]) -> None:
        self._sources = sources
        self._known: dict[tuple[int, Delay], int] = {}

    def ref(self, ref: Ref, at: Delay) -> int:
        """What a reader at an iteration takes of a stream."""
        return self.node(ref.node, tuple(i - d for i, d in zip(at, ref.delay, strict=True)))

    def node(self, node: Node, at: Delay) -> int:
        """What a node carries at an iteration."""
        if node.static:
            at = (0,) * len(at)
        if (node.id, at) not in self._known:
            evaluate = operation_of(node).evaluate
            if node.op == "in_phase":
                dimension, step, turn, phases = IN_PHASE.of(node)
                value = int(at[dimension] // step % turn in phases)
            elif node.op == "resample":
                steps, delays = RESAMPLE.of(node)
                turned = (own[i // step % len(own)] or 0 for i, step, own in zip(at, steps, delays, strict=True))
                value = self.ref(node.operands[0].shifted(tuple(turned)), at)
            elif node.op == "choose":
                taken = CHOOSE.of(node).phases
                value = self.ref(node.operands[taken[at[0] % len(taken)] or 0], at)
            elif evaluate is None:
                value = self._sources(node, at)
            else:
                value = evaluate(*(self.ref(operand, at) for operand in node.operands), *node.attr)
            if not node.lo <= value <= node.hi:
                raise ValueError(f"n{node.id}, {node.op}, carries {value} at {at}, outside {node.lo}..{node.hi}")
            self._known[node.id, at] = value
        return self._known[node.id, at]
