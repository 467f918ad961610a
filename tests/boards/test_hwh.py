"""Metadata of placed designs, read by the parser that PYNQ has for it."""

from pathlib import Path

import halide as hl
import pytest
from pynqmetadata.frontends import Metadata
from pynqmetadata.views.runtime import RuntimeMetadataParser

import fluorite
from fluorite.boards import board_names, load_board, place
from fluorite.boards.hwh import write_hwh
from fluorite.boards.hwh_clock import clock_rate_hz
from fluorite.boards.vlnv import vlnv
from fluorite.hwgen.shell.registers import register_map

ACCESS = {"ro": "read-only", "rw": "read-write", "wo": "write-only", "w1c": "read-write", "clear": "read-write"}
BOARDS = [name for name in board_names() if load_board(name).processor is not None]


def accelerators():
    """Two: one with a Param, one with two inputs."""
    x, y = hl.vars("x y")
    a, b = hl.ImageParam(hl.UInt(8), 2, "a"), hl.ImageParam(hl.UInt(8), 2, "b")
    gain = hl.Param(hl.UInt(8), "gain")
    scaled, total, out = hl.Func("scaled_image"), hl.Func("total_image"), hl.Func("out")
    scaled[x, y] = a[x, y] * gain
    total[x, y] = scaled[x, y] + b[x, y]
    out[x, y] = total[x, y]
    for func in (scaled, total):
        func.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 48)
    scaled.accelerate([a], x, hl.Var.outermost())
    total.accelerate([scaled, b], x, hl.Var.outermost())
    return fluorite.compile(out, name="two").accelerators


@pytest.fixture(scope="module")
def generated():
    return [accelerator.generated for accelerator in accelerators()]


@pytest.fixture(scope="module")
def parsed(generated, tmp_path_factory):
    """Placement and what PYNQ makes of its file, by board."""
    made = {}

    def get(name):
        if name not in made:
            board = load_board(name)
            placement = place([register_map(g, board.shell) for g in generated], board)
            path = tmp_path_factory.mktemp(name) / "two.hwh"
            path.write_text(write_hwh(placement, "two"))
            made[name] = placement, RuntimeMetadataParser(Metadata(input=str(path)))
        return made[name]

    return get


@pytest.mark.parametrize("board", BOARDS)
def test_ip_dict_is_the_placement(parsed, board):
    placement, found = parsed(board)
    assert set(found.ip_dict) == {"ps", *(placed.registers.name for placed in placement.accelerators)}
    for placed in placement.accelerators:
        ip = found.ip_dict[placed.registers.name]
        assert (ip["phys_addr"], ip["addr_range"]) == (placed.base_address, placed.bytes)
        assert ip["type"] == vlnv(placed.registers)
        assert ip["fullpath"] == placed.registers.name
        assert list(ip["registers"]) == [r.name for r in placed.registers.registers]
        for register in placed.registers.registers:
            entry = ip["registers"][register.name]
            assert (entry["address_offset"], entry["size"]) == (register.offset, 32)
            assert (entry["access"], entry["description"]) == (ACCESS[register.access], register.description)
            assert {
                name: (f["bit_offset"], f["bit_width"], f["description"]) for name, f in entry["fields"].items()
            } == {f.name: (f.low_bit, f.width_bits, f.description) for f in register.fields}


@pytest.mark.parametrize("board", BOARDS)
def test_one_clock_at_the_boards_rate(parsed, board):
    placement, found = parsed(board)
    clock = found.clock_dict[0]
    assert clock["enable"] == 1
    assert clock["frequency"] * 1e6 == pytest.approx(placement.board.clock_hz, rel=1e-6)
    pll_hz = 1e9 if placement.board.processor.kind == "ps7" else 1.5e9
    assert pll_hz / (clock["divisor0"] * clock["divisor1"]) == pytest.approx(clock["frequency"] * 1e6)
    assert [found.clock_dict[n]["enable"] for n in (1, 2, 3)] == [0, 0, 0]


