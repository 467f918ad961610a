"""The datapath: every node of a scheduled graph as a named signal, every age as a delay line's output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from amaranth.hdl import Cat, Const, Elaboratable, Module, Mux, Shape, Signal, Value, ValueLike

from fluorite.frontend.region.identifiers import Taken, identifier
from fluorite.hwgen.family.delays import latency_cycles, taken_at
from fluorite.hwgen.plan.core_plan import CorePlan
from fluorite.hwgen.plan.grids import ColumnGrid
from fluorite.hwgen.plan.memory import Length, Memory
from fluorite.hwgen.plan.resampling import choices, taken_in
from fluorite.hwgen.rtl.grid_flags import GridFlags
from fluorite.hwgen.rtl.linebuffer import AddressCounter, LineBuffer, RowBuffer
from fluorite.hwgen.rtl.logic import any_of
from fluorite.hwgen.rtl.rom import PREFIX, Rom, layout
from fluorite.hwgen.streams.graph import Delay, Node, Ref
from fluorite.hwgen.streams.operations import CHOOSE, ROM, operation_of

__all__ = ["Datapath"]


class Datapath(Elaboratable):
    """All nodes and delay lines of a core.

    Parameters
    ----------
    plan : CorePlan
        What to build.
    sources : dict of int to Signal
        Signals of the ``input``, ``coord`` and ``setting`` nodes.
    wraps : dict of Length to value
        Per memory length, the last address.
    flags : GridFlags
        Say in which columns and rows streams move.
    load : Signal
        Sends address counters to their start.
    enable : Signal
        Moves what is held.

    Attributes
    ----------
    outputs : dict
        Per (output stream, position in the word), its value at the output's lag.
    """

    def __init__(
        self,
        plan: CorePlan,
        sources: Mapping[int, Signal],
        wraps: Mapping[Length, ValueLike],
        flags: GridFlags,
        load: Signal,
        enable: Signal,
    ) -> None:
        self.graph = plan.graph
        self.schedule = plan.schedule
        self.storage = plan.storage
        self.names = plan.names
        self.sources = sources
        self.wraps = wraps
        self.begin = plan.begin
        self.flags = flags
        self.load = load
        self.enable = enable
        self.values: dict[int, Value] = {}
        self.reads: dict[tuple[tuple[int, ...], int], list[tuple[Node, Value]]] = {}
        self.held: dict[tuple[int, Delay], Signal] = {}
        self.outputs = {
            (o.stream, o.position): Signal(
                Shape(o.value.node.width_bits, signed=o.value.node.signed),
                name=f"output_{self.names[o.value.node.id]}"
                if o.value.node.op == "stage"
                else f"output_{identifier(o.stream)}_{o.position}",
            )
            for o in self.graph.outputs
        }

    def elaborate(self, platform: object) -> Module:
        """Build the module."""
        m = Module()
        for node in self.schedule.nodes:
            shape = Shape(node.width_bits, signed=node.signed)
            if operation_of(node).is_source:
                self.values[node.id] = self.sources[node.id]
            elif node.op == "const":
                self.values[node.id] = Const(node.lo, shape)
            else:
                self.values[node.id] = Signal(shape, name=self.names[node.id])
        self._delay_lines(m)
        for node in self.schedule.nodes:
            if operation_of(node).is_source or node.op == "const":
                continue
            reader = self.schedule.lags.get(node.id)
            operands = [self._operand(node, operand, reader) for operand in node.operands]
            target = self.values[node.id]
            if node.op == "choose":
                self._choose(m, node, operands)
                continue
            if node.op == "rom":
                self._rom(node, operands[0])
                continue
            assert isinstance(target, Signal)
            rtl = operation_of(node).rtl
            assert rtl is not None, node.op
            # Results are exact: one never needs more bits than its signal has.
            m.d.comb += target.eq(rtl(*operands, *node.attr))
        self._build_roms(m)
        for output in self.graph.outputs:
            value = self._operand(None, output.value, self.schedule.output_lags[output.stream])
            m.d.comb += self.outputs[output.stream, output.position].eq(value)
        return m

    def _operand(self, reader: Node | None, operand: Ref, lag: Delay | None) -> Value:
        """A stream as a reader of this lag takes it; None stands for the outputs."""
        node = operand.node
        if node.static or lag is None:
            return self.values[node.id]
        if reader is not None and reader.op == "resample":
            return self._resampled(reader, operand, lag)
        delay = operand.delay if reader is None else taken_at(reader, operand)
        return self._at(node.id, self.schedule.grids.held(node.id, self.schedule.age(lag, delay, node)))

    def _resampled(self, reader: Node, operand: Ref, lag: Delay) -> Value:
        """What a resampling node takes: by its phases, of each number of columns and rows that it is behind."""
        along = choices(reader, self.schedule, self.begin)

        def chosen(delays: Delay) -> Value:
            if len(delays) == len(along):
                total = tuple(a + b for a, b in zip(operand.delay, delays, strict=True))
                age = self.schedule.age(lag, total, operand.node)
                return self._at(operand.node.id, self.schedule.grids.held(operand.node.id, age))
            *others, last = along[len(delays)]
            value = chosen((*delays, last.delay))
            for choice in others:
                flag = any_of(self.flags.at(grid) for grid in choice.at)
                value = Mux(flag, chosen((*delays, choice.delay)), value)
            return value

        return chosen(())

    def _choose(self, m: Module, node: Node, operands: Sequence[Value]) -> None:
        """What a node takes in turn: one multiplexer, operands that are one wire taken together."""
        target = self.values[node.id]
        assert isinstance(target, Signal)
        wires: dict[object, tuple[Value, list[int]]] = {}
        taken = taken_in(node, self.schedule, self.begin)
        for number, own in taken.items():
            value = operands[number]
            key = value.value if isinstance(value, Const) else id(value)
            wires.setdefault(key, (value, []))[1].extend(own)
        *others, (last, _) = sorted(wires.values(), key=lambda wire: len(wire[1]))
        (phases,) = CHOOSE.of(node)
        with m.Switch(self.flags.turn(len(phases))):
            for value, columns in others:
                with m.Case(*columns):
                    m.d.comb += target.eq(value)
            with m.Default():
                m.d.comb += target.eq(last)

    def _rom(self, node: Node, index: Value) -> None:
        """Note a read of a table: all reads of equal contents share a memory."""
        contents, address_bits = layout(ROM.of(node).table)
        self.reads.setdefault((contents, latency_cycles(node)), []).append((node, index[:address_bits]))

    def _build_roms(self, m: Module) -> None:
        taken = Taken()
        for (contents, latency), reads in self.reads.items():
            name = taken.take(PREFIX + identifier(ROM.of(reads[0][0]).table.name))
            width_bits = max(node.width_bits for node, _ in reads)
            shape = Shape(width_bits, signed=any(node.signed for node, _ in reads))
            rom = Rom(contents, shape, len(reads), self.enable if latency else None, name)
            m.submodules[name] = rom
            for (node, address), port, q in zip(reads, rom.addresses, rom.q, strict=True):
                m.d.comb += port.eq(address)
                target = self.values[node.id]
                assert isinstance(target, Signal)
                m.d.comb += target.eq(q)

    def _at(self, node: int, age: Delay) -> Value:
        return self.held[node, age] if any(age) else self.values[node]

    def _delay_lines(self, m: Module) -> None:
        nodes = {node.id: node for node in self.schedule.nodes}
        for line in self.storage.lines:
            node = nodes[line.node]
            name = f"{self.names[line.node]}_{line.suffix}"
            shape = Shape(node.width_bits, signed=node.signed)
            self.held[line.node, line.end] = Signal(shape, name=name, reset_less=True)
        for line in self.storage.lines:
            if line.kind in ("memory", "row"):
                continue
            entering = self._at(line.node, line.start)
            leaving = self.held[line.node, line.end]
            width = len(entering)
            with m.If(self._moves(line.moves)):
                if line.length_cycles > 1:
                    shift = Signal(width * (line.length_cycles - 1), name=f"{leaving.name}_shift", reset_less=True)
                    m.d.sync += [shift.eq(Cat(entering, shift)), leaving.eq(shift[-width:])]
                else:
                    m.d.sync += leaving.eq(entering)
        counters: dict[tuple[Length, ColumnGrid, int], AddressCounter] = {}

        def counter(memory: Memory, first: int, name: str) -> AddressCounter:
            key = (memory.length, memory.moves, first)
            if key not in counters:
                counters[key] = AddressCounter(
                    self.wraps[memory.length], memory.depth, self.load, self._moves(memory.moves), name, first
                )
                m.submodules[f"address_{name}"] = counters[key]
            return counters[key]

        def address(memory: Memory, ahead: int) -> Value:
            """What a memory is walked with, so many addresses ahead of the one that is written."""
            if memory.walks_with_scan(ahead):
                return self.flags.walk(memory.moves.period)[ahead]
            return counter(memory, ahead, f"{memory.name}_read" if ahead else memory.name).address

        for memory in self.storage.memories:
            enable, buffer = self._moves(memory.moves), None
            if memory.rows is None:
                buffer = LineBuffer(memory.width_bits, memory.depth, address(memory, 0), enable, memory.name)
            else:
                written = self.flags.row(memory.rows)
                buffer = RowBuffer(
                    memory.width_bits,
                    memory.depth,
                    address(memory, 0),
                    address(memory, memory.ahead),
                    enable,
                    self.enable if memory.early else enable,
                    Const(1) if written is None else written,
                    memory.name,
                )
            m.submodules[memory.name] = buffer
            m.d.comb += buffer.data.eq(Cat(*(self._at(line.node, line.start) for line, _ in memory.fields)))
            low = 0
            for line, width in memory.fields:
                m.d.comb += self.held[line.node, line.end].eq(buffer.q[low : low + width])
                low += width

    def _moves(self, grid: ColumnGrid) -> Value:
        """Whether what has this grid moves on."""
        flag = self.flags.column(grid)
        return self.enable if flag is None else self.enable & flag
