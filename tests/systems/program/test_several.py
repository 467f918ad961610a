"""Several accelerators behind one memory, on every system."""

import contextlib
import functools
import re
import socket
import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest

from fluorite.systems.program.program import build_programs
from fluorite.systems.program.run import serving
from fluorite.systems.program.settings import Memory
from tests.systems.program.conftest import BEATS, CONTROL, DESTINATION, SOURCE, STATUS
from tests.systems.several import ACCELERATORS, picture, several

REG_WRITE, WAIT_IRQ, SYNC_FOR_DEVICE, SYNC_FOR_CPU = 3, 4, 5, 6
MEMORY = Memory(bytes=1 << 20)

SYSTEMS = [("host", False), ("arm32", False), ("arm64", False), ("arm32", True), ("arm64", True)]


@functools.cache
def programs():
    folder = tempfile.TemporaryDirectory()
    made = build_programs(several(), ["host", "arm32", "arm64"], Path(folder.name), random_power_up=True)
    made["host"].keep = folder
    return made


@pytest.mark.parametrize(("target", "board"), SYSTEMS, ids=str)
def test_each_sees_what_the_others_wrote(target, board):
    image, expected = picture(70, 50)
    result = np.zeros_like(expected)
    done = programs()[target].run(
        {"source": image}, [result], board=board, environment={"HL_NUM_THREADS": "4"},
        memory=Memory(bytes=4 << 20, stalls=0.1, reorder=True, seed=7), timeout_seconds=200,
    )  # fmt: skip
    np.testing.assert_array_equal(result, expected)
    assert set(done.reports) == set(ACCELERATORS)
    assert all(report["interrupts"] > 0 for report in done.reports.values())
    assert len(re.findall(r"^\w+: 6 launches", done.output, re.MULTILINE)) == len(ACCELERATORS)


def test_64_threads():
    """However late a launch that was accepted is waited for, it ends well."""
    image, expected = picture(130, 250)
    result = np.zeros_like(expected)
    done = programs()["host"].run(
        {"source": image}, [result], environment={"HL_NUM_THREADS": "64"}, timeout_seconds=200
    )  # fmt: skip
    np.testing.assert_array_equal(result, expected)
    assert len(re.findall(r"^\w+: 40 launches", done.output, re.MULTILINE)) == len(ACCELERATORS)


def ask(server, op, address=0, value=0):
    """A request to a simulator; the reply's value."""
    server.sendall(struct.pack("<IIQQQ", op, 0, address, value, 0))
    status, _, result, _, _ = struct.unpack("<IIQQQ", server.recv(32, socket.MSG_WAITALL))
    assert status == 0
    return result


def copied(server, source, destination, beats):
    """One copy by a copier, waited for."""
    settings = ((STATUS, 6), (SOURCE, MEMORY.base + source), (DESTINATION, MEMORY.base + destination), (BEATS, beats))
    for register, value in settings:
        ask(server, REG_WRITE, register, value)
    ask(server, REG_WRITE, CONTROL, 1)
    assert ask(server, WAIT_IRQ, value=20_000) == 1


@pytest.fixture
def copiers(copier):
    """Connections to two copiers, and the CPU's view of their memory."""
    with serving({"first": copier, "second": copier}, MEMORY) as servers, contextlib.ExitStack() as stack:
        connections = []
        for name in ("FIRST", "SECOND"):
            connections.append(stack.enter_context(socket.socket(socket.AF_UNIX)))
            connections[-1].settimeout(20)
            connections[-1].connect(servers.environment[f"FLUORITE_SIM_SOCKET_{name}"])
        yield (*connections, np.memmap(servers.arena, np.uint8, "r+"))


def test_one_memory_behind_all(copiers):
    first, second, view = copiers
    view[:800] = 7
    ask(first, SYNC_FOR_DEVICE, 0, 800)
    copied(first, 0, 0x4000, 100)
    copied(second, 0x4000, 0x8000, 100)  # what the first wrote, which the CPU has not seen
    assert not view[0x4000:0xA000].any()
    ask(first, SYNC_FOR_CPU, 0x8000, 800)  # caches are the CPU's: any simulator maintains them
    assert (view[0x8000:0x8320] == 7).all() and not view[0x4000:0x8000].any()


def test_clean_lines_are_not_written_back(copiers):
    """An input's rows are written back with what lies between them, which another accelerator may be writing."""
    first, second, view = copiers
    view[:128] = 7
    ask(first, SYNC_FOR_DEVICE, 0, 128)
    copied(first, 0, 0x4000, 16)
    view[0x4080:0x4090] = 9
    ask(second, SYNC_FOR_DEVICE, 0x4000, 256)
    ask(second, SYNC_FOR_CPU, 0x4000, 256)
    assert (view[0x4000:0x4080] == 7).all() and (view[0x4080:0x4090] == 9).all() and not view[0x4090:0x4100].any()


def test_dirty_lines_are_written_back_whole(copiers):
    """What the CPU writes into a line of an output meanwhile costs the output that line."""
    first, second, view = copiers
    view[:128] = 7
    ask(first, SYNC_FOR_DEVICE, 0, 128)
    copied(first, 0, 0x4000, 16)
    view[0x4040] = 9
    ask(second, SYNC_FOR_DEVICE, 0x4000, 256)
    ask(second, SYNC_FOR_CPU, 0x4000, 256)
    assert (view[0x4000:0x4040] == 7).all() and view[0x4040] == 9 and not view[0x4041:0x4080].any()
