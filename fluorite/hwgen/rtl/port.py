"""When a stream port is due: flags that are set and reset where the one scan counter passes certain positions.

A port that runs ``lag`` cycles behind the scan is at its own first word ``lag`` cycles after the scan is at its. Its
column is inside its extents from where the scan's column is ``starts[0] + 1`` to where it is ``ends[0]``. Its row
moves on where its column starts anew, and then the scan's row tells whether the port's is its first (``starts[1]``)
or its last (``ends[1]``), and so on outwards. Constant positions cost an equality each; no port needs a counter.
"""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Const, Elaboratable, Module, Mux, Signal, Value, ValueLike

from fluorite.hwgen.rtl.logic import all_of

__all__ = ["PortControl"]


class PortControl(Elaboratable):
    """Whether a port's word is due in this cycle, and whether it is a launch's last.

    Parameters
    ----------
    at_start : sequence of Value
        Per dimension, whether the scan's position is the one after which the port's starts anew.
    at_first : sequence of Value
        Per dimension, whether it is the one after which the port's first word may come: mostly the same.
    at_end : sequence of Value or None
        Per dimension, whether the port's position is its last: this cycle's along dimension 0, further out that of the
        row or plane that starts with the next cycle. None where nobody asks.
    whole : sequence of bool
        Per dimension, whether the port has a word at every position.
    launched : Value
        Whether what starts next belongs to a launch.
    load : Value or None
        For a port that starts with the scan: high before the scan starts.
    at_once : sequence of Value or None
        For such a port, per dimension, whether its first word comes where the scan starts; None if it always does.
    single : sequence of Value or None
        For such a port, whether it has but one row or plane.
    enable : Signal
        The clock enable.
    name : str
        The port.

    Attributes
    ----------
    due : Signal, out
        A word is due.
    last : Signal, out
        It is the last of its launch.
    unfinished : Signal, out
        Some words of a launch may still come.
    """

    def __init__(
        self,
        at_start: Sequence[Value],
        at_first: Sequence[Value],
        at_end: Sequence[Value | None],
        whole: Sequence[bool],
        launched: Value,
        load: Value | None,
        at_once: Sequence[Value | None],
        single: Sequence[Value | None],
        enable: Signal,
        name: str,
    ) -> None:
        self.at_start = at_start
        self.at_first = at_first
        self.at_end = at_end
        self.whole = whole
        self.launched = launched
        self.load = load
        self.at_once = at_once
        self.single = single
        self.enable = enable
        self.due = Signal(name=f"due_{name}")
        self.last = Signal(name=f"last_{name}")
        self.unfinished = Signal(name=f"unfinished_{name}")

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        outermost = len(self.whole) - 1
        step: Value = self.enable  # the port's position along d moves
        inside: list[ValueLike] = []
        last: list[ValueLike] = []
        for d, whole in enumerate(self.whole):
            restart = step & self.at_first[d]
            if self.load is not None:
                at_once = self.at_once[d]
                restart = restart | (self.load if at_once is None else self.load & at_once)
            at_end, single = self.at_end[d], self.single[d]
            is_last: Value = Const(0, 1)
            if at_end is not None:
                is_last = at_end
                if d > 0:
                    is_last = Signal(name=f"last_{d}", reset_less=True)
                    moving, ends = step, at_end
                    if self.load is not None and single is not None:
                        moving, ends = step | self.load, Mux(self.load, single, at_end)
                    with m.If(moving):
                        m.d.sync += is_last.eq(ends)
                last.append(is_last)
            flag = Signal(name=f"inside_{d}", reset_less=d != outermost)
            stays: Value = flag if whole else flag & ~(step & is_last)
            if self.at_first[d] is not self.at_start[d]:
                # A row of no launch may have begun when the scan came to rest.
                anew = step & self.at_start[d]
                stays = stays & ~(anew if self.load is None else anew | self.load)
            if d == outermost:
                m.d.comb += self.unfinished.eq(flag)
                m.d.sync += flag.eq(Mux(restart, self.launched, stays))
                inside.append(flag)
            elif not whole:
                m.d.sync += flag.eq(restart | stays)
                inside.append(flag)
            step = step & self.at_start[d]
        m.d.comb += [self.due.eq(all_of(inside)), self.last.eq(all_of(last))]
        return m
