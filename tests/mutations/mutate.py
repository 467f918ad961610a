"""Runs of mutants: which of them `fluorite verify`'s own runs of the core notice."""

import random
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace

from fluorite.errors import FluoriteError
from fluorite.run.core_runs import patterns, run_core
from fluorite.sim.verilate import build

from .designs import recorded
from .schemata import schemata
from .survivors import reason

__all__ = ["SettingMutant", "Subject", "tried"]

PROBABILITY = 0.3


@dataclass(frozen=True, slots=True)
class SettingMutant:
    """A setting that software computes wrong in every launch: a position, a last address, a Param."""

    name: str
    difference: int

    def __str__(self) -> str:
        return f"settings: {self.name}  ->  {self.name} {self.difference:+d}"


class Subject:
    """A design, its mutants, and the core that holds them all."""

    def __init__(self, name):
        self.name = name
        self.accelerator, self.order = recorded(name)
        interface = self.accelerator.generated.interface
        mutants, verilog, self.passed_over = schemata(self.accelerator.verilog)
        settings = [SettingMutant(s.name, difference) for s in interface.settings for difference in (-1, 1)]
        self.mutants = [*mutants, *(m for m in settings if self._changes(m))]
        self.model = build(verilog, interface)
        self.patterns = patterns(self.accelerator.generated, self.order, PROBABILITY, 0)

    def _changes(self, mutant):
        return any(self._settings(frame, mutant) != frame.launch.settings for frame in self.order)

    def killed_by(self, mutant):
        """What notices a mutant, or None."""
        order, number = self.order, 0
        if isinstance(mutant, SettingMutant):
            order = [replace(f, launch=replace(f.launch, settings=self._settings(f, mutant))) for f in order]
        elif mutant is not None:
            number = mutant.number
        core = self.model.open(number)
        for pattern in self.patterns:
            try:
                check = run_core(self.accelerator, order, pattern, lambda: nullcontext(core))
            except FluoriteError as error:
                return str(error)
            if check.different:
                return f"wrong results; stalling {pattern.name}"
        return None

    def _settings(self, frame, mutant):
        """Where the port can hold it."""
        port = next(s for s in self.accelerator.generated.interface.settings if s.name == mutant.name)
        low = -(1 << port.width_bits - 1) if port.signed else 0
        value = frame.launch.settings[mutant.name] + mutant.difference
        fits = low <= value < low + (1 << port.width_bits)
        return {**frame.launch.settings, mutant.name: value} if fits else frame.launch.settings


def tried(name, share, seed):
    """A design's mutants: how many there are and were tried, which survived, which should have and did not.

    Then the statements that have no mutants, and the seconds that it took.
    """
    start = time.monotonic()
    subject = Subject(name)
    if (noticed := subject.killed_by(None)) is not None:
        return name, 0, 0, [], [f"{name}: the core itself fails: {noticed}"], [], 0.0
    chosen = [m for m in subject.mutants if random.Random(f"{seed} {name} {m}").random() < share]
    alive, untrue = [], []
    for mutant in chosen:
        noticed, why = subject.killed_by(mutant), reason(name, mutant)
        if noticed is None:
            alive.append((str(mutant), why))
        elif why is not None:
            untrue.append(f"{name}: {mutant}: named as a survivor, but: {noticed}")
    return name, len(subject.mutants), len(chosen), alive, untrue, subject.passed_over, time.monotonic() - start
