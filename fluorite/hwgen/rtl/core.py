"""The core: scan control, ports and datapath, put together.

One clock enable, ``advance``, moves everything: a cycle passes when every input word that is due is there and every
output word that is due can be taken. One counter walks the scan; a port is due while the position, as many cycles ago
as its lag, lies in its own extents. Inside, nothing knows whether a word is due: outside its domain a stream carries
garbage that no word inside depends on.

Every part is given its enable, and none assumes that others have the same one.
"""

from __future__ import annotations

from amaranth.hdl import Elaboratable, Module, Mux, Shape, Signal, Value, ValueLike, unsigned

from fluorite.hwgen.formula import Formula
from fluorite.hwgen.plan.core_plan import CorePlan
from fluorite.hwgen.plan.grids import ColumnGrid, RowGrid
from fluorite.hwgen.plan.resampling import at_phases, grids_asked, turns_asked
from fluorite.hwgen.plan.stream_plan import StreamPlan
from fluorite.hwgen.rtl.core_ports import CorePorts
from fluorite.hwgen.rtl.core_stream import InputStream, OutputStream
from fluorite.hwgen.rtl.datapath import Datapath
from fluorite.hwgen.rtl.grid_flags import GridFlags
from fluorite.hwgen.rtl.launches import Launches
from fluorite.hwgen.rtl.logic import all_of, any_of
from fluorite.hwgen.rtl.port import PortControl
from fluorite.hwgen.rtl.positions import Positions
from fluorite.hwgen.streams.operations import ARRIVAL, COORD, SETTING, value_of

__all__ = ["Core"]


