"""What Halide stops at in a run, beside an accelerator."""

import re

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.errors import UsageError
from tests.errors.halide_pipe import LEVELS, OUTERMOST, PIXELS, Pipe, x, y, yo
from tests.errors.refusals import without_numbers


def multiplied(pipe, of_range=None):
    """Output by a Param, which holds 30 where a range is given."""
    gain = hl.Param(hl.UInt(16), "gain")
    pipe.output = hl.Func("scaled")
    pipe.output[x, y] = pipe.hw[x, y] * gain
    if of_range:
        gain.set(30)
        gain.set_range(*of_range)


def demanding(pipe):
    pipe.output = hl.Pipeline(pipe.output)
    pipe.output.add_requirement(pipe.source.width() > 300)


def beyond_the_image(pipe):
    pipe.output = hl.Func("sum")
    pipe.output[x, y] = pipe.hw[x, y] + pipe.source[x + 1, y]


def through_c(pipe):
    outside = hl.Func("outside")
    outside.define_extern("nobody_defines_this", [pipe.hw], hl.UInt(16), 2)
    outside.compute_root()
    pipe.output = hl.Func("copied")
    pipe.output[x, y] = outside[x, y]


# tiled, what is done to it, message
RUN = {
    "no_image": (False, lambda p: p.source.reset(), "output: Halide stops: Buffer argument source is nullptr"),
    "image_of_another_size": (
        False,
        lambda p: p.source.dim(0).set_bounds(0, 9),
        "output: Halide stops: Constraint violated: source.extent.0 (37) == 9 (9)",
    ),
    "image_too_small": (
        False,
        beyond_the_image,
        "sum: Halide stops: Input buffer source is accessed at 37, which is beyond the max (36) in dimension 0",
    ),
    "param_out_of_range": (
        False,
        lambda p: multiplied(p, (0, 9)),
        "scaled: Halide stops: Parameter gain is 30 but must be at most 9",
    ),
    "param_not_set": (
        False,
        multiplied,
        "scaled: Halide stops: Parameter gain does not have a valid scalar value",
    ),
    "requirement": (False, demanding, "output: Halide stops: Requirement Failed: (false)"),
    "extern_function_that_is_missing": (
        False,
        through_c,
        "copied: Halide stops: Failed to materialize symbols; define its extern functions: load their library by "
        "ctypes.CDLL, with RTLD_GLOBAL",
    ),
    "bound_too_small": (
        False,
        lambda p: p.hw.bound(x, 0, 4),
        "output: Halide stops: Bounds given for hw in x (from 0 to 3) do not cover required region (from 0 to 36); "
        "give bound() of hw all that is read of it",
    ),
    "folded_too_small": (
        True,
        lambda p: p.padded.store_root().compute_at(p.output, yo).fold_storage(y, 4),
        "output: Halide stops: The fold factor (4) of dimension y of padded is too small to store the required region "
        "accessed by loop output.s0.y.yo (9); leave fold_storage() of padded out",
    ),
    "room_too_small": (
        False,
        lambda p: p.padded.bound_storage(x, 3),
        "output: Halide stops: The explicit allocation bound (3) of dimension x of padded is too small to store the "
        "required region (39); leave bound_storage() of padded out",
    ),
    "folded_across_tiles": (
        True,
        lambda p: p.padded.store_root().compute_at(p.output, yo).fold_storage(y, 16),
        "output: Halide stops: Cannot fold dimension 1 of padded because an extern stage accesses [0, 8], which is "
        f"outside the range currently valid: [8, 23]; {LEVELS.format('padded')}",
    ),
}


@pytest.mark.parametrize("name", RUN)
def test_in_a_run(name):
    tiled, change, message = RUN[name]
    pipe = Pipe(tiled)
    pipe.source.set(hl.Buffer(PIXELS))
    change(pipe)
    design = fluorite.compile(pipe.output)
    with pytest.raises(UsageError) as caught:
        design.realize([37, 22])
    said = re.sub(r"materialize symbols: \{.*\};", "materialize symbols;", without_numbers(str(caught.value)))
    assert said == message
    assert isinstance(caught.value.__cause__, hl.HalideError)


