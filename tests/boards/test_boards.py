"""The boards that come with fluorite: every fact that another fact can check."""

import math
import textwrap
from pathlib import Path

import pytest

from fluorite.boards import board_names, load_board

NAMES = (
    "arty-z7-20", "kv260", "pynq-z1", "pynq-z2", "ultra96-v2", "ulx3s-85f", "zc702", "zc706", "zcu104", "zedboard",
)  # fmt: skip
#: LUT, FF, block RAM, DSP by the device in the part's name.
DEVICES = {
    "xc7z020": (53_200, 106_400, 140, 220),
    "xc7z045": (218_600, 437_200, 545, 900),
    "xczu3eg": (70_560, 141_120, 216, 360),
    "xczu7ev": (230_400, 460_800, 312, 1728),
    "xck26": (117_120, 234_240, 144, 1248),
    "LFE5U": (83_640, 83_640, 208, 156),
}
#: First and last address of the control port's window.
WINDOWS = {"M_AXI_GP0": (0x4000_0000, 0x7FFF_FFFF), "M_AXI_HPM0_FPD": (0xA000_0000, 0xAFFF_FFFF)}
INTERRUPTS = {"IRQ_F2P": {*range(61, 69), *range(84, 92)}, "pl_ps_irq0": set(range(121, 129))}
#: What a PLL gives that the processor's clocks are divided from, with the usual crystals.
PLL_HZ = {"ps7": 1_000_000_000, "psu": 1_500_000_000}


def test_these_boards_come_with_fluorite():
    assert tuple(board_names()) == NAMES


@pytest.fixture(params=NAMES)
def board(request):
    return load_board(request.param)


def test_identity(board):
    assert board.title
    assert board.speed_grade.removeprefix("-") in board.part.split("-", 1)[1]


def test_every_group_of_facts_has_a_source(board):
    groups = {"budget", "part"}
    groups |= {"memory", "ports", "control", "interrupts", "clock", "preset"} if board.processor else {"pins"}
    assert set(board.sources) == groups
    assert all(len(source) > 20 and "  " not in source for source in board.sources.values())


def test_budget_is_the_devices(board):
    device = next(name for name in DEVICES if board.part.startswith(name))
    budget = board.budget
    assert (budget.lut, budget.ff, budget.bram, budget.dsp) == DEVICES[device]
    assert budget.bram_bits == (18_432 if board.family == "ecp5" else 36_864)


def test_family_is_the_parts(board):
    prefix = {"zynq-7000": ("xc7z",), "zynq-ultrascale+": ("xczu", "xck"), "ecp5": ("LFE5U",)}[board.family]
    assert board.part.startswith(prefix)


def test_pipelining_has_room_in_the_clock_period(board):
    delays = board.delays
    assert delays.clock_ns == pytest.approx(1e9 / board.clock_hz)
    # The longest things that cannot be cut: a multiplier, and what follows a memory's output.
    assert delays.budget_ns >= delays.multiplier_ns
    assert delays.budget_ns >= delays.memory_ns + delays.lut_ns or delays.memory_register


def test_processor(board):
    processor = board.processor
    if processor is None:
        assert board.family == "ecp5"
        return
    assert processor.target == {"ps7": "arm-32-linux", "psu": "arm-64-linux"}[processor.kind]
    assert processor.memory_bytes in {512 << 20, 1 << 30, 2 << 30, 4 << 30}
    assert (processor.clock, processor.reset) == {
        "ps7": ("FCLK_CLK0", "FCLK_RESET0_N"),
        "psu": ("pl_clk0", "pl_resetn0"),
    }[processor.kind]
    vendor, name, part, version = processor.preset.split(":")
    assert vendor and name and part == "part0" and version.replace(".", "").isdigit()
    for pattern in processor.preset_alternatives:
        other = pattern.split(":")
        assert len(other) == 4 and other[2:] == ["part0", "*"] and other[:2] != [vendor, name]
    assert not processor.connections or version in processor.connections
    # A whole divisor gives it: never a little more, which PYNQ's divisors would be chosen to stay below.
    divisor = PLL_HZ[processor.kind] / board.clock_hz
    assert 0 <= round(divisor) - divisor < 1e-7
    assert all(setting.startswith(("PCW_", "PSU__")) for setting in processor.settings)


