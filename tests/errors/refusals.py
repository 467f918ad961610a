"""Small pipelines that the compiler must refuse, each also with its way out followed, and the table of them."""

import inspect
import re
import zlib

import halide as hl
import numpy as np
import pytest

import fluorite
from tests.conftest import arrays

x, y, c, k, v, f, xo, yo, xi, yi = hl.vars("x y c k v f xo yo xi yi")
OUTERMOST = hl.Var.outermost()
SIZE = (13, 9)
SAMPLE = 3  # each way out is compiled, and one in so many simulated; all are in `make test-sweeps`
COMPILED = " compiled"
_KEPT = []  # pixels of images: Halide holds no reference to the memory of numpy


class Refusals:
    """Functions that make pipelines, and how each must be refused.

    A function takes the number of the way out that it follows, 0 for none. It gives the output Func, or that and the
    sizes to realize.
    """

    def __init__(self):
        self.cases = {}
        self.ways = []  # parameters of a test that calls `follow`
        self.followed = set()

    def __call__(self, kind, message, ways=1):
        """A function that makes a pipeline which the compiler must refuse with this message, and so many ways out.

        One without an argument has no way out to follow: tests/errors/test_ways_out.py must have the reason.
        """

        def register(build):
            follows = bool(inspect.signature(build).parameters)
            self.add(build.__name__, build if follows else lambda way: build(), kind, message, ways if follows else 0)
            return build

        return register

    def add(self, name, build, kind, message, ways):
        """The same for a function that has no name of its own."""
        assert name not in self.cases
        self.cases[name] = (build, kind, message)
        for number in range(1, ways + 1):
            way = f"{name}-{number}"
            self.followed.add(name)
            if zlib.crc32(way.encode()) % SAMPLE == 0:
                self.ways.append(pytest.param(way, id=way))
            else:
                self.ways.append(pytest.param(f"{way}{COMPILED}", id=f"{way}{COMPILED}"))
                self.ways.append(pytest.param(way, id=way, marks=pytest.mark.system))

    def check(self, name):
        """Compile the pipeline of this name: the kind of the error, and its exact words."""
        build, kind, message = self.cases[name]
        with pytest.raises(kind) as caught:
            fluorite.compile(pipeline(build(0))[0])
        error = caught.value
        assert type(error) is kind
        assert without_numbers(str(error)) == message
        assert all((error.func, error.construct, error.rule, error.way_out))
        return caught

    def follow(self, way):
        """Compile the pipeline with a way out followed, and compare with Halide's own run of it, uncut."""
        name, _, number = way.removesuffix(COMPILED).rpartition("-")
        output, sizes = pipeline(self.cases[name][0](int(number)))
        if way.endswith(COMPILED):
            fluorite.compile(output)
            return
        expected = arrays(output.realize(list(sizes)))
        ours = arrays(fluorite.compile(output).realize(list(sizes)))
        assert any(np.any(pixels) for pixels in expected)
        for actual, wanted in zip(ours, expected, strict=True):
            np.testing.assert_array_equal(actual, wanted)


def pipeline(made):
    """The output and the sizes of what such a function gives."""
    return made if isinstance(made, tuple) else (made, SIZE)


def without_numbers(text):
    """A message without the numbers that Halide appends to names used before in this process."""
    return re.sub(r"\$\d+|(?<=\.v)\d+\b", "", text)


def image(name="source", type_=None, dimensions=2, extents=(), mins=()):
    """An ImageParam over random pixels."""
    type_ = hl.UInt(8) if type_ is None else type_
    shape = tuple(reversed(extents or (90, 80, 12, 4, 4)[:dimensions]))
    dtype = np.float32 if type_.is_float() else np.dtype(f"{'u' if type_.is_uint() else ''}int{type_.bits()}")
    pixels = np.random.default_rng(5).integers(0, 128, shape).astype(dtype)
    buffer = hl.Buffer(pixels)
    buffer.set_min(list(mins or (-16, -16, 0, 0, 0)[:dimensions]))
    _KEPT.append((pixels, buffer))
    param = hl.ImageParam(type_, dimensions, name)
    param.set(buffer)
    return param


def whole(func, *variables):
    """One launch for the whole image."""
    func.compute_root()
    for variable in variables or (x, y):
        func.set_estimate(variable, 0, 64)
    return func


def copied(func, variables=(x, y)):
    """A pipeline whose software copies a Func."""
    output = hl.Func("output")
    output[variables] = func[variables]
    return output


def software(value, variables=(x, y), name="copy"):
    """A Func that software computes before the accelerator starts."""
    copy = hl.Func(name)
    copy[variables] = value
    return copy.compute_root()


def accelerated(value, inputs, variables=(x, y), name="hw"):
    """A pipeline whose Func ``hw`` has this value."""
    hw = hl.Func(name)
    hw[variables] = value
    whole(hw, *variables).accelerate(inputs, variables[0], OUTERMOST)
    return copied(hw, variables)


def through(copy):
    """The same where all of the value is computed in software."""
    return accelerated(copy[x, y], [copy])


def plain(source):
    """Func ``hw`` of two pixels, with nothing scheduled."""
    hw = hl.Func("hw")
    hw[x, y] = source[x, y] + source[x + 1, y]
    return hw


def reducing(source, r, *unrolled, by=None):
    """A pipeline whose Func ``hw`` is the sum of a row of pixels."""
    hw = hl.Func("hw")
    hw[x, y] = hl.u8(0)
    hw[x, y] += source[x + r.x, y]
    for variable in unrolled:
        hw.update().unroll(variable) if by is None else hw.update().unroll(variable, by)
    whole(hw).accelerate([source], x, OUTERMOST)
    return copied(hw)