@pytest.mark.parametrize("pll_hz", [1.0e9, 1.5e9])
def test_divisors_are_never_too_fast(parsed, pll_hz):
    """PYNQ 3.1 and older take them as they stand; KV260's images run the PLL at either rate."""
    placement, found = parsed("kv260")
    clock = found.clock_dict[0]
    assert pll_hz / (clock["divisor0"] * clock["divisor1"]) <= placement.board.clock_hz * 1.0001


@pytest.mark.parametrize("board", BOARDS)
def test_the_modules_clock_is_that_of_the_metadata(parsed, board):
    placement, found = parsed(board)
    assert clock_rate_hz(placement.board) / 1e6 == pytest.approx(found.clock_dict[0]["frequency"], abs=1e-6)


@pytest.mark.parametrize("board", BOARDS)
def test_interrupts_reach_the_lines_of_the_placement(parsed, board):
    """Through the concatenation to the processor's port, whose lines PYNQ numbers as the interrupt controller does."""
    placement, found = parsed(board)
    ports = found.systemgraph.blocks["interrupts"].ports
    for placed in placement.accelerators:
        pin = found.systemgraph.blocks[placed.registers.name].ports["interrupt"].sig()
        assert list(pin._connections.values()) == [ports[f"In{placed.interrupt_line}"].sig()]
        assert found.ps.irq_map[placed.interrupt_line] == placed.interrupt
    (end,) = ports["dout"].sig()._connections.values()
    assert end is found.ps.ports[placement.board.processor.interrupt_port].sig()
    assert ports["dout"].sig().width == end.width == len(placement.accelerators)


@pytest.mark.parametrize("board", BOARDS)
def test_masters_reach_the_memory_behind_their_ports(parsed, board):
    placement, found = parsed(board)
    for placed in placement.accelerators:
        for master in placed.masters:
            port = found.systemgraph.blocks[placed.registers.name].ports[master.bus]
            reached = list(port.addrmap.values())
            assert {entry["subord_port"].rpartition(":")[2] for entry in reached} == {f"{master.port.name}[port]"}
            assert (reached[0]["baseaddr"], reached[0]["memtype"]) == (0, "memory")
            high = min(placement.board.processor.memory_bytes, 2 << 30)
            assert reached[0]["addr_range"] == high


def test_widths_under_the_names_that_pynq_sets_them_by(parsed):
    placement, found = parsed("zcu104")
    parameters = found.ip_dict["ps"]["parameters"]
    assert parameters["C_MAXIGP0_DATA_WIDTH"] == "128"
    assert placement.ports[0].name == "S_AXI_HP0_FPD"
    assert parameters["C_SAXIGP2_DATA_WIDTH"] == str(placement.ports[0].data_bits)


@pytest.mark.parametrize(
    ("board", "ps", "device"),
    [
        ("pynq-z2", "processing_system7", {"ARCH": "zynq", "DEVICE": "7z020", "PACKAGE": "clg400", "SPEEDGRADE": "-1"}),
        (
            "zcu104",
            "zynq_ultra_ps_e",
            {"ARCH": "zynquplus", "DEVICE": "zu7ev", "PACKAGE": "ffvc1156", "SPEEDGRADE": "-2-e"},
        ),
    ],
)
def test_names_the_device(parsed, board, ps, device):
    _, found = parsed(board)
    assert (found.ps_name, found.family_ps) == ("ps", ps)
    info = found.systemgraph._root.find("SYSTEMINFO").attrib
    assert info == {**device, "NAME": "two"}


def test_cells_are_named_as_in_the_block_design():
    """Who has the bitstream of the Vivado flow finds the same names in either file."""
    script = (Path(fluorite.__file__).parent / "boards" / "vivado" / "tcl" / "block_design.tcl").read_text()
    assert "create_bd_cell -type ip -vlnv [dict get $processor ip] ps\n" in script
    assert "add_concatenation interrupts $count\n" in script
    assert "create_bd_cell -type ip -vlnv $vlnv $name\n" in script


def test_is_the_same_every_time(generated):
    board = load_board("pynq-z1")
    placement = place([register_map(g, board.shell) for g in generated], board)
    text = write_hwh(placement, "two")
    assert text == write_hwh(placement, "two")
    assert "/work" not in text
    assert "TIMESTAMP" not in text
