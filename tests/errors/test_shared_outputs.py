"""Outputs of the pipeline that an accelerator computes on its way, and tables read at a position: exact words."""

import halide as hl
import numpy as np
import pytest

from fluorite.errors import ScheduleError, UnsupportedError
from tests.errors.refusals import OUTERMOST, Refusals, copied, image, x, xi, xo, y, yi, yo

refused = Refusals()
MASK = np.random.default_rng(2).integers(0, 256, (20, 30)).astype(np.uint8)


@refused(
    ScheduleError,
    "middle: output of the pipeline and inside the accelerator hw: as an output it has all that hw reads, and software "
    "cannot know what that is; make a Func that copies middle the output",
)
def stage_that_is_an_output(way):
    source, middle, hw = image(), hl.Func("middle"), hl.Func("hw")
    middle[x, y] = source[x, y] / 2
    hw[x, y] = middle[x, y] + middle[x + 1, y]
    middle.linebuffer().compute_root()
    hw.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 64).accelerate([source], x, OUTERMOST)
    return hl.Pipeline([hw, copied(middle) if way else middle])


def masked(padded):
    """Pixels of an image and of a constant one, which may be padded."""
    source, hw, mask = image(), hl.Func("hw"), hl.Buffer(MASK, "mask")
    read = hl.BoundaryConditions.repeat_edge(mask) if padded else mask
    hw[x, y] = source[x, y] + read[x + 1 if padded else x, y]
    return source, hw


def _anywhere(ranges, read, way_out):
    return f"hw: {read}: its index ranges over {ranges}, and a table holds 65536 values at most; {way_out}"


_BOUND = (
    "give hw.bound(x, min, extent) and hw.bound(y, min, extent), in numbers: where a launch begins must be known, not "
    "only how large it is"
)
_RANGES = "-1073741824..1073741836 x -1073741824..1073741832"


@refused(
    UnsupportedError,
    _anywhere(_RANGES.replace("-1073741824..1073741836", "-1073741823..1073741837"), "repeat_edge((x + 1), y)", _BOUND),
)
def padded_table_of_a_launch_that_is_anywhere(way):
    source, hw = masked(padded=1)
    for variable, extent in ((x, 13), (y, 9)):
        (hw.bound if way else hw.set_estimate)(variable, 0, extent)
    return copied(hw.compute_root().accelerate([source], x, OUTERMOST))


@refused(UnsupportedError, _anywhere(_RANGES, "mask(x, y)", _BOUND))
def table_of_a_launch_that_is_anywhere(way):
    source, hw = masked(padded=0)
    for variable, extent in ((x, 13), (y, 9)):
        (hw.bound if way else hw.set_estimate)(variable, 0, extent)
    return copied(hw.compute_root().accelerate([source], x, OUTERMOST))


@refused(
    UnsupportedError,
    _anywhere(
        "-1073741824..1073741831 x -1073741824..1073741831",
        "mask(x, y)",
        "compute mask in software, as a Func of its own that is an input of accelerate()",
    ),
)
def table_of_a_tile(way):
    source, hw, copy = image(), hl.Func("hw"), hl.Func("copy")
    mask = hl.Buffer(MASK, "mask")
    copy[x, y] = mask[x, y]
    hw[x, y] = source[x, y] + (copy if way else mask)[x, y]
    copy.compute_root()
    hw.compute_root().tile(x, y, xo, yo, xi, yi, 8, 8, hl.TailStrategy.GuardWithIf)
    return copied(hw.accelerate([source, copy] if way else [source], xi, xo))


@pytest.mark.parametrize("name", refused.cases)
def test_refusal(name):
    refused.check(name)


@pytest.mark.parametrize("way", refused.ways)
def test_way_out(way):
    refused.follow(way)
