"""A design: a compiled pipeline, its accelerators and its software, runnable and writable."""

from __future__ import annotations

import math
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import halide as hl
import numpy as np

from fluorite.boards.board import Board
from fluorite.boards.capacity import Capacity, predict
from fluorite.boards.vivado.write import write_vivado
from fluorite.errors import ScheduleError, UsageError
from fluorite.frontend import cut, ir
from fluorite.frontend.constants import strict_target
from fluorite.frontend.halide_errors import run_refused
from fluorite.frontend.halide_io import Loaded, halide_type, image_params, to_buffer, to_halide
from fluorite.glue.linux.write import write_linux
from fluorite.glue.overview import overview
from fluorite.glue.pynq.write import write_pynq
from fluorite.glue.testbench.write import write_testbench
from fluorite.glue.write import write_software
from fluorite.hwgen.generate import Generated
from fluorite.hwgen.names import identifier
from fluorite.hwgen.shell.config import ShellConfig
from fluorite.hwgen.shell.top import emit_shell
from fluorite.hwgen.verilog import emit
from fluorite.launch import Launch, check_held, input_region, launches, rounded_up
from fluorite.report import Report, describe
from fluorite.sim.extern import ExternStage
from fluorite.sim.halide_buffer import HalideBuffer
from fluorite.sim.model import CoreInstance, CoreModel
from fluorite.sim.run import AnyArray, Job, RunResult, Stalls
from fluorite.sim.verilate import build
from fluorite.words import Words

__all__ = ["Accelerator", "Design", "Statistics"]

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


class Accelerator:
    """One accelerator of a design: its Verilog, its simulation and its golden model.

    Attributes
    ----------
    name : str
        The accelerated Func, by its plain name: without the number that Halide gives equal names of one process.
    generated : Generated
        The hardware and all decisions behind it.
    """

    def __init__(self, loaded: Loaded, generated: Generated) -> None:
        self.name = generated.region.name
        self.generated = generated
        self._loaded = loaded
        self._verilog: str | None = None
        self._model: CoreModel | None = None
        self._idle: list[CoreInstance] = []
        self._lock = threading.Lock()

    @property
    def verilog(self) -> str:
        """The core in Verilog."""
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
        region = self.generated.region
        names = [i.name for i in region.inputs]
        # Constant Funcs are computed on their own, as they are for the hardware: inlined, Halide may round their
        # floats differently.
        computed = [*region.stages[:-1], *sorted(region.constant_funcs)]
        root = cut.golden(self._loaded.root, self.name, names, computed)
        params = image_params(root, names)
        inputs = {self._loaded.plain_name(name): array for name, array in inputs.items()}
        arrays = [np.ascontiguousarray(inputs[name]) for name in params]  # an hl.Buffer does not keep its array alive
        for (name, param), array in zip(params.items(), arrays, strict=True):
            buffer = to_buffer(array)
            buffer.set_min(list(input_region(self.generated, name, mins, extents)[0]))
            param.set(buffer)
        parameters = {**self._loaded.parameters, **(given or {}), **{n: p.parameter() for n, p in params.items()}}
        results = [hl.Buffer(halide_type(t), list(extents)) for t in region.func.types]
        for result in results:
            result.set_min(list(mins))
        with run_refused(self.name, self._loaded.pipeline.funcs):
            to_halide(root, parameters).realize(results, strict_target())
        return [np.array(result) for result in results]


