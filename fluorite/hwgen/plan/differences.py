"""Linear programs of difference constraints.

Minimise a weighted sum of unknowns, each constraint being ``x[a] - x[b] >= bound``.

The matrix is a network's, hence totally unimodular: an optimal vertex has integer unknowns if the bounds are integers.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fluorite.hwgen.plan.cuts import earliest_optimum

__all__ = ["DifferenceProgram"]


@dataclass(slots=True)
class DifferenceProgram:
    """A program under construction.

    Attributes
    ----------
    cost : list of int
        Weight of each unknown; a new unknown is made by :meth:`unknown`.
    """

    cost: list[int] = field(default_factory=list)
    _above: list[int] = field(default_factory=list)
    _below: list[int] = field(default_factory=list)
    _bounds: list[int] = field(default_factory=list)

    def unknown(self, weight: int = 0) -> int:
        """A new unknown's number."""
        self.cost.append(weight)
        return len(self.cost) - 1

    def at_least(self, a: int, b: int, bound: int) -> None:
        """Require ``x[a] - x[b] >= bound``."""
        self._above.append(a)
        self._below.append(b)
        self._bounds.append(bound)

    def solve(self) -> list[int]:
        """Values of all unknowns at the earliest optimum: none is negative, and none is smaller in another optimum.

        Raises
        ------
        ValueError
            The constraints contradict each other, the optimum is unbounded, or weights add up to 2**29.
        """
        return earliest_optimum(self.cost, self._above, self._below, self._bounds)
