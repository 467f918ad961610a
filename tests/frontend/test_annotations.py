"""Annotations: kept by Halide, read back, and refused with exact words when wrong."""

import gc
import re

import halide as hl
import pytest

from fluorite.errors import ScheduleError, UsageError
from fluorite.frontend import annotations
from fluorite.frontend.annotations import Accelerate, Annotations, annotations_of
from fluorite.frontend.halide_io import DimensionBounds, load, plainly_named

annotations.install()

x, y, xi = hl.vars("x y xi")


@pytest.fixture
def image():
    return hl.ImageParam(hl.UInt(8), 2, "image")


def chain(image, count=3):
    """Funcs that read each other, the first one the image."""
    funcs, last = [], image
    for _ in range(count):
        f = hl.Func("stage")
        f[x, y] = last[x, y] + last[x + 1, y]
        funcs.append(f)
        last = f
    return funcs


def read(output, func=None):
    return annotations_of(load(output).pipeline.funcs[(func or output).name()])


def raises(text, error=ScheduleError):
    return pytest.raises(error, match=f"^{re.escape(text)}$")


def test_every_annotation_is_read_back(image):
    a, b, c = chain(image)
    gain = hl.Param(hl.UInt(8), "gain")
    weights = hl.ImageParam(hl.Int(16), 1, "weights")
    c.accelerate([a, image], xi, hl.Var.outermost(), taps=[weights, gain, b])
    a.linebuffer()
    b.fifo_depth(c, 64).fifo_depth(a, 3)
    assert read(c) == Annotations(
        Accelerate((a.name(), image.name()), "xi", "__outermost", (weights.name(), gain.name(), b.name()))
    )
    assert read(c, a) == Annotations(linebuffer=True)
    assert read(c, b) == Annotations(fifo_depths=((c.name(), 64), (a.name(), 3)))


def test_no_annotation(image):
    (a,) = chain(image, 1)
    assert read(a) == Annotations()


def test_calls_chain_with_halide_s_own(image):
    a, b = chain(image, 2)
    out = b.compute_root().linebuffer().vectorize(x, 8).accelerate([a], "x", "y").parallel(y)
    assert isinstance(out, hl.Func)
    assert out.name() == b.name()
    assert read(b) == Annotations(Accelerate((a.name(),), "x", "y", ()), linebuffer=True)


def test_the_python_wrapper_may_go(image):
    a, b = chain(image, 2)
    a.linebuffer()
    pipeline = hl.Pipeline(a)
    others = [pipeline.get_func(i) for i in range(2)]
    (again,) = (f for f in others if f.name() == a.name())
    again.fifo_depth(b, 2)
    del a, again, others, pipeline
    gc.collect()
    found = [annotations_of(f) for f in load(b).pipeline.funcs.values()]
    assert Annotations(linebuffer=True, fifo_depths=((b.name(), 2),)) in found


def test_the_same_annotation_twice_is_one(image):
    a, b = chain(image, 2)
    b.accelerate([a], x, y).accelerate([a], x, y).linebuffer().linebuffer().fifo_depth(a, 2).fifo_depth(a, 2)
    assert read(b) == Annotations(Accelerate((a.name(),), "x", "y", ()), True, ((a.name(), 2),))


def test_other_trace_tags_are_not_ours(image):
    (a,) = chain(image, 1)
    a.add_trace_tag("mine").add_trace_tag("fluor")
    assert read(a) == Annotations()


def test_annotations_change_no_result(image):
    a, b = chain(image, 2)
    image.set(hl.Buffer(hl.UInt(8), [12, 8]))
    a.compute_root().linebuffer()
    b.accelerate([a], x, y)
    assert b.realize([8, 8]).width() == 8


def test_generators():
    @hl.generator(name="fluorite_annotated")
    class Annotated:
        margin = hl.GeneratorParam(1)
        source = hl.InputBuffer(hl.UInt(8), 2)
        gain = hl.InputScalar(hl.UInt(8))
        result = hl.OutputBuffer(hl.UInt(8), 2)

        def generate(self):
            middle = hl.Func("middle")
            middle[x, y] = self.source[x, y] * self.gain
            self.result[x, y] = middle[x + self.margin, y]
            middle.linebuffer()
            self.result.accelerate([self.source], x, hl.Var.outermost(), taps=[self.gain])

    with hl.GeneratorContext(hl.Target("host")):
        pipeline = Annotated({"margin": "2"})._build_pipeline()
    loaded = plainly_named(load(pipeline))
    found = {name: annotations_of(func) for name, func in loaded.pipeline.funcs.items()}
    assert found["result"] == Annotations(Accelerate(("source",), "x", "__outermost", ("gain",)))
    assert [name for name, a in found.items() if a.linebuffer] == ["middle"]
    assert sorted(loaded.parameters) == ["gain", "source"]


def test_two_different_accelerators_of_one_func_are_refused(image):
    a, b = chain(image, 2)
    b.accelerate([a], x, y).accelerate([image], x, y)
    with raises(
        f"{b.name()}: accelerate(): it is accelerated twice, in different ways; call accelerate() once per Func"
    ):
        read(b)


