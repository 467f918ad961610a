"""PYNQ without a board: its names, over the simulated hardware.

Cacheable buffers have a copy of their own on the CPU's side; only ``flush`` and ``invalidate`` move cache lines between
it and the hardware's memory, so that one that is missing shows as wrong pixels. Time is the simulation's.
"""

import asyncio
import ctypes
import importlib.util
import mmap
import sys
import types
import warnings
from contextlib import contextmanager

import numpy as np

CLOCK_HZ = 10_000_000  # slower than real, so that a nap is few cycles
PAGE, LINE = 4096, 64


class Block:
    """What one ``allocate`` gave: the CPU's view of it, and that of the hardware.

    Of cacheable memory the CPU has lines of its own. One is dirty where the CPU's view is not what it was when caches
    were last maintained; flushing writes dirty lines alone, whole ones, and invalidating forgets what is in them.
    """

    def __init__(self, cpu, device):
        self.cpu, self.device = cpu, device
        self.clean = device.copy()

    def flush(self, first, behind):
        for at in range(first, behind, LINE):
            line = slice(at, at + LINE)
            if not np.array_equal(self.cpu[line], self.clean[line]):
                self.device[line] = self.clean[line] = self.cpu[line]

    def invalidate(self, first, behind):
        self.cpu[first:behind] = self.clean[first:behind] = self.device[first:behind]


class PynqBuffer(np.ndarray):
    """As pynq.buffer.PynqBuffer: an array that knows where it lies."""

    device_address = None
    board = block = None
    start = 0

    def __array_finalize__(self, parent):
        if isinstance(parent, PynqBuffer) and parent.device_address is not None:
            offset = self.ctypes.data - parent.ctypes.data
            self.device_address, self.start = parent.device_address + offset, parent.start + offset
            self.board, self.block = parent.board, parent.block

    def _maintain(self, operation):
        """On the whole cache lines that it touches, or on all of the buffer that it is a part of."""
        assert self.flags.c_contiguous
        self.board.maintained.append((operation, self.device_address, self.nbytes))
        if self.board.whole_buffers:
            first, behind = 0, len(self.block.cpu)
        else:
            first, behind = self.start & -LINE, self.start + self.nbytes + LINE - 1 & -LINE
        if not self.board.coherent:
            getattr(self.block, operation)(first, behind)

    def flush(self):
        self._maintain("flush")

    def invalidate(self):
        self._maintain("invalidate")


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
    whole_buffers : bool
        Caches are maintained for whole buffers, as from PYNQ 3.1 on, not for the part that is asked for.
    coherent : bool
        The hardware sees the CPU's caches.
    small_address : int, optional
        Where buffers of 4 KB and less seem to lie.
    """

    def __init__(self, system, pin="none", whole_buffers=False, coherent=False, small_address=None):
        self.system = system
        self.pin = pin
        self.next = 0
        self.waits = 0
        self.whole_buffers, self.coherent, self.small_address = whole_buffers, coherent, small_address
        self.pll_mhz, self.divisors, self.downloads = 1000.0, {}, []
        self.clock_dict = {0: {"enable": 1, "frequency": 125.0}, 1: {"enable": 0, "frequency": None}}
        self.allocated, self.cacheable, self.maintained = [], [], []
        system.memory[:] = 0xA5

    def allocate(self, shape, dtype="u4", target=None, cacheable=0):
        assert type(cacheable) is int
        dtype = np.dtype(dtype)
        bytes_ = int(np.prod(shape)) * dtype.itemsize
        pages = -(-max(bytes_, 1) // PAGE) * PAGE
        device = self.system.memory[self.next : self.next + pages]
        assert len(device) == pages
        if cacheable and not self.coherent:
            memory = mmap.mmap(-1, pages)
        else:
            memory = (ctypes.c_uint8 * pages).from_address(device.ctypes.data)
        block = Block(np.frombuffer(memory, np.uint8), device)
        block.cpu[:] = 0x5A
        buffer = np.ndarray.__new__(PynqBuffer, shape, dtype, memory)
        buffer.device_address = self.system.options.base + self.next
        if self.small_address is not None and bytes_ <= PAGE:
            buffer.device_address = self.small_address
        buffer.board, buffer.block = self, block
        buffer.memory = memory  # only on what allocate gives, as PYNQ has it
        self.next += pages
        self.allocated.append(bytes_)
        self.cacheable.append(bool(cacheable))
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
            def __init__(self, bitfile_name, download=True):
                self.bitfile_name = bitfile_name
                self.clock_dict = board.clock_dict
                if download:
                    self.download()

            def download(self, dtbo=None):
                """As PYNQ 4.0 has it."""
                for n, clock in self.clock_dict.items():
                    if clock["enable"]:
                        Clocks.set_pl_clk(n, clk_mhz=clock["frequency"])
                    else:
                        Clocks.set_pl_clk(n)
                board.downloads.append(self.bitfile_name)

            def __getattr__(self, name):
                (driver,) = [d for k, d in DefaultIP.drivers.items() if k.split(":")[2] == name]
                made = driver({"interrupts": {"interrupt": {}} if board.pin == "controller" else {}})
                setattr(self, name, made)
                return made

        class ClocksType(type):
            @property
            def fclk0_mhz(cls):
                return board.pll_mhz / board.divisors[0]

        class Clocks(metaclass=ClocksType):
            @staticmethod
            def set_pl_clk(n, div0=None, div1=None, clk_mhz=100.0):
                if div0 is not None:
                    board.divisors[n] = div0 * div1
                    return
                products = sorted({a * b for a in range(1, 64) for b in range(1, 64)})
                board.divisors[n] = min(products, key=lambda d: abs(d - round(board.pll_mhz / clk_mhz, 6)))
                if abs(clk_mhz - board.pll_mhz / board.divisors[n]) > 0.01 * clk_mhz:
                    warnings.warn("Setting frequency to the closest possible value", stacklevel=1)

        def get_uio_irq(number):
            if board.pin == "none":
                raise FileNotFoundError("/sys/class/uio")
            return "/dev/uio0" if board.pin == "line" and number == 61 else None

        pynq = types.ModuleType("pynq")
        pynq.DefaultIP, pynq.Overlay, pynq.allocate, pynq.Clocks = DefaultIP, Overlay, self.allocate, Clocks
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
