"""Border conditions: index functions that are the identity inside an image and fold back near its edges.

``clamp(x, lo, hi)``, and whatever else Halide's boundary helpers write, is not taken apart: it is *evaluated*, on
images of many sizes, and what it does to the first positions beyond each edge is the condition. Small images may fold
in a way of their own (a mirror's image is mirrored again), so each of their sizes has its own `Fold`.

Before every launch software evaluates the same function on the real image, at every position the hardware can
ask for, so that what was inferred from samples is never trusted unseen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.evaluate import evaluate

__all__ = ["Border", "Fold"]


@dataclass(frozen=True, slots=True)
class Fold:
    """Which pixels of an image are read at the positions beyond its edges.

    Attributes
    ----------
    left : tuple of int
        ``left[j - 1]`` is the pixel read ``j`` positions before the first one, counted from the first; empty if the
        function has no edge there.
    right : tuple of int
        ``right[j - 1]`` is the pixel read ``j`` positions behind the last one, counted back from the last; empty if the
        function has no edge there.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]


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
    image : tuple of (int or None, int or None), or None
        First and last position of the image where the function has them as numbers, None in place of an edge that it
        does not have; None if they depend on the image's extent and min.
    least_extent : int
        Pixels of the smallest image whose fold is known.
    folds : tuple of Fold
        Folds of images of `least_extent` pixels, of one more, and so on; the last one holds for all larger images.
        Empty if no fold does: images of every size have one of their own.
    is_recursion : bool
        Whether it is no border, but what a recursion asks of a launch (:mod:`fluorite.hwgen.lowering.recursions`).
    """

    dimension: int
    expr: ir.Expr
    position: str
    image: tuple[int | None, int | None] | None
    least_extent: int
    folds: tuple[Fold, ...]
    is_recursion: bool = False

    @property
    def usual(self) -> Fold:
        """The fold of large images."""
        return self.folds[-1]

    @property
    def repeats_edge(self) -> bool:
        """Whether the function has both edges, and reads the edge's own pixel everywhere beyond them."""
        return all(fold.left and fold.right and not any(fold.left + fold.right) for fold in self.folds)

    def fold(self, extent: int) -> Fold:
        """The fold of an image of this extent in pixels, which is `least_extent` or more."""
        return self.folds[min(extent - self.least_extent, len(self.folds) - 1)]

    def holds(self, minimum: int, extent: int, variables: Mapping[str, int]) -> bool:
        """Whether the function does this around a real image.

        Parameters
        ----------
        minimum, extent : int
            The image's least coordinate, and its pixels, `least_extent` or more.
        variables : mapping of str to int
            Values of the function's other variables.
        """
        fold = self.fold(extent)
        last = minimum + extent - 1
        # Where there is no edge, positions beyond the launch's are what they are.
        left = minimum + np.array(fold.left[::-1], np.int64)
        right = last - np.array(fold.right, np.int64)
        positions = np.arange(minimum - len(left), last + len(right) + 1)
        expected = np.concatenate((left, np.arange(minimum, last + 1), right))
        actual = np.broadcast_to(evaluate(self.expr, {**variables, self.position: positions}), positions.shape)
        return bool(np.array_equal(actual, expected))
