"""What accelerate() and fifo_depth() refuse at the call: exact words, and that each way out leads somewhere."""

import halide as hl
import pytest

from fluorite.errors import ScheduleError
from tests.errors.refusals import OUTERMOST, Refusals, copied, image, whole, x, y

refused = Refusals()


def called(way, call, *followed):
    """A pipeline in which a call is wrong, or as a way out has it; the calls take source, soft, gain and hw."""
    source, soft, hw, gain = image(), hl.Func("soft"), hl.Func("hw"), hl.Param(hl.UInt(8), "gain", 3)
    soft[x, y] = source[x, y] / 2
    hw[x, y] = soft[x, y] * gain + soft[x + 1, y]
    soft.compute_root()
    (call, *followed)[way](source, soft, gain, whole(hw))
    return copied(hw)


# what is called, what is said of it, what is called instead
CALLS = {
    "inputs_that_are_no_list": (
        lambda source, soft, gain, hw: hw.accelerate(source, x, OUTERMOST),
        "hw: accelerate(): inputs must be a list of Funcs and ImageParams, not the ImageParam source; write [input]",
    ),
    "no_inputs": (
        lambda source, soft, gain, hw: hw.accelerate([], x, OUTERMOST),
        "hw: accelerate(): inputs is empty, so there is no place where the hardware begins; name the Funcs or "
        "ImageParams that stream into the accelerator",
    ),
    "taps_that_are_no_list": (
        lambda source, soft, gain, hw: hw.accelerate([source], x, OUTERMOST, taps=gain),
        "hw: accelerate(): taps must be a list of Funcs, ImageParams and Params, not the Param gain; write "
        "taps=[coefficients]",
        lambda source, soft, gain, hw: hw.accelerate([source], x, OUTERMOST, taps=[gain]),
    ),
    "outputs_that_are_no_list": (
        lambda source, soft, gain, hw: hw.accelerate([source], x, OUTERMOST, outputs=soft),
        "hw: accelerate(): outputs must be a list of Funcs, not the Func soft; write outputs=[thumbnail]",
    ),
    "an_image_as_output": (
        lambda source, soft, gain, hw: hw.accelerate([source], x, OUTERMOST, outputs=[source]),
        "hw: accelerate(): an output must be a Func, not the ImageParam source; name a Func, the object itself",
    ),
    "itself_as_output": (
        lambda source, soft, gain, hw: hw.accelerate([source], x, OUTERMOST, outputs=[hw]),
        "hw: accelerate(): hw is an output, and it is the accelerated Func, an input, a tap or an output already; name "
        "each Func once, in outputs only those beside the accelerated one",
    ),
    "itself_as_input": (
        lambda source, soft, gain, hw: hw.accelerate([hw], x, OUTERMOST),
        "hw: accelerate(): a Func cannot be an input of its own accelerator; name the Funcs it reads",
        lambda source, soft, gain, hw: hw.accelerate([soft], x, OUTERMOST),
    ),
    "an_input_twice": (
        lambda source, soft, gain, hw: hw.accelerate([source, source], x, OUTERMOST),
        "hw: accelerate(): source is named more than once among inputs and taps; name each input and each tap once",
    ),
    "a_param_as_input": (
        lambda source, soft, gain, hw: hw.accelerate([source, gain], x, OUTERMOST),
        "hw: accelerate(): an input must be a Func or an ImageParam, not the Param gain; leave it out: hardware reads "
        "it without",
    ),
    "a_name_as_input": (
        lambda source, soft, gain, hw: hw.accelerate(["source"], x, OUTERMOST),
        "hw: accelerate(): an input must be a Func or an ImageParam, not 'source'; name a Func or an ImageParam, the "
        "object itself",
    ),
    "a_number_as_loop": (
        lambda source, soft, gain, hw: hw.accelerate([source], 0, OUTERMOST),
        "hw: accelerate(): compute_var must be a Var or the name of one, not 0; name a loop of this Func, or "
        "Var.outermost()",
    ),
    "no_depth": (
        lambda source, soft, gain, hw: soft.fifo_depth(hw, 0),
        "soft: fifo_depth(): the depth must be a positive integer, not 0; leave the call out, or give a depth",
        lambda source, soft, gain, hw: hw.accelerate([source], x, OUTERMOST),
        lambda source, soft, gain, hw: soft.linebuffer().fifo_depth(hw.accelerate([source], x, OUTERMOST), 512),
    ),
    "two_depths": (
        lambda source, soft, gain, hw: (
            soft.linebuffer().fifo_depth(hw.accelerate([source], x, OUTERMOST), 64).fifo_depth(hw, 65)
        ),
        "soft: fifo_depth(hw, 65): it was given depth 64 before; call fifo_depth() once per consumer, or not at all: "
        "depths follow from the schedule",
        lambda source, soft, gain, hw: soft.linebuffer().fifo_depth(hw.accelerate([source], x, OUTERMOST), 512),
        lambda source, soft, gain, hw: soft.linebuffer() and hw.accelerate([source], x, OUTERMOST),
    ),
}


def right(source, soft, gain, hw):
    hw.accelerate([source], x, OUTERMOST)


for name, (call, message, *followed) in CALLS.items():
    calls = (call, *(followed or [right]))
    refused.add(name, lambda way, calls=calls: called(way, *calls), ScheduleError, message, len(calls) - 1)


@pytest.mark.parametrize("name", refused.cases)
def test_refusal(name):
    refused.check(name)


@pytest.mark.parametrize("way", refused.ways)
def test_way_out(way):
    refused.follow(way)
