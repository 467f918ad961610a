"""A simulated system seen from Python: registers, memory as an array, cycles."""

from __future__ import annotations

import ctypes
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from fluorite.errors import SimulationError
from fluorite.systems.program import abi
from fluorite.systems.program.ports import SystemPorts
from fluorite.systems.program.settings import InjectedError, Memory

__all__ = ["System", "SystemModel"]


class SystemModel:
    """A compiled shell with its memory model. Made by `fluorite.systems.program.build.build_system`.

    Attributes
    ----------
    path : Path
        The shared library.
    ports : SystemPorts
        The shell's ports.
    """

    def __init__(self, path: Path, ports: SystemPorts) -> None:
        self.path = path
        self.ports = ports
        self._library = abi.load(path)

    def open(self, memory: Memory | None = None, **options: Any) -> System:
        """Return a new system, reset, its memory zero.

        Parameters
        ----------
        memory : Memory, optional
            The memory and how it answers; or its attributes as keywords.
        """
        return System(self._library, self.ports, memory or Memory(**options))


class System:
    """One simulated system: use it from one thread.

    Attributes
    ----------
    memory : ndarray
        The memory's bytes; the masters' address ``options.base`` is its first.
    options : Memory
        How it answers.
    """

    def __init__(self, library: ctypes.CDLL, ports: SystemPorts, options: Memory) -> None:
        self.ports = ports
        self.options = options
        self._library = library
        self.memory = np.zeros(options.bytes, np.uint8)
        self._handle = library.fluorite_system_open(ctypes.byref(options.to_abi()), self.memory.ctypes.data)
        if not self._handle:
            raise SimulationError(f"system {ports.module!r} must reset: {self._text(None)}")
        # The memory must outlive the system: the finalizer holds it.
        self._close = weakref.finalize(self, _close, library, self._handle, self.memory)

    def reset(self) -> None:
        """Hold the hardware reset for a few cycles; also after a violation. Memory and counters stay."""
        self._check(self._library.fluorite_system_reset(self._handle), "reset")

    def reg_read(self, offset: int) -> int:
        """Read a register by its offset in bytes.

        Raises
        ------
        SimulationError
            It is answered with an error, or the hardware breaks a rule of AXI meanwhile.
        """
        value = ctypes.c_uint32()
        status = self._library.fluorite_system_read(self._handle, offset, ctypes.byref(value))
        self._check(status, f"read of register {offset:#x}")
        return value.value

    def reg_write(self, offset: int, value: int) -> None:
        """Write a register by its offset in bytes; negative values in two's complement.

        Raises
        ------
        SimulationError
            As for `reg_read`.
        """
        status = self._library.fluorite_system_write(self._handle, offset, value & 0xFFFF_FFFF)
        self._check(status, f"write of register {offset:#x}")

    def run(self, cycles: int) -> None:
        """Let the clock run."""
        self._check(self._library.fluorite_system_run(self._handle, cycles, 0), "run")

    def run_until_irq(self, timeout_cycles: int = 1_000_000) -> bool:
        """Let the clock run until the interrupt line is high; False where it stays low for `timeout_cycles`."""
        status = self._library.fluorite_system_run(self._handle, timeout_cycles, 1)
        if status == abi.Status.TIMEOUT:
            return False
        self._check(status, "run")
        return True

    def finish(self) -> None:
        """Check that no transaction is under way and no response was left untaken.

        Raises
        ------
        SimulationError
            One is.
        """
        self._check(self._library.fluorite_system_finish(self._handle), "finish")

    def inject(self, *errors: InjectedError) -> None:
        """Set the errors to come, forgetting earlier ones."""
        array = (abi.Fault * len(errors))(*(error.to_abi() for error in errors))
        self._library.fluorite_system_faults(self._handle, array, len(errors))

    @property
    def interrupt(self) -> bool:
        """The interrupt line."""
        return bool(self._library.fluorite_system_interrupt(self._handle))

    @property
    def cycle(self) -> int:
        """Cycles since the system was opened."""
        return int(self.counters.cycles)

    @property
    def counters(self) -> abi.Counters:
        """Everything that was counted; ``ports`` in the order of ``SystemPorts.masters``."""
        counters = abi.Counters()
        self._library.fluorite_system_counters(self._handle, ctypes.byref(counters))
        return counters

    def port_counters(self, name: str) -> abi.PortCounters:
        """Counters of one master by name (``m_axi_<stream>``)."""
        number = [master.name for master in self.ports.masters].index(name)
        found: abi.PortCounters = self.counters.ports[number]
        return found

    def _text(self, handle: int | None) -> str:
        return str((self._library.fluorite_system_report(handle) or b"").decode(errors="replace"))

    def _check(self, status: int, what: str) -> None:
        if status == abi.Status.BROKEN:
            raise SimulationError(f"system {self.ports.module!r}: {self._text(self._handle)}")
        if status != abi.Status.OK:
            raise SimulationError(f"system {self.ports.module!r}: {what} was answered with an error")


def _close(library: ctypes.CDLL, handle: int, memory: Any) -> None:
    del memory
    library.fluorite_system_close(handle)
