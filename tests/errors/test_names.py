"""What the compiler refuses of names: exact words, each by a small pipeline."""

import halide as hl
import pytest

from fluorite.errors import ScheduleError, UnsupportedError
from tests.errors.refusals import OUTERMOST, Refusals, accelerated, copied, image, whole, x, y

refused = Refusals()


@refused(
    ScheduleError,
    "hw: input near_1 and input near_1: both need a port near_1_valid in Verilog, where all but letters and "
    "digits becomes an underscore; give one of the Funcs, ImageParams or Params another name",
)
def inputs_of_one_name_in_verilog():
    a, b = image("near_1"), image("near__1")
    return accelerated(a[x, y] + b[x, y], [a, b])


@refused(
    ScheduleError,
    "twain: output twain_1 and input twain_1: both need a port twain_1_valid in Verilog, where all but letters and "
    "digits becomes an underscore; give one of the Funcs, ImageParams or Params another name",
)
def input_named_as_a_tuple_element():
    source, hw, output = image("twain_1"), hl.Func("twain"), hl.Func("output")
    hw[x, y] = (source[x, y], source[x + 1, y])
    whole(hw).accelerate([source], x, OUTERMOST)
    output[x, y] = hw[x, y][0] + hw[x, y][1]
    return output


@refused(
    UnsupportedError,
    "hw: Params p_1 and p__1: both are called p_1 in Verilog, where all but letters and digits becomes an "
    "underscore; give one of them another name",
)
def params_of_one_name_in_verilog():
    source = image()
    return accelerated(source[x, y] + hl.Param(hl.UInt(8), "p_1") + hl.Param(hl.UInt(8), "p__1"), [source])


@refused(
    ScheduleError,
    "hw: input launch and the core's own port: both need a port launch_valid in Verilog, where all but letters "
    "and digits becomes an underscore; give one of the Funcs, ImageParams or Params another name",
)
def named_as_a_port():
    source = image("launch")
    return accelerated(source[x, y], [source])


@refused(
    ScheduleError,
    "rimmed__1: accelerators rimmed_1 and rimmed__1: both are called rimmed_1 in Verilog, where all but letters and "
    "digits becomes an underscore; give one of the Funcs another name",
)
def accelerators_of_one_name_in_verilog():
    source, output = image(), hl.Func("output")
    total = hl.u8(0)
    for name in ("rimmed_1", "rimmed__1"):
        hw = hl.Func(name)
        hw[x, y] = source[x, y] + len(name)
        whole(hw).accelerate([source], x, OUTERMOST)
        total += hw[x, y]
    output[x, y] = total
    return output


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
