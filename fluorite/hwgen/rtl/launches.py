"""Launches: when a core takes one, and whether it runs."""

from __future__ import annotations

from collections.abc import Iterable

from amaranth.hdl import Module, Signal, ValueLike

from fluorite.hwgen.rtl.core_ports import CorePorts
from fluorite.hwgen.rtl.logic import any_of
from fluorite.hwgen.rtl.scan import ScanCounter

__all__ = ["Launches"]


class Launches:
    """The handshake of launches, as a part of a core.

    A launch after a launch starts in the cycle the scan wraps. If there is none, the scan goes on until every port has
    had its last word.

    Parameters
    ----------
    m : Module
        The core.
    ports : CorePorts
        Its ports.
    enable : Signal
        The scan moves on.

    Attributes
    ----------
    running : Signal
        The scan is under way.
    load : Signal
        It is not: what counts positions or addresses returns to its start.
    launch : Signal
        A launch is taken in this cycle.
    launched : Signal
        The scan is one of a launch.
    """

    def __init__(self, m: Module, ports: CorePorts, enable: Signal) -> None:
        self._ports = ports
        self._enable = enable
        self.running = Signal(name="running")
        self.load = Signal(name="load")
        self.launch = Signal(name="launch")
        self.launched = Signal(name="launched")
        m.d.comb += self.load.eq(~self.running)

    def accept(self, m: Module, scan: ScanCounter) -> None:
        """Take launches where the scan begins."""
        ports = self._ports
        m.d.comb += [
            ports.launch_ready.eq(~self.running | (self._enable & scan.wrap)),
            self.launch.eq(ports.launch_valid & ports.launch_ready),
        ]
        with m.If(ports.launch_ready):
            m.d.sync += self.launched.eq(ports.launch_valid)

    def run_while(self, m: Module, unfinished: Iterable[ValueLike]) -> None:
        """Run until no port has words of a launch to come."""
        m.d.sync += self.running.eq(self.launch | (self.running & any_of([self.launched, *unfinished])))
