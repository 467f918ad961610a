"""Runs of mutants: which of them `fluorite verify`'s own runs of the core notice."""

from contextlib import nullcontext
from dataclasses import dataclass, replace

from fluorite.core_runs import patterns, run_core
from fluorite.errors import FluoriteError
from fluorite.sim.verilate import build

from .designs import recorded
from .schemata import schemata

__all__ = ["SettingMutant", "Subject"]

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
        self.mutants = [*mutants, *settings]
        self.model = build(verilog, interface)
        self.patterns = patterns(self.accelerator.generated, self.order, PROBABILITY, 0)

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
