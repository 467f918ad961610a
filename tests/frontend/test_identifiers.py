"""Identifiers: whatever the names, no two share one, and none is a word of a language."""

import re

import halide as hl
import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from fluorite.frontend import halide_io
from fluorite.frontend.region.identifiers import Taken, identifier, identifiers_of, shown
from fluorite.frontend.region.reserved import DRIVER, FILES, SIGNALS
from fluorite.glue.sources import RUNTIME
from tests.nasty_names import NAMES

WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*")
x, y = hl.vars("x y")


def identifiers(funcs=(), images=(), params=(), accelerated=(), variables=(x, y)):
    """Identifiers of a pipeline with these names."""
    value, source = hl.u8(0), hl.ImageParam(hl.UInt(8), 2, "the source")
    for name in images:
        value += hl.ImageParam(hl.UInt(8), 2, name)[x, y]
    for name in params:
        value += hl.Param(hl.UInt(8), name)
    for name in (*funcs, *accelerated):
        func, was = hl.Func(name), value
        here = tuple(variables) if name in accelerated else (x, y)
        func[here] = source[here]
        value = was + func[x, y]
        if name in accelerated:
            func.compute_root().accelerate([source], here[0], hl.Var.outermost())
    result = hl.Func("result")
    result[x, y] = value
    return identifiers_of(halide_io.plainly_named(halide_io.load(result)).pipeline)


@pytest.mark.parametrize(
    "name,expected",
    [("blur", "blur"), ("blur$1", "blur_1"), ("a__b", "a_b"), ("7up", "f_7up"), ("$", "unnamed"), ("é", "e"),
     ("x" * 50, "x" * 31 + "_77cf1206"), ("x.min.0", "x_min_0")],
)  # fmt: skip
def test_identifier(name, expected):
    assert identifier(name) == expected


@given(st.text(min_size=1, max_size=60))
def test_identifiers_are_identifiers_and_stay(name):
    word = identifier(name)
    assert WORD.fullmatch(word)
    assert len(word) <= 40
    assert identifier(word) == word


@pytest.mark.parametrize(("name", "text"), [("blur$1", "blur$1"), ("a */ b", "a_b"), ("a\nb", "a_b"), ("é", "e")])
def test_what_people_read_is_one_line(name, text):
    assert shown(name) == text


def test_plain_names_are_kept_and_come_first():
    names = identifiers(funcs=["blur__1", "blur_1"], images=["near__1", "near_1"], params=["p_1", "p__1"])
    assert [names[n] for n in ("blur_1", "blur__1", "near_1", "near__1")] == [
        "blur_1",
        "blur_1_2",
        "near_1",
        "near_1_2",
    ]
    assert (names.param("p_1"), names.param("p__1")) == ("param_p_1", "param_p_1_2")
    assert names.metadata("near__1.extent.1") == "near_1_2_extent_1"


def test_reserved_words_are_for_what_they_are_in_the_way_of():
    names = identifiers(funcs=["wire"], images=["edge"], params=["time"], accelerated=["stdio"])
    assert (names["wire"], names["edge"], names["time"], names["stdio"]) == ("f_wire", "f_edge", "time", "f_stdio")
    assert identifiers(funcs=["process"])["process"] == "f_process"  # a class of SystemVerilog's package std
    names = identifiers(funcs=["stdio", "run"], accelerated=["submit"])
    assert (names["stdio"], names["run"], names["submit"]) == ("stdio", "run", "submit_2")


def test_what_is_made_of_a_name_is_free():
    names = identifiers(images=["a", "param"], params=["min_0"], accelerated=["b", "b_core"], funcs=["a_valid"])
    assert names.metadata("param.min.0") != names.param("min_0")
    assert {names["a"], names["a_valid"]} == {"a", "a_valid_2"}
    assert {names["b"], names["b_core"]} == {"b", "b_core_2"}


def test_upper_and_lower_case_are_the_same():
    names = identifiers(accelerated=["Blur", "blur"], images=["BLUR"], params=["bLUR"])
    assert len({names[n].lower() for n in ("Blur", "blur", "BLUR", "bLUR")}) == 4


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from([n for n in NAMES if "$" not in n and n != "_"]), min_size=5, max_size=20, unique=True))
def test_no_two_share_an_identifier(found):
    funcs, images, params, accelerated = found[::4], found[1::4], found[2::4], found[3::4]
    names = identifiers(funcs, images, params, accelerated)
    made = [names[n].lower() for n in (*images, *params)] + [names.words[n].lower() for n in names.words if n in funcs]
    assert len(set(made)) == len(made)
    assert all(WORD.fullmatch(word) for word in names.words.values())
    assert all(names[n] not in SIGNALS for n in images)
    for name in accelerated:
        assert names[name] not in SIGNALS | FILES | DRIVER


def test_the_order_of_funcs_does_not_matter():
    one, other = identifiers(funcs=["a b", "a-b", "a_b"]), identifiers(funcs=["a_b", "a-b", "a b"])
    assert one.words == other.words


def test_names_are_taken_once():
    taken = Taken(["a"])
    assert [taken.take(n) for n in ("A", "b", "b", "b_2")] == ["A_2", "b", "b_2", "b_2_2"]


def test_the_driver_has_no_other_names():
    """All that the runtime calls ``fluorite_...`` is reserved."""
    found = set()
    for file in RUNTIME.glob("*.[ch]"):
        text = re.sub(r"/\*.*?\*/|#include.*?$", "", file.read_text(), flags=re.DOTALL | re.MULTILINE)
        found |= set(re.findall(r"\bfluorite_(\w+)", text))
    assert sorted(found - DRIVER) == [], "add these to frontend/reserved.py"
    assert found >= {"submit", "wait", "stage_call"}
