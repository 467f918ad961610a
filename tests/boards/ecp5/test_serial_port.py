"""A serial port of the machine, as far as a pseudo terminal is one."""

import os
import threading

import pytest

from fluorite.boards.ecp5.link import Link, LinkError
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
        (tmp_path / "none", 1_000_000, f"{tmp_path}/none: No such file or directory: is the board plugged in?"),
        (tmp_path / "file", 1_000_000, f"{tmp_path}/file: not a serial port: Inappropriate ioctl for device"),
        ("/dev/ttyUSB0", 1234567, "/dev/ttyUSB0: 1234567 baud is not a rate of serial ports on this system"),
    ):
        with pytest.raises(UsageError) as error:
            SerialPort(path, baud)
        assert str(error.value) == message


def test_one_program_at_a_time():
    ours, theirs = os.openpty()
    path = os.ttyname(theirs)
    with SerialPort(path, 1_000_000), pytest.raises(UsageError) as error:
        SerialPort(path, 1_000_000)
    assert str(error.value) == f"{path}: another program has this serial port"
    SerialPort(path, 1_000_000).close()
    os.close(ours)
    os.close(theirs)


@pytest.fixture
def nobody():
    """For a while this is not the superuser, who may open everything."""
    ours = os.geteuid()
    if ours == 0:
        os.seteuid(65534)
    yield
    os.seteuid(ours)


@pytest.mark.parametrize(("group", "name"), [(0, "root"), (4_000_000, "4000000")])
def test_no_permission(request, monkeypatch, group, name):
    ours, theirs = os.openpty()
    path = os.ttyname(theirs)
    os.chmod(path, 0)
    monkeypatch.setattr(os, "stat", lambda path: os.stat_result((0, 0, 0, 1, 0, group, 0, 0, 0, 0)))
    request.getfixturevalue("nobody")
    with pytest.raises(UsageError) as error:
        SerialPort(path, 1_000_000)
    assert str(error.value) == (
        f"{path}: Permission denied: this user must be of the group {name} (`sudo usermod -aG {name} $USER`, then log "
        "in again)"
    )
    os.close(ours)
    os.close(theirs)


def test_unplugged():
    ours, theirs = os.openpty()
    path = os.ttyname(theirs)
    with SerialPort(path, 1_000_000) as port:
        os.close(theirs)
        os.close(ours)
        for action in (lambda: port.read(1.0), lambda: port.write(b"x")):
            with pytest.raises(LinkError) as error:
                action()
            assert str(error.value) == f"{path}: the serial port is gone: has the board been unplugged?"
