"""The schedule is the earliest optimum of its programs, as HiGHS finds it, too, and is found by few cuts."""

import halide as hl
import numpy as np
import pytest
from scipy import optimize, sparse

import fluorite
from fluorite.hwgen.plan import cuts, differences
from fluorite.hwgen.plan.schedule import schedule
from tests.hwgen.small import SMALL, compiled


@pytest.fixture
def programs(monkeypatch):
    """All that is solved, with its solution."""
    found = []

    def earliest_optimum(*program):
        found.append((*program, cuts.earliest_optimum(*program)))
        return found[-1][-1]

    monkeypatch.setattr(differences, "earliest_optimum", earliest_optimum)
    return found


def highs(cost, above, below, bounds, method):
    """An optimum by another solver; that each unknown costs a little makes it the earliest. None if there is none."""
    count = len(bounds)
    ends = (np.tile(np.arange(count), 2), np.array([*above, *below]))
    matrix = sparse.csr_array((np.repeat([-1.0, 1.0], count), ends), shape=(count, len(cost)))
    result = optimize.linprog(
        np.array(cost) + 1e-5, A_ub=matrix, b_ub=-np.array(bounds), bounds=(0, None), method=method
    )
    return None if result.x is None else np.rint(result.x).astype(int).tolist()


@pytest.mark.parametrize("method", ["highs-ds", "highs-ipm"])
@pytest.mark.parametrize("name", SMALL)
def test_other_methods_find_the_same(name, method, programs):
    g = compiled(name)
    schedule(g.graph, g.extents.strides, g.extents.least_strides, g.family, grids=g.plan.grids)
    assert programs
    for *program, found in programs:
        assert highs(*program, method) == found


def test_a_window_takes_few_cuts_whatever_its_size(programs, monkeypatch):
    """So its time grows as the number of its weights: 21 x 21 as 7 x 7, all different."""
    flows = []
    maximum_flow = cuts.csgraph.maximum_flow
    monkeypatch.setattr(cuts.csgraph, "maximum_flow", lambda *a: flows.append(a) or maximum_flow(*a))
    x, y = hl.vars("x y")
    for size in (7, 21):
        programs.clear(), flows.clear()
        photo, window = hl.ImageParam(hl.UInt(8), 2, "photo"), hl.Func("window")
        random = np.random.default_rng(size)
        taps = [(i, j, int(random.integers(-127, 128))) for j in range(size) for i in range(size)]
        window[x, y] = sum((hl.i32(photo[x + i, y + j]) * weight for i, j, weight in taps), hl.i32(0))
        window.set_estimate(x, 0, 1920).set_estimate(y, 0, 1080)
        window.accelerate([photo], x, hl.Var.outermost())
        fluorite.compile(window)
        assert all(len(bounds) <= 16 * size**2 for _, _, _, bounds, _ in programs)
        assert len(programs) <= len(flows) <= 6 * len(programs)
