"""Placement: which part a cell belongs to, and that it is drawn where it lies."""

from PIL import Image

from fluorite.boards.ecp5.modules import modules_of, titles_of
from fluorite.boards.ecp5.picture import draw_placement
from fluorite.synth.ecp5 import Cell

CELLS = (
    Cell("harness.shell.core.datapath.linebuffer_a.memory.0.0", "DP16KD", 4, 22, "EBR0"),
    Cell("harness.shell.core.datapath.address_linebuffer_a.q_FF", "TRELLIS_FF", 5, 20, "SLICEA.FF0"),
    Cell("harness.shell.core.datapath.sum_LUT4_Z", "TRELLIS_COMB", 5, 20, "SLICED.K1"),
    Cell("harness.shell.core.datapath.product", "MULT18X18D", 8, 10, "MULT18_4"),
    Cell("harness.shell.core.scan.x", "TRELLIS_FF", 9, 20, "SLICEB.FF1"),
    Cell("harness.shell.core.skid_a.x", "TRELLIS_FF", 9, 20, "SLICEB.FF0"),
    Cell("harness.shell.registers.x", "TRELLIS_FF", 9, 21, "SLICEA.FF0"),
    Cell("harness.port.x", "TRELLIS_FF", 9, 21, "SLICEA.FF1"),
    Cell("harness.shell.framer_a.x", "TRELLIS_COMB", 10, 21, "SLICEA.K0"),
    Cell("harness.inlet12.x", "TRELLIS_COMB", 10, 21, "SLICEA.K1"),
    Cell("harness.receiver.x", "TRELLIS_COMB", 11, 21, "SLICEA.K1"),
    Cell("$nextpnr_CCU2C_3$CCU2_COMB0", "TRELLIS_COMB", 9, 20, "SLICEC.K0"),
    Cell("$nextpnr_CCU2C_4$CCU2_COMB0", "TRELLIS_COMB", 12, 21, "SLICEC.K0"),
    Cell("uart_rx$tr_io", "TRELLIS_IO", 0, 40, "PIOA"),
    Cell("pll", "EHXPLLL", 0, 0, "EHXPLL_UL"),
)


def test_parts():
    assert titles_of(CELLS) == [
        "line buffers", "line buffers", "datapath", "datapath", "core's control", "core's control",
        "registers and launches", "registers and launches", "video streams", "video streams", "serial port",
        "core's control", "serial port", "clock, reset, pins", "clock, reset, pins",
    ]  # fmt: skip
    counted = {module.title: dict(module.cells) for module in modules_of(CELLS)}
    assert counted["datapath"] == {"TRELLIS_COMB": 1, "MULT18X18D": 1}
    assert sum(sum(kinds.values()) for kinds in counted.values()) == len(CELLS)


def test_cells_are_drawn_where_they_lie(tmp_path):
    path = tmp_path / "placement.png"
    draw_placement(CELLS, "a title", "LFE5U-85F-6BG381C", path)
    image = Image.open(path).convert("RGB")
    tile, x0, y0, left, top = 24, 24, 56, 4, 10

    def at(cell, dx, dy):
        return image.getpixel((x0 + (cell.x - left) * tile + dx, y0 + (cell.y - top) * tile + dy))

    blue, orange, free = (0x2F, 0x6F, 0xB7), (0xE0, 0x7B, 0x28), (0xEE, 0xF0, 0xF3)
    assert at(CELLS[0], 12, 12) == at(CELLS[0], 24 + 12, 12) == blue  # a block RAM is two tiles wide
    assert at(CELLS[1], 14, 2) == tuple(c * 7 // 10 for c in blue)  # a flip-flop: right half, first row
    assert at(CELLS[2], 8, 20) == orange  # a look-up table: left half, last row
    assert at(CELLS[2], 2, 2) == free
    assert at(CELLS[3], 12, 12) == orange


def test_a_picture_is_the_same_again(tmp_path):
    for name in ("a.png", "b.png"):
        draw_placement(CELLS, "a title", "LFE5U-85F-6BG381C", tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
