"""Boards from files: a user's own, and the message for everything that can be wrong with it."""

from pathlib import Path

import pytest

import fluorite.boards
from fluorite.boards import load_board, read_board
from fluorite.errors import UsageError

DATA = Path(fluorite.boards.__file__).parent / "data"
ZYNQ = (DATA / "pynq-z2.toml").read_text()
ECP5 = (DATA / "ulx3s-85f.toml").read_text()


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def make(text):
        path = Path("mine.toml")
        path.write_text(text)
        return path

    return make


def changed(text, old, new):
    assert text.count(old), old
    return text.replace(old, new, 1)


def test_a_boards_own_file_reads_as_the_board_by_name():
    assert load_board("pynq-z2") == read_board(DATA / "pynq-z2.toml") == load_board(DATA / "pynq-z2.toml")


def test_a_users_own_board_is_one_file(write):
    path = write(changed(ZYNQ, "clock_hz = 125_000_000", "clock_hz = 100_000_000"))
    board = load_board(str(path))
    assert (board.name, board.clock_hz, board.title) == ("mine", 100_000_000, "TUL PYNQ-Z2")
    assert load_board(path) == board


def test_unknown_name():
    with pytest.raises(UsageError) as error:
        load_board("zybo")
    assert str(error.value) == (
        "no board is named 'zybo'; there are arty-z7-20, kv260, pynq-z1, pynq-z2, ultra96-v2, ulx3s-85f, zc702, "
        "zc706, zcu104, zedboard, or give the path of a board's .toml file"
    )


def test_no_such_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as error:
        load_board("boards/zybo.toml")
    assert str(error.value) == "boards/zybo.toml: No such file or directory"


def test_not_toml(write):
    with pytest.raises(UsageError) as error:
        read_board(write("title = \n"))
    assert str(error.value) == "mine.toml: not TOML: Invalid value (at line 1, column 9)"


def test_not_text(write):
    path = write("")
    path.write_bytes(b'title = "\xff"\n')
    with pytest.raises(UsageError, match=r"^mine\.toml: not TOML: 'utf-8' codec can't decode byte 0xff"):
        read_board(path)


