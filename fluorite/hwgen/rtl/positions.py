"""Positions of the scan: the counter that walks it, those that are behind it, and where it is known to be."""

from __future__ import annotations

from collections.abc import Callable

from amaranth.hdl import Module, Signal, Value, ValueLike

from fluorite.hwgen.formula import Formula
from fluorite.hwgen.plan.core_plan import CorePlan
from fluorite.hwgen.rtl.scan import ScanCounter
from fluorite.hwgen.streams.graph import Delay

__all__ = ["Positions"]


class Positions:
    """Counters of the scan and comparisons with them, as parts of a core, each made when first asked for.

    Parameters
    ----------
    m : Module
        The core.
    plan : CorePlan
        What it is built from.
    value : callable
        A formula's value in hardware.
    load, enable : Signal
        Return to the start; move on.

    Attributes
    ----------
    scan : ScanCounter
        The scan itself.
    """

    def __init__(
        self, m: Module, plan: CorePlan, value: Callable[[Formula], ValueLike], load: Signal, enable: Signal
    ) -> None:
        self._m = m
        self._plan = plan
        self._value = value
        self._load = load
        self._enable = enable
        self._last = [value(formula - 1) for formula in plan.scan]
        self._counters: dict[tuple[Delay, tuple[int, ...]], ScanCounter] = {}
        self._compared: dict[tuple[int, Formula], Signal] = {}
        self.scan = self.counter((0,) * len(plan.scan), "", (1,) * len(plan.scan))

    def counter(self, lag: Delay, name: str, periods: tuple[int, ...]) -> ScanCounter:
        """The position so much later than the scan, and its word; those of one lag and one period share a counter.

        It is called after the first of them.
        """
        if (lag, periods) not in self._counters:
            sizes = [formula.greatest(self._plan.ranges) for formula in self._plan.scan]
            name = f"scan_{name}" if name else "scan"
            self._m.submodules[name] = made = ScanCounter(
                lag, self._last, sizes, self._load, self._enable, name, periods
            )
            self._counters[lag, periods] = made
        return self._counters[lag, periods]

    def at(self, d: int, formula: Formula, name: str) -> Value:
        """Whether the scan's position along dimension d is a formula's value; `name` is a new signal's."""
        if formula == self._plan.scan[d] - 1:
            return self.scan.ends[d]
        if (d, formula) not in self._compared:
            self._compared[d, formula] = signal = Signal(name=name)
            self._m.d.comb += signal.eq(self.scan.positions[d] == self._value(formula))
        return self._compared[d, formula]
