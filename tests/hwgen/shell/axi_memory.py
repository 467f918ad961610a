"""A memory behind AXI4, for amaranth.sim: latency, random back-pressure, injected errors, and every rule checked.

Everything is called once a cycle: ``drive`` puts the slave's signals, ``observe`` looks at what is transferred.
"""

import random
from collections import deque

import numpy as np

OKAY, SLVERR, DECERR = 0, 2, 3


class Held:
    """Valid stays up, and what goes with it stays the same, until ready."""

    def __init__(self, bus, valid, ready, payload):
        self.valid, self.ready = bus.signals[valid], bus.signals[ready]
        self.payload = [bus.signals[name] for name in payload]
        self.waiting = None

    def transfer(self, ctx):
        """The payload, where it is transferred in this cycle."""
        valid = ctx.get(self.valid)
        values = [ctx.get(signal) for signal in self.payload] if valid else None
        if self.waiting is not None:
            assert values == self.waiting, f"{self.valid.name} or what goes with it changed before ready"
        moved = valid and ctx.get(self.ready)
        self.waiting = values if valid and not moved else None
        return values if moved else None


def check_burst(bus, address, length, size, burst, memory):
    beat_bytes = 1 << size
    assert beat_bytes * 8 == int(bus.parameters["DATA_WIDTH"])
    assert burst == 1 and length < 16
    assert address % beat_bytes == 0
    last = address + (length + 1) * beat_bytes - 1
    assert address >> 12 == last >> 12, f"burst {address:#x} of {length + 1} beats crosses 4 KiB"
    assert last < len(memory), f"burst {address:#x} lies outside the memory"


class ReadPort:
    """Serves an AXI4 read master. ``errors`` maps the number of a beat to its response."""

    def __init__(self, bus, memory, seed=0, latency=5, stall=0.0, errors=None):
        self.bus, self.memory, self.latency, self.stall = bus, memory, latency, stall
        self.random = random.Random(seed)
        self.address = Held(bus, "arvalid", "arready", ["araddr", "arlen", "arsize", "arburst"])
        self.beats = deque()  # (time, address, last)
        self.time = self.served = self.bursts = 0
        self.errors = errors or {}
        self.failed = []  # (response, burst address)
        self.present = False

    def drive(self, ctx):
        bus = self.bus
        ctx.set(bus.arready, self.random.random() >= self.stall)
        due = bool(self.beats) and self.beats[0][0] <= self.time
        self.present = self.present or (due and self.random.random() >= self.stall)
        ctx.set(bus.rvalid, self.present)
        if self.present:
            _, address, last, _ = self.beats[0]
            size = len(bus.rdata) // 8
            ctx.set(bus.rdata, int.from_bytes(self.memory[address : address + size].tobytes(), "little"))
            ctx.set(bus.rlast, last)
            ctx.set(bus.rresp, self.errors.get(self.served, OKAY))
        else:
            ctx.set(bus.rdata, self.random.getrandbits(len(bus.rdata)))
            ctx.set(bus.rlast, self.random.getrandbits(1))
            ctx.set(bus.rresp, self.random.getrandbits(2))

    def observe(self, ctx):
        bus = self.bus
        if moved := self.address.transfer(ctx):
            address, length, size, burst = moved
            check_burst(bus, address, length, size, burst, self.memory)
            self.bursts += 1
            for beat in range(length + 1):
                start = address + (beat << size)
                self.beats.append((self.time + self.latency, start, beat == length, address))
        if self.present and ctx.get(bus.rready):
            *_, burst = self.beats.popleft()
            if response := self.errors.get(self.served, OKAY):
                self.failed.append((response, burst))
            self.served += 1
            self.present = False
        self.time += 1

    @property
    def idle(self):
        return not self.beats


class WritePort:
    """Serves an AXI4 write master. ``errors`` maps the number of a burst to its response."""

    def __init__(self, bus, memory, seed=0, latency=5, stall=0.0, errors=None):
        self.bus, self.memory, self.latency, self.stall = bus, memory, latency, stall
        self.random = random.Random(seed)
        self.address = Held(bus, "awvalid", "awready", ["awaddr", "awlen", "awsize", "awburst"])
        self.data = Held(bus, "wvalid", "wready", ["wdata", "wstrb", "wlast"])
        self.bursts = deque()  # (address, length) without all their data
        self.early = deque()  # data before its address
        self.answers = deque()  # (time, burst address)
        self.beat = self.time = self.answered = 0
        self.errors = errors or {}
        self.failed = []
        self.written = np.zeros(len(memory), int)
        self.present = False

    def drive(self, ctx):
        bus = self.bus
        ctx.set(bus.awready, self.random.random() >= self.stall)
        ctx.set(bus.wready, self.random.random() >= self.stall)
        due = bool(self.answers) and self.answers[0][0] <= self.time
        self.present = self.present or (due and self.random.random() >= self.stall)
        ctx.set(bus.bvalid, self.present)
        ctx.set(bus.bresp, self.errors.get(self.answered, OKAY) if self.present else self.random.getrandbits(2))

    def observe(self, ctx):
        bus = self.bus
        if moved := self.address.transfer(ctx):
            address, length, size, burst = moved
            check_burst(bus, address, length, size, burst, self.memory)
            self.bursts.append((address, length))
        if moved := self.data.transfer(ctx):
            self.early.append(moved)
        if self.present and ctx.get(bus.bready):
            _, address = self.answers.popleft()
            if response := self.errors.get(self.answered, OKAY):
                self.failed.append((response, address))
            self.answered += 1
            self.present = False
        size = len(bus.wdata) // 8
        while self.bursts and self.early:
            address, length = self.bursts[0]
            data, strobe, last = self.early.popleft()
            assert last == (self.beat == length), "WLAST is not on a burst's last beat"
            for n in range(size):
                if strobe >> n & 1:
                    self.memory[address + self.beat * size + n] = data >> 8 * n & 255
                    self.written[address + self.beat * size + n] += 1
            self.beat += 1
            if last:
                self.bursts.popleft()
                self.beat = 0
                self.answers.append((self.time + self.latency, address))
        self.time += 1

    @property
    def idle(self):
        return not (self.bursts or self.early or self.answers)
