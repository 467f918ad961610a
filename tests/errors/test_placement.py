"""Places in the software's loops where an accelerator cannot be launched; following the message's way out helps."""

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.errors import ScheduleError

x, y, xo, xi, yo, yi = hl.vars("x y xo xi yo yi")
WIDTH, HEIGHT = 40, 24
PIXELS = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH + 1)).astype(np.uint8)


class Pipe:
    """source -> hw (hardware) -> middle, output (software)."""

    def __init__(self):
        self.source = hl.ImageParam(hl.UInt(8), 2, "source")
        self.source.set(hl.Buffer(PIXELS))
        self.hw, self.middle, self.output = (hl.Func(name) for name in ("hw", "middle", "output"))
        self.hw[x, y] = hl.u16(self.source[x, y]) + self.source[x + 1, y]
        self.middle[x, y] = self.hw[x, y] * 2
        self.output[x, y] = self.middle[x, y] + 1
        self.hw.set_estimate(x, 0, WIDTH).set_estimate(y, 0, HEIGHT)
        self.hw.accelerate([self.source], x, hl.Var.outermost())
        self.output.split(x, xo, xi, 8)


EXPECTED = (PIXELS[:, :-1].astype(np.uint16) + PIXELS[:, 1:]) * 2 + 1


# schedule, kind of loop, the way out
INSIDE = {
    "the_vector_itself": (
        lambda p: (p.hw.compute_at(p.output, xi), p.output.vectorize(xi)),
        "the vectorized",
        lambda p: p.hw.compute_at(p.output, xo),
    ),
    "a_loop_inside_the_vector": (
        lambda p: (p.output.reorder(xo, y, xi).vectorize(xi), p.hw.compute_at(p.output, xo)),
        "the vectorized",
        lambda p: p.output.serial(xi),
    ),
    "a_consumer_inside_the_vector": (
        lambda p: (p.output.vectorize(xi), p.middle.compute_at(p.output, xi), p.hw.compute_at(p.middle, y)),
        "the vectorized",
        lambda p: p.middle.compute_at(p.output, xo),
    ),
    "one_specialization": (
        lambda p: (p.hw.compute_at(p.output, xi), p.output.specialize(p.source.width() > 9).vectorize(xi)),
        "the vectorized",
        lambda p: p.hw.compute_at(p.output, xo),
    ),
    "a_gpu": (
        lambda p: (p.hw.compute_at(p.output, xi), p.output.gpu_threads(xi)),
        "a GPU's",
        lambda p: p.hw.compute_root(),
    ),
}


@pytest.mark.parametrize("name", INSIDE)
def test_inside_a_loop_without_calls(name):
    schedule, kind, _ = INSIDE[name]
    pipe = Pipe()
    schedule(pipe)
    with pytest.raises(ScheduleError) as caught:
        fluorite.compile(pipe.output)
    assert str(caught.value) == (
        f"hw: computed inside {kind} loop xi of output: an accelerator is launched by C code, once in each step of a "
        "loop; compute hw outside of that loop, or make the loop a serial one"
    )


@pytest.mark.parametrize("name", [name for name in INSIDE if name != "a_gpu"])  # which this machine has not
def test_the_way_out(name):
    schedule, _, way_out = INSIDE[name]
    pipe = Pipe()
    schedule(pipe)
    way_out(pipe)
    np.testing.assert_array_equal(np.array(fluorite.compile(pipe.output).realize([WIDTH, HEIGHT])), EXPECTED)


BESIDE = {
    "vectors_inside": lambda p: (p.output.vectorize(xi), p.hw.compute_at(p.output, xo)),
    "unrolled": lambda p: (p.output.unroll(xi), p.hw.compute_at(p.output, xi)),
    "parallel": lambda p: (p.output.parallel(xo), p.hw.compute_at(p.output, xo)),
    "vectors_of_a_loop_that_keeps_its_name": lambda p: (
        p.middle.compute_root().vectorize(x, 8),
        p.hw.compute_at(p.middle, x),
    ),
    "vectors_of_a_consumer_of_a_consumer": lambda p: (
        p.output.vectorize(xi),
        p.middle.compute_at(p.output, xo),
        p.hw.compute_at(p.middle, x),
    ),
}


@pytest.mark.parametrize("name", BESIDE)
def test_other_loops(name):
    pipe = Pipe()
    BESIDE[name](pipe)
    np.testing.assert_array_equal(np.array(fluorite.compile(pipe.output).realize([WIDTH, HEIGHT])), EXPECTED)
