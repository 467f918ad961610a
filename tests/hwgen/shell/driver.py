"""A driver in a few lines, for shells in the simulated system: images into memory, launches, errors."""

import numpy as np

from fluorite.hwgen.shell.layout import element_bytes


class Driver:
    """Drives one simulated shell by its register map."""

    def __init__(self, system, registers, generated):
        self.system, self.registers, self.generated = system, registers, generated
        self.started = 0
        self.check_identity()
        self.write("interrupt_enable", 3)

    def check_identity(self):
        for name in ("id", "version", "design_hash", "capabilities"):
            assert self.read(name) == self.registers[name].constant

    def read(self, name, field=None):
        register = self.registers[name]
        value = self.system.reg_read(register.offset)
        if field is None:
            return value
        part = register.field(field)
        return (value & part.mask) >> part.low_bit

    def write(self, name, value):
        self.system.reg_write(self.registers[name].offset, value)

    def command(self, field):
        self.write("control", self.registers["control"].field(field).mask)

    def describe(self, variables, places):
        """Write a launch's registers; ``places``: per stream, (byte offset in the memory, strides)."""
        for s in self.registers.settings:
            value = s.setting.formula.evaluate(variables)
            self.write(s.low.name, value)
            if s.high is not None:
                self.write(s.high.name, value >> 32)
        for stream, (offset, strides) in zip(self.registers.streams, places, strict=True):
            address = self.system.options.base + offset
            self.write(stream.base_low.name, address & 0xFFFFFFFF)
            if stream.base_high is not None:
                self.write(stream.base_high.name, address >> 32)
            self.write(stream.row_bytes.name, stream.layout.row_bytes.evaluate(variables))
            for register, formula in zip(stream.counts, stream.layout.counts, strict=True):
                self.write(register.name, formula.evaluate(variables))
            for register, stride in zip(stream.strides, strides, strict=True):
                self.write(register.name, stride)

    def start(self, variables, places):
        while not self.read("status", "queue_space"):
            assert self.wait()
        self.describe(variables, places)
        self.command("start")
        self.started += 1

    def wait(self, timeout_cycles=200_000):
        """Wait for the interrupt and clear it."""
        fired = self.system.run_until_irq(timeout_cycles)
        self.write("interrupt_status", 3)
        return fired

    def wait_all(self):
        while self.read("launches_completed") != self.started:
            assert self.wait(), "a launch hangs"


def rows_of(stream, variables):
    """(bytes of a row, counts) of a stream."""
    counts = [c.evaluate(variables) for c in stream.layout.counts]
    return stream.layout.row_bytes.evaluate(variables), counts


class Room:
    """Places streams in the memory, at any alignment, apart from each other."""

    def __init__(self, rng, size):
        self.rng, self.size, self.position = rng, size, 0

    def place(self, stream, variables):
        row, counts = rows_of(stream, variables)
        align = element_bytes(stream.port)
        strides, span = [], row
        for count in counts:
            stride = span + align * self.rng.choice([0, 1, 3, self.rng.randrange(40)])
            strides.append(stride)
            span = stride * count
        begin = self.position + align * self.rng.randrange(70)
        begin += -begin % align
        self.position = begin + span
        assert self.position < self.size
        return begin, tuple(strides)


def view(memory, place, stream, variables):
    """The bytes of a stream as an array [..., row, byte] into the memory."""
    row, counts = rows_of(stream, variables)
    begin, strides = place
    shape = (*reversed(counts), row)
    steps = (*reversed(strides), 1)
    return np.lib.stride_tricks.as_strided(memory[begin:], shape, steps)
