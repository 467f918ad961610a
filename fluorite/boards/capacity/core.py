"""What a core is made of, counted in bits: the quantities that its area is a weighted sum of.

Nothing is synthesized. Bits that no reader takes are not counted, nor those that pass through an adder
(``a + (b << 4)`` adds no low four bits); registers and memories are the storage plan's.
"""

from __future__ import annotations

from dataclasses import dataclass

from fluorite.boards.capacity.memory import MemoryCells, memory_cells
from fluorite.hwgen.family.delays import latency_cycles
from fluorite.hwgen.generate import Generated
from fluorite.hwgen.plan.grids import RowGrid
from fluorite.hwgen.plan.memory import Memory
from fluorite.hwgen.plan.resampling import row_grids
from fluorite.hwgen.plan.storage import cycles
from fluorite.hwgen.rtl.rom import layout
from fluorite.hwgen.streams.graph import Delay, Node
from fluorite.hwgen.streams.operations import ROM, operation_of

__all__ = ["CORE_PARTS", "core_dsp", "core_memories", "core_parts", "multiplier_blocks"]

#: Names of the parts of a core, see :func:`core_parts`.
CORE_PARTS = (
    "adder", "merged adder", "adder at multiplier", "compare", "mux", "logic", "small multiplier", "small table",
    "counter", "position", "port", "stream", "register", "register at multiplier", "shift register", "bypass",
)  # fmt: skip

_LEAST_PRODUCT_BITS = 9  # smaller products are made of LUTs


def core_parts(generated: Generated, family: str) -> dict[str, float]:
    """Bits of a core by what they are for.

    Parameters
    ----------
    generated : Generated
        The core.
    family : str
        Of the board.

    Returns
    -------
    dict of str to float
        By the names of ``CORE_PARTS``: bits. A ``merged adder`` is one whose sum another takes in the same cycle, so
        that the two become one of three operands; an ``adder at multiplier`` may become part of the multiplier block,
        as may a ``register at multiplier``; ``position`` bits are compared with where ports start and end; ``port``
        bits are those of the buffers at the streams, ``stream`` counts these. ``bypass`` bits are of memories that
        cannot read the old word where they write, so that it is kept beside them.
    """
    use = _Use.of(generated)
    parts = dict.fromkeys(CORE_PARTS, 0.0)
    _add_adders(parts, use, family)
    for node in use.nodes:
        constant = any(o.node.lo == o.node.hi for o in node.operands)
        bits = use.bits(node) * (0.5 if constant else 1)
        operand_bits = max((o.node.width_bits for o in node.operands), default=0) * (0.5 if constant else 1)
        if multiplier_blocks(node, family):
            continue
        for part, count in operation_of(node).cells(node, bits, operand_bits).items():
            parts[part] += count
    _add_registers(parts, use, family)
    _add_control(parts, generated)
    _add_ports(parts, use, family)
    return parts


def core_dsp(generated: Generated, family: str) -> int:
    """Multiplier blocks of a core."""
    return sum(multiplier_blocks(node, family) for node in generated.plan.nodes)


