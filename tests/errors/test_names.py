"""What the compiler refuses of who reads what: exact words, and that each way out leads somewhere."""

import halide as hl
import pytest

from fluorite.errors import ScheduleError
from tests.errors.refusals import OUTERMOST, Refusals, copied, image, whole, x, y

refused = Refusals()


@refused(
    ScheduleError,
    "soft: accelerate(): no software reads it: its consumers are inside another accelerator, or read a clone_in() "
    "of it; leave the call out, or name the Func among that accelerator's inputs",
    ways=2,
)
def accelerator_inside_another(way):
    source, soft, hw = image(), hl.Func("soft"), hl.Func("hw")
    soft[x, y] = source[x, y] / 2
    hw[x, y] = soft[x - 1, y] + soft[x, y]
    if way != 1:
        whole(soft).accelerate([source], x, OUTERMOST)
    whole(hw).accelerate([soft] if way == 2 else [source], x, OUTERMOST)
    return copied(hw)


@pytest.mark.parametrize("name", refused.cases)
def test_refusal(name):
    refused.check(name)


@pytest.mark.parametrize("way", refused.ways)
def test_way_out(way):
    refused.follow(way)
