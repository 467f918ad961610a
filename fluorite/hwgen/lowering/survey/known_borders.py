"""Borders of images whose edges software knows before each launch, and hardware is told."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fluorite.frontend.region.region import Loop, Region
from fluorite.hwgen.formula import constant
from fluorite.hwgen.lowering.borders import Border
from fluorite.hwgen.lowering.images import KnownImage
from fluorite.hwgen.lowering.survey.find_border import find_border
from fluorite.hwgen.lowering.survey.image_edges import image_edges
from fluorite.hwgen.lowering.survey.rated_borders import Bordered
from fluorite.hwgen.quasiaffine import QuasiAffine

__all__ = ["is_of_launch", "known_border"]

_LARGE = 1 << 16  # pixels of images that are larger than any that folds in a way of its own


def is_of_launch(border: Border, first: QuasiAffine, index: QuasiAffine, loop: Loop) -> bool:
    """Whether a border's edges are known now: they are the launch's own, or numbers in launches of one size.

    Parameters
    ----------
    border : Border
        The border.
    first : QuasiAffine
        The first pixel that is asked for, by the launch's own first.
    index : QuasiAffine
        What is read, by the coordinate that is computed.
    loop : Loop
        The dimension of the scan that it is along.
    """
    if not loop.whole:
        return False
    if border.image is None:
        return first.rate == 1 and index.period == 1
    return None not in border.image and loop.min is not None and loop.fixed


def known_border(
    parts: Bordered,
    variables: Sequence[str],
    first: QuasiAffine,
    last: QuasiAffine,
    loop: Loop,
    reach: int,
    region: Region,
) -> tuple[Border, KnownImage, int] | None:
    """The border of an image whose edges are known when a launch is.

    Parameters
    ----------
    parts : Bordered
        The condition.
    variables : sequence of str
        Its variables besides the position.
    first, last : QuasiAffine
        The pixels that are asked for, by the launch's own first and last.
    loop : Loop
        The dimension of the scan.
    reach : int
        How far beyond the edges other reads go.
    region : Region
        The region.

    Returns
    -------
    tuple of (Border, KnownImage, int), or None
        The border, the image, and how far beyond its edges the border is known. None: nothing is known of the edges.
    """
    d = parts.dimension
    tried = find_border(d, parts.expr, parts.variable, variables, 1, loop)
    assert tried is not None, "what is no border has no edges"
    if tried.image is not None:
        low, high = (None if edge is None else constant(edge) for edge in tried.image)
    else:
        edges = image_edges(parts.expr, parts.variable, variables, region.names.metadata)
        if edges is None:
            return None
        low, high = edges
    image = KnownImage(low, high, first.rate, loop.whole, 0)
    rounds = range(math.lcm(first.period, last.period, image.rate.denominator))
    reach = max(
        reach, *(image.first_most(i) - first(i) for i in rounds), *(last(i) - image.last_least(i) for i in rounds)
    )
    any_size = Loop(loop.var, loop.position, loop.lanes, _LARGE, fixed=False)

    def size(extent: int) -> int:
        assert low is not None and high is not None
        values = {region.names.metadata(name): extent if ".extent." in name else 0 for name in variables}
        return high.evaluate(values) - low.evaluate(values) + 1

    of_extent = size if variables and low is not None and high is not None else None
    border = find_border(d, parts.expr, parts.variable, variables, reach, any_size, of_extent)
    if border is None:
        return None
    inwards = max((entry for fold in border.folds for entry in (*fold.left, *fold.right)), default=0)
    return border, KnownImage(low, high, first.rate, loop.whole, inwards), reach
