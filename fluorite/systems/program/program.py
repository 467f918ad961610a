"""A whole design as a program: driver and software part compiled, run against its simulated accelerators."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import halide as hl
import numpy as np

from fluorite.design import Design
from fluorite.errors import UsageError
from fluorite.frontend.region.identifiers import identifier
from fluorite.glue.write import write_software
from fluorite.systems.program.arguments import program_options, take
from fluorite.systems.program.build import build_system
from fluorite.systems.program.model import SystemModel
from fluorite.systems.program.run import Finished, run_program
from fluorite.systems.program.settings import InjectedError, Memory
from fluorite.systems.program.software import build_software
from fluorite.systems.program.targets import Target, find_target

__all__ = ["SystemProgram", "build_programs"]

Array = np.ndarray[Any, Any]


@dataclass
class SystemProgram:
    """A design's program for one processor, and its accelerators.

    Attributes
    ----------
    name : str
        The design's.
    folder : Path
        The software is in ``software/`` in it.
    target : Target
        The processor.
    systems : dict of str to SystemModel
        The accelerators in their shells, by name.
    inputs : list of str
        Image inputs in the order the program takes them.
    built : dict of str to Path
        Programs by the driver's access layer.
    """

    name: str
    folder: Path
    target: Target
    systems: dict[str, SystemModel]
    inputs: list[str]
    built: dict[str, Path] = field(default_factory=dict)

    @classmethod
    def build(cls, design: Design, target: str, folder: Path, *, random_power_up: bool = False) -> SystemProgram:
        """As :func:`build_programs`, for one processor."""
        return build_programs(design, [target], folder, random_power_up=random_power_up)[target]

    def compile(self, backend: str) -> Path:
        """Compile the program, once, with one of the driver's access layers (``"sim"``, ``"uio"``); return where it is.

        Raises
        ------
        SimulationError
            The compiler fails.
        """
        if backend not in self.built:
            self.built[backend] = build_software(self.folder / "software", identifier(self.name), self.target, backend)
        return self.built[backend]

    def run(
        self,
        images: Mapping[str, Array],
        outputs: Sequence[Array],
        *,
        scalars: Mapping[str, str] | None = None,
        board: bool = False,
        memory: Memory | None = None,
        errors: Sequence[InjectedError] = (),
        repeat: int = 1,
        environment: Mapping[str, str] | None = None,
        timeout_seconds: float = 600,
    ) -> Finished:
        """Run the program on images.

        Parameters
        ----------
        images : mapping of str to ndarray
            Per input, axes reversed: ``[y, x]`` or ``[c, y, x]``.
        outputs : sequence of ndarray
            Filled in.
        scalars : mapping of str to str, optional
            Values of scalar inputs.
        board : bool
            The driver as built for a board, on a simulated board (ARM only); otherwise the driver's own simulator
            backend.
        memory, errors, environment, timeout_seconds
            As for :func:`~fluorite.systems.program.run.run_program`.
        repeat : int
            How many times the pipeline runs.

        Raises
        ------
        SimulationError
            The program failed, or the hardware broke a rule.
        """
        program = self.compile("uio" if board else "sim")
        with tempfile.TemporaryDirectory(prefix="fluorite-") as name:
            folder = Path(name)
            files = [folder / f"input{n}.npy" for n in range(len(self.inputs))]
            for path, image in zip(files, self.inputs, strict=True):
                np.save(path, np.asarray(images[image], order="C"))
            results = [folder / f"output{n}.npy" for n in range(len(outputs))]
            options = program_options(outputs, scalars or {}, repeat)
            done = run_program(
                program,
                [*options, *map(str, files), *map(str, results)],
                self.systems,
                target=self.target,
                memory=memory,
                errors=errors,
                board=board,
                environment=environment,
                timeout_seconds=timeout_seconds,
            )
            done.check()
            for path, array in zip(results, outputs, strict=True):
                take(array, np.load(path))
        return done


def build_programs(
    design: Design, targets: Sequence[str], folder: Path, *, random_power_up: bool = False
) -> dict[str, SystemProgram]:
    """Write a design's software for several processors, and build the simulators that all of them share.

    Parameters
    ----------
    design : Design
        Simulated with the shells it was compiled for.
    targets : sequence of str
        Names of :data:`~fluorite.systems.program.targets.TARGETS`.
    folder : Path
        The software is written to ``software/`` in it.
    random_power_up : bool
        As for :func:`~fluorite.systems.program.build.build_system`.

    Raises
    ------
    SimulationError
        A tool is missing or fails.
    UsageError
        There is no target of that name, or the design's shells have no memory ports.
    """
    chosen = {target: find_target(target) for target in targets}
    if design.shell.kind != "axi":
        raise UsageError(f"{design.name}: a system simulation needs shells of kind 'axi', not {design.shell.kind!r}")
    write_software(design.hardware, design.software, folder / "software", [target.halide for target in chosen.values()])
    systems = {
        core.identifier: build_system(core.verilog, core.registers.name, random_power_up=random_power_up)
        for core in design.hardware.cores
    }
    arguments = design.software.infer_arguments()
    inputs = [argument.name for argument in arguments if argument.kind == hl.ArgumentKind.InputBuffer]
    return {name: SystemProgram(design.name, folder, target, systems, inputs) for name, target in chosen.items()}
