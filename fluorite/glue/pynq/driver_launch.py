"""Drives an accelerator from PYNQ: its registers, launches, interrupts, errors.

Part of every module that `fluorite.glue.pynq.write` makes, from the marker on. It runs on PYNQ's Python, 3.8 or newer.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar, NamedTuple

from pynq import DefaultIP
from pynq.interrupt import get_uio_irq
from pynq.uio import UioController

from fluorite.glue.pynq.driver_memory import Rows, Words
from fluorite.glue.pynq.driver_region import Box, Stream

# --- launches: the same for every accelerator ---------------------------------------------------------------------

SLICE_S = 0.1  # the registers are looked at this often, should an interrupt be lost
POLL_S = 0.0005
RESET_S = 2.0  # transfers under way end long before


class AcceleratorError(RuntimeError):
    """A launch that the hardware reports as failed.

    Attributes
    ----------
    code : int
        ``error.code`` of the registers; 0 where the hardware gave no reason.
    stream : str
        Which image; empty: none in particular.
    address : int
        Of the failed transfer's first byte, or 0.
    """

    def __init__(self, func: str, text: str, code: int = 0, stream: str = "", address: int = 0) -> None:
        super().__init__(f"{func}: {text}" + (f": {stream} (address {address:#x})" if stream else ""))
        self.code = code
        self.stream = stream
        self.address = address


class Loop(NamedTuple):
    """A dimension that a launch scans; ``fixed``: always over ``max_extent`` pixels; ``min``: always from there.

    ``step``: from a multiple of that; ``cut``: the extent of the launches that larger regions are cut into.
    """

    name: str
    max_extent: int
    fixed: bool
    min: int | None
    lanes: int
    step: int
    cut: int


class Line:
    """An interrupt line straight at the processor, if the board's Linux has a UIO device for it."""

    def __init__(self, device: str) -> None:
        self._controller = UioController(device)

    @classmethod
    def find(cls, number: int) -> Line | None:
        """The line of this number at the interrupt controller; None where there is no UIO device."""
        try:
            device = get_uio_irq(number)
        except OSError:  # no UIO at all
            return None
        return None if device is None else cls(device)

    async def wait(self) -> None:
        """Wait until the line is high."""
        event = asyncio.Event()
        self._controller.add_event(event, 0)
        await event.wait()


