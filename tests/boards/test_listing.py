"""The list of boards."""

import json

from fluorite.boards import load_board
from fluorite.boards.listing import all_boards, board_dict, board_table


def test_table():
    assert board_table([load_board("kv260"), load_board("ulx3s-85f")]).splitlines() == [
        "board      part                     MHz     LUT      FF  block RAM   DSP  memory ports  what it is",
        "kv260      xck26-sfvc784-2LV-c  166.667  117120  234240        144  1248  4 x 128 bits  AMD Kria KV260",
        "ulx3s-85f  LFE5U-85F-6BG381C        100   83640   83640        208   156  none          "
        "Radiona ULX3S with LFE5U-85F",
    ]


def test_all_boards_are_there():
    lines = board_table(all_boards()).splitlines()
    assert [line.split()[0] for line in lines[1:]] == [board.name for board in all_boards()]
    assert len(lines) == 11


def test_json():
    values = json.loads(json.dumps(board_dict(load_board("pynq-z2"))))
    assert values["name"] == "pynq-z2"
    assert values["budget"] == {"lut": 53200, "ff": 106400, "bram": 140, "dsp": 220, "bram_bits": 36864}
    assert values["processor"]["control"]["base_address"] == 0x43C0_0000
    assert [port["name"] for port in values["processor"]["memory"]][-1] == "S_AXI_HP3"
    assert values["pins"] is None and "budget" in values["sources"]