@pytest.mark.parametrize(("variable", "extent", "message"), [
    (x, 37, "hw: padded is read from -1 to 16 along dimension 0, and is there from 0 to 36"),
    (y, 22, "hw: padded is read from 14 to 22 along dimension 1, and is there from 0 to 21"),
])  # fmt: skip
def test_bound_of_an_input_of_tiles_that_is_too_small(variable, extent, message):
    """Halide checks this only where software reads the input."""
    pipe = Pipe(tiled=True)
    pipe.source.set(hl.Buffer(PIXELS))
    pipe.padded.bound(variable, 0, extent)
    with pytest.raises(UsageError) as caught:
        fluorite.compile(pipe.output).realize([37, 22])
    said = without_numbers(str(caught.value))
    assert said == f"{message}; give bound() of padded all that is read of it"


def image_as_input(width, border=False):
    """Two neighbours of each pixel of an image of that width, given to the accelerator as it is."""
    source, hw, output = hl.ImageParam(hl.UInt(8), 2, "source"), hl.Func("hw"), hl.Func("output")
    pixels = np.ascontiguousarray(PIXELS[:, :width])
    source.set(hl.Buffer(pixels))
    read = hl.BoundaryConditions.repeat_edge(source) if border else source
    hw[x, y] = hl.u16(read[x, y]) + read[x + 1, y]
    hw.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 64).accelerate([source], x, OUTERMOST)
    output[x, y] = hw[x, y] * 2
    return output, pixels


def test_image_that_is_too_small_for_what_is_read():
    """There is no bound() of an ImageParam: a larger image, or a border."""
    output, _kept = image_as_input(36)
    with pytest.raises(UsageError) as caught:
        fluorite.compile(output).realize([36, 22])
    assert without_numbers(str(caught.value)) == (
        "hw: source is read from 0 to 36 along dimension 0, and is there from 0 to 35; give source an image that holds "
        "that, or read it through a hl.BoundaryConditions"
    )
    for way_out in ({"width": 37}, {"width": 36, "border": True}):
        output, _kept = image_as_input(**way_out)
        expected = np.array(output.realize([36, 22]))
        np.testing.assert_array_equal(np.array(fluorite.compile(output).realize([36, 22])), expected)


def stored_and_computed_ahead(asynchronous):
    pipe = Pipe()
    pipe.source.set(hl.Buffer(PIXELS))
    for func in (pipe.padded, pipe.hw):
        func.store_root().compute_at(pipe.output, y)
    if asynchronous:
        pipe.padded.async_()
        pipe.hw.async_()
    else:
        pipe.padded.compute_root()
    return pipe


def test_asynchronous_input_that_is_never_there():
    pipe = stored_and_computed_ahead(asynchronous=True)
    with pytest.raises(UsageError) as caught:
        fluorite.compile(pipe.output).realize([37, 22])
    assert without_numbers(str(caught.value)) == (
        "hw: padded is read from -1 to 37 along dimension 0, and is there from 0 to -1; leave async_(), store_root() "
        "and store_at() of padded out"
    )
    pipe = stored_and_computed_ahead(asynchronous=False)
    expected = np.array(pipe.output.realize([37, 22]))
    np.testing.assert_array_equal(np.array(fluorite.compile(pipe.output).realize([37, 22])), expected)


@pytest.mark.parametrize("sizes", [[37], [37, 22, 1], [37, -1], [37, 2.5], [37, 1 << 31], []])
def test_sizes_that_are_none(sizes):
    design = fluorite.compile(Pipe().output)
    with pytest.raises(UsageError) as caught:
        design.realize(sizes)
    assert without_numbers(str(caught.value)) == (
        f"output takes 2 sizes of 0 to 2147483647, or hl.Buffers to write to, not {sizes}"
    )


@pytest.mark.parametrize("sizes", [[(1 << 31) - 1] * 2, [1 << 16, 1 << 15]])
def test_sizes_of_more_than_a_halide_image(sizes):
    design = fluorite.compile(Pipe().output)
    with pytest.raises(UsageError) as caught:
        design.realize(sizes)
    size, wanted = "x".join(map(str, sizes)), sizes[0] * sizes[1] * 2  # of 16 bits
    message = f"output of size {size} takes {wanted} bytes; an image for Halide has at most 2147483647"
    assert without_numbers(str(caught.value)) == message