def test_divisors_give_the_clock_where_rates_are_not_asked_for():
    board = load_board("ultra96-v2")
    divisors = [int(board.processor.settings[f"PSU__CRL_APB__PL0_REF_CTRL__DIVISOR{n}"]) for n in range(2)]
    assert PLL_HZ["psu"] / math.prod(divisors) == board.clock_hz


def test_control_lies_in_its_window(board):
    if board.processor is None:
        return
    control = board.processor.control
    first, last = WINDOWS[control.name]
    assert first <= control.base_address and control.base_address + control.bytes - 1 <= last
    assert control.protocol == {"ps7": "AXI3", "psu": "AXI4"}[board.processor.kind]


def test_interrupts_are_the_fabrics(board):
    if board.processor is None:
        return
    numbers = board.processor.interrupts
    assert len(set(numbers)) == len(numbers) and list(numbers) == sorted(numbers)
    assert set(numbers) == INTERRUPTS[board.processor.interrupt_port]


def test_memory_ports(board):
    if board.processor is None:
        return
    ports = board.processor.memory
    expected = {"ps7": (64, 32, "AXI3"), "psu": (128, 49, "AXI4")}[board.processor.kind]
    assert [(p.data_bits, p.address_bits, p.protocol) for p in ports] == [expected] * 4
    suffix = {"ps7": "", "psu": "_FPD"}[board.processor.kind]
    # On UltraScale+ HP1 and HP2 share a port of the memory controller.
    numbers = {"ps7": (0, 1, 2, 3), "psu": (0, 1, 3, 2)}[board.processor.kind]
    assert [p.name for p in ports] == [f"S_AXI_HP{n}{suffix}" for n in numbers]
    assert not any(p.coherent for p in ports)
    first = {"ps7": "PCW_USE_S_AXI_HP", "psu": "PSU__USE__S_AXI_GP"}[board.processor.kind]
    offset = {"ps7": 0, "psu": 2}[board.processor.kind]
    for number, port in zip(numbers, ports, strict=True):
        assert port.settings[f"{first}{number + offset}"] == "1"
        assert str(port.data_bits) in port.settings.values()
    assert board.shell.data_bits == ports[0].data_bits
    assert board.shell.address_bits == min(ports[0].address_bits, 40)
    assert 1 << board.shell.address_bits >= board.processor.memory_bytes


def test_pins(board):
    if board.processor is not None:
        assert board.pins is None
        return
    pins = board.pins
    sites = [pins.clock, pins.uart_rx, pins.uart_tx, pins.reset, *pins.leds]
    assert len(set(sites)) == len(sites)
    assert all(site[0].isalpha() and site[1:].isdigit() for site in sites)
    assert board.shell.kind == "axis"
    # A PLL makes the design's clock of the oscillator's.
    assert math.gcd(pins.clock_hz, board.clock_hz) >= 1_000_000


DOCUMENT = Path(__file__).parents[2] / "docs" / "boards.md"


def test_document_lists_the_boards_as_they_are():
    rows = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")]
    assert len(rows) == len(NAMES)
    for row in rows:
        name, part, clock, lut, ff, bram, dsp, ports, control = (cell.strip() for cell in row.strip("|").split("|"))
        board = load_board(name.split("`")[1])
        budget = board.budget
        assert name == f"`{board.name}` {board.title}" or board.family == "ecp5"
        assert (part, clock) == (board.part, f"{board.clock_hz / 1e6:g} MHz")
        assert [int(text.replace(" ", "")) for text in (lut, ff, bram, dsp)] == [
            budget.lut, budget.ff, budget.bram, budget.dsp,
        ]  # fmt: skip
        if board.processor is not None:
            memory = board.processor.memory
            assert ports == f"{len(memory)} x {memory[0].data_bits} bits, {memory[0].protocol}"
            assert int(control, 16) == board.processor.control.base_address


def test_document_shows_a_file_that_is_read(tmp_path):
    _, _, tail = DOCUMENT.read_text().partition("A shortened file:\n")
    path = tmp_path / "shown.toml"
    path.write_text(textwrap.dedent(tail))
    assert load_board(path).processor.memory[0].name == "S_AXI_HP0"
