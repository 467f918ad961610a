"""The capacity model: rules that are exact, weights that are not, and what does not fit."""

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import halide as hl
import pytest

import fluorite
from fluorite.boards import board_names, load_board
from fluorite.boards.capacity.core import CORE_PARTS, core_dsp, core_memories, core_parts, multiplier_blocks
from fluorite.boards.capacity.memory import MemoryCells, memory_cells
from fluorite.boards.capacity.model import Margin, load_model
from fluorite.boards.capacity.predict import Capacity, capacity_text, check, predict
from fluorite.boards.capacity.shell import SHELL_PARTS, shell_parts
from fluorite.errors import CapacityError, CompileError
from fluorite.hwgen.family.delays import FAMILIES
from fluorite.hwgen.shell.hardware import ShelledCore
from fluorite.hwgen.shell.registers import register_map
from fluorite.hwgen.verilog import emit
from fluorite.synth.yosys import synthesize_xc7
from tests.hwgen.operations import design_of

# What Yosys makes of them, as seen in the applications: words, bits -> block RAM, LUTs.
LINE_BUFFERS = {
    (1925, 138): MemoryCells(8.0, 0),  # 18 bits wide, with parity
    (1922, 30): MemoryCells(2.0, 0),
    (260, 16): MemoryCells(0.5, 0),
    (135, 56): MemoryCells(1.0, 0),  # 512 x 72
    (64, 64): MemoryCells(0.0, 64),
    (127, 32): MemoryCells(0.0, 64),
    (1926, 1): MemoryCells(0.0, 43),  # eight of 256 words, selected
}


@pytest.mark.parametrize("shape", LINE_BUFFERS)
def test_line_buffers_of_the_7_series(shape):
    assert memory_cells("zynq-7000", *shape) == LINE_BUFFERS[shape]


@pytest.mark.parametrize(
    ("depth", "width_bits", "bram", "bypass_bits"),
    [(258, 8, 1, 0), (260, 48, 2, 48), (129, 72, 2, 72), (1925, 64, 8, 0), (64, 64, 2, 64), (125, 16, 1, 0)],
)
def test_line_buffers_of_ecp5(depth, width_bits, bram, bypass_bits):
    """Wider than 18 bits, its block RAM does not give the old word where it is written."""
    assert memory_cells("ecp5", depth, width_bits) == MemoryCells(float(bram), 0, bypass_bits)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("one_address", [True, False])
def test_every_memory_has_room_for_its_bits(family, one_address):
    block_bits = 18_432 if family == "ecp5" else 36_864
    for depth in (65, 500, 1000, 3000, 40_000):
        for width_bits in range(1, 100, 7):
            cells = memory_cells(family, depth, width_bits, one_address)
            assert cells.bram * block_bits + cells.lut * 512 >= depth * width_bits
            assert cells.bram * block_bits <= 8 * max(depth, 512) * max(width_bits, 9)


def stencil(lanes=1, board=None, width=1920, weights=(3, 5, 7)):
    """A window of three rows, weighted by a Param's multiples, so that there are multipliers."""
    x, y = hl.vars("x y")
    image, gain = hl.ImageParam(hl.UInt(16), 2, "image"), hl.Param(hl.UInt(16), "gain")
    stencil, out = hl.Func("stencil"), hl.Func("out")
    total = sum((hl.u32(image[x, y + row]) * weight for row, weight in enumerate(weights)), hl.u32(0))
    stencil[x, y] = hl.u16((total * hl.u32(gain)) >> 16)
    out[x, y] = stencil[x, y]
    stencil.compute_root().set_estimate(x, 0, width).set_estimate(y, 0, 1080).unroll(x, lanes)
    stencil.accelerate([image], x, hl.Var.outermost())
    return fluorite.compile(out, board=board)


@pytest.fixture(scope="module")
def design():
    return stencil()


@pytest.fixture(scope="module")
def core(design):
    return design.accelerators[0].generated


def predicted(design, board):
    """Of the only accelerator of a design, in the board's shell."""
    return predict(design.accelerators[0].in_shell(board.shell), board)


@pytest.fixture(scope="module")
def capacity(design):
    return predicted(design, load_board("pynq-z2"))


def test_parts_are_those_that_are_fitted(core):
    for name in board_names():
        board = load_board(name)
        model = load_model(board.family)
        assert set(core_parts(core, board.family)) == set(CORE_PARTS)
        assert set(shell_parts(core, register_map(core, board.shell))) == set(SHELL_PARTS)
        assert set(model.core.lut) | set(model.core.ff) <= {*CORE_PARTS, "core"}
        assert board.shell.kind in model.shells
        for shell in model.shells.values():
            assert set(shell.lut) | set(shell.ff) <= set(SHELL_PARTS)
        assert set(model.margins) == {"lut", "ff", "bram", "dsp", "clock"}


