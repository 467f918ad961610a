"""Bounds where a variable may be anything: against all values of a few periods."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from fluorite.hwgen import canonical, periodic
from fluorite.hwgen.formula import ceil_div, constant, floor_div, maximum, minimum, modulo, variable

least, extent, other = variable("min_x"), variable("extent_x"), variable("min_y")
RANGES = {"extent_x": (1, 9)}
MINS = range(-12, 12)  # 12 is a period of all divisions by 1, 2, 3, 4


def extremes(formula):
    values = [
        formula.evaluate({"min_x": m, "extent_x": e, "min_y": n})
        for m in MINS
        for e in range(1, 10)
        for n in (MINS if "min_y" in formula.variables() else [0])
    ]
    return min(values), max(values)


def found(formula):
    return formula.least(RANGES), formula.greatest(RANGES)


def spans(a, k, more, b):
    """Pixels of an image that is read at ``floor((a * x + k) / b)`` .. ``floor((a * x + k + more) / b)``."""
    return floor_div((least + extent - 1) * a + (k + more), b) - floor_div(least * a + k, b) + 1


numbers = st.tuples(st.integers(1, 4), st.integers(-5, 5), st.integers(0, 7), st.sampled_from([1, 2, 3, 4]))


@given(numbers)
def test_extents_at_other_rates_are_bounded_exactly(parts):
    assert found(spans(*parts)) == extremes(spans(*parts))


@settings(deadline=None)
@given(st.lists(numbers, min_size=2, max_size=3), st.integers(1, 4), st.sampled_from([1, 2, 4]))
def test_sizes_of_several_readers(parts, lanes, factor):
    """Sums, words, the greatest of several, rows of bytes."""
    sizes = [spans(*numbers) for numbers in parts]
    for formula in (
        sizes[0] + sizes[1] * 2,
        ceil_div(sizes[0], lanes) * factor,
        maximum(sizes, {}),
        minimum(sizes, {}),
    ):
        low, high = extremes(formula)
        assert formula.least(RANGES) <= low
        assert formula.greatest(RANGES) >= high
        assert formula.greatest(RANGES) < math.inf
    assert found(ceil_div(sizes[0], lanes) * factor) == extremes(ceil_div(sizes[0], lanes) * factor)
    assert maximum(sizes, {}).greatest(RANGES) == extremes(maximum(sizes, {}))[1]


def test_several_variables_and_products():
    both = floor_div(least + extent, 2) - floor_div(least, 2) + modulo(other * 3 + 1, constant(4), {})
    assert found(both) == extremes(both)
    rows = floor_div(other + 9, 4) - floor_div(other, 4)
    assert found(spans(1, 0, 1, 2) * rows) == extremes(spans(1, 0, 1, 2) * rows)


def test_what_has_no_bound_is_not_given_one():
    for formula in (least, floor_div(least, 2) * 2 - extent, least * other, floor_div(least, 2) - floor_div(other, 2)):
        assert periodic.bounds(formula.form, RANGES) == (-math.inf, math.inf)
    assert periodic.bounds(maximum([least, extent], {}).form, RANGES) == (1, math.inf)
    assert periodic.bounds((floor_div(least, 7) * least - least).form, RANGES) == (-math.inf, math.inf)


def test_bounds_that_are_known_are_the_same():
    formula = (ceil_div(extent + 3, 2) * 5 - extent).form
    assert periodic.bounds(formula, RANGES) == canonical.bounds(formula, RANGES)