class Hardware(DefaultIP):
    """An accelerator's registers, and what is under way."""

    FUNC: ClassVar[str]
    INTERRUPT: ClassVar[int]  # its number at the processor's interrupt controller
    REGISTERS: ClassVar[Any]
    ERROR_TEXTS: ClassVar[dict[int, str]]
    LOOPS: ClassVar[tuple[Loop, ...]]
    STREAMS: ClassVar[tuple[Stream, ...]]  # inputs, then outputs
    COHERENT: ClassVar[bool]  # all memory ports see the processor's caches

    def __init__(self, description: Any) -> None:
        super().__init__(description=description)
        self.registers = self.REGISTERS(self.mmio)
        try:
            self.registers.check()
        except RuntimeError as error:
            raise RuntimeError(f"{self.FUNC}: {error}: module and bitstream are not of one build") from None
        self._lock = threading.Lock()
        # DefaultIP makes it where an interrupt controller of the block design has the wire; else it is the processor's.
        self._pin: Any = getattr(self, "interrupt", None) or Line.find(self.INTERRUPT)
        self._loop = asyncio.get_event_loop() if self._pin is not None else None
        self._depth = self.registers.read("capabilities", "queue_depth")
        self._held: list[Any] = []
        self._stuck = False
        self.reset()

    def counters(self) -> dict[str, int]:
        """Counters of the hardware: cycles busy, cycles that each image's memory held it up, launches since a reset."""
        self.registers.command("snapshot")
        names = ["cycles", *(name for name in self.registers.REGISTERS if name.endswith("_stalls"))]
        return {name: self.registers.read(name) for name in (*names, "launches_started", "launches_completed")}

    def reset(self) -> None:
        """Forget all launches, once transfers under way have ended."""
        self.registers.command("soft_reset")
        deadline = time.monotonic() + RESET_S
        while self.registers.read("status", "resetting"):
            if time.monotonic() > deadline:
                self._stuck = True
                raise RuntimeError(self._stuck_text)
            time.sleep(POLL_S)
        self.registers.write("error", 0)
        self.registers.write("interrupt_enable", 3 if self._pin is not None else 0)
        self._started = self._completed = 0

    @property
    def _stuck_text(self) -> str:
        return f"{self.FUNC}: the accelerator does not end its soft reset: load the bitstream again"

    def _settings(self, v: dict[str, int]) -> dict[str, int]:
        """Registers that software works out so that the hardware need not."""
        raise NotImplementedError

    def _transfers(self, v: dict[str, int]) -> Sequence[tuple[int, tuple[int, ...]]]:
        """Bytes of a row, and numbers of rows, planes, volumes, of each stream."""
        raise NotImplementedError

    async def _launches(
        self,
        pieces: Sequence[Box],
        values: dict[str, int],
        memories: Sequence[Rows | Words],
        pause: Callable[[float], Awaitable[None]],
        timeout_s: float,
    ) -> None:
        self._flush(memories)
        failures: list[AcceleratorError] = []
        for number, piece in enumerate(pieces):
            while self._started - self._completed >= self._depth:
                failures += await self._completion(pause, timeout_s)
            if failures:
                break
            self._start(number, piece, values, memories)
        while self._completed < self._started:
            failures += await self._completion(pause, timeout_s)
        self._invalidate(memories)
        if failures:
            raise failures[0]

    def _flush(self, memories: Sequence[Rows | Words]) -> None:
        """Write back what the processor's caches hold, so that they write nothing over the results later, either."""
        if not self.COHERENT:
            for memory in memories:
                memory.buffer.flush()

    def _invalidate(self, memories: Sequence[Rows | Words]) -> None:
        """Have the processor read the results from memory.

        From 3.1 on, PYNQ invalidates the whole buffer of which an output is a part: what the processor wrote meanwhile
        into the rest is written back first. So is what a coherent port, where not all are, left in a cache.
        """
        for stream, memory in zip(self.STREAMS, memories):
            if stream.is_output and not self.COHERENT:
                memory.buffer.flush()
                memory.buffer.invalidate()

    def _variables(self, piece: Box, values: dict[str, int]) -> dict[str, int]:
        """What a launch's formulas depend on."""
        variables = dict(values)
        for loop, least, extent in zip(self.LOOPS, *piece):
            variables["min_" + loop.name], variables["extent_" + loop.name] = least, extent
        return variables

    def _start(self, number: int, piece: Box, values: dict[str, int], memories: Sequence[Rows | Words]) -> None:
        variables = self._variables(piece, values)
        written = self._settings(variables)
        transfers = self._transfers(variables)
        for stream, memory, (row_bytes, counts) in zip(self.STREAMS, memories, transfers):
            offset, strides = memory.place(number)
            address = memory.buffer.device_address + offset
            for shift, name in zip((0, 32), stream.base):
                written[name] = address >> shift & 0xFFFFFFFF
            written[stream.row_bytes] = row_bytes
            written.update(zip(stream.counts, counts))
            written.update(zip(stream.strides, strides))
        for name, value in written.items():
            self.registers.write(name, value)
        self.registers.command("start")
        self._started += 1
        if self.registers.read("launches_started") != self._started & 0xFFFFFFFF:
            raise RuntimeError(f"{self.FUNC}: {self.ERROR_TEXTS[self.registers.read('error', 'code')]}")

    async def _completion(self, pause: Callable[[float], Awaitable[None]], timeout_s: float) -> list[AcceleratorError]:
        """Wait until one more launch, at least, is completed; those that failed."""
        deadline = time.monotonic() + timeout_s
        while True:
            # The interrupt's cause is cleared before the look at the counter, so that what comes after raises it again.
            events = self.registers.read("interrupt_status")
            if events:
                self.registers.write("interrupt_status", events)
            fresh = self.registers.read("launches_completed") - self._completed & 0xFFFFFFFF
            if fresh:
                break
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{self.FUNC}: a launch did not end within {timeout_s:g} s")
            await pause(min(left, SLICE_S))
        failed = self.registers.read("launch_errors")
        numbers = range(self._completed, self._completed + fresh)
        self._completed += fresh
        return [self._explain(n) for n in numbers if failed >> n % 32 & 1]

    def _explain(self, number: int) -> AcceleratorError:
        """Why a launch failed: the registers tell it of the first that did."""
        registers = self.registers
        code, stream = registers.read("error", "code"), registers.read("error", "stream")
        address = registers.read("error_address_high") << 32 | registers.read("error_address_low")
        if not code or registers.read("error_launch") != number & 0xFFFFFFFF:
            return AcceleratorError(self.FUNC, "the hardware reports a failed launch without a reason")
        registers.write("error", 0)  # the next one is told again
        name = self.STREAMS[stream].name if stream < len(self.STREAMS) else ""
        return AcceleratorError(self.FUNC, self.ERROR_TEXTS[code], code, name, address)

    async def _interrupted(self, seconds: float) -> None:
        with contextlib.suppress(asyncio.TimeoutError):  # the registers are looked at again
            await asyncio.wait_for(self._pin.wait(), seconds)


async def nap(seconds: float) -> None:
    """Sleep, event loop or none."""
    time.sleep(min(seconds, POLL_S))


async def sleep(seconds: float) -> None:
    """Sleep, while the event loop does other things."""
    await asyncio.sleep(min(seconds, POLL_S))


def finish(work: Any) -> Any:
    """Run a coroutine that never waits for an event loop."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")
