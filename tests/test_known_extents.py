"""Extents that no ``bound`` gives: channels by readers, output buffers and images; loops by Params and images."""

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.errors import ScheduleError, UsageError
from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.visit import expressions, walk
from tests.errors.refusals import without_numbers

x, y, c, xo, yo, xi, yi = hl.vars("x y c xo yo xi yi")
OUTERMOST = hl.Var.outermost()
RNG = np.random.default_rng(3)


class Colours:
    """An accelerated Func of pixels with all their channels, the image it reads, and a Func that reads it."""

    def __init__(self):
        self.image, self.hw, self.output = hl.ImageParam(hl.UInt(8), 3, "image"), hl.Func("hw"), hl.Func("output")
        self.hw[x, y, c] = self.image[x, y, c] + self.image[x + 1, y, c]
        self.output[x, y, c] = self.hw[x, y, c]
        self.hw.compute_root().reorder(c, x, y).unroll(c).set_estimate(x, 0, 64).set_estimate(y, 0, 64)
        self.hw.accelerate([self.image], x, OUTERMOST)


class Grays:
    """The same without channels, and without a word about sizes."""

    def __init__(self, value=None):
        self.image, self.hw, self.output = hl.ImageParam(hl.UInt(8), 2, "image"), hl.Func("hw"), hl.Func("output")
        self.hw[x, y] = value(self.image) if value else self.image[x - 1, y] + self.image[x + 1, y]
        self.output[x, y] = self.hw[x, y]
        self.hw.compute_root().accelerate([self.image], x, OUTERMOST)


def reader(pixels, value):
    """Another output, which reads channels as it likes."""
    output = hl.Func("output")
    output[x, y] = value(pixels.hw)
    return output


def by_the_bound_of_the_output():
    return Colours().output.bound(c, 0, 3)


def by_the_buffer_of_the_output():
    pixels = Colours()
    pixels.output.output_buffer().dim(2).set_bounds(0, 3)
    return pixels.output


def by_its_own_output_buffer():
    pixels = Colours()
    pixels.hw.output_buffer().dim(2).set_bounds(0, 3)
    return pixels.hw


def by_the_first_of_its_output_buffers():
    """A buffer for each element of the Tuple; Halide lets the first say what all are like."""
    image, hw = hl.ImageParam(hl.UInt(8), 3, "image"), hl.Func("hw")
    hw[x, y, c] = (image[x, y, c], hl.u16(image[x, y, c]) * 2)
    hw.output_buffers()[0].dim(2).set_bounds(0, 3)
    hw.compute_root().reorder(c, x, y).unroll(c).set_estimate(x, 0, 64).set_estimate(y, 0, 64)
    return hw.accelerate([image], x, OUTERMOST)


def by_an_output_buffer_that_is_asked_for():
    """By the pipeline itself."""
    pixels = Colours()
    output = hl.Func("output")
    output[x, y, c] = pixels.hw[x, y, c]
    output[x, y, c] += hl.u8(output.output_buffer().width())
    output.output_buffer().dim(2).set_bounds(0, 3)
    return output


def by_constants():
    return reader(Colours(), lambda hw: hw[x, y, 0] + hw[x, y, 2])


def by_a_reduction():
    r = hl.RDom([(0, 3)], "r")
    return reader(Colours(), lambda hw: hl.sum(hl.u16(hw[x, y, r.x])))


def by_a_clamp():
    pixels = Colours()
    clamped = hl.Func("clamped")
    clamped[x, y, c] = pixels.hw[x, y, hl.clamp(c, 0, 2)]
    return clamped


def by_an_image():
    pixels = Colours()
    pixels.image.dim(2).set_bounds(0, 3)
    return pixels.output


def by_an_image_behind_a_func():
    """Software pads x and y, and passes channels on."""
    pixels = Colours()
    pixels.image.dim(2).set_bounds(0, 3)
    padded, hw, output = hl.Func("padded"), hl.Func("hw"), hl.Func("output")
    padded[x, y, c] = pixels.image[hl.clamp(x, 0, 15), y, c]
    hw[x, y, c] = padded[x - 1, y, c] + padded[x + 1, y, c]
    output[x, y, c] = hw[x, y, c]
    padded.compute_root()
    hw.compute_root().reorder(c, x, y).unroll(c).set_estimate(x, 0, 64).set_estimate(y, 0, 64)
    hw.accelerate([padded], x, OUTERMOST)
    return output


