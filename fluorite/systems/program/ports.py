"""The ports of an AXI shell, read from its Verilog, and what fits them to the simulator's C++.

The simulator connects to any module with a clock, a reset, one AXI4-Lite slave ``s_axi_control``, AXI4 masters
``m_axi...`` and an ``interrupt``. Signals that a shell leaves out (IDs, caching hints, a whole direction) are tied off
in a wrapper, so that the C++ always sees the same set.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fluorite.errors import SimulationError

__all__ = ["TOP", "MasterPort", "SystemPorts", "read_ports", "render_ports", "render_wrapper"]

TOP = "fluorite_system"
MAX_MASTERS = 16
_DECLARATION = re.compile(
    r"\b(input|output)\s+(?:wire\s+|reg\s+|logic\s+)?(?:\[(\d+):0\]\s*)?([\w$, \n]+?)\s*(?=;|,\s*(?:input|output)\b|\))"
)
_CONTROL = "s_axi_control"
_CLOCKS = ("clk", "aclk", "ap_clk")
_RESETS = {"rst": 1, "reset": 1, "aresetn": 0, "rst_n": 0, "ap_rst_n": 0}  # to the level that resets

# Signals of a master: direction seen from it, widest that the wrapper has.
_MASTER = {
    "arvalid": ("output", 1), "arready": ("input", 1), "araddr": ("output", 64), "arid": ("output", 16),
    "arlen": ("output", 8), "arsize": ("output", 3), "arburst": ("output", 2),
    "rvalid": ("input", 1), "rready": ("output", 1), "rdata": ("input", 0), "rresp": ("input", 2),
    "rlast": ("input", 1), "rid": ("input", 16),
    "awvalid": ("output", 1), "awready": ("input", 1), "awaddr": ("output", 64), "awid": ("output", 16),
    "awlen": ("output", 8), "awsize": ("output", 3), "awburst": ("output", 2),
    "wvalid": ("output", 1), "wready": ("input", 1), "wdata": ("output", 0), "wstrb": ("output", 0),
    "wlast": ("output", 1),
    "bvalid": ("input", 1), "bready": ("output", 1), "bresp": ("input", 2), "bid": ("input", 16),
}  # fmt: skip
_READ = ("arvalid", "arready", "araddr", "arlen", "rvalid", "rready", "rdata", "rresp", "rlast")
_WRITE = ("awvalid", "awready", "awaddr", "awlen", "wvalid", "wready", "wdata", "wstrb", "wlast", "bvalid", "bready",
          "bresp")  # fmt: skip
# Values of signals that a shell may leave out: a beat of the whole width, INCR, ID 0.
_SLAVE = {
    "awvalid": ("input", 1), "awready": ("output", 1), "awaddr": ("input", 32), "wvalid": ("input", 1),
    "wready": ("output", 1), "wdata": ("input", 32), "wstrb": ("input", 4), "bvalid": ("output", 1),
    "bready": ("input", 1), "bresp": ("output", 2), "arvalid": ("input", 1), "arready": ("output", 1),
    "araddr": ("input", 32), "rvalid": ("output", 1), "rready": ("input", 1), "rdata": ("output", 32),
    "rresp": ("output", 2),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class MasterPort:
    """One AXI4 master.

    Attributes
    ----------
    name : str
        Prefix of its signals.
    data_bits : int
        Width of its data: 32, 64 or 128.
    reads, writes : bool
        Which directions it has.
    """

    name: str
    data_bits: int
    reads: bool
    writes: bool


@dataclass(frozen=True, slots=True)
class SystemPorts:
    """The ports of an AXI shell.

    Attributes
    ----------
    module : str
        Its name.
    widths : dict of str to tuple of str and int
        Direction and width of every port.
    clock, reset : str
        Names of those two.
    reset_level : int
        Level of ``reset`` that resets.
    masters : tuple of MasterPort
        In the order of their names in the port list.
    """

    module: str
    widths: dict[str, tuple[str, int]]
    clock: str
    reset: str
    reset_level: int
    masters: tuple[MasterPort, ...]


def read_ports(verilog: str, module: str) -> SystemPorts:
    """Find the ports of a module in its source (with declarations in the port list or, as Yosys writes, below it).

    Raises
    ------
    SimulationError
        The module is not there, or is not an AXI shell.
    """
    found = re.search(rf"^\s*module\s+\\?{re.escape(module)}\s*\(.*?^\s*endmodule", verilog, re.MULTILINE | re.DOTALL)
    if found is None:
        raise SimulationError(f"the Verilog must have a module {module!r}")
    text = re.sub(r"//[^\n]*|/\*.*?\*/|\(\*(?!\)).*?\*\)|\bfunction\b.*?\bendfunction\b", "", found[0], flags=re.DOTALL)
    widths: dict[str, tuple[str, int]] = {}
    for direction, high, names in _DECLARATION.findall(text):
        for name in re.split(r"[,\s]+", names.strip()):
            widths[name] = (direction, int(high or 0) + 1)

    def one_of(names: tuple[str, ...], what: str) -> str:
        for name in names:
            if name in widths:
                return name
        raise SimulationError(f"module {module!r} must have a {what}: a port {' or '.join(names)}")

    clock, reset = one_of(_CLOCKS, "clock"), one_of(tuple(_RESETS), "reset")
    missing = [f"{_CONTROL}_{n}" for n in _SLAVE if f"{_CONTROL}_{n}" not in widths]
    if missing := [*missing, *(["interrupt"] if "interrupt" not in widths else [])]:
        raise SimulationError(f"module {module!r} must have ports {', '.join(missing)}")
    prefixes = dict.fromkeys(m[1] for n in widths if (m := re.fullmatch(r"(m_axi\w*?)_(?:ar|aw)valid", n)))
    masters = tuple(_master(module, prefix, widths) for prefix in prefixes)
    if len(masters) > MAX_MASTERS:
        raise SimulationError(f"module {module!r} must have at most {MAX_MASTERS} AXI masters, not {len(masters)}")
    return SystemPorts(module, widths, clock, reset, _RESETS[reset], masters)


def _master(module: str, prefix: str, widths: dict[str, tuple[str, int]]) -> MasterPort:
    reads, writes = f"{prefix}_arvalid" in widths, f"{prefix}_awvalid" in widths
    needed = (*(_READ if reads else ()), *(_WRITE if writes else ()))
    if missing := [f"{prefix}_{n}" for n in needed if f"{prefix}_{n}" not in widths]:
        raise SimulationError(f"module {module!r} must have ports {', '.join(missing)}")
    bits = {widths[f"{prefix}_{n}"][1] for n in ("rdata", "wdata") if f"{prefix}_{n}" in widths}
    if len(bits) != 1 or not bits <= {32, 64, 128}:
        raise SimulationError(f"data of {prefix} must have 32, 64 or 128 bits, not {sorted(bits)}")
    return MasterPort(prefix, bits.pop(), reads, writes)


def render_wrapper(ports: SystemPorts) -> str:
    """Return the Verilog module ``TOP`` around the shell: every signal there, at one width, named by number."""
    declared = ["input wire clk", "input wire rst", "output wire irq"]
    connections = [
        f".{ports.clock} (clk)", f".{ports.reset} ({'rst' if ports.reset_level else '~rst'})", ".interrupt (irq)",
    ]  # fmt: skip
    body: list[str] = []

    def signal(theirs: str, ours: str, direction: str, bits: int, otherwise: int) -> None:
        """Connect one signal; `direction` as the shell has it."""
        declared.append(f"{direction} wire [{bits - 1}:0] {ours}")
        if theirs not in ports.widths:
            if direction == "output":
                body.append(f"    assign {ours} = {otherwise};")
            return
        actual, width = ports.widths[theirs]
        if actual != direction or width > bits:
            raise SimulationError(
                f"port {theirs} of module {ports.module!r} must be an {direction} of at most {bits} bits, "
                f"not an {actual} of {width}"
            )
        if direction == "input":
            connections.append(f".{theirs} ({ours}[{width - 1}:0])")
        elif width == bits:
            connections.append(f".{theirs} ({ours})")
        else:  # widened with zeros
            body.append(f"    wire [{width - 1}:0] narrow_{ours};")
            body.append(f"    assign {ours} = {{{bits - width}'d0, narrow_{ours}}};")
            connections.append(f".{theirs} (narrow_{ours})")

    for name, (direction, bits) in _SLAVE.items():
        signal(f"{_CONTROL}_{name}", f"s_{name}", direction, bits, 0)
    for number, master in enumerate(ports.masters):
        default = {"arsize": (master.data_bits // 8).bit_length() - 1, "arburst": 1}
        default |= {"awsize": default["arsize"], "awburst": 1}
        for name, (direction, bits) in _MASTER.items():
            width = bits or (master.data_bits // 8 if name == "wstrb" else master.data_bits)
            signal(f"{master.name}_{name}", f"m{number}_{name}", direction, width, default.get(name, 0))
    known = set(re.findall(r"^\.(\w+)", "\n".join(connections), re.MULTILINE))
    for name, (direction, width) in ports.widths.items():  # locks, caching hints, protection: nothing here heeds them
        if name not in known and direction == "input":
            connections.append(f".{name} ({width}'d0)")
    header = ",\n".join(f"    {d}" for d in declared)
    wires = ",\n".join(f"        {c}" for c in connections)
    lines = "\n".join(body)
    waivers = (
        "/* verilator lint_off UNUSED */\n/* verilator lint_off PINMISSING */\n/* verilator lint_off UNDRIVEN */\n"
    )
    instance = f"    \\{ports.module} shell (\n{wires}\n    );\n"
    return f"{waivers}module {TOP} (\n{header}\n);\n{lines}\n{instance}endmodule\n"


def render_ports(ports: SystemPorts) -> str:
    """Return ``ports.h``: the masters as an X-macro ``(number, bytes a beat, name)``."""
    masters = " ".join(f'F({i}, {m.data_bits // 8}, "{m.name}")' for i, m in enumerate(ports.masters))
    return f'#pragma once\n#define MODULE "{ports.module}"\n#define MASTERS(F) {masters}\n'
