"""Border conditions: index functions that are the identity inside an image and fold back near its edges.

``clamp(x, lo, hi)``, and whatever else Halide's boundary helpers write, is not taken apart: it is *evaluated*, on
images of many sizes, and what it does to the first positions beyond each edge is the condition. Small images may fold
in a way of their own (a mirror's image is mirrored again), so each of their sizes has its own `Fold`.

Before every launch software evaluates the same function on the real image, at every position the hardware can
ask for, so that what was inferred from samples is never trusted unseen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.evaluate import Numbers, evaluate
from fluorite.frontend.region.region import Loop

__all__ = ["Border", "Fold", "find_border"]

_SAMPLE_EXTENTS = (97, 128, 211)
_SAMPLE_MINS = (0, 5, -9)
_FURTHEST = 1 << 16  # from 0, that an image's edge may lie
_DEEPEST = 64  # pixels inwards from an edge that a border of images of any size may read
_REACH_OF_SMALL = 4  # pixels beyond an edge up to which small images get hardware of their own: it grows with the cube


@dataclass(frozen=True, slots=True)
class Fold:
    """Where the positions beyond the edges of an image land.

    Attributes
    ----------
    left : tuple of int
        ``left[j - 1]`` is where position ``-j`` lands, counted from the first pixel; empty where there is no edge.
    right : tuple of int
        Where ``j`` behind the last pixel lands, counted back from the last.
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
    image : tuple of int or None
        First and last position of the image where both are numbers; None for an edge that there is not.
    least_extent : int
        Pixels of the smallest image whose fold is known.
    folds : tuple of Fold
        Of images of `least_extent` pixels, of one more, and so on; the last is that of all larger ones. Empty if there
        is no such.
    """

    dimension: int
    expr: ir.Expr
    position: str
    image: tuple[int | None, int | None] | None
    least_extent: int
    folds: tuple[Fold, ...]

    @property
    def usual(self) -> Fold:
        """The fold of images that are not small."""
        return self.folds[-1]

    @property
    def repeats_edge(self) -> bool:
        """Whether there are two edges, and everything beyond is the edge's own pixel."""
        return all(fold.left and fold.right and not any(fold.left + fold.right) for fold in self.folds)

    def fold(self, extent: int) -> Fold:
        """The fold of an image of so many pixels, `least_extent` at least."""
        return self.folds[min(extent - self.least_extent, len(self.folds) - 1)]

    def holds(self, minimum: int, extent: int, variables: Mapping[str, int]) -> bool:
        """Whether the function does this around an image of these coordinates, which has `least_extent` pixels."""
        fold = self.fold(extent)
        last = minimum + extent - 1
        # Where there is no edge, positions beyond the launch's are what they are.
        left = minimum + np.array(fold.left[::-1], np.int64)
        right = last - np.array(fold.right, np.int64)
        positions = np.arange(minimum - len(left), last + len(right) + 1)
        expected = np.concatenate((left, np.arange(minimum, last + 1), right))
        actual = np.broadcast_to(evaluate(self.expr, {**variables, self.position: positions}), positions.shape)
        return bool(np.array_equal(actual, expected))


