"""Directives that make no sense, on the accelerated Func, inside the accelerator and on its input: exact words."""

import halide as hl
import pytest

import fluorite
from fluorite.errors import ScheduleError
from tests.errors.refusals import OUTERMOST, image, without_numbers, x, xi, xo, y, yi, yo

xio, xii = hl.vars("xio xii")


class Pipe:
    """source -> padded (software) -> inner, inlined, hw (hardware) -> output (software)."""

    def __init__(self):
        self.source, self.r = image(), hl.RDom([(0, 4)], "r")
        self.padded, self.inner, self.inlined, self.hw, self.output = (
            hl.Func(name) for name in ("padded", "inner", "inlined", "hw", "output")
        )
        self.padded[x, y] = self.source[x, y]
        self.inner[x, y] = self.padded[x, y] + self.padded[x, y + 1]
        self.inlined[x, y] = self.inner[x, y] / 2
        self.hw[x, y] = hl.u8(0)
        self.hw[x, y] += self.inlined[x + self.r.x, y]
        self.output[x, y] = self.hw[x, y]
        self.padded.compute_root()
        self.inner.linebuffer()
        self.hw.compute_root().set_estimate(x, 0, 40).set_estimate(y, 0, 24)

    def compiled(self, compute_var=x, store_var=OUTERMOST):
        self.hw.update().unroll(self.r.x)
        self.hw.accelerate([self.padded], compute_var, store_var)
        return fluorite.compile(self.output)


_POSITIVE = "is at least 1; give a positive number, or leave it out"

# directive, what is said of it
SENSELESS = {
    "no_lanes": (lambda p: p.hw.unroll(x, 0), "hw: unroll(x, 0): a factor"),
    "fewer_lanes_than_none": (lambda p: p.hw.unroll(x, -2), "hw: unroll(x, -2): a factor"),
    "split_by_less_than_nothing": (lambda p: p.hw.split(x, xo, xi, -4), "hw: split(x, xo, xi, -4): a factor"),
    "split_of_a_split": (
        lambda p: p.hw.split(x, xo, xi, 8).split(xi, xio, xii, 0),
        "hw: split(xi, xio, xii, 0): a factor",
    ),
    "tile": (lambda p: p.hw.tile(x, y, xo, yo, xi, yi, 8, 0), "hw: split(y, yo, yi, 0): a factor"),
    "update": (lambda p: p.hw.update().unroll(y, 0), "hw: unroll(y, 0): a factor"),
    "reduction": (lambda p: p.hw.update().unroll(p.r.x, 0), "hw: unroll(r.x, 0): a factor"),
    "parallel": (lambda p: p.hw.parallel(y, -1), "hw: parallel(y, -1): a factor"),
    "stage": (lambda p: p.inner.vectorize(x, 0), "inner: vectorize(x, 0): a factor"),
    "inlined": (lambda p: p.inlined.split(x, xo, xi, 0), "inlined: split(x, xo, xi, 0): a factor"),
    "input": (lambda p: p.padded.unroll(x, 0), "padded: unroll(x, 0): a factor"),
    "specialization": (
        lambda p: p.padded.specialize(p.source.width() > 9).unroll(y, 0),
        "padded: unroll(y, 0): a factor",
    ),
    "extent": (lambda p: p.hw.bound(x, 0, -5), "hw: bound(x, 0, -5): an extent"),
    "extent_alone": (lambda p: p.inner.bound_extent(y, 0), "inner: bound_extent(y, 0): an extent"),
    "extent_of_an_input": (lambda p: p.padded.bound(x, 3, 0), "padded: bound(x, 3, 0): an extent"),
    "alignment": (lambda p: p.hw.align_bounds(x, 0, 2), "hw: align_bounds(x, 0, 2): an alignment"),
    "alignment_of_the_extent": (lambda p: p.padded.align_extent(y, -8), "padded: align_extent(y, -8): an alignment"),
    "alignment_in_memory": (lambda p: p.hw.align_storage(x, 0), "hw: align_storage(x, 0): an alignment"),
    "room_in_memory": (lambda p: p.padded.bound_storage(y, -1), "padded: bound_storage(y, -1): an extent"),
    "folded_memory": (lambda p: p.padded.fold_storage(y, -3), "padded: fold_storage(y, -3): a factor"),
}


@pytest.mark.parametrize("name", SENSELESS)
def test_number_that_is_not_positive(name):
    directive, said = SENSELESS[name]
    pipe = Pipe()
    directive(pipe)
    with pytest.raises(ScheduleError) as caught:
        pipe.compiled()
    assert without_numbers(str(caught.value)) == f"{said} {_POSITIVE}"


CONTRADICTIONS = {
    "extents": (
        lambda p: p.hw.bound(x, 0, 40).bound(x, 0, 48),
        "hw: bound(x, 0, 48): bound(x, 0, 40) says otherwise",
    ),
    "extent_alone": (
        lambda p: p.padded.bound(x, 0, 40).bound_extent(x, 48),
        "padded: bound_extent(x, 48): bound(x, 0, 40) says otherwise",
    ),
    "origins": (
        lambda p: p.hw.bound(y, 0, 24).bound(y, -1, 24),
        "hw: bound(y, -1, 24): bound(y, 0, 24) says otherwise",
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_bounds_that_contradict_each_other(name):
    directive, said = CONTRADICTIONS[name]
    pipe = Pipe()
    directive(pipe)
    with pytest.raises(ScheduleError) as caught:
        pipe.compiled()
    assert without_numbers(str(caught.value)) == f"{said}, and both must hold; leave one of them out"


def test_the_ways_out():
    """Positive numbers, one bound, and no directive where nothing is wanted."""
    pipe = Pipe()
    pipe.hw.bound(x, 0, 40).bound_extent(x, 40).align_storage(x, 8).align_bounds(y, 1)
    pipe.hw.unroll(x, 2)
    pipe.padded.align_extent(y, 4).bound_storage(y, 64).unroll(x, 2)
    design = pipe.compiled()
    assert design.report.accelerators[0].lanes == 2
