"""Formulas: what is worked out when they are made changes no value, and equal functions are equal formulas."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluorite.hwgen import canonical
from fluorite.hwgen.formula import ceil_div, constant, floor_div, maximum, minimum, modulo, variable

x, y = variable("x"), variable("y")
RANGES = {"x": (1, 8), "y": (1, 8)}
POINTS = [dict(zip("xy", values, strict=True)) for values in itertools.product(range(1, 9), repeat=2)]


def value(form, variables):
    """Value of a canonical form."""

    def of(atom):
        match atom:
            case canonical.Variable(name=name):
                return variables[name]
            case canonical.Floor(inner=inner, divisor=divisor):
                return value(inner, variables) // divisor
            case canonical.Maximum(operands=operands):
                return max(value(operand, variables) for operand in operands)
            case canonical.Remainder(inner=inner, modulus=modulus):
                return value(inner, variables) % value(modulus, variables)

    return form.constant + sum(c * math.prod(of(atom) for atom in monomial) for monomial, c in form.terms)


def test_maximum_keeps_one_of_those_that_differ_by_a_constant():
    assert str(maximum([x, x + 2, y, x - 1], {})) == "max(x + 2, y)"
    assert str(maximum([ceil_div(x, 2), ceil_div(x + 6, 2), ceil_div(x + 2, 2)], {})) == "ceil_div(x + 6, 2)"
    assert str(maximum([ceil_div(x, 2) + 4, ceil_div(x + 6, 2)], {})) == "ceil_div(x + 8, 2)"
    assert str(maximum([ceil_div(x, 2), ceil_div(x, 3)], {})) == "max(ceil_div(x, 2), ceil_div(x, 3))"
    assert maximum([constant(3), constant(7)], {}) == constant(7)


def test_maximum_knows_the_ranges():
    assert maximum([ceil_div(x, 2), ceil_div(x, 3)], RANGES) == ceil_div(x, 2)
    assert maximum([x + 4, constant(5)], RANGES) == x + 4
    assert str(maximum([x + 4, constant(6)], RANGES)) == "max(x + 4, 6)"
    assert maximum([x * 2, x + 8], RANGES) == x + 8
    assert maximum([x, constant(1), y, y - 1], RANGES) == maximum([y, x], {})
    assert maximum([x, constant(0)], {"x": (0, None)}) == x


def test_formulas_print_as_they_were_made():
    large = {"x": (1, 1920), "y": (1, 1080)}
    assert str(ceil_div(x + 10, 4) - 1) == "ceil_div(x + 10, 4) - 1"
    assert ceil_div(x + 10, 4) - 1 == ceil_div(x + 6, 4)
    rows = maximum([ceil_div(x + 10, 4), constant(6)], large)
    assert str(rows - 1) == "max(ceil_div(x + 10, 4), 6) - 1"
    assert str(rows * (y + 4)) == "max(ceil_div(x + 10, 4), 6) * (y + 4)"
    assert str(rows * 4 + 8) == "max(ceil_div(x + 10, 4), 6) * 4 + 8"
    assert str(modulo(rows + x - 2, rows, large)) == (
        "mod(max(ceil_div(x + 10, 4), 6) + x - 2, max(ceil_div(x + 10, 4), 6))"
    )


def test_formulas_do_not_grow():  # what is written is a little longer than the canonical form at most
    pyramid = x
    for _ in range(6):
        pyramid = ceil_div(pyramid + 1, 2) + 1
    assert pyramid == ceil_div(x + 189, 64)
    assert str(pyramid) == "ceil_div(ceil_div(x + 61, 32) + 2, 2) + 1"
    grown = x
    for n in range(50):
        grown = maximum([grown + 1, (grown - n) * 3 - grown * 2, x + n], RANGES) - 1
    assert len(str(grown)) < 40


def test_maxima_are_equal_however_they_were_put_together():
    parts = [x + 3, ceil_div(y, 2) + 1, constant(7)]
    wanted = maximum(parts, {})
    for a, b, c in itertools.permutations(parts):
        assert maximum([maximum([a, b], {}), c], {}) == wanted
        assert maximum([a + x, b + x, c + x], {}) == wanted + x
        assert maximum([a * 3, b * 3, c * 3], {}) == wanted * 3
        assert minimum([a * -1, b * -1, c * -1], {}) == wanted * -1
    assert minimum([x, y], {}) + maximum([x * -1, y * -1], {}) == constant(0)
    assert ceil_div(maximum([x * 2, y], {}), 4) == maximum([ceil_div(x, 2), ceil_div(y, 4)], {})


def test_products_are_equal_however_they_were_put_together():
    rows = maximum([x + 4, constant(7)], {})
    assert rows * (y + 2) == y * rows + rows * 2
    assert (x + 1) * (x - 1) == x * x - 1
    assert rows * 0 == constant(0)


def test_bounds_of_what_is_not_bounded():
    assert modulo(x, constant(3), {}).greatest({}) == 2
    assert (ceil_div(x, 2) * 2 - x).greatest({}) == 1
    with pytest.raises(ValueError, match="x \\+ 1 has no bound"):
        (x + 1).greatest({"x": (0, None)})
    assert (x + 1).least({"x": (0, None)}) == 1


divisions = st.tuples(
    st.sampled_from([x, y]), st.integers(-4, 4), st.integers(-9, 9), st.integers(1, 6), st.integers(-3, 3)
)


def sum_of(parts):
    total = constant(0)
    for base, a, k, b, c in parts:
        total = total + floor_div(base * a + k, b) * c
    return total


@given(st.lists(divisions, max_size=4), st.lists(divisions, max_size=4))
def test_sums_of_divisions_are_equal_where_the_functions_are(some, others):
    one, other = sum_of(some), sum_of(others)
    points = [{"x": p, "y": q} for p, q in [*((n, 0) for n in range(121)), *((0, n) for n in range(121))]]
    same = all(one.evaluate(point) == other.evaluate(point) for point in points)
    assert (one == other) == same
    assert all(value(one.form, point) == one.evaluate(point) for point in points)
    if same:
        assert hash(one) == hash(other)


@given(divisions, st.integers(1, 5), st.lists(divisions, max_size=2))
def test_a_division_is_the_sum_of_its_parts(part, pieces, more):
    base, a, k, b, c = part
    split = [(base, a, k + b * piece, b * pieces, c) for piece in range(pieces)]
    assert sum_of([part, *more]) == sum_of([*more, *split])
    assert sum_of([(base, a, k, b, c), (base, -a, -k + b - 1, b, c)]) == constant(0)  # rounded down, and up
    assert floor_div(floor_div(base * a + k, b) + 3, pieces) == floor_div(base * a + k + 3 * b, b * pieces)
    assert ceil_div(base * a + k, b) == floor_div(base * a + k + b - 1, b)


@given(st.lists(divisions, min_size=1, max_size=4), st.integers(-3, 9), st.integers(0, 12))
def test_bounds_of_sums_of_divisions_are_attained(parts, least, more):
    formula = sum_of(parts)
    ranges = {"x": (least, least + more), "y": (-2, 5)}
    values = [
        formula.evaluate({"x": p, "y": q}) for p in range(least, least + more + 1) for q in range(ranges["y"][0], 6)
    ]
    assert (formula.least(ranges), formula.greatest(ranges)) == (min(values), max(values))
    assert formula.greatest({"x": (least, None), "y": (-2, 5)}) >= max(values) if _falls(formula) else True


def _falls(formula):
    """Whether it does not grow without end as x does."""
    return formula.evaluate({"x": 60, "y": 0}) <= formula.evaluate({"x": 0, "y": 0})


def formulas(children):
    """Formulas of all kinds, of smaller ones."""
    number = st.integers(-4, 4)
    return st.one_of(
        st.builds(lambda a, b: a + b, children, children),
        st.builds(lambda a, b: a - b, children, children),
        st.builds(lambda a, n: a * n, children, number),
        st.builds(lambda a, b: a * b, children, children),
        st.builds(ceil_div, children, st.integers(1, 5)),
        st.builds(floor_div, children, st.integers(1, 5)),
        st.builds(lambda a, b: maximum([a, b], RANGES), children, children),
        st.builds(lambda a, b: minimum([a, b], RANGES), children, children),
        st.builds(lambda a, n: modulo(a, constant(n), RANGES), children, st.integers(1, 6)),
        st.builds(lambda a, n: modulo(a, maximum([x, constant(n)], RANGES), RANGES), children, st.integers(1, 6)),
    )


LEAVES = st.one_of(st.sampled_from([x, y]), st.integers(-6, 6).map(constant))


@settings(deadline=None)
@given(st.recursive(LEAVES, formulas, max_leaves=8))
def test_canonical_forms_have_the_value_of_what_is_printed(formula):
    values = [formula.evaluate(point) for point in POINTS]
    assert [value(formula.form, point) for point in POINTS] == values
    assert formula.least(RANGES) <= min(values)
    assert formula.greatest(RANGES) >= max(values)


@given(st.lists(st.recursive(st.one_of(LEAVES), lambda c: st.builds(lambda a, b: a + b, c, c)), min_size=1, max_size=4))
def test_bounds_of_what_rises_are_attained(parts):
    product = constant(1)
    for part in parts:
        product = product * maximum([ceil_div(part, 3), constant(1)], RANGES)
    assert product.greatest(RANGES) == max(product.evaluate(point) for point in POINTS)
    assert maximum(parts, RANGES).greatest(RANGES) == max(part.evaluate(p) for part in parts for p in POINTS)


terms = st.tuples(st.sampled_from([x, y]), st.integers(0, 9), st.integers(1, 4), st.integers(-3, 3))


@given(st.lists(terms, min_size=1, max_size=6), st.sampled_from([{}, RANGES]))
def test_maximum_has_the_value_of_the_greatest(parts, ranges):
    formulas = [ceil_div(base + inside, divisor) + outside for base, inside, divisor, outside in parts]
    greatest = maximum(formulas, ranges)
    for variables in POINTS:
        assert greatest.evaluate(variables) == max(f.evaluate(variables) for f in formulas)
        assert greatest.evaluate(variables) <= greatest.greatest(RANGES)
    assert greatest == maximum(formulas[::-1], ranges)


def test_divisions_of_one_sum_are_compared():
    size = floor_div(x + y, 2) * 2 + 4
    assert maximum([ceil_div(x + y, 2) * 2, size], RANGES) == size
    assert (ceil_div(x + y, 2) - floor_div(x + y, 2)).greatest(RANGES) == 1
    assert (floor_div(x * 2 + y * 4 + 3, 3) - floor_div(x + y * 2, 3) * 2).greatest(RANGES) == 2


def test_a_remainder_is_taken_where_there_may_be_one():
    padded = maximum([x * 2, constant(4)], RANGES)
    assert modulo(x * 2 - 1, padded, RANGES) == x * 2 - 1
    assert modulo(padded * 2 - 1, padded, RANGES) == padded - 1
    assert str(modulo(x + 9, maximum([x + 8, constant(10)], RANGES), RANGES)) == "min(x - 1, 1)"
    assert modulo(x, y, RANGES).op == "mod"


@given(st.integers(0, 40), st.integers(1, 20))
def test_modulo_has_the_value_of_the_remainder(beyond, least):
    variables = {"x": least + 3}
    formula = modulo(x + beyond, x, {"x": (least, None)})
    assert formula.evaluate(variables) == (variables["x"] + beyond) % variables["x"]


def test_operands_bound_what_their_sum_no_longer_shows():
    """An extent at half the rate, whose form has two divisions that either may be any number."""
    phase = modulo(variable("min"), constant(2), {})
    extent = ceil_div(phase + variable("e"), 2)
    ranges = {"e": (1, 40)}
    assert (extent.least(ranges), extent.greatest(ranges)) == (1, 21)
    extent = floor_div(phase + variable("e") + 1, 2)
    assert (extent.least(ranges), extent.greatest(ranges)) == (1, 21)
    either = maximum([extent, minimum([phase * 30, constant(25)], ranges)], ranges)
    assert either.greatest(ranges) == 25