def core_memories(generated: Generated, family: str) -> list[tuple[str, MemoryCells]]:
    """Line buffers and tables by name, each with what it becomes."""
    found: list[tuple[str, MemoryCells]] = []
    for memory in generated.storage.memories:
        found.append((memory.name, memory_cells(family, memory.depth, memory.width_bits, memory.rows is None)))
    tables: dict[tuple[int, ...], list[Node]] = {}
    for node in generated.plan.nodes:
        if node.op == "rom" and latency_cycles(node):
            contents, _ = layout(ROM.of(node).table)
            tables.setdefault(contents, []).append(node)
    for contents, reads in tables.items():
        width_bits = max(node.width_bits for node in reads)
        one = memory_cells(family, len(contents), width_bits, False)
        copies = -(-len(reads) // 2) if one.bram else len(reads)  # a block RAM has two ports
        found.append((f"table {ROM.of(reads[0]).table.name}", MemoryCells(one.bram * copies, one.lut * copies)))
    return found


@dataclass(frozen=True, slots=True)
class _Use:
    """Who reads what of a core.

    Attributes
    ----------
    generated : Generated
        The core.
    nodes : tuple of Node
        Those whose value moves, operands first.
    taken : dict of int to int
        Per node id, a mask of the bits that something reads.
    reads : dict of int to list of (Node or None, Delay, int)
        Per node id: the reader (None: an output), the age it reads at, and a mask of the bits it takes.
    """

    generated: Generated
    nodes: tuple[Node, ...]
    taken: dict[int, int]
    reads: dict[int, list[tuple[Node | None, Delay, int]]]

    @classmethod
    def of(cls, generated: Generated) -> _Use:
        plan = generated.plan
        taken: dict[int, int] = {}
        reads: dict[int, list[tuple[Node | None, Delay, int]]] = {}
        for output in generated.graph.outputs:
            node = output.value.node
            mask = (1 << node.width_bits) - 1
            taken[node.id] = mask
            if not node.static:
                age = plan.grids.held(node.id, plan.age(plan.output_lags[output.stream], output.value.delay, node))
                reads.setdefault(node.id, []).append((None, age, mask))
        for node in plan.nodes:
            if node.op == "state":  # which comes after what it is computed from
                taken[node.operands[0].node.id] = (1 << node.width_bits) - 1
        for node in reversed(plan.nodes):
            for position, operand in enumerate(node.operands):
                source = operand.node
                read = operation_of(node).taken(position, taken.get(node.id, 0), *node.attr)
                mask = read & ((1 << source.width_bits) - 1)
                taken[source.id] = taken.get(source.id, 0) | mask
                if not source.static and not node.static:
                    for age in plan.held(node, operand):
                        reads.setdefault(source.id, []).append((node, age, mask))
        nodes = tuple(n for n in plan.nodes if not n.static and taken.get(n.id, 0))
        return cls(generated, nodes, taken, reads)

    def bits(self, node: Node) -> int:
        """Bits of a node that something reads."""
        return self.taken.get(node.id, 0).bit_count()

    def only_reader(self, node: Node) -> Node | None:
        """The node that alone reads another, in the same cycle."""
        reads = self.reads.get(node.id, [])
        return reads[0][0] if len(reads) == 1 and not any(reads[0][1]) else None


def multiplier_blocks(node: Node, family: str) -> int:
    """Multiplier blocks of a node: 1 for a product (it fits one) unless that is small, 0 for all else."""
    if node.op != "mul":
        return 0
    widths = [operand.node.width_bits for operand in node.operands]
    return int(min(widths) >= 2 and (family == "ecp5" or sum(widths) >= _LEAST_PRODUCT_BITS))


def _add_adders(parts: dict[str, float], use: _Use, family: str) -> None:
    """Adders, those that take each other's sums in one cycle together."""
    trees: dict[int, list[int]] = {}  # by the id of its last adder, the bits of every adder of a tree
    root: dict[int, int] = {}
    for node in reversed(use.nodes):
        if node.op not in ("add", "sub"):
            continue
        reader = use.only_reader(node)
        top = root[reader.id] if reader is not None and reader.op in ("add", "sub") else node.id
        root[node.id] = top
        bits = use.taken[node.id].bit_length()
        passed = [_trailing_zeros(o.node) for o in node.operands]
        bits = max(bits - (max(passed) if node.op == "add" else passed[1]), 0)
        first = node.operands[0].node
        negates = node.op == "sub" and first.op == "const" and first.lo == 0
        trees.setdefault(top, [])
        if negates and len(trees) and _is_sum(node.operands[1].node, use):
            continue  # the sum is formed with the other sign
        if family != "ecp5" and _at_multiplier(node, use, family):
            parts["adder at multiplier"] += bits
        else:
            trees[top].append(bits)
    for tree in trees.values():
        parts["adder"] += max(tree, default=0)
        parts["merged adder"] += sum(tree) - max(tree, default=0)


def _is_sum(node: Node, use: _Use) -> bool:
    return node.op in ("add", "sub") and use.only_reader(node) is not None


def _at_multiplier(node: Node, use: _Use, family: str) -> bool:
    """Whether a multiplier block may take an adder in: in front of it or behind it."""
    takers = [reader for reader, _, _ in use.reads.get(node.id, [])]
    if takers and all(r is not None and multiplier_blocks(r, family) for r in takers):
        return True
    sources = [operand.node for operand in node.operands]
    return any(multiplier_blocks(source, family) and len(use.reads.get(source.id, [])) == 1 for source in sources)


def _trailing_zeros(node: Node) -> int:
    """Low bits that are always 0."""
    zeros = operation_of(node).low_zeros
    return zeros(*(_trailing_zeros(operand.node) for operand in node.operands), *node.attr) if zeros else 0


def _chooses_constant(node: Node) -> bool:
    """Whether every bit of a node is a constant, its condition or the inverse of that."""
    return node.op == "select" and all(operand.node.lo == operand.node.hi for operand in node.operands[1:])


def _add_registers(parts: dict[str, float], use: _Use, family: str) -> None:
    """Registers of the delay lines; those beside a multiplier block may be the block's own."""
    generated = use.generated
    strides = generated.extents.strides
    nodes = {node.id: node for node in generated.plan.nodes}
    for memory in generated.storage.memories:
        cells = memory_cells(family, memory.depth, memory.width_bits, memory.rows is None)
        parts["bypass"] += cells.bypass_bits
        if not cells.bram:  # which has the register inside
            parts["register"] += memory.width_bits
    for line in generated.storage.lines:
        if line.kind in ("memory", "row"):
            continue
        node, end = nodes[line.node], cycles(line.end, strides)
        bits, takers = 0, []
        for reader, age, mask in use.reads.get(node.id, []):
            if cycles(age, strides) >= end:
                bits |= mask
            if age == line.end:
                takers.append(reader)
        width_bits = 1 if _chooses_constant(node) else bits.bit_count()
        if line.kind == "shift" and family != "ecp5":  # a LUT for up to 32 registers
            parts["shift register"] += width_bits * -(-line.length_cycles // 32)
            continue
        beside = multiplier_blocks(node, family) > 0
        beside |= bool(takers) and all(r is not None and multiplier_blocks(r, family) for r in takers)
        parts["register at multiplier" if beside else "register"] += width_bits * line.length_cycles


def _add_control(parts: dict[str, float], generated: Generated) -> None:
    """Counters, and the positions they are compared with."""
    scan, ranges = generated.extents.scan, generated.extents.ranges
    sizes = [max(formula.greatest(ranges) - 1, 1).bit_length() for formula in scan]
    counters = {(0,) * len(scan), *generated.coordinates.values()}
    parts["counter"] += sum(sizes) * len(counters)
    compared = {(d, formula - 1) for d, formula in enumerate(scan)}
    for plan in generated.streams:
        for d in range(len(scan)):
            compared |= {(d, plan.due.starts[d])} | ({(d, plan.due.ends[d])} if plan.ends(d, scan) else set())
            compared |= {(d, place) for place in plan.first_places(d, ranges)} if plan.moves_in(d) else set()
    rows = set(row_grids(generated.plan, generated.storage, generated.begin))
    rows |= {
        RowGrid(plan.periods[1], plan.lag[1] % plan.periods[1], plan.lag[0])
        for plan in generated.streams
        if plan.periods[1:2] > (1,)
    }
    parts["counter"] += len(rows)  # a flag each, which is looked up where such a row begins
    compared |= {(0, grid.last_before(scan[0])) for grid in rows}
    for period in generated.lowered.rates.common:
        if period & (period - 1):  # of a power of two phases are low bits of the position
            parts["counter"] += period.bit_length()
    bits = [sizes[d] * (0.3 if formula.is_constant else 1) for d, formula in compared]
    parts["position"] += sum(bits)
    addresses: dict[tuple[object, ...], Memory] = {}
    for memory in generated.storage.memories:
        for first in memory.counters:
            addresses[memory.length, memory.moves, first] = memory
    for memory in addresses.values():
        address = max(memory.depth - 1, 1).bit_length()
        parts["counter"] += address
        parts["position"] += address * (0.3 if generated.wraps[memory.length].is_constant else 1)


def _add_ports(parts: dict[str, float], use: _Use, family: str) -> None:
    """The two words of the buffer at every output, and at every input where there are several."""
    generated = use.generated
    parts["stream"] += len(generated.streams)
    parts["port"] += sum(2 * (port.word_bits + 1) for port in generated.interface.outputs)
    if len(generated.interface.inputs) < 2:
        return
    for node in generated.plan.nodes:
        if node.op == "input":
            takers = [reader for reader, age, _ in use.reads.get(node.id, []) if not any(age)]
            parts["port"] += node.width_bits
            beside = takers and all(r is not None and multiplier_blocks(r, family) for r in takers)
            parts["register at multiplier" if beside and family != "ecp5" else "port"] += node.width_bits
