"""Programs of difference constraints against HiGHS: with rounds, without optimum, with optima far from the start."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluorite.hwgen.plan import cuts
from fluorite.hwgen.plan.cuts import earliest_optimum
from tests.hwgen.plan.test_schedule import highs


def pairs(count):
    return st.tuples(st.integers(0, count - 1), st.integers(0, count - 1), st.integers(-4, 4))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.data())
def test_any_program(data):
    count = data.draw(st.integers(1, 6))
    cost = data.draw(st.lists(st.integers(-5, 6), min_size=count, max_size=count))
    constraints = data.draw(st.lists(pairs(count), min_size=1, max_size=12))
    program = (cost, *map(list, zip(*constraints, strict=True)))
    expected = highs(*program, "highs-ds")
    if expected is None:
        with pytest.raises(ValueError, match="no solution"):
            earliest_optimum(*program)
    else:
        assert earliest_optimum(*program) == expected


@pytest.mark.parametrize("seed", range(4))
def test_streams_with_any_delays(seed, monkeypatch):
    """Far from both starts: large steps are taken first."""
    steps = []
    descended_by = cuts._descended_by
    monkeypatch.setattr(cuts, "_descended_by", lambda *a: steps.append(a[3]) or descended_by(*a))
    r, count = random.Random(seed), 120
    cost, constraints = [0] * count, []
    for number in range(count - 1):
        width, readers = r.randint(1, 40), [r.randrange(number + 1, count) for _ in range(r.randint(1, 3))]
        cost[number] -= width
        cost.append(width)
        constraints.append((len(cost) - 1, number, 0))
        for reader in readers:
            delay = r.choice([0, 1, r.randint(-50, 1000)])
            constraints += [(reader, number, -delay), (len(cost) - 1, reader, delay)]
    program = (cost, *map(list, zip(*constraints, strict=True)))
    assert earliest_optimum(*program) == highs(*program, "highs-ds")
    assert steps == [1, *(2**power for power in range(10, -1, -1))]


def test_no_unknowns():
    assert earliest_optimum([], [], [], []) == []


def test_what_is_refused():
    with pytest.raises(ValueError, match="the optimum is unbounded"):
        earliest_optimum([-1, 0], [0], [1], [0])
    with pytest.raises(ValueError, match="constraints contradict each other"):
        earliest_optimum([0, 0], [0, 1], [1, 0], [1, 0])
    with pytest.raises(ValueError, match="costs are too great"):
        earliest_optimum([2**28, 0], [0], [1], [0])
