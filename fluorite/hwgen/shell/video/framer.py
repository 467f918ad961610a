"""Makes rows and launches of a stream as long as its reader expects, and says where they were not.

Software that writes a wrong row length must not hang the hardware, nor spoil the launch after. A row or launch that is
too short is filled up with zeros, what is too long is thrown away, and either is reported.
"""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal

from fluorite.hwgen.shell.video.framer_ports import FramerPorts

__all__ = ["Framer"]


class Framer(FramerPorts):
    """A framer for a source that marks the last words of rows and of launches.

    Parameters
    ----------
    width_bits : int
        Width of a word.
    name : str
        Prefix of the signal names.

    Attributes
    ----------
    i_last : Signal, in
        The source's word ends its launch. (Further ports: :class:`FramerPorts`.)
    finished : Signal
        Source and sink are both done with a launch, and what was wrong with it is reported. High for one cycle.
    """

    def __init__(self, width_bits: int, name: str = "framer") -> None:
        super().__init__(width_bits, name)
        self.i_last = Signal(name=f"{name}_i_last")
        self.finished = Signal(name=f"{name}_finished")

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        # Which side's row (or launch) is over while the other's is not.
        fill_row = Signal()
        fill = Signal()
        drop_row = Signal()
        drop = Signal()
        ended = Signal(reset_less=True)  # the side that is done with its row is done with its launch
        filling = Signal()
        dropping = Signal()
        m.d.comb += [
            filling.eq(fill_row | fill),
            dropping.eq(drop_row | drop),
            self.o_valid.eq(filling | (self.i_valid & self.enable & ~dropping)),
            self.o_data.eq(Mux(filling, 0, self.i_data)),
            self.i_ready.eq(dropping | (self.o_ready & self.enable & ~filling)),
        ]
        taken = Signal()
        given = Signal()
        row_in = Signal()  # a row ends in this cycle
        row_out = Signal()
        source_done = Signal()  # a launch has ended
        sink_done = Signal()
        m.d.comb += [
            taken.eq(self.i_valid & self.i_ready),
            given.eq(self.o_valid & self.o_ready),
            self.done.eq(given & self.o_last),
            row_in.eq(taken & self.i_row_last),
            row_out.eq(given & self.o_row_last),
            source_done.eq(Mux(fill_row, ended, row_in & self.i_last)),
            sink_done.eq(Mux(drop_row, ended, row_out & self.o_last)),
        ]
        both = Signal()  # both sides are at the end of a row
        with m.If(fill):
            m.d.comb += self.finished.eq(self.done)
            m.d.sync += fill.eq(~self.done)
        with m.Elif(drop):
            m.d.comb += self.finished.eq(taken & self.i_last)
            m.d.sync += drop.eq(~self.finished)
        with m.Elif(fill_row):
            m.d.comb += both.eq(row_out)
        with m.Elif(drop_row):
            m.d.comb += both.eq(row_in)
        with m.Else():
            m.d.comb += both.eq(row_in & row_out)
            with m.If(row_in & ~row_out):
                m.d.comb += self.short.eq(1)
                m.d.sync += [fill_row.eq(1), ended.eq(self.i_last)]
            with m.If(row_out & ~row_in):
                m.d.comb += self.long.eq(1)
                m.d.sync += [drop_row.eq(1), ended.eq(self.o_last)]
        with m.If(both):
            m.d.comb += [
                self.short.eq(source_done & ~sink_done),
                self.long.eq(sink_done & ~source_done),
                self.finished.eq(source_done & sink_done),
            ]
            m.d.sync += [fill_row.eq(0), drop_row.eq(0), fill.eq(self.short), drop.eq(self.long)]
        return m
