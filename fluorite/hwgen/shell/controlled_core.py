"""The core under its registers: what the shells with and without memory ports have in common."""

from __future__ import annotations

from typing import TypeVar

from amaranth.hdl import Cat, Const, Elaboratable, Module, ResetInserter, ResetSignal, Signal, Value

from fluorite.hwgen.generate import Generated
from fluorite.hwgen.interface import StreamPort
from fluorite.hwgen.rtl.core import Core
from fluorite.hwgen.rtl.core_ports import CorePorts
from fluorite.hwgen.shell.axi_ports import Bus
from fluorite.hwgen.shell.launcher import Launcher
from fluorite.hwgen.shell.ledger import Ledger
from fluorite.hwgen.shell.register_file import RegisterFile
from fluorite.hwgen.shell.registers import RegisterMap
from fluorite.hwgen.shell.soft_reset import SoftReset
from fluorite.hwgen.shell.video.raster import RasterCounter

__all__ = ["ControlledCore"]

_Part = TypeVar("_Part", bound=Elaboratable)


class ControlledCore:
    """The core with its registers, its queue of launches and the soft reset, as submodules of a shell.

    Parameters
    ----------
    m : Module
        The shell.
    generated : Generated
        The core.
    registers : RegisterMap
        Its registers.
    control : Bus
        The AXI4-Lite slave that reaches them.
    queue_depth : int
        Launches that can wait.
    core : Core, optional
        The core's inside, to be elaborated with the shell; else it is a module that is defined elsewhere.

    Attributes
    ----------
    file : RegisterFile
        What software has written.
    soft_reset : SoftReset
        The shell says when its buses are quiet.
    core : CorePorts
        The core's.
    launcher : Launcher
        The queue. Whether the core may take a launch is the shell's to connect.
    """

    def __init__(
        self,
        m: Module,
        generated: Generated,
        registers: RegisterMap,
        control: Bus,
        queue_depth: int,
        core: Core | None = None,
    ) -> None:
        self._m = m
        self._generated = generated
        self._registers = registers
        m.submodules.registers = self.file = RegisterFile(registers, control)
        m.submodules.soft_reset = self.soft_reset = SoftReset()
        if core is None:
            self.core = CorePorts(generated.interface)
            m.submodules.core = self.core.instance(ResetSignal() | self.soft_reset.flush)
        else:
            self.core = self.flushed("core", core).ports
        self.launcher = self.flushed("launcher", Launcher(self._settings_written(), queue_depth))

    def flushed(self, name: str, part: _Part) -> _Part:
        """Make a part a submodule of the shell that the soft reset resets."""
        self._m.submodules[name] = ResetInserter(self.soft_reset.flush)(part)
        return part

    def raster(self, port: StreamPort) -> RasterCounter:
        """A counter of the words that the core transfers on a port; its ``advance`` is still to connect."""
        stream = next(stream for stream in self._registers.streams if stream.port.name == port.name)
        names = {setting.setting.formula: setting.setting.port.name for setting in self._registers.settings}
        lasts = [words - 1 for words in stream.layout.words]
        values = [last.value if last.is_constant else self.launcher.settings[names[last]] for last in lasts]
        ranges = self._generated.extents.ranges
        counter = RasterCounter(values, [last.greatest(ranges) for last in lasts], f"raster_{port.name}")
        return self.flushed(f"raster_{port.name}", counter)

    def finish(self, ledger: Ledger, quiet: Value, interrupt: Signal) -> None:
        """Connect settings, status and the interrupt; ``quiet``: no bus has anything under way."""
        idle = ~ledger.busy & ~self.core.busy & quiet & ~self.soft_reset.stop
        status = self.file.status
        self._m.d.comb += [
            self.soft_reset.request.eq(self.file.commands["soft_reset"]),
            self.soft_reset.quiet.eq(quiet),
            self.launcher.start.eq(ledger.start),
            self.launcher.busy.eq(self.core.busy),
            *(signal.eq(self.launcher.settings[name]) for name, signal in self.core.settings.items()),
            status["status"].eq(Cat(ledger.busy, idle, self.soft_reset.stop, Const(0, 5), ledger.space)),
            status["interrupt_status"].eq(ledger.events),
            status["launches_started"].eq(ledger.started),
            status["launches_completed"].eq(ledger.completed),
            status["launch_errors"].eq(ledger.launch_errors),
            status["error"].eq(Cat(ledger.error_code, Const(0, 4), ledger.error_stream)),
            status["error_launch"].eq(ledger.error_launch),
            status["error_address_low"].eq(ledger.error_address[:32]),
            status["error_address_high"].eq(ledger.error_address[32:]),
            status["cycles"].eq(ledger.cycles),
            ledger.event_clear.eq(self.file.clears["interrupt_status"]),
            ledger.error_clear.eq(self.file.clears["error"]),
            ledger.snapshot.eq(self.file.commands["snapshot"]),
        ]
        for stream, count in zip(self._registers.streams, ledger.stall_counts, strict=True):
            self._m.d.comb += status[stream.stalls.name].eq(count)
        enabled = self.file.values["interrupt_enable"]
        self._m.d.sync += interrupt.eq((status["interrupt_status"] & enabled).any())

    def _settings_written(self) -> dict[str, Value]:
        """The settings, the core's and the shell's, as software has written them."""
        found: dict[str, Value] = {}
        for setting in self._registers.settings:
            low = self.file.values[setting.low.name]
            found[setting.setting.port.name] = (
                low if setting.high is None else Cat(low, self.file.values[setting.high.name])
            )
        return found
