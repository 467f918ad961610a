"""Reductions in time in the other rooms: programs around the simulated hardware, testbenches, capacity."""

from pathlib import Path

import halide as hl
import numpy as np
import pytest

import fluorite
from fluorite.boards.capacity.core import core_dsp, core_parts
from fluorite.systems.program.program import build_programs
from fluorite.systems.program.settings import Memory
from tests.glue.testbenches import AXI, passed, run, write

x, y = hl.vars("x y")
WEIGHTS = np.array([[1, -2, 3], [4, 5, 0], [7, -8, 9]], np.int16)  # kept: Halide holds no reference to it


def weighted():
    """A convolution of nine steps beside the place of a row's least pixel in five."""
    photo, conv, least, hw, output = (
        hl.ImageParam(hl.UInt(8), 2, "photo"),
        *map(hl.Func, ("conv", "least", "hw", "out")),
    )
    r, q = hl.RDom([(0, 3), (0, 3)], "r"), hl.RDom([(0, 5)], "q")
    conv[x, y] = hl.i32(3)
    conv[x, y] += hl.i32(hl.Buffer(WEIGHTS, "weights")[r.x, r.y]) * hl.i32(photo[x + r.x, y + r.y])
    least[x, y] = (hl.u8(255), hl.u8(0))
    nearer = photo[x + q.x, y] < least[x, y][0]
    place = hl.select(nearer, hl.u8(q.x), least[x, y][1])
    least[x, y] = (hl.select(nearer, photo[x + q.x, y], least[x, y][0]), place)
    hw[x, y] = hl.u8_sat(conv[x, y] >> 3) + least[x, y][1]
    output[x, y] = hw[x, y]
    for stage in (conv, least):
        stage.compute_root().linebuffer()
    hw.compute_root().set_estimate(x, 0, 40).set_estimate(y, 0, 30)
    hw.accelerate([photo], x, hl.Var.outermost())
    return photo, output


def checked(target, size, folder, **options):
    photo, output = weighted()
    design = fluorite.compile(output, name="weighted")
    made = build_programs(design, (target,), Path(folder), random_power_up=True)
    width, height = size
    pixels = np.random.default_rng(width).integers(0, 256, (height + 2, width + 4), np.uint8)
    photo.set(hl.Buffer(pixels))
    result = np.zeros((height, width), np.uint8)
    made[target].run({"photo": pixels}, [result], timeout_seconds=200, **options)
    np.testing.assert_array_equal(result, np.array(design.reference.realize([width, height])))


@pytest.mark.slow
def test_a_program_on_this_machine(tmp_path):
    checked("host", (33, 9), tmp_path, memory=Memory(stalls=0.2, reorder=True, seed=3))


@pytest.mark.system
@pytest.mark.parametrize("target", ["arm32", "arm64"])
def test_an_arm_program(target, tmp_path):
    checked(target, (17, 5), tmp_path)


@pytest.mark.slow
def test_a_testbench(tmp_path):
    _, output = weighted()
    folder = write(fluorite.compile(output, name="weighted"), tmp_path, AXI)
    code, printed = run(folder, "--stalls", "0.4", "--seed", "5")
    assert code == 0 and passed(printed) == 5, printed


def test_multiplexers_of_steps_are_counted_by_four():
    _, output = weighted()
    generated = fluorite.compile(output).accelerators[0].generated
    choices = [node for node in generated.plan.nodes if node.op == "choose" and len(node.operands) > 2]
    pixels = [node for node in choices if all(operand.node.op == "input" for operand in node.operands)]
    assert sorted(len(node.operands) for node in pixels) == [5, 8]  # nothing is taken where the weight is 0
    parts = core_parts(generated, "zynq-7000")
    assert core_dsp(generated, "zynq-7000") <= 1
    assert parts["mux"] < 8 * (3 + 2) + 60  # a LUT a bit chooses between four, and the rest is the selects' and sums'
