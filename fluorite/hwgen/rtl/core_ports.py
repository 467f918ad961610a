"""Ports of a core: the same signals inside it and where it is instantiated."""

from __future__ import annotations

from amaranth.hdl import ClockSignal, Instance, Shape, Signal, ValueLike

from fluorite.hwgen.interface import CoreInterface

__all__ = ["CorePorts"]


class CorePorts:
    """Signals of a core's ports.

    Parameters
    ----------
    interface : CoreInterface
        The ports to have.

    Attributes
    ----------
    launch_valid, launch_ready, busy : Signal
        Handshake of launches; words may still come.
    settings : dict of str to Signal
        What software sets, by name.
    streams : dict of str to dict of str to Signal
        By the stream's name its ``valid``, ``ready``, ``data`` and, of an output, ``last``.
    """

    def __init__(self, interface: CoreInterface) -> None:
        self.interface = interface
        self.launch_valid = Signal(name="launch_valid")
        self.launch_ready = Signal(name="launch_ready")
        self.busy = Signal(name="busy")
        self.settings = {s.name: Signal(Shape(s.width_bits, signed=s.signed), name=s.name) for s in interface.settings}
        self.streams: dict[str, dict[str, Signal]] = {}
        for stream in interface.streams:
            widths = {"valid": 1, "ready": 1, "data": stream.word_bits}
            if stream.direction == "out":
                widths["last"] = 1
            self.streams[stream.name] = {
                part: Signal(width, name=f"{stream.name}_{part}") for part, width in widths.items()
            }

    @property
    def signals(self) -> list[Signal]:
        """All ports but clock and reset, in the order of the Verilog module."""
        streams = [signal for stream in self.streams.values() for signal in stream.values()]
        return [self.launch_valid, self.launch_ready, self.busy, *self.settings.values(), *streams]

    @property
    def names(self) -> list[str]:
        """Names of all ports, clock and reset first."""
        return ["clk", "rst", *(signal.name for signal in self.signals)]

    def instance(self, rst: ValueLike) -> Instance:
        """The core as a module that is defined elsewhere.

        Parameters
        ----------
        rst : Value
            Its reset, of the clock domain ``sync``.
        """
        outputs = {"launch_ready", "busy"}
        for stream in self.interface.streams:
            parts = ("ready",) if stream.direction == "in" else ("valid", "data", "last")
            outputs |= {f"{stream.name}_{part}" for part in parts}
        ports = [("o" if signal.name in outputs else "i", signal.name, signal) for signal in self.signals]
        return Instance(self.interface.module, ("i", "clk", ClockSignal()), ("i", "rst", rst), *ports)
