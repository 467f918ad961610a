"""The survey against what lowering then makes, and what it takes to depend on a position."""

import halide as hl
import pytest

from fluorite.frontend.algorithm import ir
from fluorite.hwgen.lowering.lower import lower
from fluorite.hwgen.lowering.survey.dependence import STREAM, Dependence, Dependences
from fluorite.hwgen.lowering.survey.survey import survey
from fluorite.hwgen.streams.graph import topological
from fluorite.hwgen.streams.operations import value_of
from tests.hwgen.lowering.shown import region_of, show_survey
from tests.hwgen.lowering.test_golden import PIPELINES, accelerated, repeated_edge, source_of

x, y = hl.vars("x y")
INT = ir.Type(ir.TypeCode.INT, 32)
BOOL = ir.Type(ir.TypeCode.UINT, 1)
A, B, C = (ir.Variable(name, INT) for name in "abc")


@pytest.mark.parametrize("make", PIPELINES, ids=lambda make: make.__name__)
def test_taps_are_the_reads_of_the_survey(make):
    region = region_of(make())
    read = {(r.reader, r.stream) for r in survey(region).reads}
    streams = {name: name for name in (*region.stages, *(i.name for i in region.inputs))}
    streams |= {f"{name}.{n}": name for name in region.stages for n in range(len(region.pipeline.funcs[name].types))}
    tapped = set()
    for (key, _, _), body in lower(region).bodies.items():
        for node in topological([body.node]):
            if node.op == "tap":
                tapped.add((streams[key], streams[value_of(node).stream]))
    assert tapped == read


@pytest.mark.parametrize("make", PIPELINES, ids=lambda make: make.__name__)
def test_a_stage_with_an_edge_depends_on_no_position_along_it(make):
    region = region_of(make())
    found, lowered = survey(region), lower(region)
    for (key, _, _), body in lowered.bodies.items():
        own = next(name for name in region.stages if name == key or key.startswith(f"{name}."))
        origins = {n.attr[0] for n in topological([body.node]) if n.op == "setting" and "origin" in n.attr[0]}
        for loop, edge in zip(region.loops, found.edges[own], strict=True):
            assert edge is None or f"origin_{region.names[loop.var]}" not in origins


def test_padded_reads_go_on_beyond_the_image():
    assert "folded" not in show_survey(repeated_edge(), padded=True)
    (read, *_) = survey(region_of(repeated_edge()), padded=True).reads
    assert all(index.border is None for index in read.along)
    assert survey(region_of(repeated_edge()), padded=True).domains["source"].lo == (-2, 0)


def test_reads_are_kept_once():
    source, hw = source_of(), hl.Func("hw")
    hw[x, y] = source[x, y] + source[x, y] * source[x, y]
    assert len(survey(region_of(accelerated(hw, [source]))).reads) == 1


def test_numbers_fold():
    data = Dependences()
    total = data.operate(ir.Binary(ir.BinaryOp.ADD, A, B, INT), [data.const(3), data.const(4)])
    assert total == Dependence(7)
    byte = ir.Cast(ir.Type(ir.TypeCode.UINT, 8), A)
    assert data.operate(byte, [data.const(260)]) == Dependence(4)


def test_dependences_add_up():
    data, at_x, at_y = Dependences(), Dependence(dimensions=frozenset({0})), Dependence(dimensions=frozenset({1}))
    both = data.operate(ir.Binary(ir.BinaryOp.LT, A, B, BOOL), [at_x, at_y])
    assert both == Dependence(dimensions=frozenset({0, 1}))
    chosen = data.operate(ir.Select(A, B, C, INT), [both, STREAM, data.const(0)])
    assert chosen == Dependence(dimensions=frozenset({0, 1}), on_streams=True)


@pytest.mark.parametrize(
    ("node", "numbers", "result"),
    [
        (ir.Select(A, B, C, INT), (1, None, 5), None),
        (ir.Select(A, B, C, INT), (0, None, 5), 5),
        (ir.Binary(ir.BinaryOp.MUL, A, B, INT), (None, 0), 0),
        (ir.Binary(ir.BinaryOp.AND, A, B, BOOL), (0, None), 0),
        (ir.Binary(ir.BinaryOp.OR, A, B, BOOL), (None, 1), 1),
        (ir.Binary(ir.BinaryOp.DIV, A, B, INT), (0, None), 0),
        (ir.Binary(ir.BinaryOp.DIV, A, B, INT), (None, 0), None),
    ],
)
def test_numbers_that_decide(node, numbers, result):
    """Nothing is left of a position that a number makes without effect."""
    data = Dependences()
    at = Dependence(dimensions=frozenset({0}))
    found = data.operate(node, [at if number is None else data.const(number) for number in numbers])
    assert found == (at if result is None else Dependence(result))
