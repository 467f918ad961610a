"""A serial port of this machine (Linux, macOS, BSD), by the standard library alone."""

from __future__ import annotations

import errno
import fcntl
import grp
import os
import select
import termios
import tty
from pathlib import Path
from types import TracebackType

from fluorite.boards.ecp5.link import LinkError
from fluorite.errors import UsageError

__all__ = ["SerialPort"]


class SerialPort:
    """A serial port, 8N1 without flow control: a :class:`fluorite.boards.ecp5.link.Transport`.

    It is this program's alone until it is closed, among programs that lock theirs (``flock``).

    Parameters
    ----------
    path : str or Path
        Such as ``/dev/ttyUSB0``.
    baud : int
        Bits a second.

    Raises
    ------
    UsageError
        It cannot be opened, is in use, is not a terminal, or does not know the baud rate.
    """

    def __init__(self, path: str | Path, baud: int) -> None:
        speed = getattr(termios, f"B{baud}", None)
        if speed is None:
            raise UsageError(f"{path}: {baud} baud is not a rate of serial ports on this system")
        self._path = path
        try:
            # A modem's port would wait here for its carrier.
            self._file = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            os.set_blocking(self._file, True)
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}{_way_out(path, error)}") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise UsageError(f"{path}: another program has this serial port") from error
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
        """Send bytes.

        Raises
        ------
        LinkError
            The port is gone.
        """
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError as error:
            raise self._gone() from error

    def read(self, seconds: float) -> bytes:
        """What has arrived; nothing only after waiting that long.

        Raises
        ------
        LinkError
            The port is gone.
        """
        there, _, _ = select.select([self._file], [], [], seconds)
        if not there:
            return b""
        try:
            found = os.read(self._file, 4096)
        except OSError as error:
            raise self._gone() from error
        if not found:
            raise self._gone()
        return found

    def _gone(self) -> LinkError:
        return LinkError(f"{self._path}: the serial port is gone: has the board been unplugged?")

    def close(self) -> None:
        """Give the port back."""
        os.close(self._file)

    def __enter__(self) -> SerialPort:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _way_out(path: str | Path, error: OSError) -> str:
    """What to do about a port that cannot be opened."""
    if error.errno == errno.ENOENT:
        return ": is the board plugged in?"
    if error.errno == errno.EACCES:
        owner = os.stat(path).st_gid
        try:
            group = grp.getgrgid(owner).gr_name
        except KeyError:
            group = str(owner)
        return f": this user must be of the group {group} (`sudo usermod -aG {group} $USER`, then log in again)"
    return ""
