"""Depths given by the user, held against the schedule."""

import re

import halide as hl
import pytest

import fluorite
from fluorite.errors import ScheduleError

x, y = hl.vars("x y")


def reconverging(depth, lanes=1):
    """A stage that is read at once by one consumer and, two rows later, by another."""
    source = hl.ImageParam(hl.UInt(8), 2, "source")
    soft, wide, sharp = hl.Func("soft"), hl.Func("wide"), hl.Func("sharp")
    soft[x, y] = source[x, y] / 2
    wide[x, y] = hl.u8((hl.u16(soft[x, y - 2]) + soft[x, y] + soft[x, y + 2]) / 3)
    sharp[x, y] = hl.select(soft[x, y] > wide[x, y], soft[x, y], 0)
    for stage in (soft, wide):
        stage.compute_root().linebuffer()
    sharp.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 48).unroll(x, lanes)
    sharp.accelerate([source], x, hl.Var.outermost())
    if depth:
        soft.fifo_depth(sharp, depth)
    output = hl.Func("output")
    output[x, y] = sharp[x, y]
    return output


def needed(lanes=1):
    with pytest.raises(ScheduleError) as caught:
        fluorite.compile(reconverging(1, lanes))
    found = re.fullmatch(
        r"soft: fifo_depth\(sharp, 1\): (\d+) values of soft wait for sharp; give (\d+) or more, or leave the call "
        r"out: depths follow from the schedule",
        str(caught.value),
    )
    assert found, str(caught.value)
    assert found[1] == found[2]
    return int(found[1])


@pytest.mark.parametrize("lanes", [1, 2])
def test_depth_that_is_too_small_is_refused_with_the_one_needed(lanes):
    depth = needed(lanes)
    assert 2 * 64 <= depth <= 2 * 64 + 16 * lanes  # two rows and the divider's pipeline
    fluorite.compile(reconverging(depth, lanes))
    with pytest.raises(ScheduleError, match=f"{depth} values of"):
        fluorite.compile(reconverging(depth - 1, lanes))


def test_depth_changes_nothing():
    with_depth, without = (fluorite.compile(reconverging(d)).report.accelerators[0] for d in (4096, None))
    assert with_depth.line_buffer_bits == without.line_buffer_bits
    assert with_depth.latency_cycles == without.latency_cycles
