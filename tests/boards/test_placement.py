"""Where accelerators go: addresses, interrupts and memory ports, and what there is no room for."""

from dataclasses import replace

import pytest

from fluorite.boards import board_names, load_board, place
from fluorite.boards.placement import WINDOW_BYTES
from fluorite.errors import UsageError
from fluorite.hwgen.shell.registers import register_map


@pytest.fixture(scope="session")
def registers(blur):
    return register_map(blur.accelerators[0].generated)


@pytest.fixture(params=[name for name in board_names() if load_board(name).processor])
def board(request):
    return load_board(request.param)


def test_accelerators_do_not_meet(board, registers):
    placement = place([registers] * 3, board)
    control = board.processor.control
    for number, placed in enumerate(placement.accelerators):
        assert placed.base_address == control.base_address + number * WINDOW_BYTES
        assert placed.bytes == WINDOW_BYTES >= registers.size_bytes
        assert placed.base_address % placed.bytes == 0
        assert (placed.interrupt_line, placed.interrupt) == (number, board.processor.interrupts[number])


def test_memory_ports_are_taken_in_turn(registers):
    placement = place([registers, registers], load_board("zc702"))
    taken = [(m.bus, m.direction, m.port.name) for placed in placement.accelerators for m in placed.masters]
    assert taken == [
        ("m_axi_source", "in", "S_AXI_HP0"),
        ("m_axi_mask", "in", "S_AXI_HP1"),
        ("m_axi_blur", "out", "S_AXI_HP2"),
        ("m_axi_source", "in", "S_AXI_HP3"),
        ("m_axi_mask", "in", "S_AXI_HP0"),
        ("m_axi_blur", "out", "S_AXI_HP1"),
    ]
    assert [port.name for port in placement.ports] == ["S_AXI_HP0", "S_AXI_HP1", "S_AXI_HP2", "S_AXI_HP3"]


def test_only_ports_that_are_used(registers):
    assert [port.name for port in place([registers], load_board("kv260")).ports] == [
        "S_AXI_HP0_FPD", "S_AXI_HP1_FPD", "S_AXI_HP3_FPD",
    ]  # fmt: skip


def test_as_many_accelerators_as_there_are_interrupts(board, registers):
    most = len(board.processor.interrupts)
    assert len(place([registers] * most, board).accelerators) == most
    with pytest.raises(UsageError) as error:
        place([registers] * (most + 1), board)
    assert str(error.value) == f"{board.name} has interrupts and addresses for {most} accelerators, not {most + 1}"


def test_as_many_accelerators_as_there_are_addresses(registers):
    board = load_board("pynq-z2")
    control = replace(board.processor.control, bytes=2 * WINDOW_BYTES)
    board = replace(board, processor=replace(board.processor, control=control))
    with pytest.raises(UsageError) as error:
        place([registers] * 3, board)
    assert str(error.value) == "pynq-z2 has interrupts and addresses for 2 accelerators, not 3"


def test_no_processor(registers):
    with pytest.raises(UsageError) as error:
        place([registers], load_board("ulx3s-85f"))
    assert str(error.value) == ("ulx3s-85f has no processor that could drive an accelerator: use `fluorite build`")
