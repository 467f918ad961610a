"""The checker of stream graphs: each thing that a pass must not leave, and what it says; the text of a graph."""

import re
from dataclasses import replace

import pytest

from fluorite.hwgen.expand import check_after
from fluorite.hwgen.family.delays import ZYNQ7000
from fluorite.hwgen.streams.builder import Builder
from fluorite.hwgen.streams.check import GraphError, check
from fluorite.hwgen.streams.graph import Graph, Node, Output, Ref
from fluorite.hwgen.streams.interpreter import Interpreter
from fluorite.hwgen.streams.operations import ADD, INPUT, MUL, NOT, SHR
from fluorite.hwgen.streams.text import show_graph


def graph_of(build_value, dimensions=2):
    graph = Graph(dimensions)
    graph.outputs.append(Output("out", 0, build_value(Builder(graph))))
    return graph


def pixel(build, name="i", lo=0, hi=255):
    return build.input(name, 0, 0, lo, hi)


def odd(op, attr, lo=0, hi=255, operands=1, delay=(0, 0), static=False):
    """A graph of one node that no constructor makes."""

    def make(build):
        a = pixel(build)
        return Ref(Node(9, op, (Ref(a.node, delay),) * operands, attr, lo, hi, static), (0, 0))

    return graph_of(make)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (odd("frob", ()), "n1 = frob(n0) is of no known operation"),
        (odd("add", ADD.attributes()), "n1 = add(n0) has 1 operands, not 2"),
        (odd("shr", (1,)), "n1 = shr(n0, 0=1) has attributes (1,), not of _Shift"),
        (
            odd("shr", SHR.attributes(1), delay=(0,)),
            "n1 = shr(n0, amount=1) reads with a delay that is not of 2 dimensions",
        ),
        (odd("shr", SHR.attributes(1), 0, 128), "n1 = shr(n0, amount=1) claims 0..128, and its operands give 0..127"),
        (odd("shr", SHR.attributes(1), 5, 4), "n1 = shr(n0, amount=1) has no values: 5..4"),
        (odd("not", NOT.attributes(), 0, 1), "n1 = not(n0) is not defined for operands of 0..255"),
        (odd("shr", SHR.attributes(1), 0, 9, static=True), "n1 = shr(n0, amount=1) is static while an operand moves"),
    ],
)  # fmt: skip
def test_what_is_wrong(graph, message):
    with pytest.raises(GraphError, match=f"^after somewhere: {re.escape(message)}$"):
        check(graph, "somewhere")


def test_what_should_have_been_replaced():
    graph = graph_of(lambda build: build.divide(pixel(build), pixel(build, "j", 1, 9)))
    check_after("trees", graph, ZYNQ7000)
    with pytest.raises(GraphError, match=r"^after division: n2 = div\(n0, n1\) should have been replaced$"):
        check_after("division", graph, ZYNQ7000)


def test_products_that_do_not_fit():
    graph = graph_of(lambda build: build.mul(pixel(build, hi=1 << 30), pixel(build, "j", 0, 1 << 30)))
    check_after("sums", graph, ZYNQ7000)
    with pytest.raises(GraphError, match=r"^after products: n2 = mul\(n0, n1\) does not fit a multiplier block$"):
        check_after("products", graph, ZYNQ7000)


def test_outputs_have_the_dimensions_of_the_scan():
    graph = graph_of(lambda build: Ref(pixel(build).node, (0,)))
    with pytest.raises(GraphError, match=r"^after link: output out is not 2 dimensions late$"):
        check(graph, "link")


def test_moving_without_reason():
    def make(build):
        constant = build.setting("gain", 0, 9)
        return Ref(replace(build.mul(constant, constant).node, static=False), (0, 0))

    with pytest.raises(GraphError, match=r"moves while no operand does$"):
        check(graph_of(make), "link")


def test_text():
    def make(build):
        a = pixel(build)
        total = build.linear([(2, a.shifted((0, 1))), (-1, a.shifted((1, 0))), (1, build.setting("gain", 0, 3))], 5)
        return build.wrap(build.shift_right(total, 2), 4, False)

    assert show_graph(graph_of(make)) == (
        "n0 = input(stream='i', lane=0, channel=0)  0..255\n"
        "n1 = setting(port='gain')  0..3  static\n"
        "n2 = sum(2*n0[0, 1], -n0[1, 0], n1, 5)  -250..518\n"
        "n3 = shr(n2, amount=2)  -63..129\n"
        "n4 = wrap(n3, width_bits=4, signed=False, note=0)  0..15\n"
        "output out 0: n4\n"
    )


def test_texts_of_equal_graphs_are_equal():
    def late(build):
        build.const(7)  # nothing reads it
        return build.mul(pixel(build), pixel(build, "j"))

    first = graph_of(lambda build: build.mul(pixel(build), pixel(build, "j")))
    assert show_graph(first) == show_graph(graph_of(late))
    assert [node.op for node in first.walk()] == ["input", "input", "mul"] and first.roots == [first.nodes[-1]]


def test_the_interpreter_sees_a_wrong_range():
    graph = graph_of(lambda build: build.graph.intern("mul", (pixel(build), pixel(build)), MUL.attributes(), 0, 5))
    interpreter = Interpreter(lambda node, at: {INPUT.name: 3}[node.op])
    with pytest.raises(ValueError, match=r"^n1, mul, carries 9 at \(0, 0\), outside 0..5$"):
        interpreter.ref(graph.outputs[0].value, (0, 0))
