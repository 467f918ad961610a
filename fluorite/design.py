"""A design: a compiled pipeline, its accelerators and its software, runnable and writable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from fluorite.boards.board import Board
from fluorite.boards.capacity.predict import Capacity, predict
from fluorite.boards.ecp5.host import BoardBackend
from fluorite.boards.ecp5.link import Link, Transport
from fluorite.boards.vivado.streams import write_streams
from fluorite.boards.vivado.write import write_vivado
from fluorite.errors import UsageError
from fluorite.frontend.cut import with_stages
from fluorite.frontend.halide_io import Loaded, to_halide
from fluorite.glue.linux.write import write_linux
from fluorite.glue.overview import Row, overview
from fluorite.glue.pynq.write import write_pynq
from fluorite.glue.testbench.write import write_testbench
from fluorite.glue.write import write_software
from fluorite.host.files import folder_in_place
from fluorite.hwgen.output_sizes import output_sizes
from fluorite.hwgen.shell.config import ShellConfig
from fluorite.hwgen.shell.hardware import Hardware
from fluorite.report import Report, describe
from fluorite.run.accelerator import Accelerator
from fluorite.run.destination import Output, destination, new_buffers
from fluorite.run.runner import Launched, Progress, Runners, Statistics, software
from fluorite.sim.run import Stalls

__all__ = ["Design"]


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
    warnings : tuple of str
        What in the whole pipeline has no effect; what could not be excluded of an accelerator is in its report.
    """

    name: str
    loaded: Loaded
    accelerators: tuple[Accelerator, ...]
    board: Board | None = None
    shell: ShellConfig = field(default_factory=ShellConfig)
    warnings: tuple[str, ...] = ()
    _runners: Runners = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._runners = Runners(self.loaded, self.name, self.accelerators)

    @property
    def statistics(self) -> list[Statistics]:
        """Per accelerator, what the last ``realize`` did: the calling thread's, or if it made none, any thread's."""
        return self._runners.statistics

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

    @cached_property
    def hardware(self) -> Hardware:
        """The accelerators in their shells: registers, Verilog."""
        cores = tuple(a.in_shell(self.shell) for a in self.accelerators)
        return Hardware(self.name, cores, self.shell)

    @cached_property
    def report(self) -> Report:
        """Sizes, memories, operators and why."""
        accelerators = tuple(describe(a.generated) for a in self.accelerators)
        return Report(self.name, accelerators, self.board, self.capacities, self.warnings)

    @cached_property
    def capacities(self) -> tuple[Capacity, ...]:
        """What each accelerator takes of the board, predicted; empty without a board."""
        if self.board is None:
            return ()
        return tuple(predict(core, self.board) for core in self.hardware.cores)

    @property
    def software(self) -> Any:
        """The software part: an ``hl.Pipeline`` that calls ``fluorite_<accelerator>`` as an extern stage."""
        symbols: dict[str, str] = {}
        for signature in (a.generated.signature for a in self.accelerators):
            symbols[signature.func] = signature.symbol
            symbols |= {side.func: side.symbol for side in signature.sides}
        return software(self.loaded, self.accelerators, symbols)

    @property
    def reference(self) -> Any:
        """The pipeline for Halide alone, an ``hl.Pipeline``: as it was given, but every line-buffered Func is computed.

        In the user's own schedule these are inlined mostly, because hardware needs no more; Halide would compute each
        of them once for each of its readers' taps, and a chain of stencils multiplies out.
        """
        regions = [a.generated.region for a in self.accelerators]
        stages = {r.name: [stage for stage in r.stages if stage not in r.outputs] for r in regions}
        return to_halide(with_stages(self.loaded.root, stages), self.loaded.parameters)

    def realize(
        self,
        output: Output,
        *,
        stalls: Stalls | None = None,
        progress: Progress | None = None,
        launched: Launched | None = None,
    ) -> Any:
        """Run the pipeline: the software part in Halide's JIT, every accelerator in Verilator.

        Several threads may call it at the same time. As in Halide, they all read the same Params and ImageParams.

        Parameters
        ----------
        output : sequence of int, halide.Buffer or sequence of halide.Buffer
            As for ``Func.realize``: the output's sizes (the first one's; see `sizes`), or the buffer to write to, one
            per value of the output where there are several. A buffer may begin anywhere (``set_min``, ``translate``),
            and so does what is computed.
        stalls : Stalls, optional
            Random stalls on every port of the hardware.
        progress : callable, optional
            Called with the pixels computed so far and those of the whole run.
        launched : callable, optional
            Called with the accelerator, the launch and its input images, before each launch; the images are the
            pipeline's own memory.

        Returns
        -------
        halide.Buffer, tuple of halide.Buffer or None
            As ``Pipeline.realize``: nothing where buffers are given.

        Raises
        ------
        UsageError
            These are no sizes of the output, the hardware is asked for a region that it was not compiled for, or
            Halide stops: an image is too small, a Param out of its range, a buffer of another type.
        SimulationError
            The hardware cannot be simulated, or does not behave.
        """
        where = destination(self.loaded.pipeline, [a.generated for a in self.accelerators], output)
        return self._runners.realize(where, stalls, progress, launched)

    def sizes(self, sizes: Sequence[int]) -> dict[str, tuple[int, ...]]:
        """The sizes of every output where those of the first are given, by output Func.

        What an accelerator gives at rate r beside another output, of ``n`` pixels, has ``floor(r * n)``; all others
        have the first one's.

        Parameters
        ----------
        sizes : sequence of int
            Of the first output, dimension 0 first.
        """
        return output_sizes(self.loaded.pipeline, [a.generated for a in self.accelerators], sizes)

    def buffers(self, sizes: Sequence[int]) -> list[Any]:
        """New buffers (``hl.Buffer``) for every value of every output, where the sizes of the first output are given.

        Parameters
        ----------
        sizes : sequence of int
            As for `sizes`.
        """
        return new_buffers(self.loaded.pipeline, self.sizes(sizes))

    def attached(self, transport: Transport, *, timeout_seconds: float = 5.0) -> Design:
        """The same design with its accelerator on a board that was configured by ``fluorite build``.

        ``realize`` of what is returned runs the software part here and the hardware there.

        Parameters
        ----------
        transport : Transport
            The line, such as a :class:`fluorite.boards.ecp5.serial_port.SerialPort`.
        timeout_seconds : float
            How long the board may be silent when something is expected of it.

        Raises
        ------
        LinkError
            The board does not answer, or holds another design.
        """
        link = Link(transport, timeout_seconds)
        on_board = tuple(a.on(BoardBackend(a.in_shell(self.shell), link)) for a in self.accelerators)
        return replace(self, accelerators=on_board)

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
            Targets are given for a design without software, or Halide does not know one; there is no frame to test
            an accelerator with; or the folder cannot be written to. What was in it is then as it was.
        """
        processor = self.board.processor if self.board else None
        with_software = self.shell.kind == "axi"
        if targets is None:
            targets = (processor.target,) if processor and with_software else ()
        if targets and not with_software:
            raise UsageError(f"{self.name}: targets: a stream shell has no software: leave them out, or take shell axi")
        files = {f"{a.identifier}_core.v": a.verilog for a in self.accelerators}
        files |= {f"{core.identifier}_{self.shell.kind}.v": core.verilog for core in self.hardware.cores}
        files["report.json"] = self.report.to_json() + "\n"
        files["report.txt"] = self.report.to_text() + "\n"
        folder = Path(folder)
        with folder_in_place(folder) as work:
            for name, text in files.items():
                (work / name).write_text(text, encoding="utf-8")
            written = [work / name for name in files]
            if testbench:
                parameters, shells = self.loaded.parameters, (self.shell,)
                written += write_testbench(self.name, self.accelerators, parameters, work / "testbench", shells)
            if with_software:
                written += write_software(self.hardware, self.software, work / "software", targets)
            if with_software and self.board and processor:
                written += write_vivado(self.hardware, self.board, work / "vivado")
                written += write_linux(self.hardware, self.board, work)
                written += write_pynq(self.hardware, self.board, work)
            if not with_software and self.board and processor:
                written += write_streams(self.hardware, self.board, work / "vivado_ip")
            rows = [
                Row(a.identifier, r.lanes, r.latency_cycles, r.cycles_per_launch)
                for a, r in zip(self.accelerators, self.report.accelerators, strict=True)
            ]
            folders = {path.name for path in work.iterdir() if path.is_dir()}
            text = overview(self.name, self.shell.kind, self.board, rows, folders)
            (work / "README.md").write_text(text, encoding="utf-8")
            written.append(work / "README.md")
            names = [path.relative_to(work) for path in written]
        return [folder / name for name in names]
