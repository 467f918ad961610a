"""The software part of a design: cut out of the pipeline, and run in Halide's JIT with simulated accelerators.

Halide passes nothing to an extern stage that says which ``realize`` it works for, and must not compile one pipeline
twice at the same time. So a `Runner`, which is one compiled software part, works for one call at a time; calls at the
same time get one each from the design's `Runners`.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import halide as hl

from fluorite.errors import ScheduleError
from fluorite.frontend import cut
from fluorite.frontend.halide_errors import run_refused
from fluorite.frontend.halide_io import Loaded, to_halide
from fluorite.frontend.region.placement import refuse_vector_loops
from fluorite.hwgen.generate import Generated
from fluorite.hwgen.plan.side_plan import SidePlan
from fluorite.run.accelerator import Accelerator
from fluorite.run.destination import Destination
from fluorite.run.kept import Kept
from fluorite.run.launch import Box, Launch, check_held, launches, rounded_up
from fluorite.sim.extern import ExternStage, Handler
from fluorite.sim.halide_buffer import HalideBuffer
from fluorite.sim.run import AnyArray, Stalls

__all__ = ["Launched", "Progress", "Run", "Runner", "Runners", "Statistics", "software"]

Progress = Callable[[int, int], None]
Launched = Callable[[Accelerator, Launch, Sequence[AnyArray]], None]


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
    """The software part, with extern stages of the given symbols, by output Func of an accelerator.

    Raises
    ------
    ScheduleError
        An accelerator is read by nothing that is left, or computed where no C function can be called.
    """
    root = loaded.root
    for accelerator in accelerators:
        signature = accelerator.generated.signature
        sides = tuple(replace(side, symbol=symbols[side.func]) for side in signature.sides)
        root = cut.software(root, replace(signature, symbol=symbols[accelerator.name], sides=sides))
    called = {func.name for func in root.funcs}
    for accelerator in accelerators:
        for side in accelerator.generated.sides:
            if side.name not in called:
                raise ScheduleError(
                    accelerator.name,
                    f"accelerate(..., outputs=[{side.name}])",
                    f"no software reads {side.name}, and it is no output of the pipeline",
                    "leave it out: what is read inside the accelerator needs no call but linebuffer()",
                )
        if accelerator.name not in called:
            raise ScheduleError(
                accelerator.name,
                "accelerate()",
                "no software reads it: its consumers are inside another accelerator, or read a clone_in() of it",
                "leave the call out, or name the Func among that accelerator's inputs",
            )
        for output in accelerator.generated.region.outputs:
            refuse_vector_loops(root, output)
    return to_halide(root, loaded.parameters)


@dataclass(slots=True)
class Run:
    """One call of ``realize``: what it was asked for, and how far it is. Halide's threads share it.

    Attributes
    ----------
    statistics : list of Statistics
        Per accelerator.
    total : int
        Values of the output.
    stalls : Stalls or None
        Random stalls on every port of the hardware.
    progress : callable or None
        Called with the values computed so far and those of the whole run.
    launched : callable or None
        Called with the accelerator, each launch and its input images, by one of Halide's threads at a time.
    finished : int
        Values computed by launches that ended.
    """

    statistics: list[Statistics]
    total: int
    stalls: Stalls | None
    progress: Progress | None
    launched: Launched | None = None
    finished: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def report(self, values: int) -> None:
        """Tell how far the run is, `values` of launches that have not ended included. Call it with the lock held."""
        if self.progress is not None:
            self.progress(min(self.finished + values, self.total), self.total)


class Runner:
    """The software part in the JIT, its extern stages bound to simulated cores. It runs one ``realize`` at a time.

    Parameters
    ----------
    loaded : Loaded
        The pipeline.
    name : str
        Of the design, for messages.
    accelerators : sequence of Accelerator
        Its accelerators.
    """

    def __init__(self, loaded: Loaded, name: str, accelerators: Sequence[Accelerator]) -> None:
        self.loaded = loaded
        self.name = name
        self.accelerators = accelerators
        self._run: Run | None = None
        self.stages: list[ExternStage] = []
        self._kept: list[Kept] = []
        symbols: dict[str, str] = {}
        for number, accelerator in enumerate(accelerators):
            signature = accelerator.generated.signature
            arguments = ["buffer"] * len(signature.inputs) + [str(scalar.type) for scalar in signature.scalars]
            kept = Kept(accelerator.generated)
            self._kept.append(kept)
            handler = self._handler(number, accelerator, kept)
            stage = ExternStage(signature.symbol, arguments, signature.outputs, handler)
            self.stages.append(stage)
            symbols[accelerator.name] = stage.symbol
            for side, of_side in zip(signature.sides, accelerator.generated.sides, strict=True):
                buffers = ["buffer"] * signature.outputs
                self.stages.append(ExternStage(side.symbol, buffers, side.outputs, _side_handler(of_side, kept)))
                symbols[side.func] = self.stages[-1].symbol
        self.pipeline = software(loaded, accelerators, symbols)
        with run_refused(name, loaded.pipeline.funcs):
            self.pipeline.compile_jit(hl.get_jit_target_from_environment())

    def realize(self, output: Destination, run: Run) -> Any:
        """Run the pipeline; see :meth:`fluorite.Design.realize`."""
        self._run = run
        try:
            with ExitStack() as stack:
                for stage in self.stages:
                    stack.enter_context(stage.raising())
                with run_refused(self.name, self.loaded.pipeline.funcs):
                    result = self.pipeline.realize(output.given)
                    return tuple(output.given) if output.made else result
        finally:
            self._run = None
            for kept in self._kept:
                kept.clear()

    def _handler(self, number: int, accelerator: Accelerator, kept: Kept) -> Handler:
        generated = accelerator.generated

        def handle(inputs: list[HalideBuffer], scalars: list[int | float], outputs: list[HalideBuffer]) -> None:
            mins, extents = outputs[0].mins, outputs[0].extents
            values = generated.signature.values(scalars)
            if any(buffer.is_bounds_query for buffer in (*inputs, *outputs)):
                if outputs[0].is_bounds_query:
                    extents = rounded_up(generated, extents)
                    for output in outputs:
                        output.set_region(mins, extents)
                for stream, buffer in zip(generated.inputs, inputs, strict=True):
                    if buffer.is_bounds_query:
                        buffer.set_region(*stream.region(mins, extents, values))
                return
            for stream, buffer in zip(generated.inputs, inputs, strict=True):
                check_held(generated, stream.source, (mins, extents), (buffer.mins, buffer.extents), values)
            beside = kept.room(outputs[0])
            for launch in launches(generated, mins, extents, values):
                arrays = [
                    buffer.region(*stream.region(launch.mins, launch.extents, values))
                    for stream, buffer in zip(generated.inputs, inputs, strict=True)
                ]
                results = [buffer.region(launch.mins, launch.extents) for buffer in outputs]
                results += _parts(generated, (mins, extents), (launch.mins, launch.extents), beside)
                self._launch(number, accelerator, arrays, results, launch)

        return handle

    def _launch(
        self, number: int, accelerator: Accelerator, inputs: list[AnyArray], outputs: list[AnyArray], launch: Launch
    ) -> None:
        run = self._run
        assert run is not None  # extern stages are called within `realize`
        values = math.prod(launch.extents)  # of the output's own region, channels included
        pixels = math.prod(launch.extents[loop.position] for loop in accelerator.generated.region.loops)
        if run.launched is not None:
            with run.lock:
                run.launched(accelerator, launch, inputs)
        stalls = run.stalls
        if stalls is not None:  # by the launch's place: Halide's threads come in any order
            stalls = replace(stalls, seed=Random(f"{stalls.seed} {number} {launch.mins}").getrandbits(64))

        def progress(cycles: int, done: int, total: int) -> None:
            with run.lock:
                run.report(values * done // max(total, 1))

        result = accelerator.run(inputs, outputs, launch, stalls=stalls, progress=progress)
        (ran,) = result.launches
        with run.lock:
            statistics = run.statistics[number]
            statistics.launches += 1
            statistics.cycles += result.cycles
            statistics.output_pixels += pixels
            statistics.latency_cycles = max(statistics.latency_cycles, ran.first_output_cycle - ran.accepted_cycle)
            run.finished += values
            run.report(0)


def _parts(generated: Generated, whole: Box, launch: Box, images: Sequence[AnyArray]) -> list[AnyArray]:
    """What of the images beside a region of the accelerated Func a launch of a part of it gives."""
    found = []
    for stream, image in zip((stream for side in generated.sides for stream in side.streams), images, strict=True):
        (all_mins, _), (mins, extents) = stream.region(*whole), stream.region(*launch)
        parts = [slice(a - b, a - b + n) for a, b, n in zip(mins, all_mins, extents, strict=True)]
        found.append(image[tuple(reversed(parts))])
    return found


def _side_handler(side: SidePlan, kept: Kept) -> Handler:
    """The extern stage of an output beside an accelerated Func."""

    def handle(inputs: list[HalideBuffer], scalars: list[int | float], outputs: list[HalideBuffer]) -> None:
        if not any(buffer.is_bounds_query for buffer in (*inputs, *outputs)):
            kept.take(side, inputs[0], outputs)
            return
        mins, extents = outputs[0].mins, outputs[0].extents
        for output in outputs:
            if output.is_bounds_query:
                output.set_region(mins, extents)
        for buffer in inputs:
            if buffer.is_bounds_query:
                buffer.set_region(*side.asked(mins, extents))

    return handle


class Runners:
    """The runners of a design: as many as there ever were calls at the same time.

    Parameters
    ----------
    loaded, name, accelerators
        As for a `Runner`.
    """

    def __init__(self, loaded: Loaded, name: str, accelerators: Sequence[Accelerator]) -> None:
        self._make: Callable[[], Runner] = lambda: Runner(loaded, name, accelerators)
        self._names = [accelerator.name for accelerator in accelerators]
        self._idle: list[Runner] = []
        self._lock = threading.Lock()
        self._last: list[Statistics] = []
        self._own = threading.local()

    @property
    def statistics(self) -> list[Statistics]:
        """Of the last call: the calling thread's own where it made one, else the last that any thread began."""
        own: list[Statistics] = getattr(self._own, "last", self._last)
        return own

    def realize(
        self, output: Destination, stalls: Stalls | None, progress: Progress | None, launched: Launched | None
    ) -> Any:
        """Run the pipeline; see :meth:`fluorite.Design.realize`."""
        run = Run([Statistics(name) for name in self._names], output.values, stalls, progress, launched)
        self._last = self._own.last = run.statistics
        with self._lock:
            runner = self._idle.pop() if self._idle else self._make()
        try:
            return runner.realize(output, run)
        finally:
            with self._lock:
                self._idle.append(runner)
