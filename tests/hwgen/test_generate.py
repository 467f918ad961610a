"""Generated cores as data: schedules, line buffers and their sizes, and the Verilog text."""

import subprocess
import sys
from pathlib import Path

import halide as hl
import pytest

import fluorite
from fluorite.hwgen.plan.lowerbound import least_held_bits
from fluorite.hwgen.plan.storage import ages_of, cycles
from fluorite.sim.lint import lint

x, y, xi, yi, xo, yo = hl.vars("x y xi yi xo yo")
OUTERMOST = hl.Var.outermost()
HD = (1920, 1080)


def convolution(rows, columns, lanes=1, type_=None, size=HD, name="source"):
    """A filter of so many taps without structure, as (pipeline's output, accelerated Func)."""
    source = hl.ImageParam(hl.UInt(8) if type_ is None else type_, 2, name)
    func, output = hl.Func("filtered"), hl.Func("output")
    taps = [source[x + i, y + j] for j in range(rows) for i in range(columns)]
    total = taps[0]
    for tap in taps[1:]:
        total = hl.max(total, tap)
    func[x, y] = total
    output[x, y] = func[x, y]
    func.compute_root().bound(x, 0, size[0] - columns + 1).bound(y, 0, size[1] - rows + 1)
    if lanes > 1:
        func.unroll(x, lanes, hl.TailStrategy.GuardWithIf)
    func.accelerate([source], x, OUTERMOST)
    return output


def accelerator(output):
    (found,) = fluorite.compile(output).accelerators
    return found


def memory_bits(found):
    return sum(memory.depth * memory.width_bits for memory in found.generated.storage.memories)


# --- line buffers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size,bits", [(3, 30736), (5, 61472), (7, 92208), (9, 122944)])
def test_window_needs_no_more_than_the_literature_s_minimum(size, bits):
    # (K - 1) * W + (K - 1) pixels of eight bits; a maximum of columns may wait instead of the pixels themselves.
    assert bits == 8 * (size - 1) * (1920 + 1)
    report = fluorite.compile(convolution(size, size)).report.accelerators[0]
    assert report.line_buffer_bits_lower_bound <= bits
    assert memory_bits(accelerator(convolution(size, size))) <= bits


@pytest.mark.parametrize("size", [2, 3, 4, 7])
def test_a_window_holds_at_most_one_row_less_than_it_has(size):
    found = accelerator(convolution(size, size))
    assert 0 < memory_bits(found) <= 8 * (size - 1) * (1920 + 1)  # less where maxima of rows wait instead


@pytest.mark.parametrize("lanes", [2, 3, 4])
def test_lanes_hold_hardly_more_than_one(lanes):
    one = memory_bits(accelerator(convolution(3, 3)))
    several = memory_bits(accelerator(convolution(3, 3, lanes)))
    assert abs(several - one) <= 8 * 2 * 4 * lanes  # as many pixels, up to rounding rows to whole words


def pipelines():
    """Schedules of every shape: chains, forks that meet, lanes, run-time and fixed extents."""

    def chain(deep, size):
        source = hl.ImageParam(hl.UInt(8), 2, "source")
        func, stages = source, []
        for number in range(deep):
            before, func = func, hl.Func(f"stage{number}")
            func[x, y] = hl.u8((hl.u16(before[x - 1, y]) + before[x + 1, y + 1] * 3 + before[x, y - 2]) >> 2)
            stages.append(func.linebuffer())
        final, output = hl.Func("final"), hl.Func("output")
        final[x, y] = hl.absd(stages[-1][x, y], source[x, y]) + stages[0][x + 3, y]
        output[x, y] = final[x, y]
        final.compute_root()
        for var, extent in zip((x, y), size or (200, 100), strict=True):
            final.bound(var, 0, extent) if size else final.set_estimate(var, 0, extent)
        final.accelerate([source], x, OUTERMOST)
        return output

    yield "chain at run time", chain(3, None)
    yield "chain of fixed size", chain(3, (200, 100))
    yield "chain of small size", chain(4, (9, 5))
    yield "window", convolution(5, 4)
    yield "lanes", convolution(4, 5, 3, size=(100, 50))
    yield "row", convolution(1, 9, size=(300, 20))
    yield "column", convolution(9, 1, size=(300, 20))


