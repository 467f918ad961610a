"""Border conditions found: an index function is not taken apart, but evaluated on images of many sizes.

What it does to the first positions beyond each edge is the condition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.evaluate import Numbers, evaluate
from fluorite.frontend.region.region import Loop
from fluorite.hwgen.lowering.borders import Border, Fold

__all__ = ["Sample", "find_border", "identity"]

_SAMPLE_EXTENTS = (97, 128, 211)
_SAMPLE_MINS = (0, 5, -9)
_FURTHEST = 1 << 16  # from 0, that an image's edge may lie
_LARGEST_EXTENT = 1 << 11  # of images among which those of the sizes are looked for that are sampled
_DEEPEST = 64  # pixels inwards from an edge that a border of images of any size may read
_REACH_OF_SMALL = 4  # pixels beyond an edge up to which small images get hardware of their own: it grows with the cube


def find_border(
    dimension: int,
    expr: ir.Expr,
    position: str,
    variables: Sequence[str],
    reach: int,
    loop: Loop,
    size: Callable[[int], int] | None = None,
) -> Border | None:
    """The border condition that an index function is, or None if it is something else.

    Parameters
    ----------
    dimension : int
        Scan dimension of the position.
    expr : ir.Expr
        The function.
    position : str
        Name of its variable that is the position.
    variables : sequence of str
        Its other variables: an image's ``name.min.d`` and ``name.extent.d``.
    reach : int
        How many positions beyond an edge are read.
    loop : Loop
        The scan dimension.
    size : callable, optional
        The image's pixels by the extent that variables have, where that is not the same or less by a number.
    """
    sample = Sample(expr, position, variables)
    try:
        everywhere = sample.images([_SAMPLE_EXTENTS[0]], [0], -_FURTHEST, _FURTHEST)[0]
    except (TypeError, KeyError):
        return None
    first, last = identity(everywhere, -_FURTHEST)
    if first is None and last is None:
        return None
    if first is not None and last is not None and last - first < 2 < loop.max_extent:
        # index / 2 keeps two positions; but numbers may make an image of a pixel or two, which all others land in.
        around = everywhere[max(first - 8 + _FURTHEST, 0) : last + 9 + _FURTHEST]
        if variables or not np.all((around >= first) & (around <= last)):
            return None
    image = None if variables else (first, last)
    found = sample.folds(first, last, reach, loop, size)
    sizes = _by_size(found, reach, loop)
    return sizes and Border(dimension, expr, position, image, *sizes)


class Sample:
    """An index function, tried on images of many sizes at many places."""

    def __init__(self, expr: ir.Expr, position: str, variables: Sequence[str]) -> None:
        self.expr = expr
        self.position = position
        self.variables = variables

    def images(self, extents: Sequence[int], mins: Sequence[int], start: int, stop: int) -> Numbers:
        """What the function reads of some images.

        Parameters
        ----------
        extents, mins : sequence of int
            Extent and least coordinate of each image.
        start, stop : int
            First position that is looked at, and the one behind the last.

        Returns
        -------
        ndarray
            ``[image, position - start]`` is the position read.
        """
        values: dict[str, int | Numbers] = {
            name: np.array(extents if ".extent." in name else mins)[:, None] for name in self.variables
        }
        positions = np.arange(start, stop)
        results = evaluate(self.expr, {**values, self.position: positions})
        return np.broadcast_to(results, (len(extents), len(positions)))

    def folds(
        self,
        first: int | None,
        last: int | None,
        reach: int,
        loop: Loop,
        size: Callable[[int], int] | None = None,
    ) -> dict[int, Fold | None]:
        """Folds by the image's extent in pixels, which counts as 0 if the function has one edge only.

        A fold is None if it reads outside of the image, or if images of this extent do not all have the same.

        Parameters
        ----------
        first, last : int or None
            First and last position of the image of the first sample, None for an edge that the function does not have.
        reach : int
            Positions to look at beyond each edge.
        loop : Loop
            The dimension of the scan, which says what extents images have.
        size : callable, optional
            As of `find_border`.
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
            sizes = [n + beyond for n in sorted(wanted)]
            if size is not None:
                of_size = {size(extent): extent for extent in reversed(range(_LARGEST_EXTENT))}
                sizes = [of_size[n] for n in sorted(wanted) if n in of_size]
            extents = [n for n in sizes for _ in _SAMPLE_MINS]
            mins = [*_SAMPLE_MINS] * len(sizes)
        edges = [edge for edge in (first, last) if edge is not None]
        span = max(extents) + reach + 16 + max(map(abs, _SAMPLE_MINS))
        start, stop = edges[0] - span, edges[-1] + span
        found: dict[int, Fold | None] = {}
        for indices in self.images(extents, mins, start, stop):
            first, last = identity(indices, start)
            if first is None and last is None:
                continue
            fold = _fold(indices, start, first, last, reach)
            extent = 0 if first is None or last is None else last - first + 1
            found[extent] = fold if found.get(extent, fold) == fold else None
        return found


def identity(indices: Numbers, start: int) -> tuple[int | None, int | None]:
    """First and last position at which a function reads that very position, which is where the image lies.

    Each is None where the function has no edge within what is looked at; both are if those positions are no interval.

    Parameters
    ----------
    indices : ndarray
        The positions read, at the positions from ``start`` on.
    start : int
        The first of them.
    """
    same = np.flatnonzero(indices == np.arange(start, start + len(indices)))
    if not len(same) or same[-1] - same[0] + 1 != len(same):
        return None, None
    first = None if same[0] == 0 else int(same[0]) + start
    last = None if same[-1] == len(indices) - 1 else int(same[-1]) + start
    return first, last


def _fold(indices: Numbers, start: int, first: int | None, last: int | None, reach: int) -> Fold | None:
    """What a function reads beyond the edges of one image; None if it reads outside of the image.

    Parameters
    ----------
    indices : ndarray
        The positions read, at the positions from ``start`` on.
    start : int
        The first of them.
    first, last : int or None
        The image's first and last position, None for an edge that the function does not have.
    reach : int
        Positions to look at beyond each edge.
    """
    left: list[int] = []
    right: list[int] = []
    if first is not None:
        left = [int(indices[first - j - start]) - first for j in range(1, reach + 1)]
    if last is not None:
        right = [last - int(indices[last + j - start]) for j in range(1, reach + 1)]
    deepest = _DEEPEST if first is None or last is None else last - first
    return Fold(tuple(left), tuple(right)) if all(0 <= entry <= deepest for entry in left + right) else None


def _by_size(found: Mapping[int, Fold | None], reach: int, loop: Loop) -> tuple[int, tuple[Fold, ...]] | None:
    """`Border.least_extent` and `Border.folds`; None if even large images are read outside.

    Parameters
    ----------
    found : mapping of int to Fold or None
        Folds by extent, as of `Sample.folds`.
    reach : int
        Positions beyond each edge that they were looked at.
    loop : Loop
        The dimension of the scan.
    """
    least = loop.max_extent if loop.fixed and loop.max_extent in found else max(found, default=0)
    usual = found.get(least)
    if usual is None:
        return None
    if loop.fixed and least == loop.max_extent:
        return least, (usual,)
    folds = [usual]
    for extent in sorted(found)[-2::-1]:
        fold = found[extent]
        if extent + 1 not in found and extent <= reach:
            break  # there is no image of one pixel more
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