def by_a_bound_that_an_image_fixes():
    pixels = Colours()
    pixels.image.dim(2).set_bounds(0, 3)
    pixels.hw.bound(c, pixels.image.dim(2).min(), 1 + (pixels.image.channels() - 1))
    return pixels.output


def by_a_bound_extent():
    pixels = Colours()
    pixels.hw.bound_extent(c, 3)
    return reader(pixels, lambda hw: hw[x, y, 0] + hw[x, y, 1])


def by_the_predecessors_schedule():
    """Of Halide-HLS: the output is tiled and bounded, what it reads in a tile is hardware."""
    image, hw, output = hl.ImageParam(hl.UInt(8), 3, "image"), hl.Func("hw"), hl.Func("output")
    padded = hl.BoundaryConditions.repeat_edge(image)
    hw[x, y, c] = padded[x, y, c] + padded[x + 1, y, c]
    output[x, y, c] = hw[x, y, c]
    output.tile(x, y, xo, yo, xi, yi, 16, 16).bound(c, 0, 3)
    padded.compute_at(output, xo)
    hw.compute_at(output, xo).tile(x, y, xo, yo, xi, yi, 16, 16).reorder(c, xi, yi, xo, yo).unroll(c)
    hw.accelerate([padded], xi, xo)
    return output


CHANNELS = [value for name, value in list(globals().items()) if name.startswith("by_")]


@pytest.mark.parametrize("build", CHANNELS, ids=lambda build: build.__name__)
def test_channels(build):
    (accelerator,) = fluorite.compile(build()).accelerators
    (channel,) = accelerator.generated.region.channels
    assert (channel.var, channel.min, channel.extent) == ("c", 0, 3)


def test_an_accelerator_behind_another():
    """The second one's channels are known by its reader, and those of the first by the second."""
    pixels = Colours()
    second, output = hl.Func("second"), hl.Func("output")
    second[x, y, c] = pixels.hw[x, y, 2 - c]
    output[x, y] = second[x, y, 1] + second[x, y, 2]
    second.compute_root().reorder(c, x, y).unroll(c).set_estimate(x, 0, 64).set_estimate(y, 0, 64)
    second.accelerate([pixels.hw], x, OUTERMOST)
    regions = {a.name: a.generated.region for a in fluorite.compile(output).accelerators}
    found = {name: [(one.min, one.extent) for one in region.channels] for name, region in regions.items()}
    assert found == {"hw": [(0, 2)], "second": [(1, 2)]}
    assert regions["hw"].notes == ("extent of c: 2 from 0, from what is read of hw",)


# --- greatest extents ---------------------------------------------------------------------------------------------


def _sized(build):
    (accelerator,) = fluorite.compile(build).accelerators
    region = accelerator.generated.region
    return [(loop.max_extent, loop.fixed, loop.min) for loop in region.loops], region.notes


