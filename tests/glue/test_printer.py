"""Formulas as C and as Python have the formula's value."""

import pytest

from fluorite.glue.c_code import c_formula
from fluorite.glue.python_code import python_formula
from fluorite.hwgen.formula import ceil_div, constant, floor_div, maximum, minimum, modulo, variable

a, b = variable("a"), variable("b")
#: What fluorite_stage.h has, for divisors that are positive.
C = {
    "fluorite_min": min,
    "fluorite_max": max,
    "fluorite_div": lambda n, d: n // d,
    "fluorite_mod": lambda n, d: n % d,
    "fluorite_ceil_div": lambda n, d: -(-n // d),
}
FORMULAS = [
    constant(-3),
    a - b * 2 + 7,
    (a + 1) * (b + 2) * 3,
    maximum([a, b + 2, constant(5)], {}) * ceil_div(b + 9, 2) - 4,
    minimum([a * 2, floor_div(b - 3, 2), constant(4)], {}) * (a + 1),
    floor_div(a - b * 2, 3) * 2 - 1,
    ceil_div(a * b, 4) * 2 + 1,
    modulo(a - b, constant(4), {}),
    modulo(a + b * 2, maximum([b, constant(4)], {}), {}) * 3,
]


@pytest.mark.parametrize("formula", FORMULAS, ids=str)
def test_both_languages_have_the_formulas_value(formula):
    texts = c_formula(formula, {"a": "left", "b": "right"}), python_formula(formula, {"a": "left", "b": "right"})
    for left in range(-3, 12):
        for right in range(9):
            values = {"left": left, "right": right}
            wanted = formula.evaluate({"a": left, "b": right})
            assert [eval(text, dict(C), values) for text in texts] == [wanted, wanted], texts


def test_c_numbers_beyond_32_bits_have_a_type():
    assert c_formula(a + (1 << 40), {"a": "x"}) == "x + INT64_C(1099511627776)"
    assert c_formula(a - (1 << 40), {"a": "x"}) == "x - INT64_C(1099511627776)"
