"""Formulas as C and as Python have the formula's value."""

import ctypes as ct

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
    # first and last coordinates at other rates, and phases; `a` is where a region begins, which may be negative
    floor_div(a * 3 - 1, 2),
    floor_div((a + b - 1) * 3 + 1, 2) - floor_div(a * 3 - 1, 2) + 1,
    ceil_div(a * 5 - 3, 4),
    modulo(a, constant(4), {}),
    modulo(a * -3 + 1, constant(6), {}) + 5,
    floor_div(modulo(a - 1, constant(2), {}) + b + 1, 2) + 1,
    maximum([minimum([floor_div(a, 2), b - 7], {}), minimum([floor_div(a * 3 + 4, 2), constant(-2)], {})], {}),
    minimum([maximum([a - b, floor_div(a - 7, 3) * 2], {}), ceil_div(a - 1, 2), constant(6)], {}) * 2,
]
VALUES = [(left, right) for left in range(-14, 12) for right in range(9)]


@pytest.mark.parametrize("formula", FORMULAS, ids=str)
def test_both_languages_have_the_formulas_value(formula):
    texts = c_formula(formula, {"a": "left", "b": "right"}), python_formula(formula, {"a": "left", "b": "right"})
    for left, right in VALUES:
        wanted = formula.evaluate({"a": left, "b": right})
        assert [eval(text, dict(C), {"left": left, "right": right}) for text in texts] == [wanted, wanted], texts


def test_compiled_c_has_the_formulas_value(load, tmp_path):
    """Not in Python's arithmetic: signed division rounds towards 0 in C."""
    driver, source = load("driver"), tmp_path / "formulas.c"
    lines = ['#include "fluorite_stage.h"', "int64_t formula(int n, int64_t a, int64_t b);"]
    lines += ["int64_t formula(int n, int64_t a, int64_t b)", "{", "    switch (n) {"]
    lines += [f"    case {n}: return {c_formula(f, {'a': 'a', 'b': 'b'})};" for n, f in enumerate(FORMULAS)]
    source.write_text("\n".join([*lines, "    default: return a + b;", "    }", "}", ""]))
    (made,) = driver.compile_objects([source], tmp_path)
    function = ct.CDLL(str(driver.link([made], tmp_path / "formulas.so"))).formula
    function.restype, function.argtypes = ct.c_int64, (ct.c_int, ct.c_int64, ct.c_int64)
    for number, formula in enumerate(FORMULAS):
        found = [function(number, *values) for values in VALUES]
        assert found == [formula.evaluate({"a": left, "b": right}) for left, right in VALUES], str(formula)


def test_c_numbers_beyond_32_bits_have_a_type():
    assert c_formula(a + (1 << 40), {"a": "x"}) == "x + INT64_C(1099511627776)"
    assert c_formula(a - (1 << 40), {"a": "x"}) == "x - INT64_C(1099511627776)"