@pytest.fixture(scope="module")
def generated():
    return {name: accelerator(output) for name, output in pipelines()}


NAMES = ["chain at run time", "chain of fixed size", "chain of small size", "window", "lanes", "row", "column"]


@pytest.mark.parametrize("name", NAMES)
def test_no_value_is_read_before_it_exists(generated, name):
    found = generated[name].generated
    for ages in ages_of(found.graph, found.plan).values():
        assert all(cycles(age, found.extents.strides) >= 0 for age in ages)
        assert all(cycles(age, found.extents.least_strides) >= 0 for age in ages)


@pytest.mark.parametrize("name", NAMES)
def test_every_age_is_reached_by_one_chain(generated, name):
    found = generated[name].generated
    ends = {}
    for line in found.storage.lines:
        assert line.length_cycles == cycles(line.gap, found.extents.strides) > 0
        assert line.start == ends.get(line.node, (0,) * len(line.start))  # one chain, no gap, no branch
        ends[line.node] = line.end
    reached = {(line.node, line.end) for line in found.storage.lines}
    for node, ages in ages_of(found.graph, found.plan).items():
        for age in ages:
            assert not any(age) or (node, age) in reached


@pytest.mark.parametrize("name", NAMES)
def test_delays_of_one_length_share_one_memory(generated, name):
    storage = generated[name].generated.storage
    gaps = [memory.gap for memory in storage.memories]
    assert len(set(gaps)) == len(gaps)
    for memory in storage.memories:
        assert {line.gap for line, _ in memory.fields} == {memory.gap}
        assert {line.length_cycles for line, _ in memory.fields} == {memory.depth + 1}
    packed = [line for memory in storage.memories for line, _ in memory.fields]
    assert sorted(map(id, packed)) == sorted(id(line) for line in storage.lines if line.kind == "memory")


@pytest.mark.parametrize("name", NAMES)
def test_held_bits_are_between_the_bound_and_the_bound_plus_pipeline_registers(generated, name):
    found = generated[name].generated
    widths = {node.id: node.width_bits for node in found.plan.nodes}
    held = sum(line.length_cycles * widths[line.node] for line in found.storage.lines)
    bound = least_held_bits(found.graph, found.extents.strides, found.plan.grids)
    assert bound <= held
    total_registers = sum(widths[node.id] for node in found.plan.nodes if not node.static)
    assert held - bound <= 12 * total_registers


# --- Verilog ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_verilog_is_clean_under_every_warning(generated, name):
    found = generated[name]
    lint(found.verilog, found.generated.interface.module)


_AGAIN = """
import sys
sys.path.insert(0, {root!r})
from tests.hwgen.test_generate import convolution, accelerator
sys.stdout.write(accelerator(convolution(3, 4, 2, size=(64, 48))).verilog)
"""


def test_verilog_is_the_same_in_every_process():
    root = str(Path(__file__).parents[2])
    texts = {
        subprocess.run(
            [sys.executable, "-c", _AGAIN.format(root=root)],
            check=True, capture_output=True, text=True, cwd=root, env={"PYTHONHASHSEED": seed, "PATH": ""},
        ).stdout
        for seed in ("1", "77")
    }  # fmt: skip
    assert len(texts) == 1
    (text,) = texts
    assert text.startswith("// filtered_core: accelerator for the Halide Func filtered, generated by fluorite.")
    assert root not in text
    assert str(Path.home()) not in text
    assert sys.prefix not in text


@pytest.mark.parametrize("stage", ["final", "logic", "class", "type", "this", "generate", "module", "datapath", "clk"])
def test_names_that_verilog_keeps_for_itself(stage):
    source, func, hw, output = hl.ImageParam(hl.UInt(8), 2, "in"), hl.Func(stage), hl.Func("table"), hl.Func("output")
    func[x, y] = source[x, y] + source[x + 1, y + 2]
    func.linebuffer()
    hw[x, y] = func[x, y] + func[x + 1, y + 1]
    output[x, y] = hw[x, y]
    hw.compute_root().bound(x, 0, 64).bound(y, 0, 64).accelerate([source], x, OUTERMOST)
    found = accelerator(output)
    lint(found.verilog, found.generated.interface.module)
