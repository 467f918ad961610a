"""Launches of a simulated shell from Python: arrays into the memory, registers, start, arrays out of it.

What the driver in C does on a board, for tests and measurements of the hardware alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fluorite.errors import SimulationError, UsageError
from fluorite.hwgen.shell.hardware import ShelledCore
from fluorite.hwgen.shell.registers import ErrorCode, StreamRegisters
from fluorite.run.launch import Launch
from fluorite.run.words import Words
from fluorite.systems.program.model import System

__all__ = ["HardwareError", "Launcher", "Started"]

Array = np.ndarray[Any, Any]


class HardwareError(SimulationError):
    """The hardware reports that a launch failed."""

    def __init__(self, launch: int, code: int, stream: int, address: int) -> None:
        self.launch = launch
        self.code = ErrorCode(code)
        self.stream = stream
        self.address = address
        super().__init__(f"launch {launch} failed: {self.code.name}, stream {stream}, address {address:#x}")


@dataclass
class Started:
    """A launch that was started.

    Attributes
    ----------
    number : int
        The hardware's number of it.
    start_cycle : int
        When start was written.
    outputs : list of tuple
        Per output, where its rows lie and the array to fill in.
    """

    number: int
    start_cycle: int
    outputs: list[tuple[Array, Array]] = field(default_factory=list)


class Launcher:
    """Runs launches on a simulated shell.

    Parameters
    ----------
    system : System
        The shell with its memory.
    core : ShelledCore
        What the shell was made from.
    offset : int
        Where in the memory images may be put; everything from there on is taken in turn.
    row_gap : int
        Bytes between rows, so that strides are not the rows' length.
    alignment, skew : int
        Images begin `skew` bytes after a multiple of `alignment`.
    """

    def __init__(
        self,
        system: System,
        core: ShelledCore,
        *,
        offset: int = 0,
        row_gap: int = 0,
        alignment: int = 64,
        skew: int = 0,
    ) -> None:
        self.system = system
        self.generated = core.generated
        self.registers = core.registers
        self.offset = offset
        self.row_gap = row_gap
        self.alignment = alignment
        self.skew = skew

    def read(self, register: str, field: str | None = None) -> int:
        """Value of a register, or of a field of it."""
        found = self.registers[register]
        value = self.system.reg_read(found.offset)
        if field is None:
            return value
        part = found.field(field)
        return value >> part.low_bit & part.mask >> part.low_bit

    def write(self, register: str, value: int) -> None:
        """Write a register."""
        self.system.reg_write(self.registers[register].offset, value)

    def command(self, field: str) -> None:
        """Do a command of the control register."""
        self.write("control", 1 << self.registers["control"].field(field).low_bit)

    def start(
        self,
        launch: Launch,
        inputs: Sequence[Array],
        outputs: Sequence[Array],
    ) -> Started:
        """Put the inputs into memory and start; `outputs` are filled in by `finish`.

        Parameters
        ----------
        launch : Launch
            Region of the output, and what else settings depend on.
        inputs, outputs : sequence of ndarray
            As for :meth:`fluorite.run.accelerator.Accelerator.run`.
        """
        for registers in self.registers.settings:
            value = registers.setting.formula.evaluate(launch.variables)
            self.system.reg_write(registers.low.offset, value)
            if registers.high is not None:
                self.system.reg_write(registers.high.offset, value >> 32)
        started = Started(self.read("launches_started"), 0)
        arrays = [*inputs, *outputs]
        for stream, plan, array in zip(self.registers.streams, self.generated.streams, arrays, strict=True):
            words = Words(plan)
            if stream.layout.in_rows:
                scan = words.scan(array)
                rows = scan.reshape(*scan.shape[: len(plan.lanes) - 1], -1)
            else:
                rows = words.pack(array) if plan.is_input else words.room(array)
            place = self._place(rows, stream, launch.variables)
            if plan.is_input:
                place[...] = np.ascontiguousarray(rows).view(np.uint8)
            else:
                started.outputs.append((place, array))
        self.command("start")
        started.start_cycle = self.system.cycle
        return started

    def _place(self, rows: Array, stream: StreamRegisters, variables: Mapping[str, int]) -> Array:
        """Room for rows, as bytes, and its registers written."""
        row_bytes = stream.layout.row_bytes.evaluate(variables)
        counts = [count.evaluate(variables) for count in stream.layout.counts]
        shape = (*reversed(counts), row_bytes)
        if rows.nbytes != math.prod(shape):
            raise UsageError(f"stream {stream.port.name} must have {shape} bytes, not {rows.shape} of {rows.dtype}")
        strides, stride = [], row_bytes
        for number, count in enumerate(counts):
            stride += self.row_gap * (number + 1)
            strides.append(stride)
            stride *= count
        total = strides[-1] * counts[-1] if counts else row_bytes
        start = -(-self.offset // self.alignment) * self.alignment + self.skew
        if start + total > len(self.system.memory):
            raise UsageError(f"memory must have room for {total} bytes at {start}: it has {len(self.system.memory)}")
        self.offset = start + total
        address = self.system.options.base + start
        for register, value in (
            (stream.base_low, address),
            (stream.base_high, address >> 32),
            (stream.row_bytes, row_bytes),
        ):
            if register is not None:
                self.system.reg_write(register.offset, value)
        for register, value in (*zip(stream.counts, counts, strict=True), *zip(stream.strides, strides, strict=True)):
            self.system.reg_write(register.offset, value)
        return np.lib.stride_tricks.as_strided(self.system.memory[start:], shape, (*reversed(strides), 1))

    def finish(self, started: Started, timeout_cycles: int = 10_000_000) -> int:
        """Wait for the interrupt until a launch is completed, and take its outputs; returns the interrupt's cycle.

        Raises
        ------
        HardwareError
            The launch failed.
        SimulationError
            It does not end in time.
        """
        self.write("interrupt_enable", 3)
        while (self.read("launches_completed") - started.number - 1) & 0x8000_0000:
            if not self.system.run_until_irq(timeout_cycles):
                raise SimulationError(f"launch {started.number} must end within {timeout_cycles} cycles")
            self.write("interrupt_status", 3)
        cycle = int(self.system.counters.interrupt_cycle)
        if self.read("launch_errors") >> started.number % 32 & 1:
            address = self.read("error_address_high") << 32 | self.read("error_address_low")
            code, stream = self.read("error", "code"), self.read("error", "stream")
            failed = self.read("error_launch")
            self.write("error", 0)
            raise HardwareError(failed, code, stream, address)
        for plan, (place, array) in zip(self.generated.outputs, started.outputs, strict=True):
            words = Words(plan)
            values = np.ascontiguousarray(place).view(array.dtype)
            if plan.in_rows:
                scan = words.scan(array)
                scan[...] = values.reshape(scan.shape)
            else:
                room = words.room(array)
                room[...] = values
                words.unpack(room, array)
        return cycle
