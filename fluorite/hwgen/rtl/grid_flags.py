"""Flags of grids: whether the scan is in a column, or a row, in which a stream moves.

A scan's lengths are multiples of all periods, so what its position is modulo a period runs on from row to row and from
launch to launch: the low bits of the position, or a counter of its own where the period is no power of two. Where a
stream's row begins at a column of its own, what its row is in is looked up there, and kept for as long as the row goes
on.
"""

from __future__ import annotations

from amaranth.hdl import Const, Module, Mux, Signal, Value

from fluorite.hwgen.formula import Formula
from fluorite.hwgen.plan.grids import ColumnGrid, RowGrid
from fluorite.hwgen.rtl.positions import Positions

__all__ = ["GridFlags"]


class GridFlags:
    """Flags as parts of a core, each made when first asked for.

    Parameters
    ----------
    m : Module
        The core.
    positions : Positions
        Where the scan is.
    row : Formula
        Positions of a row of the scan.
    load, enable : Signal
        Return to the start; move on.
    """

    def __init__(self, m: Module, positions: Positions, row: Formula, load: Signal, enable: Signal) -> None:
        self._m = m
        self._positions = positions
        self._row = row
        self._load = load
        self._enable = enable
        self._counters: dict[tuple[int, int], Signal] = {}
        self._columns: dict[ColumnGrid, Value] = {}
        self._rows: dict[RowGrid, Value] = {}

    def at(self, grid: ColumnGrid | RowGrid) -> Value:
        """Whether the scan is there."""
        flag = self.column(grid) if isinstance(grid, ColumnGrid) else self.row(grid)
        return Const(1, 1) if flag is None else flag

    def column(self, grid: ColumnGrid) -> Value | None:
        """Whether the scan is in such a column; None if it always is."""
        if grid.period == 1:
            return None
        if grid not in self._columns:
            flag = Signal(name=f"column_{grid.phase}_of_{grid.period}")
            self._m.d.comb += flag.eq(self.turn(grid.period) == grid.phase)
            self._columns[grid] = flag
        return self._columns[grid]

    def turn(self, period: int) -> Value:
        """The column of the scan, modulo a period."""
        return self._counter(0, period)

    def walk(self, period: int) -> tuple[Value, Value]:
        """The column of the scan in steps of a period, a power of two, and what that is in the next column."""
        low, scan = period.bit_length() - 1, self._positions.scan
        return scan.positions[0][low:], scan.following[low:]

    def row(self, grid: RowGrid) -> Value | None:
        """Whether what begins at such columns is in such a row; None if it always is."""
        if grid.period == 1:
            return None
        if grid not in self._rows:
            self._rows[grid] = self._row_flag(grid)
        return self._rows[grid]

    def _row_flag(self, grid: RowGrid) -> Signal:
        m, counter = self._m, self._counter(1, grid.period)
        # Where it begins with the scan's row or before, the row that begins next is the scan's next one.
        ahead = 1 if grid.start <= 0 else 0
        name = f"row_{grid.phase}_of_{grid.period}_from_{'m' if grid.start < 0 else ''}{abs(grid.start)}"
        flag = Signal(name=name, reset_less=True)
        begins = self._positions.at(0, grid.last_before(self._row), f"{name}_begins")
        next_is = counter == (grid.phase - ahead) % grid.period
        first_is = (grid.phase == 0) if ahead else (grid.phase == grid.period - 1)
        with m.If(self._load | (self._enable & begins)):
            m.d.sync += flag.eq(Mux(self._load, int(first_is), next_is))
        return flag

    def _counter(self, d: int, period: int) -> Value:
        """The scan's position along a dimension, modulo a period: if that is a power of two, its low bits."""
        scan = self._positions.scan
        if period & (period - 1) == 0:
            return scan.positions[d][: period.bit_length() - 1]
        if (d, period) not in self._counters:
            m = self._m
            counter = Signal(range(period), name=f"scan_{'column' if d == 0 else 'row'}_mod_{period}", reset_less=True)
            step = self._enable if d == 0 else self._enable & scan.ends[0]
            with m.If(self._load | step):
                m.d.sync += counter.eq(Mux(self._load | (counter == period - 1), 0, counter + 1))
            self._counters[d, period] = counter
        return self._counters[d, period]
