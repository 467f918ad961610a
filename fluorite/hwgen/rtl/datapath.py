"""The datapath: every node of a scheduled graph as a named signal, every age as a delay line's output."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, ValueLike

from fluorite.hwgen.graph import Delay, Graph, Node, Ref
from fluorite.hwgen.rtl.linebuffer import AddressCounter, LineBuffer
from fluorite.hwgen.schedule import Schedule
from fluorite.hwgen.storage import Storage

__all__ = ["Datapath"]


class Datapath:
    """Builds the nodes and delay lines into a module.

    Parameters
    ----------
    graph, plan, storage
        What to build.
    names : dict of int to str
        Signal name per node.
    sources : dict of int to Value
        Signals of the ``input``, ``coord`` and ``setting`` nodes.
    wraps : dict of Delay to value
        Per memory length, the last address.
    """

    def __init__(
        self,
        graph: Graph,
        plan: Schedule,
        storage: Storage,
        names: Mapping[int, str],
        sources: Mapping[int, Value],
        wraps: Mapping[Delay, ValueLike],
    ) -> None:
        self.graph = graph
        self.plan = plan
        self.storage = storage
        self.names = names
        self.sources = sources
        self.wraps = wraps
        self.values: dict[int, Value] = {}
        self.held: dict[tuple[int, Delay], Value] = {}

    def build(self, m: Module, load: Signal, advance: Signal) -> dict[tuple[str, int], Value]:
        """Add everything to a module.

        Parameters
        ----------
        m : Module
            Where to.
        load : Signal
            Sends address counters to their start.
        advance : Signal
            The one clock enable.

        Returns
        -------
        dict
            Per (output stream, lane), its value at the output's lag.
        """
        for node in self.plan.nodes:
            shape = Shape(node.width_bits, signed=node.signed)
            if node.op in ("input", "coord", "setting"):
                self.values[node.id] = self.sources[node.id]
            elif node.op == "const":
                self.values[node.id] = Const(node.lo, shape)
            else:
                self.values[node.id] = Signal(shape, name=self.names[node.id])
        self._delays(m, load, advance)
        for node in self.plan.nodes:
            if node.op in ("input", "coord", "setting", "const"):
                continue
            reader = self.plan.lags.get(node.id)
            operands = [self._operand(operand, reader) for operand in node.operands]
            m.d.comb += self.values[node.id].eq(_expression(node, operands))  # type: ignore[attr-defined]
        return {
            (output.stream, output.lane): self._operand(output.value, self.plan.output_lags[output.stream])
            for output in self.graph.outputs
        }

    def _operand(self, operand: Ref, reader: Delay | None) -> Value:
        node = operand.node
        if node.static or reader is None:
            return self.values[node.id]
        age = self.plan.age(reader, operand.delay, node)
        return self.held[node.id, age] if any(age) else self.values[node.id]

    def _delays(self, m: Module, load: Signal, advance: Signal) -> None:
        outputs: dict[tuple[int, Delay], Signal] = {}
        nodes = {node.id: node for node in self.plan.nodes}
        for line in self.storage.lines:
            node = nodes[line.node]
            name = f"{self.names[line.node]}_{_age_suffix(line.end)}"
            out = Signal(Shape(node.width_bits, signed=node.signed), name=name, reset_less=True)
            outputs[line.node, line.end] = self.held[line.node, line.end] = out
        for line in self.storage.lines:
            if line.kind == "memory":
                continue
            data = self.held[line.node, line.start] if any(line.start) else self.values[line.node]
            out = outputs[line.node, line.end]
            before: Value = data
            if line.length_cycles > 1:
                width = len(data)
                shift = Signal(width * (line.length_cycles - 1), name=f"{out.name}_shift", reset_less=True)
                with m.If(advance):
                    m.d.sync += shift.eq(Cat(data, shift))
                before = shift[-width:]
            with m.If(advance):
                m.d.sync += out.eq(before)
        counters: dict[Delay, AddressCounter] = {}
        for memory in self.storage.memories:
            counter = counters.get(memory.gap)
            if counter is None:
                counter = counters[memory.gap] = AddressCounter(self.wraps[memory.gap], memory.depth)
                m.submodules[f"address_{memory.name}"] = counter
                m.d.comb += [counter.load.eq(load), counter.advance.eq(advance)]
            m.submodules[memory.name] = buffer = LineBuffer(memory.width_bits, memory.depth)
            starts = [
                self.held[line.node, line.start] if any(line.start) else self.values[line.node] for line, _ in memory.fields
            ]
            m.d.comb += [
                buffer.advance.eq(advance),
                buffer.address.eq(counter.address),
                buffer.data.eq(Cat(*starts)),
            ]
            low = 0
            for line, width in memory.fields:
                m.d.comb += outputs[line.node, line.end].eq(buffer.q[low : low + width])
                low += width


def _age_suffix(age: Delay) -> str:
    columns, *outer = age
    text = "".join(f"r{rows}" for rows in outer if rows)
    return text + (f"d{columns}" if columns >= 0 else f"m{-columns}")


def _expression(node: Node, operands: list[Value]) -> ValueLike:
    """The node's operation; results are exact, so a result never needs more bits than its signal has."""
    number = int(node.attr[0]) if node.op in ("wrap", "shr", "shl") else 0
    simple: dict[str, Callable[..., ValueLike]] = {
        "stage": lambda a: a,
        "wrap": lambda a: a,  # the signal's own width cuts the value
        "shl": lambda a: a.shift_left(number),
        "shr": lambda a: a >> number,
        "add": lambda a, b: a + b,
        "sub": lambda a, b: a - b,
        "mul": lambda a, b: a * b,
        "abs": lambda a: Mux(a < 0, -a, a),
        "min": lambda a, b: Mux(a < b, a, b),
        "max": lambda a, b: Mux(a < b, b, a),
        "eq": lambda a, b: a == b,
        "lt": lambda a, b: a < b,
        "le": lambda a, b: a <= b,
        "not": lambda a: ~a,
        "select": lambda c, t, f: Mux(c, t, f),
        "and": lambda a, b: a & b,
        "or": lambda a, b: a | b,
        "xor": lambda a, b: a ^ b,
    }
    return simple[node.op](*operands)
