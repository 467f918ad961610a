"""The core: scan control, ports and datapath, put together.

One clock enable, ``advance``, moves everything: a cycle passes when every input word that is due is there and every
output word that is due can be taken. One counter walks the scan; a port is due while the position, as many cycles ago
as its lag, lies in its own extents. Inside, nothing knows whether a word is due: outside its domain a stream carries
garbage that no word inside depends on.

A launch after a launch starts in the cycle the scan wraps. If there is none, the scan goes on until every port has
had its last word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from amaranth.hdl import Elaboratable, Module, Shape, Signal, Value, ValueLike, unsigned

from fluorite.hwgen.formula import Formula
from fluorite.hwgen.interface import CoreInterface, StreamPort
from fluorite.hwgen.plan.due import Due
from fluorite.hwgen.plan.schedule import Schedule
from fluorite.hwgen.plan.storage import Storage
from fluorite.hwgen.rtl.core_ports import CorePorts
from fluorite.hwgen.rtl.datapath import Datapath
from fluorite.hwgen.rtl.logic import all_of, any_of
from fluorite.hwgen.rtl.port import PortControl
from fluorite.hwgen.rtl.scan import ScanCounter
from fluorite.hwgen.rtl.skid import SkidBuffer
from fluorite.hwgen.streams.graph import Delay, Graph
from fluorite.hwgen.streams.operations import COORD, SETTING, value_of

__all__ = ["Core", "PortPlan"]


@dataclass(frozen=True, slots=True)
class PortPlan:
    """When a stream port is due.

    Attributes
    ----------
    port : StreamPort
        The port.
    key : str
        The stream it carries, by the graph's name.
    lag : Delay
        Its first word comes so much later than the scan's beginning.
    words : tuple of Formula
        Its extents, in words.
    due : Due
        Scan positions where it starts and ends.
    """

    port: StreamPort
    key: str
    lag: Delay
    words: tuple[Formula, ...]
    due: Due

    def ends(self, d: int, scan: Sequence[Formula]) -> bool:
        """Whether the port has to know its last position along dimension d."""
        return self.port.direction == "out" or self.words[d] != scan[d]


class Core(Elaboratable):
    """A generated core.

    Parameters
    ----------
    interface : CoreInterface
        Ports to have.
    graph, plan, storage
        The datapath.
    ports : sequence of PortPlan
        Control of each stream, in the interface's order.
    coordinates : dict of int to Delay
        Per ``coord`` node, how much later than the scan's beginning its first word comes.
    scan : tuple of Formula
        Positions of the scan.
    maxima : dict
        Greatest values of the launch's variables.
    names : dict of int to str
        Signal names.
    setting_names : dict of Formula to str
        The setting that software computes a formula into.
    wraps : dict of Delay to Formula
        Last address of the memories of each length.
    """

    def __init__(
        self,
        interface: CoreInterface,
        graph: Graph,
        plan: Schedule,
        storage: Storage,
        ports: tuple[PortPlan, ...],
        coordinates: Mapping[int, Delay],
        scan: tuple[Formula, ...],
        maxima: Mapping[str, int],
        names: Mapping[int, str],
        setting_names: Mapping[Formula, str],
        wraps: Mapping[Delay, Formula],
    ) -> None:
        self.interface = interface
        self.graph = graph
        self.plan = plan
        self.storage = storage
        self.ports_plan = ports
        self.coordinates = coordinates
        self.scan = scan
        self.maxima = maxima
        self.names = names
        self.setting_names = setting_names
        self.wraps = wraps
        self.ports = CorePorts(interface)

    def _value(self, formula: Formula) -> ValueLike:
        return formula.value if formula.is_constant else self.ports.settings[self.setting_names[formula]]

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        running = Signal()
        advance = Signal()
        load = Signal()
        m.d.comb += load.eq(~running)

        # Positions. A coordinate that is counted later than the scan has a counter of its own.
        last = [self._value(formula - 1) for formula in self.scan]
        sizes = [formula.evaluate(self.maxima) for formula in self.scan]
        counters: dict[Delay, ScanCounter] = {}

        def counter(lag: Delay, name: str) -> ScanCounter:
            if lag not in counters:
                counters[lag] = ScanCounter(lag, last, sizes, load, advance, f"scan_{name}" if name else "scan")
                m.submodules[f"scan_{name}" if name else "scan"] = counters[lag]
            return counters[lag]

        scan = counter((0,) * len(last), "")
        compared: dict[tuple[int, Formula], Signal] = {}

        def at(d: int, formula: Formula, name: str) -> Value:
            """Whether the scan is at a position along a dimension."""
            if formula == self.scan[d] - 1:
                return scan.ends[d]
            if (d, formula) not in compared:
                compared[d, formula] = signal = Signal(name=name)
                m.d.comb += signal.eq(scan.positions[d] == self._value(formula))
            return compared[d, formula]

        # Launches.
        launch = Signal()
        launched = Signal()  # the scan is one of a launch
        unfinished: list[ValueLike] = [launched]
        m.d.comb += [
            self.ports.launch_ready.eq(~running | (advance & scan.wrap)),
            launch.eq(self.ports.launch_valid & self.ports.launch_ready),
        ]
        with m.If(self.ports.launch_ready):
            m.d.sync += launched.eq(self.ports.launch_valid)

        # Ports.
        inputs: dict[str, Value] = {}
        waits: list[tuple[Signal, Signal]] = []  # (due, can move)
        skids: dict[str, SkidBuffer] = {}
        due_of: dict[str, Signal] = {}
        controls: dict[str, PortControl | None] = {}
        several_inputs = sum(plan.port.direction == "in" for plan in self.ports_plan) > 1
        for plan in self.ports_plan:
            name = plan.port.name
            signals = self.ports.streams[name]
            control = controls[name] = self._control(plan, at, launch, launched, load, advance)
            if control is None:  # a word in every cycle of a launch
                due: Signal = launched
            else:
                m.submodules[f"control_{name}"] = control
                due = control.due
                unfinished.append(control.unfinished)
            due_of[name] = due
            can_move = Signal(name=f"can_move_{name}")
            if plan.port.direction == "in":
                if several_inputs:  # else ready would wait for another port's valid
                    m.submodules[f"skid_{name}"] = skid = skids[name] = SkidBuffer(plan.port.word_bits, f"skid_{name}")
                    m.d.comb += [
                        skid.i_valid.eq(signals["valid"]),
                        skid.i_data.eq(signals["data"]),
                        signals["ready"].eq(skid.i_ready),
                        skid.o_ready.eq(due & advance),
                        can_move.eq(skid.o_valid),
                    ]
                    inputs[name] = skid.o_data
                else:
                    m.d.comb += can_move.eq(signals["valid"])
                    inputs[name] = signals["data"]
            else:
                m.submodules[f"skid_{name}"] = skid = skids[name] = SkidBuffer(plan.port.word_bits + 1, f"skid_{name}")
                m.d.comb += can_move.eq(skid.i_ready)
            waits.append((due, can_move))
        m.d.sync += running.eq(launch | (running & any_of(unfinished)))
        m.d.comb += advance.eq(running & all_of(~due | can_move for due, can_move in waits))
        if not several_inputs:
            for plan, (due, _) in zip(self.ports_plan, waits, strict=True):
                if plan.port.direction == "in":
                    others = [w for p, w in zip(self.ports_plan, waits, strict=True) if p is not plan]
                    m.d.comb += self.ports.streams[plan.port.name]["ready"].eq(
                        running & due & all_of(~d | c for d, c in others)
                    )

        # Datapath.
        sources: dict[int, Signal] = {}
        for node in self.plan.nodes:
            if node.op == "input":
                stream = next(p.port for p in self.ports_plan if p.key == value_of(node).stream)
                low = (value_of(node).lane * stream.channels + value_of(node).channel) * stream.element_bits
                pixel = inputs[stream.name][low : low + stream.element_bits]
                shape = Shape(stream.element_bits, signed=stream.signed)
                signal = Signal(shape, name=self.names[node.id])
                m.d.comb += signal.eq(pixel)
                sources[node.id] = signal
            elif node.op == "coord":
                position = counter(self.coordinates[node.id], self.names[node.id])
                signal = Signal(unsigned(node.width_bits), name=self.names[node.id])
                m.d.comb += signal.eq(position.positions[COORD.of(node).dimension])
                sources[node.id] = signal
            elif node.op == "setting":
                sources[node.id] = self.ports.settings[SETTING.of(node).port]
        wraps = {gap: self._value(formula) for gap, formula in self.wraps.items()}
        datapath = Datapath(self.graph, self.plan, self.storage, self.names, sources, wraps, load, advance)
        m.submodules.datapath = datapath

        # Output words.
        busy: list[ValueLike] = [running]
        for plan in self.ports_plan:
            if plan.port.direction == "in":
                continue
            name = plan.port.name
            signals = self.ports.streams[name]
            skid = skids[name]
            bits = plan.port.element_bits
            for k in range(plan.port.word_values):
                m.d.comb += skid.i_data[k * bits : (k + 1) * bits].eq(datapath.outputs[plan.key, k])
            control = controls[name]
            assert control is not None
            m.d.comb += [
                skid.i_data[-1].eq(control.last),
                skid.i_valid.eq(due_of[name] & advance),
                signals["valid"].eq(skid.o_valid),
                signals["data"].eq(skid.o_data[:-1]),
                signals["last"].eq(skid.o_data[-1]),
                skid.o_ready.eq(signals["ready"]),
            ]
            busy.append(skid.o_valid)
        m.d.comb += self.ports.busy.eq(any_of(busy))
        return m

    def _control(
        self,
        plan: PortPlan,
        at: Callable[[int, Formula, str], Value],
        launch: Signal,
        launched: Signal,
        load: Signal,
        advance: Signal,
    ) -> PortControl | None:
        """When a port is due; None if that is whenever the scan is one of a launch."""
        name = plan.port.name
        dimensions = range(len(self.scan))
        ends = [plan.ends(d, self.scan) for d in dimensions]
        with_scan = not any(plan.lag)
        if with_scan and not any(ends):
            return None
        return PortControl(
            [at(d, plan.due.starts[d], f"{name}_start_{d}") for d in dimensions],
            [at(d, plan.due.ends[d], f"{name}_end_{d}") if ends[d] else None for d in dimensions],
            [plan.words[d] == self.scan[d] for d in dimensions],
            launch if with_scan else launched,
            load if with_scan else None,
            [
                Value.cast(self._value(plan.words[d] - 1)) == 0 if d and with_scan and ends[d] else None
                for d in dimensions
            ],
            advance,
            name,
        )
