"""Formulas and programs of difference constraints."""

import itertools
import re

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from fluorite.hwgen.formula import ceil_div, constant, maximum, variable
from fluorite.hwgen.plan.differences import DifferenceProgram

# --- formulas -----------------------------------------------------------------------------------------------------


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(0, 9), st.integers(1, 9))
def test_formulas_are_what_they_say(w, h, n, divisor):
    x, y = variable("w"), variable("h")
    values = {"w": w, "h": h}
    for formula, right in [
        (x + 3 + y - 5, w + 3 + h - 5),
        ((x + n) * (y - n), (w + n) * (h - n)),
        (x * 0 + 4, 4),
        (x * 1, w),
        (ceil_div(x + n, divisor), -(-(w + n) // divisor)),
        (maximum([x + 2, y, x + 5, constant(7)], {}), max(w + 5, h, 7)),
        (constant(3) * 4 + x, 12 + w),
    ]:
        assert formula.evaluate(values) == right
        text = re.sub(r"ceil_div\((.*), (\d+)\)", r"(-(-(\1) // \2))", str(formula))
        assert eval(text, {"max": max}, values) == right
        assert formula.variables() <= values.keys()


def test_formulas_fold():
    x = variable("w")
    assert (constant(2) + 3).value == 5
    assert ceil_div(constant(7), 2) == constant(4)
    assert ceil_div(x, 1) == x
    assert maximum([x + 1, x + 4, x], {}) == x + 4
    assert (x + 2 - 2).evaluate({"w": 9}) == 9
    assert str(x + 2 - 5) == "w - 3"
    with pytest.raises(KeyError):
        x.evaluate({})


# --- difference constraints ---------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_optimum_of_difference_constraints(data):
    count = data.draw(st.integers(2, 4))
    program = DifferenceProgram()
    for _ in range(count):
        program.unknown(data.draw(st.integers(0, 3)))
    constraints = []
    for _ in range(data.draw(st.integers(1, 5))):
        a, b = data.draw(st.integers(0, count - 1)), data.draw(st.integers(0, count - 1))
        if a > b:  # no cycles: always solvable
            constraints.append((a, b, data.draw(st.integers(-3, 3))))
            program.at_least(*constraints[-1])
    found = program.solve()
    assert all(found[a] - found[b] >= bound for a, b, bound in constraints)
    assert all(value >= 0 for value in found)

    def cost(values):
        return sum(c * v for c, v in zip(program.cost, values, strict=True))

    feasible = (
        values
        for values in itertools.product(range(8), repeat=count)
        if all(values[a] - values[b] >= bound for a, b, bound in constraints)
    )
    assert cost(found) == min(map(cost, feasible))


def test_contradicting_constraints():
    program = DifferenceProgram()
    a, b = program.unknown(), program.unknown()
    program.at_least(a, b, 1)
    program.at_least(b, a, 0)
    with pytest.raises(ValueError, match="no solution"):
        program.solve()
