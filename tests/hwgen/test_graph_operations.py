"""The stream graph's constructors: folding, ranges, sharing up to a shift; sums expanded into shift-add trees."""

import itertools

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from fluorite.hwgen.passes.adders import signed_digits
from fluorite.hwgen.passes.sums import expand_sums
from fluorite.hwgen.streams.builder import Builder
from fluorite.hwgen.streams.graph import Graph, Output, topological
from fluorite.hwgen.streams.interpreter import Interpreter
from fluorite.hwgen.streams.operations import wrapped

RANGES = [(0, 255), (-128, 127), (0, 1), (-7, 3), (5, 9), (-1000, -900), (0, 0), (0, 65535)]
BINARY = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "minimum": min,
    "maximum": max,
    "eq": lambda a, b: int(a == b),
    "lt": lambda a, b: int(a < b),
    "le": lambda a, b: int(a <= b),
}
BITWISE = {"and": lambda a, b: a & b, "or": lambda a, b: a | b, "xor": lambda a, b: a ^ b}


class Both:
    """A random expression built in a graph and as a Python function of the inputs' values, side by side."""

    def __init__(self, draw):
        self.draw = draw
        self.graph = Graph(1)
        self.build = Builder(self.graph)

    def value(self, depth):
        if depth == 0:
            number = self.draw(st.integers(0, len(RANGES)))
            if number == len(RANGES):
                constant = self.draw(st.integers(-40, 40))
                return self.build.const(constant), lambda at: constant
            delay = self.draw(st.integers(-2, 2))
            source = self.build.input(f"in{number}", 0, 0, *RANGES[number])
            return source.shifted((delay,)), lambda at: pixel(number, at - delay)
        kind = self.draw(
            st.sampled_from([*BINARY, *BITWISE, "abs", "wrap", "shr", "select", "not", "clamp", "linear", "div", "mod"])
        )
        a, f = self.value(depth - 1)
        if kind in BINARY:
            b, g = self.value(depth - 1)
            return getattr(self.build, kind)(a, b), lambda at: BINARY[kind](f(at), g(at))
        if kind in BITWISE:
            b, g = self.value(depth - 1)
            return self.build.bitwise(kind, a, b), lambda at: BITWISE[kind](f(at), g(at))
        if kind == "abs":
            return self.build.abs(a), lambda at: abs(f(at))
        if kind == "wrap":
            bits, signed = self.draw(st.integers(1, 18)), self.draw(st.booleans())
            return self.build.wrap(a, bits, signed), lambda at: wrapped(f(at), bits, signed)
        if kind == "shr":
            amount = self.draw(st.integers(0, 12))
            return self.build.shift_right(a, amount), lambda at: f(at) >> amount
        if kind == "clamp":
            low = self.draw(st.integers(-300, 300))
            high = low + self.draw(st.integers(0, 300))
            return self.build.clamp(a, low, high), lambda at: max(min(f(at), high), low)
        if kind == "linear":
            b, g = self.value(depth - 1)
            p, q, r = (self.draw(st.integers(-20, 20)) for _ in range(3))
            return self.build.linear([(p, a), (q, b)], r), lambda at: p * f(at) + q * g(at) + r
        if kind in ("div", "mod"):
            divisor = self.draw(st.integers(1, 300))
            made = (self.build.divide if kind == "div" else self.build.modulo)(a, self.build.const(divisor))
            return made, lambda at: f(at) // divisor if kind == "div" else f(at) % divisor
        condition, c = self.value(depth - 1)
        condition = self.build.lt(condition, a)
        if kind == "not":
            return self.build.logical_not(condition), lambda at: int(not c(at) < f(at))
        b, g = self.value(depth - 1)
        return self.build.select(condition, a, b), lambda at: f(at) if c(at) < f(at) else g(at)


def pixel(number, at):
    """The value of an input at an iteration: anything in its range, the ends often."""
    lo, hi = RANGES[number]
    scrambled = (at * 2654435761 + number * 40503) >> 7
    return (lo, hi, lo + scrambled % (hi - lo + 1), lo + scrambled * 7 % (hi - lo + 1))[scrambled % 4]


def sources(node, at):
    return pixel(int(node.attr.stream[2:]), at[0])


@st.composite
def expressions(draw):
    both = Both(draw)
    ref, function = both.value(draw(st.integers(1, 4)))
    both.graph.outputs.append(Output("out", 0, both.build.stage(ref, "out", 0, 0)))
    return both.graph, function


