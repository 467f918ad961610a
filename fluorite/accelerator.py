"""One accelerator of a design: its Verilog, its simulation, its golden model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from fluorite.frontend.halide_io import Loaded
from fluorite.golden import Golden
from fluorite.hwgen.generate import Generated
from fluorite.hwgen.verilog import emit
from fluorite.launch import Launch
from fluorite.sim.model import CoreInstance, CoreModel
from fluorite.sim.run import AnyArray, Job, RunResult, Stalls
from fluorite.sim.verilate import build
from fluorite.words import Words

__all__ = ["Accelerator"]


class Accelerator:
    """One accelerator of a design: its Verilog, its simulation and its golden model.

    Attributes
    ----------
    name : str
        The accelerated Func, by its plain name: without the number that Halide gives equal names of one process.
    identifier : str
        What it is called in Verilog and C, and as a file.
    generated : Generated
        The hardware and all decisions behind it.
    """

    def __init__(self, loaded: Loaded, generated: Generated) -> None:
        self.name = generated.region.name
        self.identifier = generated.region.names[self.name]
        self.generated = generated
        self._loaded = loaded
        self._verilog: str | None = None
        self._model: CoreModel | None = None
        self._idle: list[CoreInstance] = []
        self._lock = threading.RLock()

    @property
    def verilog(self) -> str:
        """The core in Verilog."""
        with self._lock:
            if self._verilog is None:
                self._verilog = emit(self.generated)
            return self._verilog

    @contextmanager
    def instance(self) -> Iterator[CoreInstance]:
        """A simulated core for the calling thread."""
        with self._lock:
            if self._model is None:
                self._model = build(self.verilog, self.generated.interface)
            instance = self._idle.pop() if self._idle else self._model.open()
        try:
            yield instance
        finally:
            with self._lock:
                self._idle.append(instance)

    def run(
        self,
        inputs: Sequence[AnyArray],
        outputs: Sequence[AnyArray],
        launch: Launch,
        *,
        stalls: Stalls | None = None,
        progress: Callable[[int, int, int], None] | None = None,
    ) -> RunResult:
        """Run one launch in Verilator.

        Parameters
        ----------
        inputs : sequence of ndarray
            Per input, exactly the region it needs, axes reversed relative to the Func's arguments.
        outputs : sequence of ndarray
            Per output, the region to fill in, axes reversed.
        launch : Launch
            Extents and settings.
        """
        region, domains = self.generated.region, self.generated.lowered.domains
        lanes = [loop.lanes for loop in region.loops]
        words = [Words(domains[i.name], lanes) for i in region.inputs]
        results = [Words(domains[self.name], lanes) for _ in outputs]
        job = Job(
            [w.pack(array) for w, array in zip(words, inputs, strict=True)],
            [w.room(array) for w, array in zip(results, outputs, strict=True)],
            launch.settings,
        )
        with self.instance() as instance:
            result = instance.run_many([job], stalls=stalls, progress=progress)
        for w, packed, array in zip(results, job.outputs, outputs, strict=True):
            w.unpack(packed, array)
        return result

    def golden(
        self,
        inputs: Mapping[str, AnyArray],
        mins: Sequence[int],
        extents: Sequence[int],
        given: Mapping[str, Any] | None = None,
    ) -> list[AnyArray]:
        """Halide's own answer for a region of the output, from the accelerator's inputs.

        Parameters
        ----------
        inputs : mapping of str to ndarray
            Per input, by its plain name or Halide's, exactly the region it needs, axes reversed.
        mins, extents : sequence of int
            The region, by the Func's arguments.
        given : mapping of str to halide.Parameter, optional
            Params and images to use instead of what the user's own hold.
        """
        return self.golden_model(given)(inputs, mins, extents)

    def golden_model(self, given: Mapping[str, Any] | None = None) -> Golden:
        """The golden model, to be asked more than once: Halide compiles it the first time."""
        return Golden(self._loaded, self.generated, given or {})
