"""What the compiler refuses of who reads what: exact words, each by a small pipeline."""

import halide as hl
import pytest

from fluorite.errors import ScheduleError
from tests.errors.refusals import OUTERMOST, Refusals, copied, image, whole, x, y

refused = Refusals()


@refused(
    ScheduleError,
    "soft: accelerate(): no software reads it: its consumers are inside another accelerator, or read a clone_in() "
    "of it; leave the call out, or name the Func among that accelerator's inputs",
)
def accelerator_inside_another():
    source, soft, hw = image(), hl.Func("soft"), hl.Func("hw")
    soft[x, y] = source[x, y] / 2
    hw[x, y] = soft[x - 1, y] + soft[x, y]
    for func in (soft, hw):
        whole(func).accelerate([source], x, OUTERMOST)
    return copied(hw)


@pytest.mark.parametrize("name", refused.cases)
def test_refusal(name):
    refused.check(name)
