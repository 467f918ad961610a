"""Launches on a board at the end of a serial line."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence

import numpy as np

from fluorite.boards.ecp5.link import Link, LinkError
from fluorite.errors import UsageError
from fluorite.hwgen.interface import StreamPort
from fluorite.hwgen.shell.hardware import ShelledCore
from fluorite.hwgen.shell.registers import ERROR_TEXTS, ErrorCode, Register
from fluorite.run.launch import Launch
from fluorite.sim.run import AnyArray, LaunchStatistics, RunResult, Stalls

__all__ = ["BoardBackend"]


class BoardBackend:
    """An accelerator on a board. Calls from several threads wait for each other.

    Parameters
    ----------
    core : ShelledCore
        What the board's bitstream was made from: a core in a stream shell.
    link : Link
        The board.

    Raises
    ------
    LinkError
        The board does not answer, or holds another design.
    """

    def __init__(self, core: ShelledCore, link: Link) -> None:
        self.generated = core.generated
        self.link = link
        self.registers = core.registers
        self._written: dict[str, int] = {}
        self._line = threading.Lock()
        for name in ("id", "version", "design_hash"):
            register = self.registers[name]
            if (found := link.read(register.offset)) != register.constant:
                raise LinkError(
                    f"{name} of the accelerator must be {register.constant:#010x}, not {found:#010x}: the board holds "
                    "another design; load the bitstream of this one"
                )

    def run(
        self,
        launch: Launch,
        inputs: Sequence[AnyArray],
        outputs: Sequence[AnyArray],
        *,
        stalls: Stalls | None = None,
        progress: Callable[[int, int, int], None] | None = None,
    ) -> RunResult:
        """Run one launch on the board; a line is a stall of its own, so `stalls` must be None.

        Returns
        -------
        RunResult
            With the cycles that the accelerator counted; latency is not measured.

        Raises
        ------
        LinkError
            The board does not answer, or the accelerator reports an error.
        """
        if stalls is not None:
            raise UsageError("stalls are for the simulator: a board has its own")
        interface = self.generated.interface
        frames = [rows_of(packed, port) for packed, port in zip(inputs, interface.inputs, strict=True)]
        counts = {
            stream.port.name: [count.evaluate(launch.variables) for count in stream.words]
            for stream in self.generated.streams
        }
        for port, frame in zip(interface.inputs, frames, strict=True):
            size = port_bytes(port) * math.prod(counts[port.name])
            assert sum(len(row) for row in frame) == size, port.name
        shapes = [counts[port.name] for port in interface.outputs]
        sizes = [port_bytes(port) * math.prod(shape) for port, shape in zip(interface.outputs, shapes, strict=True)]
        with self._line:
            self._set(launch)
            before = self._cycles()
            self.link.write(self.registers["control"].offset, self.registers["control"].field("start").mask)
            received = self.link.exchange(frames, sizes)
            cycles = (self._cycles() - before) % 2**32
            self._check()
        for room, port, data, shape in zip(outputs, interface.outputs, received, shapes, strict=True):
            fill(room, port, data, shape[0])
        if progress is not None:
            pixels = math.prod(launch.extents)
            progress(cycles, pixels, pixels)
        return RunResult(cycles, {}, (LaunchStatistics(0, 0, cycles),))

    def _set(self, launch: Launch) -> None:
        """Write the settings that differ from what the board has."""
        for entry in self.registers.settings:
            value = entry.setting.formula.evaluate(launch.variables)
            self._write(entry.low, value & 0xFFFF_FFFF)
            if entry.high is not None:
                self._write(entry.high, value >> 32 & 0xFFFF_FFFF)

    def _write(self, register: Register, value: int) -> None:
        if self._written.get(register.name) != value:
            self.link.write(register.offset, value)
            self._written[register.name] = value

    def _cycles(self) -> int:
        control = self.registers["control"]
        self.link.write(control.offset, control.field("snapshot").mask)
        return self.link.read(self.registers["cycles"].offset)

    def _check(self) -> None:
        error = self.registers["error"]
        value = self.link.read(error.offset)
        code = value & error.field("code").mask
        if code:
            self.link.write(error.offset, 0)
            raise LinkError(f"the accelerator reports: {ERROR_TEXTS[ErrorCode(code)]}")


def port_bytes(port: StreamPort) -> int:
    """Bytes of a word on the line."""
    return -(-port.word_bits // 8)


def rows_of(packed: AnyArray, port: StreamPort) -> list[bytes]:
    """Rows of a stream as bytes, each padded to whole words."""
    rows = packed.reshape(-1, packed.shape[-1])
    rows = np.pad(rows, ((0, 0), (0, -rows.shape[1] % port.word_values)))
    if port.element_bits == 1:
        bits = rows.reshape(len(rows), -1, port.word_values).astype(bool)
        return [row.tobytes() for row in np.packbits(bits, axis=2, bitorder="little")]
    return [row.tobytes() for row in rows.astype(rows.dtype.newbyteorder("<"))]


def fill(room: AnyArray, port: StreamPort, data: bytes, row_words: int) -> None:
    """Put the bytes of a stream into memory for its words; what rows were padded by is dropped."""
    received = np.frombuffer(data, np.uint8).reshape(-1, row_words, port_bytes(port))
    if port.element_bits == 1:
        rows = np.unpackbits(received, axis=2, bitorder="little", count=port.word_values)
    else:
        rows = received.view(room.dtype.newbyteorder("<"))
    rows = rows.reshape(len(rows), -1)[:, : room.shape[-1]]
    room[...] = rows.reshape(room.shape)