def test_block_ram_and_multipliers_are_exact_and_luts_within_the_margin(core):
    """Against Yosys, on a core that had no part in the fit."""
    board = load_board("pynq-z2")
    generated = stencil(board=board).accelerators[0].generated
    verilog = emit(generated)
    area = synthesize_xc7(verilog, generated.interface.module)
    model = load_model(board.family)
    memories = core_memories(generated, board.family)
    parts = core_parts(generated, board.family)
    assert sum(cells.bram for _, cells in memories) == area.bram36
    assert core_dsp(generated, board.family) == area.dsp
    lut, ff = model.core.cost({**parts, "core": 1.0})
    assert (
        abs(lut + parts["shift register"] + sum(cells.lut for _, cells in memories) - area.all_lut) < 0.3 * area.all_lut
    )
    assert abs(ff - area.ff) < 0.3 * area.ff


def test_streams_at_other_rates_count_their_rows_and_flags():
    """Against Yosys: a row memory with two addresses, multiplexers, and ports that begin in different phases."""
    x, y = hl.vars("x y")
    image, twice, out = hl.ImageParam(hl.UInt(8), 2, "image"), hl.Func("twice"), hl.Func("out")
    twice[x, y] = hl.u8((hl.u16(image[x / 2, y / 2]) + image[(x + 1) / 2, (y + 1) / 2]) / 2)
    out[x, y] = twice[x, y]
    twice.compute_root().set_estimate(x, 0, 1920).set_estimate(y, 0, 1080)
    twice.accelerate([image], x, hl.Var.outermost())
    generated = fluorite.compile(out).accelerators[0].generated
    area = synthesize_xc7(emit(generated), generated.interface.module)
    memories = core_memories(generated, "zynq-7000")
    lut, ff = load_model("zynq-7000").core.cost({**core_parts(generated, "zynq-7000"), "core": 1.0})
    assert sum(cells.bram for _, cells in memories) == area.bram36 == 0.5
    assert abs(lut + sum(cells.lut for _, cells in memories) - area.all_lut) < 0.15 * area.all_lut
    assert abs(ff - area.ff) < 0.15 * area.ff


def test_multiplier_blocks_of_narrow_and_wide_products_are_exact():
    """Against Yosys: products of look-up tables, of one block, of several."""
    operations = {
        "8 bits": lambda a, b: hl.u8(a & 15) * hl.u8(b & 15),
        "9 bits": lambda a, b: (a & 31) * (b & 15),
        "one bit more than a block takes": lambda a, b: (a >> 14) * (b >> 14),
        "mixed signs": lambda a, b: hl.i64(hl.i16(a)) * hl.i64(b >> 7),
        "the low part": lambda a, b: a * b,
        "a fifth": lambda a, b: (a >> 13) / 5,
    }
    design, _ = design_of({"a": hl.UInt(32), "b": hl.UInt(32)}, operations, (64, 64), "pynq-z2")
    (accelerator,) = design.accelerators
    products = [multiplier_blocks(node, "zynq-7000") for node in accelerator.generated.plan.nodes if node.op == "mul"]
    assert 0 in products
    assert sum(products) == core_dsp(accelerator.generated, "zynq-7000")
    area = synthesize_xc7(emit(accelerator.generated), accelerator.generated.interface.module)
    assert core_dsp(accelerator.generated, "zynq-7000") == area.dsp == 1 + 1 + 1 + 3 + 1


@pytest.mark.parametrize("name", board_names())
def test_every_board(name):
    board = load_board(name)
    found = predicted(stencil(board=board), board)
    assert (found.name, found.board) == ("stencil", name)
    assert min(found.lut, found.ff, found.bram, found.dsp) > 0
    assert found.share["lut"] == found.lut / board.budget.lut
    assert 0 < found.clock_hz <= board.clock_hz
    assert found.frames_per_second == pytest.approx(found.clock_hz / (1920 * 1082), rel=0.001)
    check([found], board)
    assert json.loads(json.dumps(found.to_dict()))["margins"]["bram"]["source"]


def test_fast_and_repeatable(core, capacity):
    board = load_board("pynq-z2")
    start = time.process_time()
    again = predict(ShelledCore(core, board.shell, str), board)
    assert time.process_time() - start < 0.5  # 50 ms on an idle machine
    assert again == capacity


def test_lanes_cost():
    board = load_board("zcu104")
    one, four = (predicted(stencil(lanes, board), board) for lanes in (1, 4))
    assert four.dsp == 4 * one.dsp and four.lut > 1.1 * one.lut and four.ff > 1.1 * one.ff
    assert four.frames_per_second == pytest.approx(4 * one.frames_per_second, rel=0.01)


def test_memory_limits_the_rate():
    """Eight lanes of two bytes are two beats of 64 bits a cycle: half the core's rate."""
    board = load_board("zc702")
    found = predicted(stencil(8, board), board)
    assert found.frames_per_second == pytest.approx(found.clock_hz / (1920 * 1082 / 4), rel=0.01)