def test_two_different_depths_are_refused(image):
    a, b = chain(image, 2)
    a.fifo_depth(b, 4).fifo_depth(b, 5)
    with raises(
        f"{a.name()}: fifo_depth({b.name()}, 5): it was given depth 4 before;"
        " call fifo_depth() once per consumer, or not at all: depths follow from the schedule"
    ):
        read(b, a)


def test_empty_inputs_are_refused(image):
    (a,) = chain(image, 1)
    with raises(
        f"{a.name()}: accelerate(): inputs is empty, so there is no place where the hardware begins;"
        " name the Funcs or ImageParams that stream into the accelerator"
    ):
        a.accelerate([], x, y)


@pytest.mark.parametrize("bare", [True, False])
def test_inputs_must_be_a_list(bare, image):
    a, b = chain(image, 2)
    wrong = a if bare else "a"
    shown = f"the Func {a.name()}" if bare else "'a'"
    with raises(
        f"{b.name()}: accelerate(): inputs must be a list of Funcs and ImageParams, not {shown}; write [input]"
    ):
        b.accelerate(wrong, x, y)


def test_taps_must_be_a_list(image):
    a, b = chain(image, 2)
    gain = hl.Param(hl.UInt(8), "gain")
    with raises(
        f"{b.name()}: accelerate(): taps must be a list of Funcs, ImageParams and Params,"
        f" not the Param {gain.name()}; write taps=[coefficients]"
    ):
        b.accelerate([a], x, y, taps=gain)


def test_wrong_kinds_of_inputs_and_taps_are_refused(image):
    a, b = chain(image, 2)
    gain = hl.Param(hl.UInt(8), "gain")
    with raises(
        f"{b.name()}: accelerate(): an input must be a Func or an ImageParam, not the Param {gain.name()};"
        " leave it out: hardware reads it without"
    ):
        b.accelerate([gain], x, y)
    with raises(
        f"{b.name()}: accelerate(): a tap must be a Func or an ImageParam or a Param, not 3;"
        " name a Func or an ImageParam or a Param, the object itself"
    ):
        b.accelerate([a], x, y, taps=[3])


def test_wrong_loops_are_refused(image):
    a, b = chain(image, 2)
    with raises(
        f"{b.name()}: accelerate(): compute_var must be a Var or the name of one, not 0;"
        " name a loop of this Func, or Var.outermost()"
    ):
        b.accelerate([a], 0, y)
    with raises(
        f"{b.name()}: accelerate(): store_var must be a Var or the name of one, not '';"
        " name a loop of this Func, or Var.outermost()"
    ):
        b.accelerate([a], x, "")


def test_naming_something_twice_is_refused(image):
    a, b = chain(image, 2)
    with raises(
        f"{b.name()}: accelerate(): {a.name()} is named more than once among inputs and taps;"
        " name each input and each tap once"
    ):
        b.accelerate([a], x, y, taps=[a])
    with raises(f"{b.name()}: accelerate(): a Func cannot be an input of its own accelerator; name the Funcs it reads"):
        b.accelerate([b], x, y)


@pytest.mark.parametrize("depth", [0, -1, 1.5, True, "8"])
def test_depths_must_be_positive(depth, image):
    a, b = chain(image, 2)
    with raises(
        f"{a.name()}: fifo_depth(): the depth must be a positive integer, not {depth!r};"
        " leave the call out, or give a depth"
    ):
        a.fifo_depth(b, depth)


def test_the_consumer_must_be_a_func(image):
    (a,) = chain(image, 1)
    with raises(
        f"{a.name()}: fifo_depth(): the consumer must be a Func, not the ImageParam {image.name()};"
        " name a Func, the object itself"
    ):
        a.fifo_depth(image, 3)


def test_bounds_of_image_params():
    image = hl.ImageParam(hl.UInt(8), 3, "image")
    limit = hl.Param(hl.Int(32), "limit", 9)
    image.dim(0).set_bounds(0, hl.i32(32) * 2)
    image.dim(1).set_min(-1).set_extent(image.dim(0).extent() * 2)
    image.dim(2).set_extent(limit)
    image.set_estimates([(0, 128), (0, 32), (0, 3)])
    f = hl.Func("f")
    f[x, y] = image[x, y, 0] + hl.u8(limit)
    # Only constants count: the extent of dimension 2 is whatever the Param holds when it runs.
    assert load(f).bounds == {
        image.name(): (
            DimensionBounds(0, 64, 0, 128),
            DimensionBounds(-1, None, 0, 32),
            DimensionBounds(None, None, 0, 3),
        )
    }


@pytest.mark.parametrize("wrong", [None, 3, hl.Var("v")])
def test_only_pipelines_are_loaded(wrong):
    with raises(f"a pipeline must be a halide.Func or a halide.Pipeline, not {wrong!r}", UsageError):
        load(wrong)


def test_an_undefined_func_is_refused():
    f = hl.Func("f")
    with raises(f"the Func {f.name()} is not defined", UsageError):
        load(f)


def test_a_name_for_two_things_is_refused():
    f, g = hl.Func("twofold"), hl.Func("g")
    image = hl.ImageParam(hl.UInt(8), 2, f.name())
    f[x, y] = image[x, y] + hl.u8(1)
    g[x, y] = f[x, y]
    with raises(f"a Func and an ImageParam are both named {f.name()}: give one of them another name", UsageError):
        load(g)
