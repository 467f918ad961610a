"""Outputs beside the accelerated Func that an accelerator cannot give: exact words, and their ways out."""

import halide as hl
import pytest

from fluorite.errors import ScheduleError, UnsupportedError
from tests.errors.refusals import OUTERMOST, Refusals, copied, image, whole, x, xi, xo, y, yi, yo

refused = Refusals()
k = hl.Var("k")


def half(source, name="small", variables=(x, y)):
    """Every other pixel and what is beside it."""
    made, (a, b) = hl.Func(name), variables
    made[a, b] = source[2 * a, 2 * b] / 2 + source[2 * a + 1, 2 * b] / 2
    return made


def plain(source):
    hw = hl.Func("hw")
    hw[x, y] = 255 - source[x, y]
    return hw


def read(hw, small):
    """Software that reads both."""
    output = hl.Func("output")
    output[x, y] = hw[x, y] + small[x / 2, y / 2]
    return output


@refused(
    ScheduleError,
    "hw: accelerate(..., outputs=[small]): small is not part of the pipeline, because nothing reads it; give "
    "fluorite.compile hl.Pipeline([hw, small]), or leave small out",
)
def output_that_nothing_reads(way):
    source = image()
    hw = plain(source)
    whole(hw).accelerate([source], x, OUTERMOST, outputs=[] if way else [half(hw)])
    return copied(hw)


@refused(
    ScheduleError,
    "hw: accelerate(..., outputs=[small]): no software reads small, and it is no output of the pipeline; leave it out: "
    "what is read inside the accelerator needs no call but linebuffer()",
)
def output_that_no_software_reads(way):
    source = image()
    small, hw = half(source), hl.Func("hw")
    hw[x, y] = small[x / 2, y / 2]
    if way:
        small.linebuffer()
    whole(hw).accelerate([source], x, OUTERMOST, outputs=[] if way else [small])
    return copied(hw)


@refused(
    ScheduleError,
    "hw: accelerate(..., outputs=[small]): small is given by the accelerator small; leave one of the two calls out",
)
def output_of_two_accelerators(way):
    source = image()
    hw, small = plain(source), half(source)
    whole(small).accelerate([source], x, OUTERMOST)
    whole(hw).accelerate([source], x, OUTERMOST, outputs=[] if way else [small])
    return read(hw, small)


@refused(
    UnsupportedError,
    "small: define_extern(half_in_c): an extern stage has no algorithm that could become hardware; name a Func that is "
    "defined in Halide",
)
def output_that_is_an_extern_stage():
    source, small = image(), hl.Func("small")
    hw = plain(source)
    small.define_extern("half_in_c", [hw], hl.UInt(8), 2)
    whole(hw).accelerate([source], x, OUTERMOST, outputs=[small])
    return read(hw, small)


@refused(
    ScheduleError,
    "hw: accelerate(..., outputs=[small]): small(i, j) has no argument x, along which hw is scanned; define small by "
    "the "
    "Vars of hw",
)
def output_of_other_vars(way):
    source = image()
    hw = plain(source)
    small = half(hw, variables=(x, y) if way else hl.vars("i j"))
    whole(hw).accelerate([source], x, OUTERMOST, outputs=[small])
    return read(hw, small)


@refused(
    ScheduleError,
    "small: dimension k of an output beside hw: hw does not scan k, so every cycle has all of it, and needs a fixed "
    "extent; give small.bound(k, min, extent), in numbers",
)
def output_with_channels_of_any_number(way):
    source = image()
    hw, small, output = plain(source), hl.Func("small"), hl.Func("output")
    small[x, y, k] = hw[2 * x, 2 * y] + hl.u8(k)
    output[x, y] = hw[x, y] + small[x / 2, y / 2, 0] + small[x / 2, y / 2, 1]
    if way:
        small.bound(k, 0, 2)
    whole(hw).accelerate([source], x, OUTERMOST, outputs=[small])
    return output


@refused(
    ScheduleError,
    "hw: accelerate(..., outputs=[small]): small reads nothing that hw reads, so there is no rate between the two; "
    "call "
    "accelerate() on small, too",
)
def output_of_another_image(way):
    source, other = image(), image("other")
    hw, small = plain(source), half(other)
    if way:
        whole(small).accelerate([other], x, OUTERMOST)
    whole(hw).accelerate([source] if way else [source, other], x, OUTERMOST, outputs=[] if way else [small])
    return read(hw, small)


@refused(
    ScheduleError,
    "small: output of the pipeline, from the accelerator hw: hw is computed at output, xo, and each launch gives a "
    "part "
    "of small; compute hw at root, or make a Func that copies small the output, computed in that loop",
)
def output_of_the_pipeline_in_tiles(way):
    source = image()
    hw = plain(source)
    small = half(hw)
    output = read(hw, small)
    if way:
        whole(hw).accelerate([source], x, OUTERMOST, outputs=[small])
    else:
        output.tile(x, y, xo, yo, xi, yi, 8, 8)
        hw.compute_at(output, xo).tile(x, y, xo, yo, xi, yi, 8, 8, hl.TailStrategy.GuardWithIf)
        hw.accelerate([source], xi, xo, outputs=[small])
    return hl.Pipeline([output, copied(small) if way else small])


@refused(
    ScheduleError,
    "small: compute_root(): it comes with the launches of hw, which is computed at output, xo; compute small there, "
    "too, "
    "or leave the call out",
    ways=2,
)
def output_that_is_computed_elsewhere(way):
    source = image()
    hw = plain(source)
    small = half(hw)
    output = read(hw, small)
    output.tile(x, y, xo, yo, xi, yi, 8, 8)
    if way == 1:
        small.compute_at(output, xo)
    elif not way:
        small.compute_root()
    hw.compute_at(output, xo).tile(x, y, xo, yo, xi, yi, 8, 8, hl.TailStrategy.GuardWithIf)
    hw.accelerate([source], xi, xo, outputs=[small])
    return output


@refused(
    ScheduleError,
    "hw: async_() and accelerate(..., outputs=[small]): hw would run ahead of small, which is read out after each of "
    "its "
    "launches; remove async_()",
)
def output_beside_one_that_runs_ahead(way):
    source = image()
    hw = plain(source)
    small = half(hw)
    if not way:
        hw.async_()
    whole(hw).accelerate([source], x, OUTERMOST, outputs=[small])
    return read(hw, small)


@refused(
    ScheduleError,
    "hw: unroll(x, 3): small has 1/2 pixels for one of hw, which is no whole number of lanes; unroll x by a multiple "
    "of "
    "2",
)
def output_of_no_whole_number_of_lanes(way):
    source = image()
    hw = plain(source)
    small = half(hw)
    hw.unroll(x, 4 if way else 3, hl.TailStrategy.GuardWithIf)
    whole(hw).accelerate([source], x, OUTERMOST, outputs=[small])
    return read(hw, small)


@pytest.mark.parametrize("name", refused.cases)
def test_refusal(name):
    refused.check(name)


@pytest.mark.parametrize("way", refused.ways)
def test_way_out(way):
    refused.follow(way)
