"""Hands launches to the core: settings stable while it is busy, launches of equal settings without a gap."""

from __future__ import annotations

from collections.abc import Mapping

from amaranth.hdl import Cat, Elaboratable, Module, Signal, Value
from amaranth.lib.fifo import SyncFIFO

__all__ = ["Launcher"]


class Launcher(Elaboratable):
    """Queue of launches in front of the core.

    A launch whose settings are those of the one before is offered at once, another when the core is at rest.

    Parameters
    ----------
    written : mapping of str to Value
        The settings as software has written them.
    queue_depth : int
        Launches that can wait.

    Attributes
    ----------
    start : Signal, in
        Queue a launch; the caller makes sure of room.
    settings : dict of str to Signal
        The core's.
    launch_valid, launch_ready, busy : Signal
        The core's.
    launched : Signal
        The core has accepted a launch. High for one cycle.
    accepted : Signal
        It did so in the cycle before.
    empty : Signal
        No launch waits.
    """

    def __init__(self, written: Mapping[str, Value], queue_depth: int) -> None:
        self.written = written
        self.queue_depth = queue_depth
        self.start = Signal(name="launcher_start")
        self.settings = {name: Signal(signal.shape(), name=f"core_{name}") for name, signal in written.items()}
        self.launch_valid = Signal(name="launcher_launch_valid")
        self.launch_ready = Signal(name="launcher_launch_ready")
        self.busy = Signal(name="launcher_busy")
        self.launched = Signal(name="launcher_launched")
        self.accepted = Signal(name="launcher_accepted")
        self.empty = Signal(name="launcher_empty")

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        queued = Cat(self.written.values())
        current = Cat(self.settings.values())
        # A queue of nothing still counts: one bit that is never looked at.
        m.submodules.queue = queue = SyncFIFO(width=max(len(queued), 1), depth=self.queue_depth)
        m.d.comb += [
            queue.w_en.eq(self.start),
            queue.w_data.eq(queued if len(queued) else 0),
            self.launched.eq(self.launch_valid & self.launch_ready),
            queue.r_en.eq(self.accepted),  # not by the core's ready, which comes late in the cycle
            self.empty.eq(~queue.r_rdy),
        ]
        m.d.sync += self.accepted.eq(self.launched)
        looked = Signal()  # a cycle of its own for the comparison
        same = Signal()
        m.d.sync += [
            looked.eq(queue.r_rdy & ~self.launch_valid & ~looked & ~self.accepted),
            same.eq((queue.r_data == current) if len(queued) else 1),
        ]
        with m.If(looked):
            with m.If(same):
                m.d.sync += self.launch_valid.eq(1)
            with m.Elif(~self.busy):
                if len(queued):
                    m.d.sync += current.eq(queue.r_data)
                m.d.sync += self.launch_valid.eq(1)
        with m.If(self.launched):
            m.d.sync += self.launch_valid.eq(0)
        return m
