"""The bytes between a host and an accelerator behind a serial port.

A host sends commands, the board replies. Numbers are little endian. Neither side ever sends what the other has no room
for, so no byte is lost however long either waits:

- The host sends at most `ROOM_BYTES` to an input stream, and `BLOCK_BYTES` more for each ``ROOM`` of that stream.
- The board sends at most one ``DATA`` for each packet that the host has granted.
- The host sends no ``READ`` or ``WRITE`` before the last one was answered.

======  ==============================  ==================================================================
first   then                            meaning
======  ==============================  ==================================================================
host to board
----------------------------------------------------------------------------------------------------------
0x00                                    nothing
0x01    address (2)                     read a register; answered by ``READ``
0x02    address (2), value (4)          write a register; answered by ``WRITTEN``
0x03                                    reset everything; answered by ``HELLO``
0x04    n (1)                           n more packets of data may be sent
0x80+s  size (1), bytes                 words for input s. size: bits 5..0 bytes less one, bit 6 a frame
                                        starts with the first of them, bit 7 a line ends with the last
board to host
----------------------------------------------------------------------------------------------------------
0x01    value (4)                       value of the register
0x02                                    the register has been written
0x03    "FLRT"                          the board has been reset
0x40+s                                  room for another `BLOCK_BYTES` of input s
0x80+s  size (1), bytes                 words from output s. size: bytes less one
======  ==============================  ==================================================================

Streams are numbered from 0, inputs and outputs each in the order of the register map. A word is as many whole bytes as
it needs and may be spread over packets. A host that does not know what state the board is in sends ``FLUSH`` (which
ends any command that was begun) and throws away everything up to the answer.
"""

from __future__ import annotations

from enum import IntEnum

from fluorite.errors import UsageError

__all__ = ["BLOCK_BYTES", "FLUSH", "GREETING", "GRANTS", "ROOM_BYTES", "STREAMS", "Command", "Reply", "bit_cycles"]

#: Bytes of a packet of data at most, and of a unit of room.
BLOCK_BYTES = 64
#: Bytes of each input stream that the board holds: one block RAM.
ROOM_BYTES = 1024
#: Packets that may be granted and not yet sent.
GRANTS = 255
#: Streams of each direction at most.
STREAMS = 64


class Command(IntEnum):
    """First byte of what the host sends."""

    NOTHING = 0x00
    READ = 0x01
    WRITE = 0x02
    HELLO = 0x03
    GRANT = 0x04
    DATA = 0x80


class Reply(IntEnum):
    """First byte of what the board sends."""

    READ = 0x01
    WRITTEN = 0x02
    HELLO = 0x03
    ROOM = 0x40
    DATA = 0x80


#: Answer to ``HELLO``.
GREETING = bytes([Reply.HELLO]) + b"FLRT"
#: Ends any command that was begun (none is longer than a packet of data), then resets.
FLUSH = bytes(BLOCK_BYTES + 2) + bytes([Command.HELLO])


#: The two ends of a line may differ by half a bit in ten; each may take less than half of that.
_BAUD_ERROR = 0.02
_LEAST_BIT_CYCLES = 8


def bit_cycles(clock_hz: int, baud: int) -> int:
    """Clock cycles a bit.

    Raises
    ------
    UsageError
        No whole number of them is near enough.
    """
    cycles = max(round(clock_hz / baud), 1)
    if cycles < _LEAST_BIT_CYCLES or abs(clock_hz / cycles / baud - 1) > _BAUD_ERROR:
        raise UsageError(
            f"baud must be what a whole number of cycles, at least {_LEAST_BIT_CYCLES}, of the clock of "
            f"{clock_hz / 1e6:g} MHz gives within {_BAUD_ERROR:.0%}, not {baud}"
        )
    return cycles
