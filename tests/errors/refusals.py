"""Small pipelines that the compiler must refuse, and the table that a module of tests keeps of them."""

import re

import halide as hl
import pytest

import fluorite

x, y, c, k, v, f, xo, yo, xi, yi = hl.vars("x y c k v f xo yo xi yi")
OUTERMOST = hl.Var.outermost()


class Refusals:
    """Functions that make pipelines, and how each must be refused."""

    def __init__(self):
        self.cases = {}

    def __call__(self, kind, message):
        """A function that makes a pipeline which the compiler must refuse with this message."""

        def register(build):
            assert build.__name__ not in self.cases
            self.cases[build.__name__] = (build, kind, message)
            return build

        return register

    def check(self, name):
        """Compile the pipeline of this name: the kind of the error, and its exact words."""
        build, kind, message = self.cases[name]
        with pytest.raises(kind) as caught:
            fluorite.compile(build())
        error = caught.value
        assert type(error) is kind
        assert without_numbers(str(error)) == message
        assert all((error.func, error.construct, error.rule, error.way_out))


def without_numbers(text):
    """A message without the numbers that Halide appends to names used before in this process."""
    return re.sub(r"\$\d+|(?<=\.v)\d+\b", "", text)


def image(name="source", type_=None, dimensions=2):
    return hl.ImageParam(hl.UInt(8) if type_ is None else type_, dimensions, name)


def whole(func, *variables):
    func.compute_root()
    for variable in variables or (x, y):
        func.set_estimate(variable, 0, 64)
    return func


def copied(func, variables=(x, y)):
    output = hl.Func("output")
    output[variables] = func[variables]
    return output


def accelerated(value, inputs, variables=(x, y), name="hw"):
    """A pipeline whose Func ``hw`` has this value."""
    hw = hl.Func(name)
    hw[variables] = value
    whole(hw, *variables).accelerate(inputs, variables[0], OUTERMOST)
    return copied(hw, variables)


def plain(source, **schedule):
    """Func ``hw`` of two pixels, with nothing scheduled."""
    hw = hl.Func("hw")
    hw[x, y] = source[x, y] + source[x + 1, y]
    return hw


def reducing(source, r, *unrolled, by=None):
    hw = hl.Func("hw")
    hw[x, y] = hl.u8(0)
    hw[x, y] += source[x + r.x, y]
    for variable in unrolled:
        hw.update().unroll(variable) if by is None else hw.update().unroll(variable, by)
    whole(hw).accelerate([source], x, OUTERMOST)
    return copied(hw)
