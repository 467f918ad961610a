"""An accelerator without RTL: a thread that speaks the simulator's protocol, keeps registers as the register map says
and does a launch's transfers in numpy. Its memory is a copy of its own, as a device's without coherent DMA."""

import errno
import mmap
import os
import socket
import struct
import threading
from collections import deque
from types import SimpleNamespace

import numpy as np

ARENA_BASE = 0x1000_0000
HELLO, REG_READ, REG_WRITE, WAIT_IRQ, SYNC_FOR_DEVICE, SYNC_FOR_CPU, BYE = range(1, 8)


class FakeDevice:
    """Serves one accelerator.

    Parameters
    ----------
    registers : RegisterMap
    compute : callable
        Gets the settings by name and the inputs' bytes as ``[volume, plane, row, byte]``, and the outputs' shapes;
        returns the outputs' bytes.
    """

    def __init__(self, registers, compute, path, arena_path, arena_bytes):
        self.map, self.compute = registers, compute
        self.path, self.arena_bytes = path, arena_bytes
        with open(arena_path, "r+b") as file:
            self.arena = np.frombuffer(mmap.mmap(file.fileno(), arena_bytes), np.uint8)
        self.memory = np.zeros(arena_bytes, np.uint8)
        self.names = {r.offset: r.name for r in registers.registers}
        self.defaults()
        self.lock = threading.Lock()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(4)
        threading.Thread(target=self.serve, daemon=True).start()

    def defaults(self):
        """What tests change: `override` registers, `fail` launches by number, a reset that hangs..."""
        self.override, self.fail, self.hang, self.stuck, self.refuse = {}, {}, False, False, 0
        self.failed = {}  # those that were made to
        self.launches, self.syncs, self.waits, self.idle_waits = [], [], 0, 0
        self.delay = 0  # WAIT_IRQs before a launch completes
        self.eager = False  # launches complete as they are started
        self.memory[:] = 0xA5
        self.reset()

    def reset(self):
        self.values = {r.name: r.constant or 0 for r in self.map.registers}
        self.queue = deque()
        self.age = 0

    # --- protocol

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.converse, args=(connection,), daemon=True).start()

    def converse(self, connection):
        with connection:
            while len(request := connection.recv(32, socket.MSG_WAITALL)) == 32:
                with self.lock:
                    reply = self.answer(request)
                connection.sendall(reply)

    def answer(self, request):
        op, _, address, value, _ = struct.unpack("<IIQQQ", request)
        status, result, second = 0, 0, 0
        if op == HELLO:
            status = self.refuse or (0 if value == 1 else errno.EPROTO)
            result, second = self.arena_bytes, ARENA_BASE
        elif op == REG_READ:
            result = self.read(self.names[address])
        elif op == REG_WRITE:
            self.write(self.names[address], value & 0xFFFFFFFF)
        elif op == WAIT_IRQ:
            self.waits += 1
            self.run()
            result = int(self.values["interrupt_status"] & self.values["interrupt_enable"] != 0)
            self.idle_waits += not result
        elif op in (SYNC_FOR_DEVICE, SYNC_FOR_CPU):
            self.syncs.append((op, address, value))
            copies = (self.memory, self.arena) if op == SYNC_FOR_DEVICE else (self.arena, self.memory)
            if address + value > self.arena_bytes:
                status = errno.EINVAL
            else:
                copies[0][address : address + value] = copies[1][address : address + value]
        return struct.pack("<IIQQQ", status, 0, result, second, 0)

    # --- registers

    def read(self, name):
        if name in self.override:
            return self.override[name]
        if name == "status":
            space = self.map.config.queue_depth - len(self.queue)
            busy = bool(self.queue)
            return busy | (not busy) << 1 | (2 << 1 if self.stuck else 0) | space << 8
        return self.values[name] & 0xFFFFFFFF

    def write(self, name, value):
        register = self.map[name]
        if name == "control":
            if value & 2:
                self.reset()
            if value & 4:
                self.values["cycles"] = 1000 + len(self.launches)
            if value & 1:
                self.start()
        elif register.access == "w1c":
            self.values[name] &= ~value
        elif register.access == "clear":
            self.values[name] = 0
        elif register.access == "rw":
            keep = (1 << register.width_bits) - 1
            if register.signed and value >> 31:
                value |= ~keep
            self.values[name] = value & (0xFFFFFFFF if register.signed else keep)

    def start(self):
        launch = {r.name: self.values[r.name] for r in self.map.registers if r.launch}
        empty = any(
            launch[r.name] == 0 for s in self.map.streams for r in (s.row_bytes, *s.counts)
        )  # fmt: skip
        if empty or len(self.queue) == self.map.config.queue_depth:
            self.error(7, 255, 0, 0)
            return
        self.queue.append((self.values["launches_started"], launch))
        self.values["launches_started"] += 1
        if self.eager:
            self.run()

    def error(self, code, stream, launch, address):
        if self.values["error"] == 0:
            self.values |= {"error": code | stream << 8, "error_launch": launch, "error_address_low": address}
        self.values["interrupt_status"] |= 2

    # --- transfers

    def run(self):
        if self.hang or not self.queue:
            return
        self.age += 1
        if self.age <= self.delay:
            return
        self.age = 0
        number, launch = self.queue.popleft()
        self.launches.append(launch)
        if (code := self.fail.pop(len(self.launches) - 1, 0)) != 0:
            self.failed[len(self.launches) - 1] = code
            self.values["launch_errors"] |= 1 << number % 32
            self.error(code, 0, number, 0x1234)
        else:
            self.values["launch_errors"] &= ~(1 << number % 32)
            self.transfer(launch)
        self.values["launches_completed"] += 1
        self.values["interrupt_status"] |= 1

    def view(self, stream, launch):
        base = launch[stream.base_low.name] - ARENA_BASE
        counts = [launch[r.name] for r in stream.counts]
        strides = [launch[r.name] - (launch[r.name] >> 31 << 32) for r in stream.strides]
        row = launch[stream.row_bytes.name]
        low = base + sum(min(0, s * (c - 1)) for s, c in zip(strides, counts, strict=True))
        high = base + row + sum(max(0, s * (c - 1)) for s, c in zip(strides, counts, strict=True))
        assert low >= 0 and high <= self.arena_bytes, "DMA outside the arena"
        return np.lib.stride_tricks.as_strided(self.memory[base:], (*counts[::-1], row), (*strides[::-1], 1))

    def transfer(self, launch):
        views = [self.view(stream, launch) for stream in self.map.streams]
        inputs = [v.copy() for s, v in zip(self.map.streams, views, strict=True) if s.port.direction == "in"]
        outputs = [v for s, v in zip(self.map.streams, views, strict=True) if s.port.direction == "out"]
        for view, result in zip(outputs, self.compute(launch, inputs, [v.shape for v in outputs]), strict=True):
            view[:] = result


def environment(name, path, arena):
    """Where a driver finds it."""
    os.environ[f"FLUORITE_SIM_SOCKET_{name.upper()}"] = str(path)
    os.environ["FLUORITE_SIM_ARENA"] = str(arena)


class FakeSystem:
    """A fake device as what `fluorite.systems.program.model.System` is for simulated hardware with its memory."""

    def __init__(self, device):
        self.device, self.memory = device, device.memory
        self.options = SimpleNamespace(base=ARENA_BASE)
        self.counters = SimpleNamespace(interrupt_cycle=0)
        self.cycle = self.interrupt = 0

    def reg_read(self, offset):
        return self.device.read(self.device.names[offset])

    def reg_write(self, offset, value):
        self.device.write(self.device.names[offset], value & 0xFFFFFFFF)

    def run(self, cycles):
        self.cycle += cycles

    def run_until_irq(self, timeout_cycles):
        self.device.run()
        return True
