"""The software part of a design: cut out of the pipeline, and run in Halide's JIT with simulated accelerators."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from fluorite.accelerator import Accelerator
from fluorite.errors import ScheduleError
from fluorite.frontend import cut, ir
from fluorite.frontend.halide_errors import run_refused
from fluorite.frontend.halide_io import Loaded, to_halide
from fluorite.hwgen.names import identifier
from fluorite.launch import Launch, check_held, input_region, launches, rounded_up
from fluorite.sim.extern import ExternStage
from fluorite.sim.halide_buffer import HalideBuffer
from fluorite.sim.run import AnyArray, Stalls

__all__ = ["Progress", "Runner", "Statistics", "software"]

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Statistics:
    """What one accelerator did in a ``realize``.

    Attributes
    ----------
    name : str
        The accelerator.
    launches : int
        Launches run.
    cycles : int
        Clock cycles of all launches, from the accepted launch to the last output word.
    output_pixels : int
        Pixels computed; the channels of a pixel that are computed together count once.
    latency_cycles : int
        Cycles from launch to first output word, in the slowest launch.
    """

    name: str
    launches: int = 0
    cycles: int = 0
    output_pixels: int = 0
    latency_cycles: int = 0


def software(loaded: Loaded, accelerators: Sequence[Accelerator], symbols: Mapping[str, str]) -> Any:
    """The software part, with extern stages of the given symbols, by accelerator.

    Raises
    ------
    ScheduleError
        An accelerator is read by nothing that is left.
    """
    root = loaded.root
    for accelerator in accelerators:
        generated = accelerator.generated
        inputs = [i.name for i in generated.region.inputs]
        scalars: list[str | ir.Variable] = [*generated.lowered.parameters, *generated.lowered.metadata.values()]
        root = cut.software(root, accelerator.name, inputs, scalars, symbols[accelerator.name])
    called = {func.name for func in root.funcs}
    for accelerator in accelerators:
        if accelerator.name not in called:
            raise ScheduleError(
                accelerator.name,
                "accelerate()",
                "no software reads it: its consumers are inside another accelerator, or read a clone_in() of it",
                "leave the call out, or name the Func among that accelerator's inputs",
            )
    return to_halide(root, loaded.parameters)


class Runner:
    """The software part in the JIT, its extern stages bound to simulated cores.

    Parameters
    ----------
    loaded : Loaded
        The pipeline.
    name : str
        Of the design, for messages.
    accelerators : sequence of Accelerator
        Its accelerators.

    Attributes
    ----------
    statistics : list of Statistics
        Per accelerator, what the last `realize` did.
    """

    def __init__(self, loaded: Loaded, name: str, accelerators: Sequence[Accelerator]) -> None:
        self.loaded = loaded
        self.name = name
        self.accelerators = accelerators
        self.statistics: list[Statistics] = []
        self.lock = threading.Lock()
        self.stalls: Stalls | None = None
        self.progress: Progress | None = None
        self.total = 0
        self.finished = 0
        self.stages: list[ExternStage] = []
        symbols: dict[str, str] = {}
        for number, accelerator in enumerate(accelerators):
            generated = accelerator.generated
            types = [*generated.lowered.parameters.values(), *(v.type for v in generated.lowered.metadata.values())]
            arguments = ["buffer"] * len(generated.region.inputs) + [str(t) for t in types]
            stage = ExternStage(
                f"fluorite_{identifier(accelerator.name)}",
                arguments,
                len(generated.region.func.types),
                self._handler(number, accelerator),
            )
            self.stages.append(stage)
            symbols[accelerator.name] = stage.symbol
        self.pipeline = software(loaded, accelerators, symbols)

    def realize(self, sizes: Sequence[int], stalls: Stalls | None, progress: Progress | None) -> Any:
        """Run the pipeline; see :meth:`fluorite.Design.realize`."""
        self.stalls, self.progress = stalls, progress
        self.total, self.finished = math.prod(sizes), 0
        self.statistics = [Statistics(a.name) for a in self.accelerators]
        with ExitStack() as stack:
            for stage in self.stages:
                stack.enter_context(stage.raising())
            with run_refused(self.name, self.loaded.pipeline.funcs):
                return self.pipeline.realize(list(sizes))

    def _handler(
        self, number: int, accelerator: Accelerator
    ) -> Callable[[list[HalideBuffer], list[int | float], list[HalideBuffer]], None]:
        generated = accelerator.generated
        names = [i.name for i in generated.region.inputs]

        def handle(inputs: list[HalideBuffer], scalars: list[int | float], outputs: list[HalideBuffer]) -> None:
            mins, extents = outputs[0].mins, outputs[0].extents
            if any(buffer.is_bounds_query for buffer in (*inputs, *outputs)):
                if outputs[0].is_bounds_query:
                    extents = rounded_up(generated, extents)
                    for output in outputs:
                        output.set_region(mins, extents)
                for name, buffer in zip(names, inputs, strict=True):
                    if buffer.is_bounds_query:
                        buffer.set_region(*input_region(generated, name, mins, extents))
                return
            lowered = generated.lowered
            named = [*(f"param_{identifier(n)}" for n in lowered.parameters), *lowered.metadata]
            values = {name: int(value) for name, value in zip(named, scalars, strict=True)}
            values.update({identifier(name): values[name] for name in lowered.metadata})
            for name, buffer in zip(names, inputs, strict=True):
                check_held(generated, name, (mins, extents), (buffer.mins, buffer.extents))
            for launch in launches(generated, mins, extents, values):
                arrays = [
                    buffer.region(*input_region(generated, name, launch.mins, launch.extents))
                    for name, buffer in zip(names, inputs, strict=True)
                ]
                results = [buffer.region(launch.mins, launch.extents) for buffer in outputs]
                self._launch(number, accelerator, arrays, results, launch)

        return handle

    def _launch(
        self, number: int, accelerator: Accelerator, inputs: list[AnyArray], outputs: list[AnyArray], launch: Launch
    ) -> None:
        values = math.prod(launch.extents)  # of the output's own region, channels included
        pixels = math.prod(launch.extents[loop.position] for loop in accelerator.generated.region.loops)
        statistics = self.statistics[number]
        with self.lock:
            stalls = self.stalls and replace(self.stalls, seed=self.stalls.seed + statistics.launches)
            statistics.launches += 1

        def progress(cycles: int, done: int, total: int) -> None:
            if self.progress is not None:
                with self.lock:
                    self.progress(min(self.finished + values * done // max(total, 1), self.total), self.total)

        result = accelerator.run(inputs, outputs, launch, stalls=stalls, progress=progress)
        with self.lock:
            statistics.cycles += result.cycles
            statistics.output_pixels += pixels
            ran = result.launches[0]
            statistics.latency_cycles = max(statistics.latency_cycles, ran.first_output_cycle - ran.accepted_cycle)
            self.finished += values
            if self.progress is not None:
                self.progress(min(self.finished, self.total), self.total)
