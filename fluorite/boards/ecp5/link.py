"""The host's end of the serial line: registers and streams, by the rules of the protocol."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Protocol

from fluorite.boards.ecp5.protocol import BLOCK_BYTES, FLUSH, GRANTS, GREETING, ROOM_BYTES, Command, Reply
from fluorite.errors import FluoriteError

__all__ = ["Link", "LinkError", "Transport"]


class LinkError(FluoriteError):
    """The board at the other end of the line does not answer, or not as it should."""


class Transport(Protocol):
    """Bytes to and from a board."""

    def write(self, data: bytes) -> None:
        """Send bytes."""

    def read(self, seconds: float) -> bytes:
        """What has arrived; nothing only after waiting that long."""


class Link:
    """A harness by its serial line. Not for several threads at once.

    Parameters
    ----------
    transport : Transport
        The line.
    timeout_seconds : float
        How long the board may be silent when something is expected of it.
    """

    def __init__(self, transport: Transport, timeout_seconds: float = 5.0) -> None:
        self.transport = transport
        self.timeout_seconds = timeout_seconds
        self._forget()
        self.reset()

    def _forget(self) -> None:
        self._arrived = bytearray()
        self._answers: deque[bytes] = deque()
        self._room: dict[int, int] = {}
        self._granted = 0
        self._output: dict[int, bytearray] = {}

    def reset(self) -> None:
        """Reset the board, whatever state it is in.

        Raises
        ------
        LinkError
            Nothing answers.
        """
        self.transport.write(FLUSH)
        seen = bytearray()
        deadline = time.monotonic() + self.timeout_seconds
        while GREETING not in seen:
            seen += (found := self.transport.read(self.timeout_seconds))
            if not found or time.monotonic() > deadline:
                raise LinkError(
                    f"no greeting within {self.timeout_seconds:g} s: the board must be configured with this design's "
                    f"bitstream, and the line must have its baud rate ({len(seen)} other bytes came)"
                )
        self._forget()
        self._take(seen[seen.index(GREETING) + len(GREETING) :])

    def read(self, offset: int) -> int:
        """Read a register.

        Raises
        ------
        LinkError
            The board does not answer.
        """
        self.transport.write(bytes([Command.READ]) + offset.to_bytes(2, "little"))
        return int.from_bytes(self._answer(Reply.READ)[1:], "little")

    def write(self, offset: int, value: int) -> None:
        """Write a register.

        Raises
        ------
        LinkError
            The board does not answer.
        """
        arguments = offset.to_bytes(2, "little") + (value & 0xFFFF_FFFF).to_bytes(4, "little")
        self.transport.write(bytes([Command.WRITE]) + arguments)
        self._answer(Reply.WRITTEN)

    def exchange(self, frames: Sequence[Sequence[bytes]], sizes: Sequence[int]) -> list[bytes]:
        """Send a frame to each input stream, and receive one of each output stream.

        Parameters
        ----------
        frames : sequence of sequence of bytes
            Per input, its rows.
        sizes : sequence of int
            Per output, bytes to receive.

        Raises
        ------
        LinkError
            The board stops, or sends more than it should.
        """
        packets = [_packets(number, rows) for number, rows in enumerate(frames)]
        waiting = [next(stream, None) for stream in packets]
        while True:
            self._send(packets, waiting)
            missing = [size - len(self._output.get(number, b"")) for number, size in enumerate(sizes)]
            if strange := [number for number in self._output if number >= len(sizes)]:
                raise LinkError(f"the board sent data of output {strange[0]}; it has {len(sizes)}")
            if excess := -sum(min(count, 0) for count in missing):
                raise LinkError(f"the board sent {excess} bytes more than the {sum(sizes)} of its outputs")
            if not any(missing) and not any(waiting):
                return [bytes(self._output.pop(number, b"")) for number in range(len(sizes))]
            if self._granted <= GRANTS // 2 and any(missing):
                more = GRANTS - self._granted
                self.transport.write(bytes([Command.GRANT, more]))
                self._granted += more
            sent = "all input sent" if not any(waiting) else "input not yet sent"
            self._receive(f"{sent}, {sum(missing)} of {sum(sizes)} bytes of output missing")

    def _send(self, packets: Sequence[Iterator[bytes]], waiting: list[bytes | None]) -> None:
        """Send what there is room for, a packet of each input in turn: the core wants some of all of them."""
        sent = True
        while sent:
            sent = False
            for number, packet in enumerate(waiting):
                if packet is not None and len(packet) - 2 <= self._room.get(number, ROOM_BYTES):
                    self._room[number] = self._room.get(number, ROOM_BYTES) - (len(packet) - 2)
                    self.transport.write(packet)
                    waiting[number] = next(packets[number], None)
                    sent = True

    def _answer(self, kind: Reply) -> bytes:
        while not self._answers:
            self._receive("no answer to a register access")
        answer = self._answers.popleft()
        if answer[0] != kind:
            raise LinkError(f"the board answers with {answer[0]:#04x} instead of {kind:#04x}: reset it")
        return answer

    def _receive(self, waiting_for: str) -> None:
        """Wait for something to arrive."""
        found = self.transport.read(self.timeout_seconds)
        if not found:
            raise LinkError(f"the board is silent for {self.timeout_seconds:g} s: {waiting_for}")
        self._take(found)

    def _take(self, found: bytes | bytearray) -> None:
        """Do what complete messages say; keep the rest."""
        self._arrived += found
        while self._arrived:
            first = self._arrived[0]
            size = 1
            if first == Reply.READ:
                size = 5
            elif first & Reply.DATA:
                size = 2 + (self._arrived[1] + 1 if len(self._arrived) > 1 else 1)
            if len(self._arrived) < size:
                return
            message = bytes(self._arrived[:size])
            del self._arrived[:size]
            if first & Reply.DATA:
                self._granted -= 1
                self._output.setdefault(first - Reply.DATA, bytearray()).extend(message[2:])
            elif first & Reply.ROOM:
                number = first - Reply.ROOM
                self._room[number] = self._room.get(number, ROOM_BYTES) + BLOCK_BYTES
            elif first in (Reply.READ, Reply.WRITTEN):
                self._answers.append(message)
            else:
                raise LinkError(f"the board sends {first:#04x}, which means nothing: reset it")


def _packets(number: int, rows: Sequence[bytes]) -> Iterator[bytes]:
    """Rows of a frame as packets of data."""
    for y, row in enumerate(rows):
        for start in range(0, len(row), BLOCK_BYTES):
            part = row[start : start + BLOCK_BYTES]
            first = y == 0 and start == 0
            last = start + BLOCK_BYTES >= len(row)
            yield bytes([Command.DATA | number, len(part) - 1 | first << 6 | last << 7]) + part
