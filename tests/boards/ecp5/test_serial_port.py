"""A serial port of the machine, as far as a pseudo terminal is one."""

import os
import threading

import pytest

from fluorite.boards.ecp5.link import Link
from fluorite.boards.ecp5.protocol import FLUSH, GREETING
from fluorite.boards.ecp5.serial_port import SerialPort
from fluorite.errors import UsageError


def test_bytes_pass_as_they_are():
    ours, theirs = os.openpty()
    everything = bytes(range(256))
    with SerialPort(os.ttyname(theirs), 1_000_000) as port:
        port.write(everything)
        assert os.read(ours, 1000) == everything
        os.write(ours, everything)
        assert port.read(1.0) == everything
        assert port.read(0.01) == b""
    os.close(ours)
    os.close(theirs)


def test_a_link_over_it():
    ours, theirs = os.openpty()

    def board():
        seen = b""
        while len(seen) < len(FLUSH):
            seen += os.read(ours, 100)
        os.write(ours, GREETING)
        os.read(ours, 3)
        os.write(ours, b"\x01\x0d\x0a\x11\x13")

    thread = threading.Thread(target=board)
    thread.start()
    with SerialPort(os.ttyname(theirs), 1_000_000) as port:
        assert Link(port).read(4) == 0x13110A0D
    thread.join()
    os.close(ours)
    os.close(theirs)


def test_refusals(tmp_path):
    (tmp_path / "file").write_text("")
    for path, baud, message in (
        (tmp_path / "none", 1_000_000, f"{tmp_path}/none: No such file or directory"),
        (tmp_path / "file", 1_000_000, f"{tmp_path}/file: not a serial port: Inappropriate ioctl for device"),
        ("/dev/ttyUSB0", 1234567, "/dev/ttyUSB0: 1234567 baud is not a rate of serial ports on this system"),
    ):
        with pytest.raises(UsageError) as error:
            SerialPort(path, baud)
        assert str(error.value) == message