@dataclass
class Design:
    """A compiled pipeline. Made by :func:`fluorite.compile`.

    Attributes
    ----------
    name : str
        Name of the design.
    accelerators : tuple of Accelerator
        In the pipeline's order.
    board : Board or None
        What it was compiled for.
    shell : ShellConfig
        What is around the cores.
    statistics : list of Statistics
        Per accelerator, what the last ``realize`` did.
    """

    name: str
    loaded: Loaded
    accelerators: tuple[Accelerator, ...]
    board: Board | None = None
    shell: ShellConfig = field(default_factory=ShellConfig)
    statistics: list[Statistics] = field(default_factory=list)
    _runner: _Runner | None = None

    def accelerator(self, name: str) -> Accelerator:
        """The accelerator of a Func, by its plain name or Halide's: ``"corners"``, ``corners.name()``.

        Raises
        ------
        UsageError
            There is none of that name.
        """
        for accelerator in self.accelerators:
            if accelerator.name == self.loaded.plain_name(name):
                return accelerator
        known = ", ".join(a.name for a in self.accelerators)
        raise UsageError(f"{self.name} has no accelerator {name}; it has: {known}")

    def verilog(self, name: str | None = None) -> str:
        """Verilog of one accelerator; the name may be left out where there is only one."""
        if name is None:
            if len(self.accelerators) != 1:
                known = ", ".join(a.name for a in self.accelerators)
                raise UsageError(f"{self.name} has several accelerators: name one of {known}")
            name = self.accelerators[0].name
        return self.accelerator(name).verilog

    @property
    def report(self) -> Report:
        """Sizes, memories, operators and why."""
        return Report(self.name, tuple(describe(a.generated) for a in self.accelerators), self.board, self.capacities)

    @property
    def capacities(self) -> tuple[Capacity, ...]:
        """What each accelerator takes of the board, predicted; empty without a board."""
        if self.board is None:
            return ()
        return tuple(predict(a.generated, self.board, self.shell) for a in self.accelerators)

    @property
    def software(self) -> Any:
        """The software part: an ``hl.Pipeline`` that calls ``fluorite_<accelerator>`` as an extern stage."""
        return self._cut({a.name: f"fluorite_{identifier(a.name)}" for a in self.accelerators})

    def _cut(self, symbols: Mapping[str, str]) -> Any:
        root = self.loaded.root
        for accelerator in self.accelerators:
            generated = accelerator.generated
            inputs = [i.name for i in generated.region.inputs]
            scalars: list[str | ir.Variable] = [*generated.lowered.parameters, *generated.lowered.metadata.values()]
            root = cut.software(root, accelerator.name, inputs, scalars, symbols[accelerator.name])
        called = {func.name for func in root.funcs}
        for accelerator in self.accelerators:
            if accelerator.name not in called:
                raise ScheduleError(
                    accelerator.name,
                    "accelerate()",
                    "no software reads it: its consumers are inside another accelerator, or read a clone_in() of it",
                    "leave the call out, or name the Func among that accelerator's inputs",
                )
        return to_halide(root, self.loaded.parameters)

    def realize(self, sizes: Sequence[int], *, stalls: Stalls | None = None, progress: Progress | None = None) -> Any:
        """Run the pipeline: the software part in Halide's JIT, every accelerator in Verilator.

        Parameters
        ----------
        sizes : sequence of int
            Extents of the output, as for ``Func.realize``.
        stalls : Stalls, optional
            Random stalls on every port of the hardware.
        progress : callable, optional
            Called with the pixels computed so far and those of the whole run.

        Returns
        -------
        halide.Buffer or list of halide.Buffer
            As ``Pipeline.realize``.

        Raises
        ------
        UsageError
            The sizes are none of the output, or Halide stops: an image is too small, a Param out of its range.
        SimulationError
            The hardware is asked for a region that it was not compiled for, or does not behave.
        """
        whole = all(isinstance(n, (int, np.integer)) and 0 <= n < 1 << 31 for n in sizes)
        for output in self.loaded.pipeline.outputs:
            dimensions = len(self.loaded.pipeline.funcs[output].args)
            if len(sizes) != dimensions or not whole:
                plural = "" if dimensions == 1 else "s"
                raise UsageError(f"{output} takes {dimensions} size{plural} of 0 to {(1 << 31) - 1}, not {sizes!r}")
        if self._runner is None:
            self._runner = _Runner(self)
        return self._runner.realize(sizes, stalls, progress)

    def write(self, folder: str | Path, targets: Sequence[str] | None = None, *, testbench: bool = True) -> list[Path]:
        """Write hardware, software and report into a folder.

        Per accelerator ``<func>_core.v`` and the core in its shell, one file, ``<func>_axi.v`` or ``<func>_axis.v``.
        In ``testbench/`` a testbench in cocotb, which runs as it lies there. With AXI shells, in ``software/`` the
        driver, the extern stages, a program and how to build it. For a board with a processor, in ``vivado/`` what
        makes the bitstream, in ``linux/`` what its Linux needs, in ``pynq/`` Python classes.

        Parameters
        ----------
        folder : str or Path
            Made if it is not there.
        targets : sequence of str, optional
            Halide targets (``"arm-32-linux"``, ``"arm-64-linux"``, ``"host"``) to compile the software part for;
            seconds each. By default the board's.
        testbench : bool
            Whether to write ``testbench/``, whose images Halide computes now.

        Returns
        -------
        list of Path
            The files written.

        Raises
        ------
        UsageError
            Targets are given for a design without software, or Halide does not know one; or there is no frame to test
            an accelerator with.
        """
        processor = self.board.processor if self.board else None
        with_software = self.shell.kind == "axi"
        if targets is None:
            targets = (processor.target,) if processor and with_software else ()
        if targets and not with_software:
            raise UsageError(f"{self.name}: targets: a stream shell has no software: leave them out, or take shell axi")
        files = {f"{identifier(a.name)}_core.v": a.verilog for a in self.accelerators}
        kind = self.shell.kind
        shells = {f"{identifier(a.name)}_{kind}": emit_shell(a.generated, self.shell) for a in self.accelerators}
        files |= {f"{name}.v": text for name, text in shells.items()}
        files["report.json"] = self.report.to_json() + "\n"
        files["report.txt"] = self.report.to_text() + "\n"
        folder = Path(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Written aside first: what fails half-way leaves nothing behind.
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as aside:
            work = Path(aside)
            for name, text in files.items():
                (work / name).write_text(text)
            written = [work / name for name in files]
            if testbench:
                written += write_testbench(self, work / "testbench", (self.shell,))
            if with_software:
                written += write_software(self, work / "software", targets, self.shell)
            if with_software and self.board and processor:
                written += write_vivado(self, self.board, work / "vivado", shells)
                written += write_linux(self, self.board, work)
                written += write_pynq(self, self.board, work)
            (work / "README.md").write_text(overview(self, {path.name for path in work.iterdir() if path.is_dir()}))
            written.append(work / "README.md")
            shutil.copytree(work, folder, dirs_exist_ok=True)
            return [folder / path.relative_to(work) for path in written]


class _Runner:
    """The software part in the JIT, its extern stages bound to simulated cores."""

    def __init__(self, design: Design) -> None:
        self.design = design
        self.lock = threading.Lock()
        self.stalls: Stalls | None = None
        self.progress: Progress | None = None
        self.total = 0
        self.finished = 0
        self.stages: list[ExternStage] = []
        symbols: dict[str, str] = {}
        for number, accelerator in enumerate(design.accelerators):
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
        self.pipeline = design._cut(symbols)

    def realize(self, sizes: Sequence[int], stalls: Stalls | None, progress: Progress | None) -> Any:
        self.stalls, self.progress = stalls, progress
        self.total, self.finished = math.prod(sizes), 0
        self.design.statistics = [Statistics(a.name) for a in self.design.accelerators]
        with ExitStack() as stack:
            for stage in self.stages:
                stack.enter_context(stage.raising())
            with run_refused(self.design.name, self.design.loaded.pipeline.funcs):
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
        statistics = self.design.statistics[number]
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
