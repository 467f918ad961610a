"""What the shells with and without memory ports have in common."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Value

from fluorite.hwgen.generate import Generated
from fluorite.hwgen.interface import StreamPort
from fluorite.hwgen.shell.launcher import Launcher
from fluorite.hwgen.shell.ledger import Ledger
from fluorite.hwgen.shell.raster import RasterCounter
from fluorite.hwgen.shell.register_file import RegisterFile
from fluorite.hwgen.shell.registers import RegisterMap
from fluorite.hwgen.shell.soft_reset import SoftReset

__all__ = ["connect_registers", "core_raster", "settings_written"]


def settings_written(registers: RegisterMap, file: RegisterFile) -> dict[str, Value]:
    """The settings, the core's and the shell's, as software has written them."""
    found: dict[str, Value] = {}
    for setting in registers.settings:
        low = file.values[setting.low.name]
        found[setting.setting.port.name] = low if setting.high is None else Cat(low, file.values[setting.high.name])
    return found


def core_raster(generated: Generated, registers: RegisterMap, port: StreamPort, launcher: Launcher) -> RasterCounter:
    """A counter of the words that the core transfers on a port."""
    plan = next(plan for plan in generated.ports if plan.port.name == port.name)
    names = {setting.setting.formula: setting.setting.port.name for setting in registers.settings}
    lasts = [words - 1 for words in plan.words]
    values = [last.value if last.is_constant else launcher.settings[names[last]] for last in lasts]
    return RasterCounter(values, [f.evaluate(generated.extents.maxima) for f in lasts], f"raster_{port.name}")


def connect_registers(
    m: Module, file: RegisterFile, ledger: Ledger, soft_reset: SoftReset, idle: Value, registers: RegisterMap
) -> None:
    """Let the registers read what the ledger holds."""
    status = file.status
    m.d.comb += [
        status["status"].eq(Cat(ledger.busy, idle, soft_reset.stop, Const(0, 5), ledger.space)),
        status["interrupt_status"].eq(ledger.events),
        status["launches_started"].eq(ledger.started),
        status["launches_completed"].eq(ledger.completed),
        status["launch_errors"].eq(ledger.launch_errors),
        status["error"].eq(Cat(ledger.error_code, Const(0, 4), ledger.error_stream)),
        status["error_launch"].eq(ledger.error_launch),
        status["error_address_low"].eq(ledger.error_address[:32]),
        status["error_address_high"].eq(ledger.error_address[32:]),
        status["cycles"].eq(ledger.cycles),
        ledger.event_clear.eq(file.clears["interrupt_status"]),
        ledger.error_clear.eq(file.clears["error"]),
        ledger.snapshot.eq(file.commands["snapshot"]),
    ]
    for stream, count in zip(registers.streams, ledger.stall_counts, strict=True):
        m.d.comb += status[stream.stalls.name].eq(count)
