"""One core alone: launches back to back, and cores whose handshakes or results are wrong."""

import re
from contextlib import nullcontext

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.errors import SimulationError
from fluorite.run.core_runs import Recorder, patterns, run_core, sequence
from fluorite.sim.verilate import build

x, y = hl.vars("x y")


@pytest.fixture(scope="module")
def recorded():
    """An accelerator of two inputs, one of them narrower, and frames of two sizes."""
    wide, narrow = hl.ImageParam(hl.UInt(8), 2, "wide"), hl.ImageParam(hl.UInt(8), 2, "narrow")
    sums, output = hl.Func("sums"), hl.Func("output")
    sums[x, y] = hl.u16(wide[x - 1, y]) + wide[x + 1, y + 1] * hl.u16(narrow[x, y])
    output[x, y] = sums[x, y]
    sums.compute_root().set_estimate(x, 0, 12).set_estimate(y, 0, 9)
    sums.accelerate([wide, narrow], x, hl.Var.outermost())
    design = fluorite.compile(output)
    random = np.random.default_rng(0)
    launches = []
    for width, height in ((12, 9), (7, 4)):
        pixels = [
            random.integers(0, 256, (height + 1, width + 2), np.uint8),
            random.integers(0, 256, (height, width), np.uint8),
        ]
        buffers = [hl.Buffer(p) for p in pixels]
        buffers[0].set_min([-1, 0])
        wide.set(buffers[0])
        narrow.set(buffers[1])
        recorder = Recorder()
        design.realize([width, height], launched=recorder)
        launches += recorder.frames(0)["sums"]
    (accelerator,) = design.accelerators
    return accelerator, sequence(accelerator.generated, launches)


def run(recorded, right=None, wrong=None, probability=0.3):
    """All runs of the core, or of one in whose Verilog `right` is `wrong`."""
    accelerator, order = recorded
    instance = None
    if right is not None:
        assert accelerator.verilog.count(right) == 1, accelerator.verilog
        core = build(accelerator.verilog.replace(right, wrong), accelerator.generated.interface).open()
        instance = lambda: nullcontext(core)  # noqa: E731
    how = patterns(accelerator.generated, order, probability, 0)
    return [run_core(accelerator, order, pattern, instance) for pattern in how]


def test_launches_of_two_sizes_back_to_back(recorded):
    _, order = recorded
    assert [frame.launch.extents for frame in order] == [
        *[(7, 4)] * 6,
        *[(12, 9)] * 6,
        *[(7, 4), (12, 9)] * 2,
        (7, 4),
    ]
    for image in (frame.inputs[0] for frame in order[:6]):
        assert image.shape == (5, 9)
    assert (order[4].inputs[1] == order[0].inputs[1].max()).all()
    checks = run(recorded)
    assert [check.different for check in checks] == [()] * 11
    assert [check.launches for check in checks] == [17] * 11
    period = 10 * 14  # the larger size's scan
    assert 8 * period < checks[0].cycles < 8 * period + 9 * 9 * 5 + 200
    assert checks[1].cycles > checks[0].cycles
    assert run(recorded, probability=0)[0] == checks[0]


def test_a_core_that_waits_for_what_it_does_not_need(recorded):
    """All its results are right."""
    line = re.search(r"assign advance = (.+);", recorded[0].verilog)
    late = f"assign advance = {line[1]} & can_move_narrow;"
    with pytest.raises(SimulationError, match=r"^core 'sums_core': \w+ must be (low|high) in cycle \d+; stalling "):
        run(recorded, line[0], late)


def test_an_input_that_is_ready_when_it_is_not_due(recorded):
    line = re.search(r"assign skid_narrow_o_ready = (.+);", recorded[0].verilog)
    with pytest.raises(SimulationError, match=r"^core 'sums_core': narrow_ready must be low "):
        run(recorded, line[0], f"assign skid_narrow_o_ready = {line[1].replace('&', '|')};")


def test_an_operator_that_is_another(recorded):
    line = next(n for n in recorded[0].verilog.splitlines() if re.match(r"  assign .*sums_add1 }? ?= .* \+ ", n))
    wrong = run(recorded, line, line.replace(" + ", " | "))
    assert all(check.different for check in wrong)


def test_a_position_that_only_the_end_of_a_launch_brings_back(recorded):
    """Only a launch after a reset in the middle of another notices."""
    start = re.search(r"module sums_core__scan\(.*?assign (_\d+) = load \| (_\d+);", recorded[0].verilog, re.DOTALL)
    never = start[0].replace(f"assign {start[1]} = load | {start[2]};", f"assign {start[1]} = {start[2]};")
    accelerator, order = recorded
    core = build(accelerator.verilog.replace(start[0], never), accelerator.generated.interface)
    undisturbed, interrupted, *_ = patterns(accelerator.generated, order, 0.3, 0)
    assert not run_core(accelerator, order, undisturbed, lambda: nullcontext(core.open())).different
    with pytest.raises(SimulationError):
        run_core(accelerator, order, interrupted, lambda: nullcontext(core.open()))


RATES = {
    "down": lambda image: image[2 * x - 1, 2 * y] + image[2 * x + 1, 2 * y + 1],
    "up": lambda image: image[x / 2, y / 2] + image[(x + 1) / 2, (y + 1) / 2],
    "three halves": lambda image: image[(3 * x) / 2, (2 * y) / 3] + image[(3 * x + 1) / 2, (2 * y) / 3],
}


@pytest.mark.parametrize("rate", RATES)
def test_ports_at_other_rates_are_due_where_their_words_are(rate):
    """Of launches of two sizes that begin in different phases."""
    image, func, output = hl.ImageParam(hl.UInt(8), 2, "image"), hl.Func("func"), hl.Func("output")
    func[x, y] = RATES[rate](image)
    output[x, y] = func[x, y]
    func.compute_root().set_estimate(x, 0, 12).set_estimate(y, 0, 9)
    func.accelerate([image], x, hl.Var.outermost())
    design = fluorite.compile(output)
    (accelerator,) = design.accelerators
    pixels, recorder = np.random.default_rng(0).integers(0, 256, (30, 60), np.uint8), Recorder()
    buffer = hl.Buffer(pixels)
    buffer.set_min([-3, -1])
    image.set(buffer)
    design.realize([19, 9], launched=recorder)  # in two launches
    order = sequence(accelerator.generated, recorder.frames(0)["func"])
    assert {frame.launch.extents for frame in order} == {(12, 9), (7, 9)}
    checks = run((accelerator, order))
    assert [check.different for check in checks] == [()] * len(checks)
