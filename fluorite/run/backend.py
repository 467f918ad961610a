"""Where an accelerator runs: in Verilator here, or on a board."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from fluorite.hwgen.interface import CoreInterface
from fluorite.run.launch import Launch
from fluorite.sim.model import CoreInstance, CoreModel
from fluorite.sim.run import AnyArray, Job, RunResult, Stalls
from fluorite.sim.verilate import build

__all__ = ["Backend", "Simulator"]

_TIMEOUT_CYCLES = 100_000  # without a transfer while a port has a word


class Backend(Protocol):
    """What runs launches of one accelerator, for several threads at the same time."""

    def run(
        self,
        launch: Launch,
        inputs: Sequence[AnyArray],
        outputs: Sequence[AnyArray],
        *,
        stalls: Stalls | None = None,
        progress: Callable[[int, int, int], None] | None = None,
    ) -> RunResult:
        """Run one launch.

        Parameters
        ----------
        launch : Launch
            Region and settings.
        inputs, outputs : sequence of ndarray
            Per stream, its words as :class:`~fluorite.run.words.Words` lays them out; outputs are filled in.
        stalls : Stalls, optional
            Random stalls on every port.
        progress : callable, optional
            Called with the cycle, and the pixels put out and those of the launch.
        """
        ...


class Simulator:
    """A core in Verilator, compiled when it is first run.

    Parameters
    ----------
    verilog : callable
        Gives the core's Verilog.
    interface : CoreInterface
        Its ports.
    gap_cycles : int
        Longest time in a launch in which none of its ports has a word.
    """

    def __init__(self, verilog: Callable[[], str], interface: CoreInterface, gap_cycles: int = 0) -> None:
        self._verilog = verilog
        self._timeout_cycles = _TIMEOUT_CYCLES + gap_cycles
        self._interface = interface
        self._model: CoreModel | None = None
        self._idle: list[CoreInstance] = []
        self._lock = threading.Lock()

    @contextmanager
    def instance(self) -> Iterator[CoreInstance]:
        """A simulated core for the calling thread."""
        with self._lock:
            if self._model is None:
                self._model = build(self._verilog(), self._interface)
            instance = self._idle.pop() if self._idle else self._model.open()
        try:
            yield instance
        finally:
            with self._lock:
                self._idle.append(instance)

    def run(
        self,
        launch: Launch,
        inputs: Sequence[AnyArray],
        outputs: Sequence[AnyArray],
        *,
        stalls: Stalls | None = None,
        progress: Callable[[int, int, int], None] | None = None,
    ) -> RunResult:
        """Run one launch; see `Backend`."""
        job = Job(list(inputs), list(outputs), launch.settings)
        with self.instance() as instance:
            return instance.run_many([job], stalls=stalls, timeout_cycles=self._timeout_cycles, progress=progress)
