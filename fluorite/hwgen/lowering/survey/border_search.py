"""Which indices are border conditions, and what those do as far beyond the image as anything reads."""

from __future__ import annotations

from collections.abc import Mapping

from fluorite.frontend.algorithm.pretty import show
from fluorite.frontend.region.region import Loop, Region
from fluorite.hwgen.formula import variable
from fluorite.hwgen.lowering.borders import Border
from fluorite.hwgen.lowering.domain import Domain
from fluorite.hwgen.lowering.evaluate.diagnostics import Diagnostics
from fluorite.hwgen.lowering.evaluate.indices import Affine, IndexFunction, Tree, index_functions
from fluorite.hwgen.lowering.images import lanes_of
from fluorite.hwgen.lowering.survey.find_border import find_border
from fluorite.hwgen.lowering.survey.known_borders import is_of_launch, known_border
from fluorite.hwgen.lowering.survey.rated_borders import Bordered, bordered, is_rated
from fluorite.hwgen.lowering.survey.reads import ReadIndex
from fluorite.hwgen.lowering.survey.refusals import NOT_AT_RATE, not_of_image
from fluorite.hwgen.quasiaffine import QuasiAffine, shift

__all__ = ["BorderSearch"]


class BorderSearch:
    """Finds the border conditions of a region's indices.

    Parameters
    ----------
    region : Region
        The region.
    """

    def __init__(self, region: Region) -> None:
        self._region = region
        self._reaches: dict[tuple[str, int], int] = {}
        self._found: dict[tuple[str, int], Border | None] = {}

    @property
    def borders(self) -> Mapping[tuple[str, int], Border]:
        """Borders found so far by `IndexFunction.key`, each known as far beyond the image as reads go."""
        return {key: border for key, border in self._found.items() if border}

    def border(self, index: Tree, own: Domain, diagnostics: Diagnostics) -> tuple[Affine, Border] | None:
        """The position and the border condition that an index stands for; None if it is no border condition.

        Parameters
        ----------
        index : Tree
            The index.
        own : Domain
            Domain of the stage that reads there.
        diagnostics : Diagnostics
            Says what is refused.

        Raises
        ------
        UnsupportedError
            It is one that hardware cannot do.
        """
        functions = index_functions(index)
        for function in functions:
            if len(functions) == 1 or self._search(function, 1):
                border = self._reaching(function, own)
                if border is None:
                    return None
                self._check(function, border, diagnostics)
                return function.place, border
        return None

    def is_at_rate(self, index: Tree, own: Domain) -> bool:
        """Whether an index would be a border condition of a stream at another rate, or one in tiles."""
        return any(is_rated(parts, own, self._region) for parts in bordered(index))

    def rated(self, index: Tree, own: Domain, diagnostics: Diagnostics) -> tuple[int, ReadIndex] | None:
        """What an index is that is a border condition of a position at another rate; None if it is none.

        Returns
        -------
        tuple of (int, ReadIndex)
            Dimension of the scan, and how the read moves along it.

        Raises
        ------
        UnsupportedError
            It is a border that hardware cannot do.
        """
        found = (self._rated(parts, list(index.metadata), own, diagnostics) for parts in bordered(index))
        return next((border for border in found if border), None)

    def _rated(
        self, parts: Bordered, variables: list[str], own: Domain, diagnostics: Diagnostics
    ) -> tuple[int, ReadIndex] | None:
        """The same, for one position that the index may be made of."""
        d, f = parts.dimension, parts.index
        loop = self._region.loops[d]
        tried = find_border(d, parts.expr, parts.variable, variables, 1, loop)
        if tried is None:
            return None
        asked_first, asked_last = f.from_below().after(own.first[d]), f.from_above().after(own.last[d])
        if not is_of_launch(tried, asked_first, f, loop):
            return self._of_known_image(parts, variables, asked_first, asked_last, diagnostics)
        if tried.image is None:  # the image is the launch's
            moved = range(asked_last.period)
            reach = max(1, -asked_first(0), *(asked_last(i) - i for i in moved))
            image = (shift(0), shift(0))
        else:
            first, last = tried.image
            assert loop.min is not None and first is not None and last is not None
            low, high = asked_first(loop.min), asked_last(loop.min + loop.max_extent - 1)
            reach = max(1, first - low, high - last)
            image = (_through(asked_first, loop.min, first), _through(asked_last, loop.min + loop.max_extent - 1, last))
        border = self._as_far(parts, variables, reach, loop)
        return (d, ReadIndex(f, border, image)) if border else None

    def _of_known_image(
        self, parts: Bordered, variables: list[str], first: QuasiAffine, last: QuasiAffine, diagnostics: Diagnostics
    ) -> tuple[int, ReadIndex] | None:
        """The same where software tells hardware where the image lies, and so much is asked for."""
        d, f = parts.dimension, parts.index
        loop = self._region.loops[d]
        found = known_border(parts, variables, first, last, loop, self._reaches.get(parts.key, 1), self._region)
        if found is None:
            at = str(f.formula(variable(loop.var)))
            condition = f"border condition {show(parts.expr).replace(parts.variable, at)}"
            raise diagnostics.unsupported(condition, NOT_AT_RATE, "compute the padded Func in software as an input")
        border, image, reach = found
        if not border.folds:
            return None
        self._reaches[parts.key], self._found[parts.key] = reach, border
        domain = image.domain(first, last, lanes_of(image.rate, loop))
        return d, ReadIndex(f, border, domain, image)

    def _as_far(self, parts: Bordered, variables: list[str], reach: int, loop: Loop) -> Border | None:
        """A border, known as far beyond the image as this and all reads before it go; None if hardware has none."""
        reach = max(reach, self._reaches.get(parts.key, 1))
        border = find_border(parts.dimension, parts.expr, parts.variable, variables, reach, loop)
        if border is None or not border.folds:
            return None
        self._reaches[parts.key], self._found[parts.key] = reach, border
        return border

    def _reaching(self, function: IndexFunction, own: Domain) -> Border | None:
        """The border, known as far beyond the image as a read over this domain and all before it go."""
        key, place = function.key, function.place
        furthest = max(-(own.lo[place.dimension] + place.offset), own.hi[place.dimension] + place.offset)
        reach = max(self._reaches.get(key, 1), furthest)
        if key not in self._found or reach > self._reaches[key]:
            self._found[key] = self._search(function, reach)
            self._reaches[key] = reach
        return self._found[key]

    def _search(self, function: IndexFunction, reach: int) -> Border | None:
        d, tree = function.place.dimension, function.tree
        return find_border(d, tree.expr, function.variable, list(tree.metadata), reach, self._region.loops[d])

    def _check(self, function: IndexFunction, border: Border, diagnostics: Diagnostics) -> None:
        """Refuse a border that no launch can have."""
        loop = self._region.loops[function.place.dimension]
        at = _at(loop.var, function.place.offset)
        condition = f"border condition {show(function.tree.expr).replace(function.variable, at)}"
        refused = not_of_image(border, loop, self._region.name)
        if refused:
            raise diagnostics.unsupported(condition, *refused)


def _through(function: QuasiAffine, argument: int, value: int) -> QuasiAffine:
    """A function that moves as another one does, and has this value here."""
    return function.plus(value - function(argument))


def _at(var: str, offset: int) -> str:
    """``x``, ``x + 1`` or ``x - 1``."""
    return var if offset == 0 else f"{var} {'+' if offset > 0 else '-'} {abs(offset)}"
