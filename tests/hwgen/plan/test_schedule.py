"""The schedule is the program's only optimum."""

import pytest
from scipy import optimize

from fluorite.hwgen.plan.schedule import schedule
from tests.hwgen.small import SMALL, compiled

LINPROG = optimize.linprog


@pytest.mark.parametrize("name", SMALL)
def test_another_method_finds_the_same_lags(name, monkeypatch):
    g = compiled(name)
    arguments = (g.graph, g.extents.strides, g.extents.least_strides, g.family)
    simplex = schedule(*arguments)
    monkeypatch.setattr(optimize, "linprog", lambda *a, method, **k: LINPROG(*a, method="highs-ipm", **k))
    interior = schedule(*arguments)
    assert interior.lags == simplex.lags
    assert interior.output_lags == simplex.output_lags
