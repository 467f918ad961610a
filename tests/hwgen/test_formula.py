"""Formulas: what is worked out when they are made changes no value."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from fluorite.hwgen.formula import ceil_div, constant, maximum, modulo, variable

x, y = variable("x"), variable("y")


def test_maximum_keeps_one_of_those_that_differ_by_a_constant():
    assert str(maximum([x, x + 2, y, x - 1])) == "max(x + 2, y)"
    assert str(maximum([ceil_div(x, 2), ceil_div(x + 6, 2), ceil_div(x + 2, 2)])) == "ceil_div(x + 6, 2)"
    assert str(maximum([ceil_div(x, 2) + 4, ceil_div(x + 6, 2)])) == "ceil_div(x + 8, 2)"
    assert str(maximum([ceil_div(x, 2), ceil_div(x, 3)])) == "max(ceil_div(x, 2), ceil_div(x, 3))"
    assert maximum([constant(3), constant(7)]) == constant(7)


terms = st.tuples(st.sampled_from([x, y]), st.integers(0, 9), st.integers(1, 4), st.integers(-3, 3))


@given(st.lists(terms, min_size=1, max_size=6))
def test_maximum_has_the_value_of_the_greatest(parts):
    formulas = [ceil_div(base + inside, divisor) + outside for base, inside, divisor, outside in parts]
    greatest = maximum(formulas)
    for values in itertools.product(range(1, 9), repeat=2):
        variables = dict(zip("xy", values, strict=True))
        assert greatest.evaluate(variables) == max(f.evaluate(variables) for f in formulas)
        assert greatest.evaluate(variables) <= greatest.greatest({"x": 8, "y": 8})


@given(st.integers(0, 40), st.integers(1, 20))
def test_modulo_has_the_value_of_the_remainder(beyond, least):
    variables = {"x": least + 3}
    formula = modulo(x + beyond, x, {"x": least})
    assert formula.evaluate(variables) == (variables["x"] + beyond) % variables["x"]
