"""Linear programs of difference constraints.

Minimise a weighted sum of unknowns, each constraint being ``x[a] - x[b] >= bound``.

The matrix is a network's, hence totally unimodular: an optimal vertex has integer unknowns if the bounds are integers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import optimize, sparse

__all__ = ["DifferenceProgram"]


@dataclass(slots=True)
class DifferenceProgram:
    """A program under construction.

    Attributes
    ----------
    cost : list of float
        Weight of each unknown; a new unknown is made by :meth:`unknown`.
    """

    cost: list[float] = field(default_factory=list)
    _above: list[int] = field(default_factory=list)
    _below: list[int] = field(default_factory=list)
    _bounds: list[float] = field(default_factory=list)

    def unknown(self, weight: float = 0.0) -> int:
        """A new unknown's number."""
        self.cost.append(weight)
        return len(self.cost) - 1

    def at_least(self, a: int, b: int, bound: float) -> None:
        """Require ``x[a] - x[b] >= bound``."""
        self._above.append(a)
        self._below.append(b)
        self._bounds.append(bound)

    def solve(self) -> list[int]:
        """Values of all unknowns at an optimal vertex, none negative.

        Raises
        ------
        ValueError
            The constraints contradict each other, or the optimum is unbounded.
        """
        count = len(self._bounds)
        if not count:
            return [0] * len(self.cost)
        rows = np.tile(np.arange(count), 2)
        columns = np.array(self._above + self._below)
        values = np.repeat([-1.0, 1.0], count)
        matrix = sparse.csr_array((values, (rows, columns)), shape=(count, len(self.cost)))
        linprog: Any = optimize.linprog  # its stubs do not know sparse matrices
        result = linprog(self.cost, A_ub=matrix, b_ub=-np.array(self._bounds), bounds=(0, None), method="highs-ds")
        if result.x is None:
            raise ValueError(f"no solution: {result.message}")
        return [int(value) for value in np.rint(result.x)]