PORT = """[[processor.memory]]
name = "S_AXI_HP1"
data_bits = 64
address_bits = 32
protocol = "AXI3"
"""
WRONG = {
    "named": (ZYNQ, "title =", 'name = "x"\ntitle =', "name: a board is named as its file is; leave it out"),
    "unknown key": (
        ZYNQ, "part =", "device = 1\npart =",
        "device is not known; a board has name, title, family, part, speed_grade, clock_hz, budget, processor, pins, "
        "sources",
    ),
    "unknown key in a table": (
        ZYNQ, "dsp =", "uram = 1\ndsp =", "budget.uram is not known; budget has lut, ff, bram, dsp, bram_bits",
    ),
    "missing": (ZYNQ, 'part = "xc7z020clg400-1"\n', "", "part is missing"),
    "missing in a table": (ZYNQ, "lut = 53_200\n", "", "budget.lut is missing"),
    "a string": (ZYNQ, 'part = "xc7z020clg400-1"', "part = 7", "part must be a string, not 7"),
    "a whole number": (ZYNQ, "dsp = 220", "dsp = 2.5", "budget.dsp must be a whole number, not 2.5"),
    "no boolean": (ZYNQ, "dsp = 220", "dsp = true", "budget.dsp must be a whole number, not True"),
    "true or false": (
        ZYNQ, PORT, PORT + "coherent = 1\n", "processor.memory[1].coherent must be true or false, not 1",
    ),
    "negative": (ZYNQ, "dsp = 220", "dsp = -1", "budget.dsp must not be negative, but is -1"),
    "a table": (ZYNQ, "\n[budget]\nlut = 53_200\nff = 106_400\nbram = 140\ndsp = 220\n", "budget = 3\n",
                "budget must be a table"),
    "a mapping": (
        ZYNQ, 'settings = { PCW_USE_FABRIC_INTERRUPT = "1", PCW_IRQ_F2P_INTR = "1" }', "settings = 1",
        "processor.settings must be a table",
    ),
    "in a mapping": (
        ZYNQ, 'PCW_IRQ_F2P_INTR = "1"', "PCW_IRQ_F2P_INTR = 1",
        "processor.settings.PCW_IRQ_F2P_INTR must be a string, not 1",
    ),
    "a list": (
        ZYNQ, "interrupts = [61, 62, 63, 64, 65, 66, 67, 68, 84, 85, 86, 87, 88, 89, 90, 91]", "interrupts = 61",
        "processor.interrupts must be a list",
    ),
    "in a list": (
        ZYNQ, "[61, 62,", '[61, "62",', "processor.interrupts[1] must be a whole number, not '62'",
    ),
    "family": (
        ZYNQ, '"zynq-7000"', '"artix"', "family must be one of zynq-7000, zynq-ultrascale+, ecp5, not 'artix'",
    ),
    "slow clock": (ZYNQ, "125_000_000", "125", "clock_hz must be at least 1000000, not 125"),
    "empty budget": (ZYNQ, "bram = 140", "bram = 0", "budget.lut, budget.ff and budget.bram must be at least 1"),
    "block RAM bits": (
        ECP5, "bram_bits = 18_432\n", "", "budget.bram_bits must be 18432 for family ecp5",
    ),
    "processor left out": (
        ZYNQ, '"zynq-7000"', '"ecp5"', "budget.bram_bits must be 18432 for family ecp5",
    ),
    "processor given": (
        ECP5.replace("bram_bits = 18_432\n", ""), '"ecp5"', '"zynq-7000"',
        "processor must be given for family zynq-7000",
    ),
    "pins": (ECP5[: ECP5.index("[pins]")], "ecp5", "ecp5", "pins must be given for a board without a processor"),
    "kind": (ZYNQ, '"ps7"', '"psu"', "processor.kind must be 'ps7' for family zynq-7000"),
    "board files": (
        ZYNQ, "tul.com.tw:pynq-z2:part0:1.0", "tul.com.tw:pynq-z2",
        "processor.preset must be vendor:name:part0:version, not 'tul.com.tw:pynq-z2'",
    ),
    "alternatives to no board files": (
        ZYNQ, 'preset = "tul.com.tw:pynq-z2:part0:1.0"', 'preset = ""\npreset_alternatives = ["tul:pynq-z2:part0:*"]',
        "processor.preset must be given where preset_alternatives or connections are",
    ),
    "carrier of no board files": (
        ZYNQ, 'preset = "tul.com.tw:pynq-z2:part0:1.0"', 'connections = { "1.0" = "a b" }',
        "processor.preset must be given where preset_alternatives or connections are",
    ),
    "interrupts": (
        ZYNQ, "[61, 62, 63, 64, 65, 66, 67, 68, 84, 85, 86, 87, 88, 89, 90, 91]", "[]",
        "processor.interrupts must have at least one number",
    ),
    "control": (
        ZYNQ, "0x43C0_0000", "0x43C0_1000",
        "processor.control must start at a multiple of 0x10000 and have at least as many bytes, not start at "
        "0x43c01000 and have 0x400000",
    ),
    "control's bytes": (
        ZYNQ, "bytes = 0x40_0000", "bytes = 0x1000",
        "processor.control must start at a multiple of 0x10000 and have at least as many bytes, not start at "
        "0x43c00000 and have 0x1000",
    ),
    "port's width": (
        ZYNQ, "data_bits = 64", "data_bits = 256", "processor.memory[0].data_bits must be 32, 64 or 128, not 256",
    ),
    "ports of several widths": (
        ZYNQ, "data_bits = 64", "data_bits = 32", "processor.memory[1].data_bits must be that of the first port",
    ),
    "port's addresses": (
        ZYNQ, "address_bits = 32", "address_bits = 31",
        "processor.memory[0].address_bits must be at least 32, not 31",
    ),
    "port's protocol": (
        ZYNQ, PORT, PORT.replace("AXI3", "AXI5"),
        "processor.memory[1].protocol must be AXI3 or AXI4, not 'AXI5'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong(write, case):
    text, old, new, message = WRONG[case]
    with pytest.raises(UsageError) as error:
        read_board(write(changed(text, old, new)))
    assert str(error.value) == f"mine.toml: {message}"


def test_processor_of_an_ecp5(write):
    text = ZYNQ.replace('"zynq-7000"', '"ecp5"').replace("dsp = 220", "dsp = 220\nbram_bits = 18_432")
    with pytest.raises(UsageError) as error:
        read_board(write(text))
    assert str(error.value) == "mine.toml: processor must be left out for family ecp5"


def test_no_memory_ports(write):
    first, last = ZYNQ.index("[[processor.memory]]"), ZYNQ.index("[sources]")
    text = ZYNQ[:first] + ZYNQ[last:]
    with pytest.raises(UsageError) as error:
        read_board(write(text))
    assert str(error.value) == "mine.toml: processor.memory is missing"
    empty = text.replace('interrupt_port = "IRQ_F2P"', 'memory = []\ninterrupt_port = "IRQ_F2P"')
    with pytest.raises(UsageError) as error:
        read_board(write(empty))
    assert str(error.value) == "mine.toml: processor.memory must have at least one port"
