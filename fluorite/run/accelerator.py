"""One accelerator of a design: its Verilog, what it runs on, its golden model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fluorite.frontend.halide_io import Loaded
from fluorite.hwgen.generate import Generated
from fluorite.hwgen.shell.config import ShellConfig
from fluorite.hwgen.shell.hardware import ShelledCore
from fluorite.hwgen.verilog import emit
from fluorite.run.backend import Backend, Simulator
from fluorite.run.golden import Golden
from fluorite.run.launch import Launch
from fluorite.run.words import Words
from fluorite.sim.run import AnyArray, RunResult, Stalls

__all__ = ["Accelerator"]


class Accelerator:
    """One accelerator of a design: its Verilog, what it runs on, its golden model.

    Attributes
    ----------
    name : str
        The accelerated Func, by its plain name: without the number that Halide gives equal names of one process.
    identifier : str
        What it is called in Verilog and C, and as a file.
    generated : Generated
        The hardware and all decisions behind it.
    simulator : Simulator
        It in Verilator.
    backend : Backend
        What its launches run on: the simulator, where nothing else is given.
    """

    def __init__(self, loaded: Loaded, generated: Generated, backend: Backend | None = None) -> None:
        self.name = generated.region.name
        self.identifier = generated.region.names[self.name]
        self.generated = generated
        self._loaded = loaded
        self._verilog: str | None = None
        self._shelled: dict[ShellConfig, ShelledCore] = {}
        self._lock = threading.Lock()
        self._golden: Golden | None = None
        self._golden_lock = threading.Lock()
        extents = generated.extents  # of an image read at every 64th row, no port has a word in 63 of them
        gap_cycles = 0 if extents.rates.is_one else extents.cycles_per_launch.greatest(extents.ranges)
        self.simulator = Simulator(lambda: self.verilog, generated.interface, gap_cycles)
        self.backend: Backend = backend or self.simulator

    def on(self, backend: Backend) -> Accelerator:
        """The same accelerator, run elsewhere."""
        return Accelerator(self._loaded, self.generated, backend)

    @property
    def verilog(self) -> str:
        """The core in Verilog."""
        with self._lock:
            if self._verilog is None:
                self._verilog = emit(self.generated)
            return self._verilog

    def in_shell(self, config: ShellConfig | None = None) -> ShelledCore:
        """The core in a shell: one and the same object, whose registers are worked out once, for equal shells.

        Parameters
        ----------
        config : ShellConfig, optional
            The shell; by default ``ShellConfig()``.
        """
        config = config or ShellConfig()
        with self._lock:
            return self._shelled.setdefault(config, ShelledCore(self.generated, config, lambda: self.verilog))

    def run(
        self,
        inputs: Sequence[AnyArray],
        outputs: Sequence[AnyArray],
        launch: Launch,
        *,
        stalls: Stalls | None = None,
        progress: Callable[[int, int, int], None] | None = None,
    ) -> RunResult:
        """Run one launch.

        Parameters
        ----------
        inputs : sequence of ndarray
            Per input, exactly the region it needs, axes reversed relative to the Func's arguments.
        outputs : sequence of ndarray
            Per output, the region to fill in, axes reversed.
        launch : Launch
            Extents and settings.
        """
        words = [Words(stream) for stream in self.generated.inputs]
        results = [Words(stream) for stream in self.generated.outputs]
        packed = [w.pack(array) for w, array in zip(words, inputs, strict=True)]
        room = [w.room(array) for w, array in zip(results, outputs, strict=True)]
        result = self.backend.run(launch, packed, room, stalls=stalls, progress=progress)
        for w, filled, array in zip(results, room, outputs, strict=True):
            w.unpack(filled, array)
        return result

    def golden(
        self,
        inputs: Mapping[str, AnyArray],
        mins: Sequence[int],
        extents: Sequence[int],
        given: Mapping[str, Any] | None = None,
        scalars: Mapping[str, int] | None = None,
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
        scalars : mapping of str to int, optional
            Where images lie, by formulas' variables (a launch has them), if a region needs a part of them only.
        """
        if given:
            return self.golden_model(given)(inputs, mins, extents, scalars)
        with self._golden_lock:
            self._golden = self._golden or self.golden_model()
            return self._golden(inputs, mins, extents, scalars)

    def golden_model(self, given: Mapping[str, Any] | None = None) -> Golden:
        """The golden model, to be asked more than once: Halide compiles it the first time."""
        return Golden(self._loaded, self.generated, given or {})