class Core(Elaboratable):
    """A generated core.

    Parameters
    ----------
    plan : CorePlan
        What it is built from.

    Attributes
    ----------
    ports : CorePorts
        Its ports.
    """

    def __init__(self, plan: CorePlan) -> None:
        self.plan = plan
        self.ports = CorePorts(plan.interface)

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        advance = Signal()
        launches = Launches(m, self.ports, advance)
        positions = Positions(m, self.plan, self._value, launches.load, advance)
        launches.accept(m, positions.scan)
        flags = GridFlags(m, positions, self.plan.scan[0], launches.load, advance)
        streams = self._streams(m, positions, flags, launches, advance)
        inputs = [stream for stream in streams if isinstance(stream, InputStream)]
        outputs = [stream for stream in streams if isinstance(stream, OutputStream)]
        launches.run_while(m, [s.control.unfinished for s in streams if s.control is not None])
        m.d.comb += advance.eq(launches.running & all_of(stream.waits for stream in streams))
        if len(inputs) == 1:
            others = all_of(stream.waits for stream in outputs)
            inputs[0].take(m, launches.running & inputs[0].due & others)
        sources = self._sources(m, {stream.plan.key: stream for stream in inputs}, positions, flags)
        wraps = {gap: self._value(formula) for gap, formula in self.plan.wraps.items()}
        for grid in grids_asked(self.plan.schedule, self.plan.storage, self.plan.begin):
            flags.at(grid)  # the datapath has none made
        for memory in self.plan.storage.memories:
            if memory.walks_with_scan(memory.ahead):
                flags.walk(memory.moves.period)
        for turn in turns_asked(self.plan.schedule):
            flags.turn(turn)
        m.submodules.datapath = datapath = Datapath(self.plan, sources, wraps, flags, launches.load, advance)
        for stream in outputs:
            places = range(stream.plan.port.word_values)
            stream.send(m, [datapath.outputs[stream.plan.key, place] for place in places], advance)
        m.d.comb += self.ports.busy.eq(any_of([launches.running, *(stream.valid for stream in outputs)]))
        return m

    def _value(self, formula: Formula) -> ValueLike:
        """A formula's value: a number, or the setting that software computes it into."""
        return formula.value if formula.is_constant else self.ports.settings[self.plan.setting_names[formula]]

    def _streams(
        self, m: Module, positions: Positions, flags: GridFlags, launches: Launches, enable: Signal
    ) -> list[InputStream | OutputStream]:
        """All streams, in the interface's order."""
        # Where there are several inputs, one's ready would wait for another's valid if none had a buffer.
        buffered = len(self.plan.interface.inputs) > 1
        found: list[InputStream | OutputStream] = []
        for plan in self.plan.streams:
            signals = self.ports.streams[plan.port.name]
            control = self._control(plan, positions, launches, enable)
            in_step = self._in_step(plan, flags)
            if plan.is_input:
                found.append(InputStream(m, plan, control, in_step, signals, launches.launched, enable, buffered))
            else:
                assert control is not None
                found.append(OutputStream(m, plan, control, in_step, signals, launches.launched))
        return found

    def _in_step(self, plan: StreamPlan, flags: GridFlags) -> list[Value]:
        """Whether a stream has words in the column and the row that the scan is in."""
        column = flags.column(ColumnGrid(plan.periods[0], plan.lag[0] % plan.periods[0]))
        row = None
        if len(plan.periods) > 1:
            row = flags.row(RowGrid(plan.periods[1], plan.lag[1] % plan.periods[1], plan.lag[0]))
        return [flag for flag in (column, row) if flag is not None]

    def _control(
        self, plan: StreamPlan, positions: Positions, launches: Launches, enable: Signal
    ) -> PortControl | None:
        """When a port is due; None if that is whenever the scan is one of a launch."""
        name, scan, with_scan = plan.port.name, self.plan.scan, plan.with_scan
        dimensions = range(len(scan))
        ends = [plan.ends(d, scan) for d in dimensions]
        if with_scan and not any(ends) and all(plan.fills(d, scan) for d in dimensions):
            return None
        at_once = [Value.cast(self._value(plan.first_words[d])) == 0 if plan.skips(d) else None for d in dimensions]
        return PortControl(
            [positions.at(d, plan.due.starts[d], f"{name}_start_{d}") for d in dimensions],
            [self._at_first(plan, d, positions) for d in dimensions],
            [positions.at(d, plan.due.ends[d], f"{name}_end_{d}") if ends[d] else None for d in dimensions],
            [plan.fills(d, scan) for d in dimensions],
            self._launched(plan, at_once[-1], launches),
            launches.load if with_scan else None,
            at_once,
            [
                Value.cast(self._value(plan.end_words[d] - 1)) == 0 if d and with_scan and ends[d] else None
                for d in dimensions
            ],
            enable,
            name,
        )

    def _at_first(self, plan: StreamPlan, d: int, positions: Positions) -> Value:
        """Whether the scan is where a port's first word may come next."""
        name = f"{plan.port.name}_first_{d}"
        first, *others = plan.first_places(d, self.plan.ranges)
        if not others:
            return positions.at(d, first, name)
        skipped = Value.cast(self._value(plan.first_words[d]))
        places = [positions.at(d, first, name)]
        places += [positions.at(d, place, f"{name}_of_{words}") for words, place in enumerate(others, 1)]
        return any_of((skipped == words) & place for words, place in enumerate(places))

    def _launched(self, plan: StreamPlan, at_once: Value | None, launches: Launches) -> Value:
        """Whether what starts next at a port belongs to a launch: the scan's next one, where it starts with it."""
        if not plan.with_scan:
            return launches.launched
        return launches.launch if at_once is None else Mux(at_once, launches.launch, launches.launched)

    def _sources(
        self, m: Module, inputs: dict[str, InputStream], positions: Positions, flags: GridFlags
    ) -> dict[int, Signal]:
        """Signals of the nodes that the datapath does not compute."""
        sources: dict[int, Signal] = {}
        for node in self.plan.schedule.nodes:
            name = self.plan.names[node.id]
            if node.op == "input":
                key, lane, channel = value_of(node)
                port = inputs[key].plan.port
                low = (lane * port.channels + channel) * port.element_bits
                sources[node.id] = signal = Signal(Shape(port.element_bits, signed=port.signed), name=name)
                m.d.comb += signal.eq(inputs[key].word[low : low + port.element_bits])
            elif node.op == "arrival":
                sources[node.id] = signal = Signal(name=name)
                m.d.comb += signal.eq(inputs[ARRIVAL.of(node).stream].due)
            elif node.op == "coord":
                stream, dimension = COORD.of(node)
                periods = self.plan.periods[stream]
                position = positions.counter(self.plan.coordinates[node.id], name, periods)
                sources[node.id] = signal = Signal(unsigned(node.width_bits), name=name)
                m.d.comb += signal.eq(position.words[dimension])
            elif node.op == "in_phase":
                sources[node.id] = signal = Signal(name=name)
                grids = at_phases(node, self.plan.schedule, self.plan.begin)
                m.d.comb += signal.eq(any_of(flags.at(grid) for grid in grids))
            elif node.op == "setting":
                sources[node.id] = self.ports.settings[SETTING.of(node).port]
        return sources
