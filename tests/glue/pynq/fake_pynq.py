"""PYNQ without a board: its names, over the simulated hardware.

Buffers have a copy of their own on the CPU's side; only ``flush`` and ``invalidate`` move cache lines between it and
the hardware's memory, so that one that is missing shows as wrong pixels. Time is the simulation's.
"""

import asyncio
import importlib.util
import mmap
import sys
import types
from contextlib import contextmanager

import numpy as np

CLOCK_HZ = 10_000_000  # slower than real, so that a nap is few cycles
PAGE, LINE = 4096, 64


class PynqBuffer(np.ndarray):
    """As pynq.buffer.PynqBuffer: an array that knows where it lies."""

    device_address = None
    board = None

    def __array_finalize__(self, parent):
        if isinstance(parent, PynqBuffer) and parent.device_address is not None:
            self.device_address = parent.device_address + self.ctypes.data - parent.ctypes.data
            self.board = parent.board

    def _lines(self):
        """The whole cache lines that it touches: the CPU's copy, and the hardware's."""
        assert self.flags.c_contiguous
        first, behind = self.device_address & -LINE, self.device_address + self.nbytes + LINE - 1 & -LINE
        (block,) = [b for b in self.board.blocks if b[0] <= first < b[0] + len(b[1])]
        start = first - self.board.system.options.base
        cpu = np.frombuffer(block[1], np.uint8)[first - block[0] : behind - block[0]]
        return cpu, self.board.system.memory[start : start + behind - first]

    def flush(self):
        cpu, device = self._lines()
        device[:] = cpu

    def invalidate(self):
        cpu, device = self._lines()
        cpu[:] = device


class Mmio:
    """As pynq.MMIO; ``overrides`` are values that registers seem to have."""

    def __init__(self, system):
        self.system = system
        self.overrides = {}

    def read(self, offset=0):
        value = self.system.reg_read(offset)
        return self.overrides.get(offset, value)

    def write(self, offset, value):
        assert type(value) is int  # PYNQ takes no other
        self.system.reg_write(offset, value)


class Interrupt:
    """As pynq.Interrupt."""

    def __init__(self, board):
        self.board = board

    async def wait(self):
        self.board.waits += 1
        while not self.board.system.interrupt:
            self.board.system.run(100)
            await asyncio.sleep(0)


class Board:
    """One accelerator, simulated.

    Parameters
    ----------
    system : System
    pin : str
        How its interrupt is wired: ``"none"``, to a ``"controller"`` in the fabric, to a ``"line"`` of the processor.
    """

    def __init__(self, system, pin="none"):
        self.system = system
        self.pin = pin
        self.next = 0
        self.waits = 0
        self.allocated, self.blocks = [], []
        system.memory[:] = 0xA5

    def allocate(self, shape, dtype="u4"):
        dtype = np.dtype(dtype)
        bytes_ = int(np.prod(shape)) * dtype.itemsize
        memory = mmap.mmap(-1, -(-max(bytes_, 1) // PAGE) * PAGE)
        memory.write(b"\x5a" * len(memory))
        buffer = np.ndarray.__new__(PynqBuffer, shape, dtype, memory)
        buffer.device_address = self.system.options.base + self.next
        buffer.board = self
        buffer.memory = memory  # only on what allocate gives, as PYNQ has it
        self.blocks.append((buffer.device_address, memory))
        self.next += len(memory)
        assert self.next <= self.system.options.bytes
        self.allocated.append(bytes_)
        return buffer

    def modules(self):
        board = self

        class DefaultIP:
            drivers = {}  # noqa: RUF012

            def __init_subclass__(cls):
                for name in cls.__dict__.get("bindto", ()):
                    DefaultIP.drivers[name] = cls

            def __init__(self, description):
                self.mmio = Mmio(board.system)
                for name in description["interrupts"]:
                    setattr(self, name, Interrupt(board))

        class UioController:
            def __init__(self, device):
                assert device == "/dev/uio0"

            def add_event(self, event, number):
                async def raised():
                    await Interrupt(board).wait()
                    event.set()

                self.task = asyncio.get_running_loop().create_task(raised())

        class Overlay:
            def __init__(self, file):
                self.file = file

            def __getattr__(self, name):
                (driver,) = [d for k, d in DefaultIP.drivers.items() if k.split(":")[2] == name]
                made = driver({"interrupts": {"interrupt": {}} if board.pin == "controller" else {}})
                setattr(self, name, made)
                return made

        def get_uio_irq(number):
            if board.pin == "none":
                raise FileNotFoundError("/sys/class/uio")
            return "/dev/uio0" if board.pin == "line" and number == 61 else None

        pynq = types.ModuleType("pynq")
        pynq.DefaultIP, pynq.Overlay, pynq.allocate = DefaultIP, Overlay, self.allocate
        interrupt, uio = types.ModuleType("pynq.interrupt"), types.ModuleType("pynq.uio")
        interrupt.get_uio_irq, uio.UioController = get_uio_irq, UioController
        return {"pynq": pynq, "pynq.interrupt": interrupt, "pynq.uio": uio}

    @contextmanager
    def installed(self):
        """PYNQ can be imported within."""
        added = self.modules()
        kept = {name: sys.modules.get(name) for name in added}
        sys.modules.update(added)
        try:
            yield added["pynq"]
        finally:
            for name, module in kept.items():
                if module is None:
                    del sys.modules[name]
                else:
                    sys.modules[name] = module

    def load(self, path):
        """Import a generated module; its time is the simulation's."""
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module  # typing looks there
        try:
            with self.installed() as self.pynq:
                spec.loader.exec_module(module)
        finally:
            del sys.modules[path.stem]
        module.time = types.SimpleNamespace(
            monotonic=lambda: self.system.cycle / CLOCK_HZ,
            sleep=lambda seconds: self.system.run(max(1, round(seconds * CLOCK_HZ))),
        )
        return module

    def open(self, path, name):
        """Load a module and make the driver of an accelerator, as an overlay does."""
        module = self.load(path)
        return module, getattr(self.pynq.Overlay("design.bit"), name)
