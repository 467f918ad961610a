"""Border conditions: index functions that are the identity inside an image and fold back near its edges.

``clamp(x, lo, hi)``, and whatever else Halide's boundary helpers write, is not taken apart: it is *evaluated*, on
images of a few sizes, and what it does to the first positions beyond each edge is the condition. ``left[j - 1]`` is
where position ``-j`` lands, counted from the first pixel; ``right[j - 1]`` where ``j`` behind the last lands, counted
back from the last.

Before every launch software evaluates the same function on the real image, at every position the hardware can
ask for, so that what was inferred from samples is never trusted unseen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fluorite.frontend import ir
from fluorite.frontend.evaluate import Numbers, evaluate

__all__ = ["Border", "find_border"]

_SAMPLE_EXTENTS = (97, 128, 211)
_SAMPLE_MINS = (0, 5, -9)


@dataclass(frozen=True, eq=False)
class Border:
    """What an index function does around an image.

    Attributes
    ----------
    dimension : int
        Scan dimension.
    expr : ir.Expr
        The function, of the variable ``position`` and of extents and mins of images.
    position : str
        Name of the variable.
    left, right : tuple of int
        See the module's text. An entry counts pixels inwards from the edge.
    """

    dimension: int
    expr: ir.Expr
    position: str
    left: tuple[int, ...]
    right: tuple[int, ...]

    @property
    def repeats_edge(self) -> bool:
        """Whether everything beyond an edge is the edge's own pixel."""
        return not any(self.left) and not any(self.right)

    def holds(self, minimum: int, extent: int, variables: Mapping[str, int]) -> bool:
        """Whether the function does this around an image of these coordinates."""
        reach_left, reach_right = len(self.left), len(self.right)
        inside = np.arange(minimum, minimum + extent)
        last = minimum + extent - 1
        expected = np.concatenate(
            (minimum + np.array(self.left[::-1], np.int64), inside, last - np.array(self.right, np.int64))
        )
        positions = np.arange(minimum - reach_left, last + reach_right + 1)
        actual = np.broadcast_to(evaluate(self.expr, {**variables, self.position: positions}), positions.shape)
        return bool(np.array_equal(actual, expected) and np.all((expected >= minimum) & (expected <= last)))


def find_border(
    dimension: int, expr: ir.Expr, position: str, variables: Sequence[str], reach: tuple[int, int], max_extent: int
) -> Border | None:
    """The border condition of an index function, or None if it is not one.

    Parameters
    ----------
    dimension : int
        Scan dimension of the position.
    expr, position
        The function and its variable.
    variables : sequence of str
        Its other variables: an image's ``name.min.d`` and ``name.extent.d``.
    reach : tuple of int
        How many positions beyond the left and the right edge are ever asked for.
    max_extent : int
        Greatest extent of a launch: an image of which the function keeps fewer positions is narrow, or it is none.
    """
    found: set[tuple[tuple[int, ...], tuple[int, ...]]] = set()
    for extent, minimum in zip(_SAMPLE_EXTENTS, _SAMPLE_MINS, strict=True):
        values: dict[str, int | Numbers] = {
            name: extent + 2 * max(reach) if ".extent." in name else minimum for name in variables
        }
        span = 2 * max(reach) + 64
        positions = (
            np.arange(minimum - span, _MAX_EXTENT + span)
            if not variables
            else np.arange(minimum - span, minimum + extent + 2 * max(reach) + span)
        )
        try:
            results = np.broadcast_to(evaluate(expr, {**values, position: positions}), positions.shape)
        except (TypeError, KeyError):
            return None
        same = np.flatnonzero(results == positions)
        if (
            len(same) < min(3, max_extent)  # index / 2 keeps two positions
            or same[-1] - same[0] + 1 != len(same)
            or same[0] < reach[0]
            or same[-1] + reach[1] >= len(results)
        ):
            return None
        first, last = int(same[0]), int(same[-1])
        left = tuple(int(results[first - j] - positions[first]) for j in range(1, reach[0] + 1))
        right = tuple(int(positions[last] - results[last + j]) for j in range(1, reach[1] + 1))
        found.add((left, right))
    if len(found) != 1:
        return None
    left, right = found.pop()
    if any(not 0 <= entry <= _DEEPEST for entry in left + right):
        return None
    return Border(dimension, expr, position, left, right)


_MAX_EXTENT = 1 << 16
_DEEPEST = 64  # pixels inwards from an edge that a border may read
