"""The earliest optimum of a program of difference constraints, by minimum cuts.

    minimise  sum over v of  cost[v] * x[v]      where  x[a] - x[b] >= bound  for each constraint,  and x[v] >= 0

The solver is exact, in integers, and its time grows about as the number of constraints does where the optimum is near
one of two solutions that are known beforehand; a simplex method takes the square of it.

**Descent.** From any solution, a set of unknowns rises together. Of a constraint that holds with equality, ``a`` must
rise if ``b`` does: the set that gains most is a minimum cut of a network in which the source feeds what gains by
rising, the sink drains what loses, and from ``b`` to ``a`` there is no limit. If no set gains by rising, none gains by
sinking (nothing is changed if all rise, so that all others would gain by rising), and the solution is an optimum,
because a function of this kind (L-natural-convex) has no local minimum but the global one: K. Murota, "Discrete Convex
Analysis" (SIAM 2003), chapter 10. A set rises as far as the constraints let it. What has flowed through a network
flows through the next one, too, since nothing flows back over a minimum cut: each cut adds to the flow of the one
before.

**Start.** All as early as possible; then each unknown there or as late as possible, whichever is best, by one more cut.
In a pipeline most streams want to be one or the other, and one to five cuts are left to do. Where they do not suffice,
sets rise by large steps first (constraints count as equalities that are nearly such), then by ever smaller ones.

**The earliest.** Of two optima the smaller values of each unknown are an optimum as well, so there is one that is the
earliest everywhere, and it is the one that is returned. The flow that ends the descent fills all there is: it is an
optimum of the dual program. Constraints that carry some of it are equalities in every optimum, and every solution in
which they are is optimal; the least of these follows from shortest paths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph as scipy_csgraph

__all__ = ["earliest_optimum"]

Vector = np.ndarray[Any, np.dtype[np.int64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]
Matrix = Any  # scipy's sparse arrays: its stubs do not follow them through differences and graph functions
csgraph: Any = scipy_csgraph

_MOST = 2**29  # of what may flow: scipy's flows are of 32 bits
_FEW = 8  # sets that rise before large steps are tried
_NOWHERE = -(2**50)  # before all else


@dataclass(frozen=True, slots=True)
class _Constraints:
    """``x[above] - x[below] >= bound``."""

    above: Vector
    below: Vector
    bound: Vector

    def slack(self, x: Vector) -> Vector:
        """By how much each holds."""
        return x[self.above] - x[self.below] - self.bound

    def of(self, chosen: Flags) -> _Constraints:
        """Some of them."""
        return _Constraints(self.above[chosen], self.below[chosen], self.bound[chosen])

    def reversed(self) -> _Constraints:
        """The same of ``-x``."""
        return _Constraints(self.below, self.above, self.bound)

    def and_(self, others: _Constraints) -> _Constraints:
        """Both, and of each pair of unknowns the strictest alone."""
        above, below = np.append(self.above, others.above), np.append(self.below, others.below)
        bound = np.append(self.bound, others.bound)
        order = np.lexsort((bound, below, above))
        above, below, bound = above[order], below[order], bound[order]
        strictest = np.append((np.diff(above) != 0) | (np.diff(below) != 0), True)
        return _Constraints(above[strictest], below[strictest], bound[strictest])


def earliest_optimum(
    cost: Sequence[int], above: Sequence[int], below: Sequence[int], bounds: Sequence[int]
) -> list[int]:
    """Solve a program.

    Parameters
    ----------
    cost : sequence of int
        Of each unknown.
    above, below, bounds : sequence of int
        Per constraint, that ``x[above] - x[below] >= bound``; unknowns by number. It takes least time if most of them
        have an `above` greater than `below`.

    Returns
    -------
    list of int
        The unknowns, none negative, at an optimum; in no other optimum is any of them smaller.

    Raises
    ------
    ValueError
        The constraints contradict each other, the optimum is unbounded, or costs add up to 2**29.
    """
    if not cost:
        return []
    ground = len(cost)  # an unknown that stays where it is, and that no other is below
    costs = np.array([*cost, -sum(cost)], np.int64)
    if abs(costs).sum() >= _MOST:
        raise ValueError("no solution: costs are too great")
    given = _Constraints(*(np.array(values, np.int64) for values in (above, below, bounds)))
    unknowns = np.arange(ground, dtype=np.int64)
    constraints = given.and_(_Constraints(unknowns, np.full_like(unknowns, ground), np.zeros_like(unknowns)))
    x = _raised(given, np.zeros_like(costs))
    late = _latest(given, x)
    x = np.where(_rising(constraints, x, late - x, _scaled(costs * (late - x)), None)[0], late, x)
    x, flow = _descended(constraints, costs, x)
    equal = _equalities(flow, x)
    return [int(value) for value in _earliest(constraints.and_(equal), x, ground)[:ground]]


def _raised(constraints: _Constraints, x: Vector) -> Vector:
    """The least solution that is nowhere below `x`."""
    order = np.lexsort((constraints.above, constraints.below))
    if (constraints.above < constraints.below).sum() > len(order) / 2:
        order = order[::-1]
    arrays = (constraints.below[order], constraints.above[order], constraints.bound[order])
    steps = list(zip(*(array.tolist() for array in arrays), strict=True))
    values = x.tolist()
    for _ in range(len(values) + 1):
        done = True
        for below, above, bound in steps:
            least = values[below] + bound
            if values[above] < least:
                values[above] = least
                done = False
        if done:
            return np.array(values, np.int64)
    raise ValueError("no solution: constraints contradict each other")


def _latest(constraints: _Constraints, x: Vector) -> Vector:
    """A solution nowhere below `x` in which all is late, but what nothing is above is as early as the rest allows.

    The latter are outputs, and the ends of what is held: these follow, and do not hold back what has other readers.
    """
    ends = np.bincount(constraints.below, minlength=len(x)) == 0
    to_end = ends[constraints.above]
    follows = np.bincount(constraints.below[~to_end], minlength=len(x)) > 0
    binding = constraints.of(~to_end | ~follows[constraints.below])
    late = -_raised(binding.reversed(), np.where(ends, -x, _NOWHERE))
    if late.max() >= -_NOWHERE // 2:
        return x  # what goes round and never ends has no latest time
    np.maximum.at(late, constraints.above[to_end], (late[constraints.below] + constraints.bound)[to_end])
    return late


def _scaled(costs: Vector) -> Vector:
    """Costs small enough to flow, in about the same proportions."""
    scaled: Vector = costs // (abs(costs).sum() // _MOST + 1)
    return scaled


def _rising(
    constraints: _Constraints, x: Vector, rise: Vector | int, costs: Vector, flow: Matrix | None
) -> tuple[Flags, Matrix]:
    """The least set of unknowns that gain most if they alone rise so far.

    Parameters
    ----------
    constraints : _Constraints
        All of them.
    x : ndarray
        A solution.
    rise : ndarray or int
        How far each unknown would rise, or all of them.
    costs : ndarray
        What the rise of each costs.
    flow : sparse array or None
        A flow of the same network, or none.

    Returns
    -------
    rising : ndarray of bool
        Per unknown, whether it is in the set.
    flow : sparse array
        The greatest flow; from unknown to unknown, behind these source and sink.
    """
    count = len(x)
    source, sink = count, count + 1
    gain, loss = np.flatnonzero(costs < 0), np.flatnonzero(costs > 0)
    held = constraints.of(constraints.slack(x) < (rise if isinstance(rise, int) else rise[constraints.below]))
    start = np.concatenate([np.full_like(gain, source), loss, held.below])
    end = np.concatenate([gain, np.full_like(loss, sink), held.above])
    unlimited = np.full_like(held.bound, costs[loss].sum() + 1)
    capacity = np.concatenate([-costs[gain], costs[loss], unlimited]).astype(np.int32)
    network: Matrix = sparse.csr_array((capacity, (start, end)), shape=(count + 2, count + 2))
    left = network if flow is None else sparse.csr_array(network - flow)
    added: Matrix = sparse.csr_array(csgraph.maximum_flow(left, source, sink).flow)
    left = sparse.csr_array(left - added)
    left.eliminate_zeros()
    reached = csgraph.breadth_first_order(left, source, return_predecessors=False)
    rising = np.zeros(count + 2, np.bool_)
    rising[reached] = True
    return rising[:count], added if flow is None else flow + added


def _descended(constraints: _Constraints, costs: Vector, x: Vector) -> tuple[Vector, Matrix]:
    """An optimum, and the flow that shows that it is one."""
    x, flow = _descended_by(constraints, costs, x, 1, _FEW)
    reach = 1 << int(abs(constraints.bound).max()).bit_length()
    while flow is None:
        x, of_reach = _descended_by(constraints, costs, x, reach)
        flow = of_reach if reach == 1 else None
        reach //= 2
    return x, flow


def _descended_by(
    constraints: _Constraints, costs: Vector, x: Vector, reach: int, most: int | None = None
) -> tuple[Vector, Matrix | None]:
    """What is left of the descent if sets rise by `reach` or more, and the flow if none does; or after so many sets."""
    flow = None
    sets = 0
    while sets != most:
        rising, flow = _rising(constraints, x, reach, costs, flow)
        if not rising.any():
            return x, flow
        stopping = rising[constraints.below] & ~rising[constraints.above]
        if not stopping.any():
            raise ValueError("no solution: the optimum is unbounded")
        x = x + rising * constraints.slack(x)[stopping].min()
        sets += 1
    return x, None


def _equalities(flow: Matrix, x: Vector) -> _Constraints:
    """That the constraints which carry flow hold with equality, as they do in `x`: the other halves of equations."""
    arcs = flow.tocoo()
    carrying = (arcs.data > 0) & (arcs.row < len(x)) & (arcs.col < len(x))
    below, above = arcs.row[carrying].astype(np.int64), arcs.col[carrying].astype(np.int64)
    return _Constraints(below, above, x[below] - x[above])


def _earliest(constraints: _Constraints, x: Vector, ground: int) -> Vector:
    """The least solution with ``x[ground] == 0``, of which `x` is any solution: by how much each unknown can sink."""
    lengths = constraints.slack(x).astype(np.float64)  # whole numbers, exact
    graph: Matrix = sparse.csr_array((lengths, (constraints.below, constraints.above)), shape=(len(x), len(x)))
    least: Vector = x - x[ground] - csgraph.dijkstra(graph, indices=ground).astype(np.int64)
    return least
