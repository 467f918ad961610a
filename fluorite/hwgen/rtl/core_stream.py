"""Streams of a core: when one's word is due, whether it can move, and the words themselves."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Signal, Value

from fluorite.hwgen.plan.stream_plan import StreamPlan
from fluorite.hwgen.rtl.logic import all_of
from fluorite.hwgen.rtl.port import PortControl
from fluorite.hwgen.rtl.skid import SkidBuffer

__all__ = ["InputStream", "OutputStream"]


class _Stream:
    """What inputs and outputs have in common.

    Attributes
    ----------
    plan : StreamPlan
        When it is due.
    due : Value
        A word of it is due in this cycle: the core waits until it can move.
    can_move : Signal
        It can.
    """

    def __init__(
        self, m: Module, plan: StreamPlan, control: PortControl | None, in_step: Sequence[Value], launched: Signal
    ) -> None:
        self.plan = plan
        self.control = control
        if control is not None:
            m.submodules[f"control_{plan.port.name}"] = control
        due = launched if control is None else control.due  # without control: in every cycle of a launch
        self.due: Value = all_of([due, *in_step]) if in_step else due
        self.can_move = Signal(name=f"can_move_{plan.port.name}")

    @property
    def waits(self) -> Value:
        """Low where the core has to wait for this stream."""
        return ~self.due | self.can_move

    def _buffer(self, m: Module, width_bits: int) -> SkidBuffer:
        name = f"skid_{self.plan.port.name}"
        m.submodules[name] = skid = SkidBuffer(width_bits, name)
        return skid


class InputStream(_Stream):
    """Words that come in.

    Parameters
    ----------
    m : Module
        The core.
    plan : StreamPlan
        When it is due.
    control : PortControl or None
        Says so; None if it is due in every cycle of a launch.
    in_step : sequence of Value
        What else must hold for it to be due: the scan is in a column and in a row in which it has words.
    signals : dict of str to Signal
        Its port.
    launched : Signal
        The scan is one of a launch.
    enable : Signal
        The core moves on.
    buffered : bool
        Whether it has a buffer, so that its ``ready`` depends on no other stream. Else :meth:`take` connects that.

    Attributes
    ----------
    word : Signal
        The word that is due.
    """

    def __init__(
        self,
        m: Module,
        plan: StreamPlan,
        control: PortControl | None,
        in_step: Sequence[Value],
        signals: dict[str, Signal],
        launched: Signal,
        enable: Signal,
        buffered: bool,
    ) -> None:
        super().__init__(m, plan, control, in_step, launched)
        self._signals = signals
        self.word = signals["data"]
        if not buffered:
            m.d.comb += self.can_move.eq(signals["valid"])
            return
        skid = self._buffer(m, plan.port.word_bits)
        self.word = skid.o_data
        m.d.comb += [
            skid.i_valid.eq(signals["valid"]),
            skid.i_data.eq(signals["data"]),
            signals["ready"].eq(skid.i_ready),
            skid.o_ready.eq(self.due & enable),
            self.can_move.eq(skid.o_valid),
        ]

    def take(self, m: Module, others: Value) -> None:
        """Take words at the port itself while everything but this stream can move."""
        m.d.comb += self._signals["ready"].eq(others)


class OutputStream(_Stream):
    """Words that go out, through a buffer.

    Parameters
    ----------
    m : Module
        The core.
    plan : StreamPlan
        When it is due.
    control : PortControl
        Says so, and which word is a launch's last.
    in_step : sequence of Value
        What else must hold for it to be due: the scan is in a column and in a row in which it has words.
    signals : dict of str to Signal
        Its port.
    launched : Signal
        The scan is one of a launch.

    Attributes
    ----------
    valid : Signal
        A word waits to be taken.
    """

    def __init__(
        self,
        m: Module,
        plan: StreamPlan,
        control: PortControl,
        in_step: Sequence[Value],
        signals: dict[str, Signal],
        launched: Signal,
    ) -> None:
        super().__init__(m, plan, control, in_step, launched)
        self._signals = signals
        self._last = control.last
        self._skid = self._buffer(m, plan.port.word_bits + 1)
        self.valid = self._skid.o_valid
        m.d.comb += self.can_move.eq(self._skid.i_ready)

    def send(self, m: Module, values: Sequence[Value], enable: Signal) -> None:
        """Send words.

        Parameters
        ----------
        m : Module
            The core.
        values : sequence of Value
            The word's values by their place in it.
        enable : Signal
            The core moves on.
        """
        bits, signals, skid = self.plan.port.element_bits, self._signals, self._skid
        for k, value in enumerate(values):
            m.d.comb += skid.i_data[k * bits : (k + 1) * bits].eq(value)
        m.d.comb += [
            skid.i_data[-1].eq(self._last),
            skid.i_valid.eq(self.due & enable),
            signals["valid"].eq(skid.o_valid),
            signals["data"].eq(skid.o_data[:-1]),
            signals["last"].eq(skid.o_data[-1]),
            skid.o_ready.eq(signals["ready"]),
        ]
