"""Ports that framers of memory's words and of video have in common."""

from __future__ import annotations

from amaranth.hdl import Elaboratable, Signal

__all__ = ["FramerPorts"]


class FramerPorts(Elaboratable):
    """Between a source and a sink that each know how long rows and launches are.

    Parameters
    ----------
    width_bits : int
        Width of a word.
    name : str
        Prefix of the signal names.

    Attributes
    ----------
    enable : Signal, in
        Words may pass: the sink is there for them.
    i_valid, i_ready, i_data : Signal
        Words from the source.
    i_row_last : Signal, in
        The source's word ends its row.
    o_valid, o_ready, o_data : Signal
        Words to the sink.
    o_row_last, o_last : Signal, in
        The sink takes the next word to end its row; its launch.
    short, long : Signal
        The source's row or launch has ended too early; goes on too long. High for one cycle.
    done : Signal
        The sink has taken a launch's last word. High for one cycle.
    """

    def __init__(self, width_bits: int, name: str) -> None:
        self.enable = Signal(name=f"{name}_enable")
        self.i_valid = Signal(name=f"{name}_i_valid")
        self.i_ready = Signal(name=f"{name}_i_ready")
        self.i_data = Signal(width_bits, name=f"{name}_i_data")
        self.i_row_last = Signal(name=f"{name}_i_row_last")
        self.o_valid = Signal(name=f"{name}_o_valid")
        self.o_ready = Signal(name=f"{name}_o_ready")
        self.o_data = Signal(width_bits, name=f"{name}_o_data")
        self.o_row_last = Signal(name=f"{name}_o_row_last")
        self.o_last = Signal(name=f"{name}_o_last")
        self.short = Signal(name=f"{name}_short")
        self.long = Signal(name=f"{name}_long")
        self.done = Signal(name=f"{name}_done")
