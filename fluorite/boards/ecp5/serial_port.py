"""A serial port of this machine (Linux, macOS, BSD), by the standard library alone."""

from __future__ import annotations

import os
import select
import termios
import tty
from pathlib import Path
from types import TracebackType

from fluorite.errors import UsageError

__all__ = ["SerialPort"]


class SerialPort:
    """A serial port, 8N1 without flow control: a :class:`fluorite.boards.ecp5.link.Transport`.

    Parameters
    ----------
    path : str or Path
        Such as ``/dev/ttyUSB0``.
    baud : int
        Bits a second.

    Raises
    ------
    UsageError
        It cannot be opened, is not a terminal, or does not know the baud rate.
    """

    def __init__(self, path: str | Path, baud: int) -> None:
        speed = getattr(termios, f"B{baud}", None)
        if speed is None:
            raise UsageError(f"{path}: {baud} baud is not a rate of serial ports on this system")
        try:
            self._file = os.open(path, os.O_RDWR | os.O_NOCTTY)
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from error
        try:
            tty.setraw(self._file)
            attributes = termios.tcgetattr(self._file)
            attributes[2] = termios.CS8 | termios.CREAD | termios.CLOCAL
            attributes[4] = attributes[5] = speed
            termios.tcsetattr(self._file, termios.TCSANOW, attributes)
            termios.tcflush(self._file, termios.TCIOFLUSH)
        except termios.error as error:
            os.close(self._file)
            raise UsageError(f"{path}: not a serial port: {error.args[-1]}") from error

    def write(self, data: bytes) -> None:
        """Send bytes."""
        while data:
            data = data[os.write(self._file, data) :]

    def read(self, seconds: float) -> bytes:
        """What has arrived; nothing only after waiting that long."""
        there, _, _ = select.select([self._file], [], [], seconds)
        return os.read(self._file, 4096) if there else b""

    def close(self) -> None:
        """Give the port back."""
        os.close(self._file)

    def __enter__(self) -> SerialPort:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
