"""The server as a driver sees it, over its socket."""

import errno
import mmap
import os
import re
import socket
import struct
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import fluorite.glue
from fluorite.errors import SimulationError
from fluorite.systems.program.build import build_system
from fluorite.systems.program.run import run_program, serving
from fluorite.systems.program.settings import InjectedError, Memory
from fluorite.systems.program.targets import TARGETS, find_target
from tests.systems.program.conftest import BEATS, CONTROL, DESTINATION, DONE, SOURCE, STATUS, mutant

HELLO, REG_READ, REG_WRITE, WAIT_IRQ, SYNC_FOR_DEVICE, SYNC_FOR_CPU, BYE = range(1, 8)
MEMORY = Memory(bytes=1 << 20)


class Driver:
    """What a driver does, in Python."""

    def __init__(self, servers):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(servers.environment["FLUORITE_SIM_SOCKET"])
        with open(servers.environment["FLUORITE_SIM_ARENA"], "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)
        self.arena = np.frombuffer(self.map, np.uint8)

    def ask(self, op, address=0, value=0):
        self.socket.sendall(struct.pack("<IIQQQ", op, 0, address, value, 0))
        reply = b""
        while len(reply) < 32:
            part = self.socket.recv(32 - len(reply))
            assert part, "the server is gone"
            reply += part
        status, _, value, value2, _ = struct.unpack("<IIQQQ", reply)
        return status, value, value2

    def get(self, op, address=0, value=0):
        status, value, _ = self.ask(op, address, value)
        assert status == 0, os.strerror(status)
        return value

    def start(self, source, destination, beats):
        for register, value in ((STATUS, 6), (SOURCE, MEMORY.base + source), (DESTINATION, MEMORY.base + destination)):
            self.get(REG_WRITE, register, value)
        self.get(REG_WRITE, BEATS, beats)
        self.get(REG_WRITE, CONTROL, 1)


@contextmanager
def driver(model, **options):
    with serving({"copier": model}, MEMORY, **options) as servers:
        found = Driver(servers)
        found.servers = servers
        yield found
        found.socket.close()


def test_constants_are_the_protocol_headers():
    text = (Path(fluorite.glue.__file__).parent / "runtime" / "fluorite_sim_protocol.h").read_text()
    found = dict(re.findall(r"FLUORITE_SIM_(\w+) = (\d+)", text))
    assert {name: int(found[name]) for name in found} == {
        "HELLO": 1, "REG_READ": 2, "REG_WRITE": 3, "WAIT_IRQ": 4, "SYNC_FOR_DEVICE": 5, "SYNC_FOR_CPU": 6, "BYE": 7,
    }  # fmt: skip


def test_a_copy_as_a_driver_does_it(copier):
    with driver(copier) as d:
        assert d.ask(HELLO, value=1) == (0, MEMORY.bytes, MEMORY.base)
        assert d.get(REG_READ, 0) == 0x434F5059
        d.arena[:8000] = np.random.default_rng(0).integers(0, 256, 8000, np.uint8)
        d.get(SYNC_FOR_DEVICE, 0, 8000)
        d.start(0, 0x40000, 1000)
        assert d.get(WAIT_IRQ, value=10_000) == 1
        assert d.get(REG_READ, STATUS) == DONE
        assert not d.arena[0x40000:0x41F40].any()  # the CPU does not see it yet
        d.get(SYNC_FOR_CPU, 0x40000, 8000)
        np.testing.assert_array_equal(d.arena[0x40000:0x41F40], d.arena[:8000])
        assert d.get(BYE) == 0
    report = d.servers.reports["copier"]
    assert report["violation"] == ""
    assert report["interrupts"] == 1
    assert report["ports"]["m_axi_result"]["bytes_written"] == 8000


def test_missing_maintenance_shows(copier):
    with driver(copier) as d:
        d.arena[:800] = 7
        d.start(0, 0x40000, 100)
        assert d.get(WAIT_IRQ, value=10_000) == 1
        d.get(SYNC_FOR_CPU, 0x40000, 800)
        assert not d.arena[0x40000:0x40320].any()
    with driver(copier, shared=True) as d:
        d.arena[:800] = 7
        d.start(0, 0x40000, 100)
        assert d.get(WAIT_IRQ, value=10_000) == 1
        assert (d.arena[0x40000:0x40320] == 7).all()


def test_interrupts_are_waited_for(copier):
    with driver(copier) as d:
        began = time.monotonic()
        assert d.get(WAIT_IRQ, value=50) == 0
        assert 0.045 < time.monotonic() - began < 5
        d.start(0, 0x40000, 10)
        while not d.get(REG_READ, STATUS) & DONE:  # polled, and cleared
            pass
        d.get(REG_WRITE, STATUS, DONE)
        assert d.get(WAIT_IRQ, value=10_000) == 1  # it did rise
        assert d.get(WAIT_IRQ, value=20) == 0


def test_the_hardware_runs_while_the_driver_does_something_else(copier):
    with driver(copier) as d:
        d.start(0, 0x40000, 1000)
        reads, cycles = 0, time.monotonic()
        while not d.get(REG_READ, STATUS) & DONE:
            reads += 1
            time.sleep(0.01)
            assert time.monotonic() - cycles < 10
        assert reads < 20


def test_others_are_served_while_one_waits(copier):
    with driver(copier) as d:
        other = Driver(d.servers)
        results = []
        waiting = threading.Thread(target=lambda: results.append(d.get(WAIT_IRQ, value=10_000)))
        waiting.start()
        time.sleep(0.05)
        assert other.get(REG_READ, 0) == 0x434F5059
        other.start(0, 0x40000, 10)
        waiting.join(10)
        assert results == [1]
        other.socket.close()


def test_a_connection_may_end_in_the_middle_and_another_begin(copier):
    with driver(copier) as d:
        d.socket.sendall(b"\x02\x00\x00")
        d.socket.close()
        waiting = Driver(d.servers)
        waiting.socket.sendall(struct.pack("<IIQQQ", WAIT_IRQ, 0, 0, 10_000, 0))
        waiting.socket.close()
        assert Driver(d.servers).get(REG_READ, 0) == 0x434F5059


def test_bad_requests(copier):
    with driver(copier) as d:
        assert d.ask(HELLO, value=2)[0] == errno.EPROTO
        assert d.ask(99)[0] == errno.EPROTO
        assert d.ask(REG_READ, 2)[0] == errno.EINVAL
        assert d.ask(REG_WRITE, 1 << 32)[0] == errno.EINVAL
        assert d.ask(SYNC_FOR_CPU, 0, MEMORY.bytes + 1)[0] == errno.EINVAL
        assert d.ask(SYNC_FOR_DEVICE, MEMORY.bytes + 1, 0)[0] == errno.EINVAL
        assert d.ask(SYNC_FOR_DEVICE, 16, 2**64 - 8)[0] == errno.EINVAL
        assert d.get(SYNC_FOR_DEVICE, MEMORY.bytes, 0) == 0


def test_injected_errors(copier):
    with driver(copier, errors=[InjectedError("write", beat=70)]) as d:
        for status in (DONE | 4, DONE):
            d.start(0, 0x40000, 100)
            assert d.get(WAIT_IRQ, value=10_000) == 1
            assert d.get(REG_READ, STATUS) == status


def test_violations_end_it(capfd):
    model = build_system(mutant(("m_axi_source_arsize = 3'd3", "m_axi_source_arsize = 3'd2")), "copier_axi")
    with driver(model) as d:
        d.start(0, 0x40000, 10)
        assert d.ask(WAIT_IRQ, value=10_000)[0] == errno.EIO
        assert d.ask(REG_READ, 0)[0] == errno.EIO
    assert "a beat must have 8 bytes, not 4" in d.servers.reports["copier"]["violation"]


def test_what_is_left_over_is_reported():
    model = build_system(mutant(("m_axi_source_rready = 1'b1", "m_axi_source_rready = 1'b0")), "copier_axi")
    with driver(model) as d:
        d.start(0, 0x40000, 10)
        assert d.get(WAIT_IRQ, value=10) == 0
    assert "at the end: 1 reads unanswered or untaken" in d.servers.reports["copier"]["violation"]


def test_a_server_that_cannot_start(copier):
    copier = build_system(mutant(), "copier_axi")
    copier.path = Path("/nowhere.so")
    with (
        pytest.raises(SimulationError, match=r"^simulator of copier must start: .*nowhere"),
        serving({"copier": copier}),
    ):
        pass


def test_programs(copier, tmp_path):
    program = tmp_path / "program"
    program.write_text('#!/bin/sh\necho "$1 $FLUORITE_SIM_SOCKET_COPIER"\nexit $2\n')
    program.chmod(0o755)
    done = run_program(program, ["hello", "3"], {"copier": copier})
    assert (done.code, done.violations) == (3, [])
    assert re.fullmatch(r"hello /\S+\n", done.output)
    with pytest.raises(SimulationError, match=r"^the program failed \(exit code 3\):\nhello"):
        done.check()
    program.write_text("#!/bin/sh\necho before\nexec sleep 60\n")
    with pytest.raises(SimulationError, match=r"^program must end within 0.3 s:\nbefore$"):
        run_program(program, [], {"copier": copier}, timeout_seconds=0.3)


NEEDED = {
    "arm32": "qemu-arm and arm-linux-gnueabihf-gcc",
    "arm64": "qemu-aarch64 and aarch64-linux-gnu-gcc",
}


def test_missing_tools(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    for name, tools in NEEDED.items():
        with pytest.raises(SimulationError, match=rf"^system {name} needs {tools}: apt-get install qemu-user-static "):
            find_target(name)


def test_tools_are_there():
    assert [find_target(name).name for name in TARGETS] == ["host", "arm32", "arm64"]
