"""The host's end of the line against ends that misbehave."""

import pytest

from fluorite.boards.ecp5.link import Link, LinkError
from fluorite.boards.ecp5.protocol import BLOCK_BYTES, FLUSH, GREETING, ROOM_BYTES, Command, Reply


class Script:
    """Answers from a list, one a read."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.written = bytearray()

    def write(self, data):
        self.written += data

    def read(self, seconds):
        return self.answers.pop(0) if self.answers else b""


def linked(*answers):
    return Link(Script(GREETING, *answers), timeout_seconds=0.1)


def fails(action, message):
    with pytest.raises(LinkError) as error:
        action()
    assert str(error.value) == message


def test_flush_ends_every_command():
    longest = max(2 + BLOCK_BYTES, 7)
    assert len(FLUSH) - 1 >= longest
    assert set(FLUSH[:-1]) == {Command.NOTHING} and FLUSH[-1] == Command.HELLO


def test_what_came_before_the_greeting_is_thrown_away():
    transport = Script(b"\x80\x05abc", b"\x03FL", b"RT\x01\x78\x56\x34\x12")
    link = Link(transport)
    assert link.read(0x204) == 0x12345678
    assert transport.written == FLUSH + b"\x01\x04\x02"


def test_silence():
    fails(
        lambda: Link(Script(), timeout_seconds=0.1),
        "no greeting within 0.1 s: the board must be configured with this design's bitstream, and the line must have "
        "its baud rate (0 other bytes came)",
    )
    fails(lambda: linked().read(0), "the board is silent for 0.1 s: no answer to a register access")
    fails(
        lambda: linked(b"\x80\x01ab").exchange([[b"xy"]], [5]),
        "the board is silent for 0.1 s: all input sent, 3 of 5 bytes of output missing",
    )
    fails(
        lambda: linked(b"\x80\x01ab").exchange([[bytes(ROOM_BYTES + 1)]], [5]),
        "the board is silent for 0.1 s: input not yet sent, 3 of 5 bytes of output missing",
    )


def test_noise_for_ever():
    class Noise(Script):
        def read(self, seconds):
            return b"\xff"

    with pytest.raises(LinkError, match=r"^no greeting within 0\.1 s: .* \(\d+ other bytes came\)$"):
        Link(Noise(), timeout_seconds=0.1)


def test_wrong_answers():
    fails(lambda: linked(b"\x02").read(0), "the board answers with 0x02 instead of 0x01: reset it")
    fails(lambda: linked(b"\x05").read(0), "the board sends 0x05, which means nothing: reset it")
    fails(
        lambda: linked(b"\x80\x05abcdef").exchange([], [4]),
        "the board sent 2 bytes more than the 4 of its outputs",
    )
    fails(lambda: linked(b"\x82\x00a").exchange([], [1]), "the board sent data of output 2; it has 1")


def test_answers_in_pieces():
    link = linked(b"\x41", b"\x01", b"\x01\x02", b"\x03\x04\x80", b"\x01", b"a", b"b")
    assert link.read(8) == 0x04030201
    assert link.exchange([], [2]) == [b"ab"]


def test_packets_of_a_frame():
    """Not more than there is room for, a packet of each input in turn, starts and ends marked."""
    transport = Script(GREETING, bytes([Reply.ROOM] * 2), b"\x80\x00z")
    link = Link(transport)
    before = len(transport.written)
    rows = [bytes([y]) * 100 for y in range(11)]
    assert link.exchange([rows, [b"q"]], [1]) == [b"z"]
    sent, packets = bytes(transport.written[before:]), []
    while sent:
        size = 2 if sent[0] == Command.GRANT else 2 + (sent[1] & 63) + 1
        packets.append(sent[:size])
        sent = sent[size:]
    data = [p for p in packets if p[0] == Command.DATA]
    assert packets[1][:3] == bytes([Command.DATA | 1, 0b1100_0000]) + b"q"
    assert b"".join(p[2:] for p in data) == b"".join(rows)
    assert [p[1] for p in data] == [63 | 0x40, 35 | 0x80] + [63, 35 | 0x80] * 10
    grant = next(n for n, p in enumerate(packets) if p[0] == Command.GRANT)
    assert sum(len(p) - 2 for p in packets[:grant] if p[0] == Command.DATA) <= ROOM_BYTES