@settings(max_examples=300, deadline=None, derandomize=True)
@given(expressions())
def test_values_are_right_and_in_range_before_and_after_expansion(drawn):
    graph, function = drawn
    expanded = expand_sums(graph, 1)
    assert not [node for node in expanded.walk() if node.op == "sum"]
    for one in (graph, expanded):
        evaluator = Interpreter(sources)  # checks every node's range
        for at in range(12):
            assert evaluator.ref(one.outputs[0].value, (at,)) == function(at)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(expressions())
def test_rebuilding_changes_nothing(drawn):
    graph, function = drawn
    again = Graph(1)
    build = Builder(again)
    done = {}
    for node in graph.walk():
        operands = [done[operand.node.id].shifted(operand.delay) for operand in node.operands]
        done[node.id] = build.rebuild(node, operands)
    evaluator = Interpreter(sources)
    for at in range(6):
        assert evaluator.ref(
            done[graph.outputs[0].value.node.id].shifted(graph.outputs[0].value.delay), (at,)
        ) == function(at)


def test_equal_operations_are_one_node_up_to_a_shift():
    graph = Graph(2)
    build = Builder(graph)
    a = build.input("a", 0, 0, 0, 255)
    here = build.add(a, a.shifted((1, 2)))
    later = build.add(a.shifted((5, 0)), a.shifted((6, 2)))
    assert later.node is here.node
    assert later.delay == (5, 0)
    assert build.add(a, a.shifted((1, 3))).node is not here.node  # rows are kept apart


def test_operands_of_commutative_operations_meet():
    build = Builder(Graph(1))
    a, b = (build.input(name, 0, 0, 0, 255) for name in "ab")
    for name in ("add", "mul", "minimum", "maximum", "eq"):
        assert getattr(build, name)(a, b) == getattr(build, name)(b, a)


@pytest.mark.parametrize(
    "lo,hi,width,signed",
    [(0, 0, 1, False), (0, 1, 1, False), (0, 255, 8, False), (0, 256, 9, False), (-1, 0, 1, True), (-128, 127, 8, True),
     (-129, 0, 9, True), (-1, 255, 9, True), (3, 5, 3, False)],
)  # fmt: skip
def test_a_wire_is_as_wide_as_its_range(lo, hi, width, signed):
    node = Builder(Graph(1)).input("a", 0, 0, lo, hi).node
    assert (node.width_bits, node.signed) == (width, signed)


def test_operands_come_before_their_readers():
    build = Builder(Graph(1))
    a = build.input("a", 0, 0, 0, 255)
    total = a
    for shift in range(2000):  # deeper than Python's stack
        total = build.minimum(total, build.add(a.shifted((shift,)), build.const(shift)))
    order = list(topological([total.node]))
    position = {node.id: n for n, node in enumerate(order)}
    assert all(position[o.node.id] < position[node.id] for node in order for o in node.operands)
    assert len(position) == len(order)


# --- sums ---------------------------------------------------------------------------------------------------------


@given(st.integers(1, 10**6))
def test_signed_digits(value):
    digits = signed_digits(value)
    assert sum(-(1 << p) if negative else 1 << p for p, negative in digits) == value
    positions = [p for p, _ in digits]
    assert all(a - b >= 2 for a, b in itertools.pairwise(positions))  # none adjacent: fewest digits
    assert not digits[0][1]


def adders(graph):
    return sum(node.op in ("add", "sub") for node in graph.walk())


def window(weights, lanes=1):
    graph = Graph(2)
    build = Builder(graph)
    a = build.input("in0", 0, 0, 0, 255)
    terms = [(w, a.shifted((n, row))) for row, line in enumerate(weights) for n, w in enumerate(line)]
    graph.outputs.append(Output("out", 0, build.stage(build.linear(terms, 3), "out", 0, 0)))
    return graph


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.lists(st.integers(-70, 70), min_size=3, max_size=3), min_size=1, max_size=4))
def test_expanded_windows_are_the_weighted_sum(weights):
    graph = expand_sums(window(weights), 1)
    sample = lambda at: (at[0] * 37 + at[1] * 101 + at[0] * at[1] * 13) % 256  # noqa: E731
    evaluator = Interpreter(lambda node, at: sample(at))
    for at in [(0, 0), (3, 1), (9, 7), (2, 5)]:
        right = 3 + sum(
            w * sample((at[0] - n, at[1] - row)) for row, line in enumerate(weights) for n, w in enumerate(line)
        )
        assert evaluator.ref(graph.outputs[0].value, at) == right


def test_separable_windows_are_found_where_written_in_two_dimensions():
    binomial = [1, 4, 6, 4, 1]
    outer = [[a * b for a in binomial] for b in binomial]
    assert adders(expand_sums(window(outer), 1)) <= adders(expand_sums(window([binomial]), 1)) * 2