def test_bound_by_a_param():
    pixels, width = Grays(), hl.Param(hl.Int(32), "width")
    width.set_range(1, 40)
    pixels.hw.bound(x, 0, width).bound(y, 0, (width + 1) // 2)
    loops, notes = _sized(pixels.output)
    assert loops == [(40, False, None), (20, False, None)]
    assert notes == ("extent of x: 40 at most, from its own bound", "extent of y: 20 at most, from its own bound")


def test_bound_by_an_image():
    pixels = Grays()
    pixels.image.dim(0).set_extent(22)
    pixels.image.dim(1).set_estimate(0, 9)
    pixels.hw.bound(x, 0, pixels.image.width() - 2).bound(y, 0, pixels.image.height())
    loops, notes = _sized(pixels.output)
    assert loops == [(20, True, 0), (9, False, None)]
    assert notes == ("extent of x: 20 from 0, from its own bound", "extent of y: 9 at most, from its own bound")


def test_estimated_by_a_param():
    pixels, width = Grays(), hl.Param(hl.Int(32), "width")
    width.set_estimate(50)
    pixels.hw.bound(x, 0, width).set_estimate(y, 0, width - 1)
    assert _sized(pixels.output)[0] == [(50, False, None), (49, False, None)]


def test_images_that_are_read():
    """A stencil between two pixels of each side leaves two; where the image begins need not be known."""
    pixels = Grays()
    pixels.image.dim(0).set_bounds(-1, 22)
    pixels.image.dim(1).set_extent(9)
    loops, notes = _sized(pixels.output)
    assert loops == [(20, False, None), (9, False, None)]
    assert notes[0] == "extent of x: 20 at most, from the images that hw reads"


def test_images_that_are_estimated():
    pixels = Grays()
    pixels.image.dim(0).set_estimate(0, 22)
    pixels.image.dim(1).set_estimate(0, 9)
    assert _sized(pixels.output)[0] == [(20, False, None), (9, False, None)]


def test_reduction_over_what_an_image_has():
    """All pixels of the window are read."""
    r = hl.RDom([(0, 5)], "r")
    pixels = Grays(lambda image: hl.u8(hl.sum(hl.u16(image[x + r.x, y])) >> 3))
    pixels.image.dim(0).set_bounds(0, 22)
    pixels.image.dim(1).set_bounds(0, 9)
    assert _sized(pixels.output)[0] == [(18, False, None), (9, False, None)]


def test_what_is_promised_goes_before_estimates():
    pixels = Grays()
    pixels.image.dim(0).set_estimate(0, 22)
    pixels.image.dim(1).set_bounds(0, 9)
    pixels.output.bound(x, 0, 30).set_estimate(y, 0, 5)
    assert _sized(pixels.output)[0] == [(30, True, 0), (9, False, None)]


def test_readers_of_known_size():
    """Every run asks for the same: hardware of one size."""
    pixels = Grays()
    sums = hl.Func("sums")
    sums[x, y] = pixels.hw[x - 1, y] + pixels.hw[x + 1, y]
    sums.output_buffer().dim(0).set_bounds(0, 13)
    sums.bound(y, 0, 9)
    loops, notes = _sized(sums)
    assert loops == [(15, True, -1), (9, True, 0)]
    assert notes[1] == "extent of y: 9 from 0, from what is read of hw"


def test_reads_at_a_border_in_numbers():
    """What is clamped lies in what every run asks for anyway."""
    pixels = Grays()
    around = hl.Func("around")
    around[x, y] = pixels.hw[hl.clamp(x - 1, 0, 12), y] + pixels.hw[x, y] + pixels.hw[hl.clamp(x + 1, 0, 12), y]
    assert _sized(around.bound(x, 0, 13).bound(y, 0, 9))[0] == [(13, True, 0), (9, True, 0)]


def test_readers_that_may_ask_for_less():
    """By what a Param holds in a run, by the pixel, or tile by tile."""
    pixels, last = Grays(), hl.Param(hl.Int(32), "last")
    clamped = hl.Func("clamped")
    clamped[x, y] = pixels.hw[hl.clamp(x, 0, last), (y + y) // 2]
    loops, notes = _sized(clamped.bound(x, 0, 13).bound(y, 0, 9))
    assert loops == [(13, False, None), (9, False, None)]
    assert notes[0] == "extent of x: 13 at most, from what is read of hw"

    pixels, guarded, r = Grays(), hl.Func("guarded"), hl.RDom([(0, 3)], "r")
    r.where(x + r.x < last)
    guarded[x, y] = hl.u8(0)
    guarded[x, y] += pixels.hw[x + r.x, y]
    assert _sized(guarded.bound(x, 0, 13).bound(y, 0, 9))[0] == [(15, False, None), (9, False, None)]

    pixels = Grays()
    pixels.hw.compute_at(pixels.output.bound(x, 0, 13).bound(y, 0, 9), y)
    assert _sized(pixels.output)[0] == [(13, False, None), (9, False, None)]


def test_estimate_of_a_reader():
    pixels = Grays()
    pixels.output.set_estimate(x, 0, 13).set_estimate(y, 0, 9)
    assert _sized(pixels.output)[0] == [(13, False, None), (9, False, None)]


def test_several_outputs():
    """A run computes all of them."""
    pixels, other = Grays(), hl.Func("other")
    other[x, y] = pixels.hw[x + 1, y]
    both = [func.bound(x, 0, 9).bound(y, first, 3) for first, func in enumerate((pixels.output, other))]
    assert _sized(hl.Pipeline(both))[0] == [(10, True, 0), (4, True, 0)]


def test_its_own_output_buffer():
    """Every run has exactly that: hardware of one size."""
    pixels = Grays()
    pixels.hw.output_buffer().dim(0).set_bounds(0, 13)
    pixels.hw.output_buffer().dim(1).set_extent(9)
    loops, notes = _sized(pixels.hw)
    assert loops == [(13, True, 0), (9, True, None)]
    assert notes == (
        "extent of x: 13 from 0, from the output buffer of hw",
        "extent of y: 9, from the output buffer of hw",
    )


def test_a_directive_goes_first():
    """Numbers that the user gave the Func itself are what counts, and nothing is noted."""
    pixels = Grays()
    pixels.image.dim(0).set_bounds(0, 22)
    pixels.hw.bound(x, 0, 8).set_estimate(y, 0, 6)
    assert _sized(pixels.output.bound(y, 0, 5)) == ([(8, True, 0), (6, False, None)], ())


# --- sizes of images that do not change ---------------------------------------------------------------------------


def _summed(image):
    r = hl.RDom([(0, image.channels())], "r")
    return hl.u8(hl.sum(hl.u16(image[x, y, r.x])) // 4)


def test_channels_of_an_input():
    """What is known of the image is a number where hardware needs one, and only there."""
    image, hw, output = hl.ImageParam(hl.UInt(8), 3, "image"), hl.Func("hw"), hl.Func("output")
    hw[x, y] = _summed(image) + image[x, y, image.channels() - 1]
    output[x, y] = hw[x, y] + hl.u8(image.width())
    image.dim(0).set_bounds(0, 13)
    image.dim(2).set_bounds(0, 3)
    hw.compute_root().set_estimate(x, 0, 9).set_estimate(y, 0, 9).accelerate([image], x, OUTERMOST)
    design = fluorite.compile(output)
    (accelerator,) = design.accelerators
    assert accelerator.generated.inputs[0].port.channels == 3
    variables = {
        node.name
        for func in design.loaded.pipeline.funcs.values()
        for expr in expressions(func)
        for node in walk(expr)
        if isinstance(node, ir.Variable) and node.param
    }
    assert variables == {"image.extent.0"}


# --- what stays refused -------------------------------------------------------------------------------------------

_NO_CHANNELS = (
    "hw: unroll of all of c: what every cycle computes whole needs a fixed extent; give hw.bound(c, min, extent), in "
    "numbers"
)
_NO_SIZE = (
    "hw: extent of x: a launch needs a greatest extent; tile hw, or give hw.bound(x, min, extent) or "
    "set_estimate(x, min, extent)"
)


def _refused(output):
    with pytest.raises(ScheduleError) as caught:
        fluorite.compile(output)
    return without_numbers(str(caught.value))


def test_no_channels_are_known():
    assert _refused(Colours().output) == _NO_CHANNELS
    assert _refused(Colours().hw) == _NO_CHANNELS


def test_channels_that_are_only_estimated():
    """Of an estimate no run is held to be."""
    pixels = Colours()
    pixels.image.dim(2).set_estimate(0, 3)
    assert _refused(pixels.output.set_estimate(c, 0, 3)) == _NO_CHANNELS


def test_channels_by_a_param():
    pixels, channels = Colours(), hl.Param(hl.Int(32), "channels")
    channels.set_range(1, 3)
    assert _refused(pixels.output.bound(c, 0, channels)) == _NO_CHANNELS


def test_channels_that_are_rounded():
    pixels = Colours()
    pixels.hw.align_bounds(c, 4)
    assert _refused(pixels.output.bound(c, 0, 3)) == _NO_CHANNELS


def test_an_image_without_a_beginning():
    pixels = Colours()
    pixels.image.dim(2).set_extent(3)
    assert _refused(pixels.output) == _NO_CHANNELS


def test_reads_that_some_pixels_do_without():
    image, hw, output = hl.ImageParam(hl.UInt(8), 2, "image"), hl.Func("hw"), hl.Func("output")
    r = hl.RDom([(0, 2)], "r")
    r.where(x + r.x < 9)
    hw[x, y] = hl.u8(0)
    hw[x, y] += image[x + r.x, y]
    output[x, y] = hw[x, y]
    image.dim(0).set_bounds(0, 9)
    hw.compute_root().set_estimate(y, 0, 9).accelerate([image], x, OUTERMOST)
    assert _refused(output) == _NO_SIZE


def test_a_clamp_has_a_pixel_for_every_coordinate():
    pixels = Grays(lambda image: hl.BoundaryConditions.repeat_edge(image)[x, y])
    pixels.image.dim(0).set_bounds(0, 9)
    assert _refused(pixels.output) == _NO_SIZE


@pytest.mark.parametrize("range_", [(), (1,), (-3, 0)], ids=str)
@pytest.mark.parametrize("bits", [8, 32])
def test_a_param_without_a_greatest_extent(range_, bits):
    """Its type is none: nobody wants hardware for what a type could hold."""
    pixels, width = Grays(), hl.Param(hl.Int(bits), "width")
    if len(range_) == 1:
        width.set_min_value(*range_)
    elif range_:
        width.set_range(*range_)
    assert _refused(pixels.output) == _NO_SIZE
    pixels.hw.bound(x, 0, hl.i32(width))
    shown = "width" if bits == 32 else "int32(width)"
    assert _refused(pixels.output) == (
        f"hw: extent of x: a launch needs a greatest extent that is a number, and {shown} is none; add "
        "hw.set_estimate(x, min, extent) with the largest there will be, or tile hw"
    )


# --- in the simulator ---------------------------------------------------------------------------------------------


def given(param, *shape):
    """Random pixels; Halide holds no reference to them."""
    pixels = RNG.integers(0, 255, shape).astype(np.uint8)
    param.set(hl.Buffer(pixels))
    return pixels


def test_colours_in_the_simulator():
    """Borders of all three dimensions, channels by the image, extents by a Param and by what the output promises."""
    image, hw, output = hl.ImageParam(hl.UInt(8), 3, "image"), hl.Func("hw"), hl.Func("output")
    width = hl.Param(hl.Int(32), "width", 13)
    width.set_range(1, 20)
    image.dim(2).set_bounds(0, 3)
    edges = hl.BoundaryConditions.repeat_edge(image)
    hw[x, y, c] = edges[x - 1, y, c - 1] + edges[x + 1, y, c + 1]
    output[x, y, c] = hw[x, y, c] + hw[x, y, 2 - c]
    output.output_buffer().dim(1).set_bounds(0, 9)
    output.bound(c, 0, 3)
    hw.compute_root().bound(x, 0, width).reorder(c, x, y).unroll(c).accelerate([image], x, OUTERMOST)
    kept = given(image, 3, 9, 13)
    design = fluorite.compile(output)
    expected = np.array(output.realize([13, 9, 3]))
    np.testing.assert_array_equal(np.array(design.realize([13, 9, 3])), expected)
    width.set(21)
    with pytest.raises(UsageError, match="Halide stops"):
        design.realize([13, 9, 3])
    assert kept.any() and expected.any()


def test_one_size_in_the_simulator():
    pixels = Colours()
    pixels.image.dim(2).set_bounds(0, 3)
    pixels.hw.output_buffer().dim(0).set_bounds(0, 7)
    pixels.hw.output_buffer().dim(1).set_bounds(2, 5)
    kept = given(pixels.image, 3, 8, 8)
    design = fluorite.compile(pixels.hw)
    buffer, expected = (hl.Buffer(hl.UInt(8), [7, 5, 3]) for _ in range(2))
    for one in (buffer, expected):
        one.set_min([0, 2, 0])
    design.realize(buffer)
    design.reference.realize(expected)
    np.testing.assert_array_equal(np.array(buffer), np.array(expected))
    with pytest.raises(UsageError) as caught:
        two = hl.Buffer(hl.UInt(8), [7, 5, 2])
        two.set_min([0, 2, 0])
        design.realize(two)
    assert without_numbers(str(caught.value)) == "hw: c from 0 over 2 is asked for, but bound() promised 0 over 3"
    assert kept.any()