def find_border(
    dimension: int, expr: ir.Expr, position: str, variables: Sequence[str], reach: int, loop: Loop
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
    reach : int
        How many positions beyond an edge are ever asked for.
    loop : Loop
        The scan dimension.
    """
    sample = _Sample(expr, position, variables)
    try:
        everywhere = sample.images([_SAMPLE_EXTENTS[0]], [0], -_FURTHEST, _FURTHEST)[0]
    except (TypeError, KeyError):
        return None
    first, last = _identity(everywhere, -_FURTHEST)
    if first is None and last is None:
        return None
    if first is not None and last is not None and last - first < 2 < loop.max_extent:
        # index / 2 keeps two positions; but numbers may make an image of a pixel or two, which all others land in.
        around = everywhere[max(first - 8 + _FURTHEST, 0) : last + 9 + _FURTHEST]
        if variables or not np.all((around >= first) & (around <= last)):
            return None
    image = None if variables else (first, last)
    found = sample.folds(first, last, reach, loop)
    sizes = _by_size(found, reach, loop)
    return sizes and Border(dimension, expr, position, image, *sizes)


class _Sample:
    """An index function, evaluated on images."""

    def __init__(self, expr: ir.Expr, position: str, variables: Sequence[str]) -> None:
        self.expr = expr
        self.position = position
        self.variables = variables

    def images(self, extents: Sequence[int], mins: Sequence[int], start: int, stop: int) -> Numbers:
        """Per image, its index at every position from start on, before stop."""
        values: dict[str, int | Numbers] = {
            name: np.array(extents if ".extent." in name else mins)[:, None] for name in self.variables
        }
        positions = np.arange(start, stop)
        results = evaluate(self.expr, {**values, self.position: positions})
        return np.broadcast_to(results, (len(extents), len(positions)))

    def folds(self, first: int | None, last: int | None, reach: int, loop: Loop) -> dict[int, Fold | None]:
        """Folds by the image's extent, which is 0 where it has one edge only; None if they fold outside.

        Parameters
        ----------
        first, last : int or None
            Edges of the first sample.
        reach : int
            Positions to look at beyond each edge.
        loop : Loop
            Its extents are the ones to look at.
        """
        if not self.variables:
            extents, mins = [0], [0]
        elif first is None or last is None:
            extents, mins = list(_SAMPLE_EXTENTS), list(_SAMPLE_MINS)
        else:
            most = loop.max_extent
            small = range(1, min(2 * reach + 2, most) + 1)
            large = (most - 1, most) if loop.fixed or most <= _SAMPLE_EXTENTS[-1] else _SAMPLE_EXTENTS
            wanted = {*small, *large} - {0}
            beyond = _SAMPLE_EXTENTS[0] - (last - first + 1)
            extents = [n + beyond for n in sorted(wanted) for _ in _SAMPLE_MINS]
            mins = [*_SAMPLE_MINS] * len(wanted)
        edges = [edge for edge in (first, last) if edge is not None]
        span = max(extents) + reach + 16 + max(map(abs, _SAMPLE_MINS))
        start, stop = edges[0] - span, edges[-1] + span
        found: dict[int, Fold | None] = {}
        for indices in self.images(extents, mins, start, stop):
            first, last = _identity(indices, start)
            if first is None and last is None:
                continue
            fold = _fold(indices, start, first, last, reach)
            extent = 0 if first is None or last is None else last - first + 1
            found[extent] = fold if found.get(extent, fold) == fold else None
        return found


def _identity(indices: Numbers, start: int) -> tuple[int | None, int | None]:
    """First and last position that is its own index; None for an edge that there is not, or if it is no interval."""
    same = np.flatnonzero(indices == np.arange(start, start + len(indices)))
    if not len(same) or same[-1] - same[0] + 1 != len(same):
        return None, None
    first = None if same[0] == 0 else int(same[0]) + start
    last = None if same[-1] == len(indices) - 1 else int(same[-1]) + start
    return first, last


def _fold(indices: Numbers, start: int, first: int | None, last: int | None, reach: int) -> Fold | None:
    """What an image's index function does beyond its edges; None if it reads outside of the image."""
    left: list[int] = []
    right: list[int] = []
    if first is not None:
        left = [int(indices[first - j - start]) - first for j in range(1, reach + 1)]
    if last is not None:
        right = [last - int(indices[last + j - start]) for j in range(1, reach + 1)]
    deepest = _DEEPEST if first is None or last is None else last - first
    return Fold(tuple(left), tuple(right)) if all(0 <= entry <= deepest for entry in left + right) else None


def _by_size(found: Mapping[int, Fold | None], reach: int, loop: Loop) -> tuple[int, tuple[Fold, ...]] | None:
    """`Border.least_extent` and `Border.folds`; None where not even large images fold inside."""
    least = loop.max_extent if loop.fixed and loop.max_extent in found else max(found, default=0)
    usual = found.get(least)
    if usual is None:
        return None
    if loop.fixed and least == loop.max_extent:
        return least, (usual,)
    folds = [usual]
    for extent in sorted(found)[-2::-1]:
        fold = found[extent]
        if fold is None or (fold != usual and extent <= reach > _REACH_OF_SMALL):
            break
        if fold != usual and extent > reach:
            return 0, ()  # images of every size have a fold of their own
        if fold != usual or len(folds) > 1:
            folds.insert(0, fold)
        least = extent
    if least == 0:  # at an edge that is the only one: beyond the launch's other end nothing is held
        least = 1 + max(usual.left + usual.right)
    return least, tuple(folds)
