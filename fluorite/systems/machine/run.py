"""A design's board program on a machine: Linux boots in QEMU, loads the drivers, runs the program on images."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fluorite.boards.placement import Placement
from fluorite.design import Design
from fluorite.errors import SimulationError, UsageError
from fluorite.frontend.region.identifiers import identifier
from fluorite.glue.linux.device_tree import Driver
from fluorite.glue.linux.memory import Arena, arena
from fluorite.systems.machine.boot import Booted, boot, tail
from fluorite.systems.machine.initramfs import initramfs
from fluorite.systems.machine.job import prepared, with_program
from fluorite.systems.machine.kernels import kernel
from fluorite.systems.machine.machines import Machine, find_machine, placement_on
from fluorite.systems.machine.plugin import Device, emulator
from fluorite.systems.program.arguments import take
from fluorite.systems.program.program import SystemProgram
from fluorite.systems.program.run import Finished
from fluorite.systems.program.settings import InjectedError, Memory

__all__ = ["DRIVERS", "MachineProgram"]

Array = np.ndarray[Any, Any]

#: How the program reaches the accelerators: UIO, or fluorite's kernel driver.
DRIVERS: tuple[Driver, ...] = ("uio", "kernel")
_LOWEST = 0x10_0000  # masters in the FPGA do not see the memory below
_IDLE_CYCLES = 20_000  # that the accelerators are clocked on for after they were last active
_BEGIN, _EXIT, _INTERRUPTS = "fluorite: begin", "fluorite: exit ", "fluorite: interrupts"


@dataclass
class MachineProgram:
    """A design's program as it is built for a board, and the machine that it runs on.

    Attributes
    ----------
    machine : Machine
    program : SystemProgram
        The program, and the accelerators in their shells.
    placement : Placement
        Where they are.
    memory : Arena
        Memory that the design's device tree reserves.
    """

    machine: Machine
    program: SystemProgram
    placement: Placement
    memory: Arena

    @classmethod
    def build(cls, design: Design, machine: str, folder: Path, *, random_power_up: bool = False) -> MachineProgram:
        """Write a design, compile its software for a machine's board, build its simulators.

        Raises
        ------
        UsageError
            There is no such machine, or the design is for a board of another kind.
        SimulationError
            A tool is missing or fails.
        """
        chosen = find_machine(machine)
        emulator(chosen.emulator)  # before anything takes time
        hardware = design.hardware
        placement = placement_on(chosen, design.board, hardware.registers)
        memory = arena(hardware.registers, placement.board)
        program = SystemProgram.build(design, chosen.target, folder, random_power_up=random_power_up)
        return cls(chosen, program, placement, memory)

    def run(
        self,
        images: Mapping[str, Array],
        outputs: Sequence[Array],
        *,
        driver: Driver = "uio",
        scalars: Mapping[str, str] | None = None,
        memory: Memory | None = None,
        errors: Sequence[InjectedError] = (),
        repeat: int = 1,
        environment: Mapping[str, str] | None = None,
        timeout_seconds: float = 600,
    ) -> Finished:
        """Boot the machine and run the program on images.

        Parameters
        ----------
        images, outputs, scalars, errors, repeat
            As for `SystemProgram.run`.
        driver : str
            One of `DRIVERS`.
        memory : Memory, optional
            How the machine's memory answers the accelerators; where it lies and its size are the machine's.
        environment : mapping of str to str, optional
            Added to the program's environment in the machine.
        timeout_seconds : float
            After this the machine is switched off.

        Raises
        ------
        SimulationError
            The machine did not come to the end of the program, the program failed, or the hardware broke a rule.
        """
        if driver not in DRIVERS:
            raise UsageError(f"driver must be {' or '.join(DRIVERS)}, not {driver!r}")
        linux = kernel(self.machine)
        job = prepared(
            self.machine, linux, identifier(self.program.name), self.placement, self.memory, driver=driver,
            used_bytes=sum(array.nbytes for array in (*images.values(), *outputs)),
        )  # fmt: skip
        job.variables |= environment or {}
        with_program(
            job, self.machine, self.program.compile("uio").read_bytes(), [images[name] for name in self.program.inputs],
            outputs, scalars=scalars or {}, repeat=repeat,
        )  # fmt: skip
        answering = replace(
            memory or Memory(), base=_LOWEST, bytes=job.memory_bytes - _LOWEST, idle_cycles=_IDLE_CYCLES
        )
        devices = [
            Device(name, model, placed.base_address, placed.bytes, placed.interrupt, answering, errors)
            for (name, model), placed in zip(self.program.systems.items(), self.placement.accelerators, strict=True)
        ]
        booted = boot(
            self.machine, linux.image, job.tree, initramfs(job.files), devices,
            clock_hz=self.placement.board.clock_hz, bitstream=job.bitstream, memory_bytes=job.memory_bytes,
            arguments=job.arguments, timeout_seconds=timeout_seconds,
        )  # fmt: skip
        done = self._finished(booted)
        done.check()
        _take(booted, outputs)
        return done

    def _finished(self, booted: Booted) -> Finished:
        """What came of the program, from the console."""
        _, begun, rest = booted.console.partition(f"{_BEGIN}\n")
        output, ended, rest = rest.partition(_EXIT)
        code = re.match(r"\d+", rest)
        if not (begun and ended and code):
            broken = [f"{name}: {text}" for name, report in booted.reports.items() if (text := report["violation"])]
            why = f"the hardware broke a rule: {'; '.join(broken)}" if broken else "it ended before the program did"
            raise SimulationError(f"machine {self.machine.name}: {why}\n{tail(booted.console)}")
        table = rest.partition(_INTERRUPTS)[0]
        for name, model in self.program.systems.items():
            # A number for each processor, then controller, line and name.
            taken = re.search(rf"^ *\d+:((?: +\d+)+) .*\b{re.escape(model.ports.module)}$", table, re.MULTILINE)
            booted.reports[name]["interrupts_taken"] = sum(map(int, taken[1].split())) if taken else 0
        return Finished(int(code[0]), output, booted.reports, booted.seconds)


def _take(booted: Booted, outputs: Sequence[Array]) -> None:
    """Fill in the outputs from what left the machine."""
    try:
        with tarfile.open(fileobj=io.BytesIO(booted.data)) as archive:
            for number, array in enumerate(outputs):
                file = archive.extractfile(f"output{number}.npy")
                assert file is not None
                take(array, np.load(io.BytesIO(file.read())))
    except (tarfile.TarError, KeyError, ValueError) as error:
        raise SimulationError(f"the machine's results did not arrive: {error}\n{tail(booted.console)}") from error
