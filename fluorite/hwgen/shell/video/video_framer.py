"""Makes lines and frames of incoming video as long as the core expects, and says where they were not.

The same as :class:`~fluorite.hwgen.shell.video.framer.Framer` for a source that marks the first pixel of a frame
instead of the last, cannot be told to wait, and may be in the middle of a frame when the accelerator is started.
"""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal

from fluorite.hwgen.shell.video.framer_ports import FramerPorts

__all__ = ["VideoFramer"]


class VideoFramer(FramerPorts):
    """Between AXI4-Stream video and the core.

    Words before the first start of frame are thrown away without comment. Then a line or frame that is too short is
    filled up with zeros, and what is too long is thrown away; either is reported, in the cycle after.

    Parameters
    ----------
    width_bits : int
        Width of a word.
    name : str
        Prefix of the signal names.

    Attributes
    ----------
    hunt : Signal, in
        A frame is wanted. While it is low and ``enable`` (the core has been launched for a frame) too, video waits.
    waiting : Signal
        A frame's first word is there. Only then the core should be launched: one that was launched too early would wait
        for it with the last rows of the frame before.
    i_first : Signal, in
        Start of frame (TUSER); ``i_row_last`` is end of line (TLAST).
    o_first : Signal, in
        The core takes the next word to begin a launch. (Further ports: :class:`FramerPorts`.)
    """

    def __init__(self, width_bits: int, name: str = "framer") -> None:
        super().__init__(width_bits, name)
        self.hunt = Signal(name=f"{name}_hunt")
        self.waiting = Signal(name=f"{name}_waiting")
        self.i_first = Signal(name=f"{name}_i_first")
        self.o_first = Signal(name=f"{name}_o_first")

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        fill_row = Signal()
        fill = Signal()
        drop_row = Signal()
        locked = Signal()  # the words so far made whole frames
        filling = Signal()
        passing = Signal()
        hunting = Signal()
        taken = Signal()
        given = Signal()
        m.d.comb += [
            filling.eq(fill_row | fill),
            # A line that should have ended is thrown away, up to its end or to the next frame.
            hunting.eq(~filling & (self.enable | self.hunt) & ((drop_row | self.o_first) & ~self.i_first)),
            passing.eq(~filling & self.enable & ~hunting & (self.o_first == self.i_first)),
            self.waiting.eq(self.i_valid & self.i_first & self.o_first & ~filling),
            self.o_valid.eq(filling | (self.i_valid & passing)),
            self.o_data.eq(Mux(filling, 0, self.i_data)),
            self.i_ready.eq(hunting | (self.o_ready & passing)),
            taken.eq(self.i_valid & self.i_ready),
            given.eq(self.o_valid & self.o_ready),
            self.done.eq(given & self.o_last),
        ]
        m.d.sync += [self.short.eq(0), self.long.eq(0)]
        with m.If(fill):
            m.d.sync += fill.eq(~self.done)
        with m.Elif(fill_row):
            m.d.sync += fill_row.eq(~(given & self.o_row_last))
        with m.Elif(taken & hunting):
            with m.If(drop_row):
                m.d.sync += drop_row.eq(~self.i_row_last)
            with m.Elif(locked):
                m.d.sync += [self.long.eq(1), locked.eq(0)]
        with m.Elif(taken):
            m.d.sync += [locked.eq(1), drop_row.eq(0)]
            with m.If(self.i_row_last & ~self.o_row_last):
                m.d.sync += [self.short.eq(1), fill_row.eq(1)]
            with m.If(self.o_row_last & ~self.i_row_last):
                m.d.sync += [self.long.eq(1), drop_row.eq(1)]
        with m.Elif(self.i_valid & self.enable & self.i_first & ~self.o_first):  # the next frame already
            m.d.sync += [self.short.eq(1), fill.eq(1), drop_row.eq(0)]
        return m
