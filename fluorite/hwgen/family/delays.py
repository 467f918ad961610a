"""How long an operation takes: the model that pipelining trusts.

Times are those of a mid-speed FPGA fabric with six-input LUTs and carry chains (Zynq-7000, speed grade -1), routing
included.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fluorite.hwgen.family.multiplier import Multiplier
from fluorite.hwgen.streams.graph import Delay, Node, Ref
from fluorite.hwgen.streams.operations import operation_of

__all__ = ["ECP5", "FAMILIES", "ZYNQ7000", "ZYNQMP", "Family", "latency_cycles", "taken_at"]


def latency_cycles(node: Node) -> int:
    """Cycles from a node's operands to its value: 1 for a table in block RAM, 0 for all else."""
    return operation_of(node).latency(node)


def taken_at(node: Node, operand: Ref) -> Delay:
    """How much earlier than the node's value an operand is taken: its delay, less the node's own latency."""
    return (operand.delay[0] - latency_cycles(node), *operand.delay[1:])


@dataclass(frozen=True, slots=True)
class Family:
    """Delay figures of one device family, in nanoseconds.

    Attributes
    ----------
    name : str
        Family name.
    clock_ns : float
        Target clock period.
    register_ns : float
        Clock-to-output plus set-up plus one net: what a register costs a path.
    lut_ns : float
        One LUT and the net behind it.
    carry_ns_per_bit : float
        Carry chain, per bit.
    multiplier_ns : float
        A DSP block without its pipeline registers.
    memory_ns : float
        Extra clock-to-output time of a block RAM without its output register.
    carry_ns : float
        Getting onto a carry chain and off it, beyond a LUT's time.
    memory_register : bool
        Whether what a line buffer's memory gives is always registered before it is used; if not, it is only where a
        node reads it that alone, behind a memory, takes longer than the budget.
    multiplier : Multiplier
        Operands that a DSP block takes: a wider product becomes a sum of several.
    """

    name: str
    clock_ns: float
    register_ns: float
    lut_ns: float
    carry_ns_per_bit: float
    multiplier_ns: float
    memory_ns: float
    multiplier: Multiplier
    carry_ns: float = 0.0
    memory_register: bool = False

    @property
    def budget_ns(self) -> float:
        """Time for logic between two registers."""
        return self.clock_ns - self.register_ns

    def at(self, clock_ns: float) -> Family:
        """The same fabric at another clock period."""
        return replace(self, clock_ns=clock_ns)

    def node_ns(self, node: Node) -> float:
        """Time through one node's logic."""
        return operation_of(node).time(node, self)


ZYNQ7000 = Family(
    "xc7z",
    clock_ns=6.6,
    register_ns=1.2,
    lut_ns=0.9,
    carry_ns_per_bit=0.03,
    multiplier_ns=4.2,
    memory_ns=1.8,
    multiplier=Multiplier(25, 18),
)

# From nextpnr's slowest paths, see docs/hardware-benchmarks.md. A block RAM takes 5.6 ns from clock to output, most of
# a cycle: nothing but a register follows it.
ECP5 = Family(
    "ecp5",
    clock_ns=8.0,
    register_ns=2.0,
    lut_ns=1.4,
    carry_ns_per_bit=0.035,
    multiplier_ns=5.5,
    memory_ns=5.1,
    multiplier=Multiplier(18, 18, unsigned=True),
    carry_ns=1.1,
    memory_register=True,
)

# Not measured: the figures of the 7-series, scaled by what 16 nm gained over 28 nm.
ZYNQMP = Family(
    "xczu",
    clock_ns=4.0,
    register_ns=0.8,
    lut_ns=0.55,
    carry_ns_per_bit=0.015,
    multiplier_ns=2.5,
    memory_ns=1.1,
    multiplier=Multiplier(27, 18),
)

#: By the family's name in a board's file.
FAMILIES = {"zynq-7000": ZYNQ7000, "zynq-ultrascale+": ZYNQMP, "ecp5": ECP5}