def test_text():
    margins = {
        "lut": Margin(0.071, 0.16, 18, "Yosys"), "ff": Margin(0.05, 0.1, 18, "Yosys"),
        "bram": Margin(0.0, 0.0, 18, "Yosys"), "dsp": Margin(0.0, 0.0, 18, "Yosys"),
        "clock": Margin(0.0, 0.0, 0, "the target of pipelining"),
    }  # fmt: skip
    share = {"lut": 0.05, "ff": 0.02, "bram": 0.025, "dsp": 0.1}
    found = Capacity("f", "pynq-z2", 2660, 2128, 3.5, 22, 125_000_000, 60.25, share, margins, 2, 3000, 22)
    assert capacity_text(found, load_board("pynq-z2")).splitlines() == [
        "  on pynq-z2 (xc7z020clg400-1), predicted for core and shell:",
        "    LUT          2660 of 53200,   5.0 %  (±7 %, at worst 16 %, in 18 designs: Yosys)",
        "    FF           2128 of 106400,   2.0 %  (±5 %, at worst 10 %, in 18 designs: Yosys)",
        "    block RAM     3.5 of 140,   2.5 %  (exact in 18 designs: Yosys)",
        "    DSP            22 of 220,  10.0 %  (exact in 18 designs: Yosys)",
        "    clock       125.0 MHz  (not measured: the target of pipelining)",
        "    60.2 launches of the largest size a second",
    ]


def refused(capacities, board):
    with pytest.raises(CapacityError) as error:
        check(capacities, board)
    assert isinstance(error.value, CompileError)
    return str(error.value)


def test_nothing_to_place_fits():
    check([], load_board("pynq-z2"))


def test_too_little_memory(capacity):
    large = replace(capacity, bram=141.5, line_buffers=3, line_buffer_bits=4_560_000)
    assert refused([large], load_board("pynq-z2")) == (
        "stencil: 3 line buffers of 4.6 Mbit and the buffers of its shell: need 141.5 block RAMs, pynq-z2 has 140; "
        "make rows or tiles narrower, or take fewer lanes"
    )
    check([replace(large, bram=140.0)], load_board("pynq-z2"))


def test_too_little_memory_for_all_together(capacity):
    large = replace(capacity, bram=100.0, line_buffers=1, line_buffer_bits=36_000)
    others = [replace(capacity, name="blur", bram=30.0), replace(capacity, name="edges", bram=20.0)]
    assert refused([*others, large], load_board("pynq-z2")) == (
        "stencil: 1 line buffer of 36.0 kbit, the buffers of its shell, what blur takes and what edges takes: need 150 "
        "block RAMs, pynq-z2 has 140; make rows or tiles narrower, or take fewer lanes"
    )


def test_memory_of_shells_alone(capacity):
    assert refused([replace(capacity, bram=141.0, line_buffers=0)], load_board("pynq-z2")).startswith(
        "stencil: the buffers of its shell: need 141 block RAMs, pynq-z2 has 140; "
    )


def test_too_few_multipliers(capacity):
    assert refused([replace(capacity, dsp=221, multiplications=111)], load_board("pynq-z2")) == (
        "stencil: 111 multiplications: need 221 multiplier blocks, pynq-z2 has 220; take fewer lanes, unroll less of a "
        "reduction, or multiply narrower values"
    )


@pytest.mark.parametrize(("figure", "unit", "what", "most"), [
    ("lut", "LUTs", "its logic", 53_200), ("ff", "flip-flops", "its registers", 106_400),
])  # fmt: skip
def test_too_much_logic_even_if_the_prediction_is_as_wrong_as_it_ever_was(capacity, figure, unit, what, most):
    margins = {**capacity.margins, figure: Margin(0.1, 0.25, 9, "Yosys")}
    board = load_board("pynq-z2")
    check([replace(capacity, margins=margins, **{figure: round(1.25 * most)})], board)
    total = round(1.25 * most) + 100
    assert refused([replace(capacity, margins=margins, **{figure: total})], board) == (
        f"stencil: {what}: need about {total} {unit}, not less than {most + 80}, pynq-z2 has {most}; "
        "take fewer lanes, or unroll less of a reduction"
    )


def test_a_design_that_is_too_large():
    board = load_board("pynq-z2")
    wide = stencil(width=200_000)
    generated = wide.accelerators[0].generated
    bits = sum(memory.depth * memory.width_bits for memory in generated.storage.memories)
    blocks = sum(cells.bram for _, cells in core_memories(generated, board.family)) + 1  # the reader's buffer
    assert bits > 140 * 36_864
    size = f"{bits / 1e6:.1f} Mbit"
    assert refused([predicted(wide, board)], board).partition(": ")[2] == (
        f"2 line buffers of {size} and the buffers of its shell: need {blocks:g} block RAMs, pynq-z2 has 140; make "
        "rows or tiles narrower, or take fewer lanes"
    )


DOCUMENT = Path(__file__).parents[2] / "docs" / "capacity.md"


@pytest.mark.parametrize("family", FAMILIES)
def test_document_states_the_errors_of_the_model(family):
    text = DOCUMENT.read_text()
    for figure, margin in load_model(family).margins.items():
        row = re.search(rf"^\| {re.escape(family)} \| {figure} \| (.*) \| (.*) \| (\d+) \|", text, re.M)
        if not margin.designs:
            assert row is None
            continue
        assert row is not None, (family, figure)
        assert row.groups() == (f"{100 * margin.mean:.1f} %", f"{100 * margin.worst:.1f} %", str(margin.designs))
