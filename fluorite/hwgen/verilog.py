"""Verilog out of a core: Amaranth's netlist, tidied by Yosys, with a header that says what it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from amaranth.hdl import Elaboratable, Signal

from fluorite.frontend.region.identifiers import shown
from fluorite.hwgen.generate import Generated
from fluorite.hwgen.rtl.netlist import Contents, netlist, run_yosys

__all__ = ["emit", "tidy"]

# Enough to turn Amaranth's processes into plain registers with enables, and one name per wire.
_SCRIPT = """
read_rtlil <<rtlil
{rtlil}
rtlil
proc
opt_expr
opt_clean
opt_dff -nosdff
opt_clean
memory_collect
write_verilog -noattr -norename
"""

# What Verilator's -Wall says of operators of mixed widths. Amaranth's operators are exact: a sum of two
# bytes has nine bits without either operand being widened first, and is cut where it is assigned.
# (Verilator's C++ has an identifier called interrupt.)
_LINT = ("WIDTHEXPAND", "WIDTHTRUNC", "UNUSEDSIGNAL", "SYMRSVDWORD")


def emit(generated: Generated) -> str:
    """The core as plain Verilog-2005, one module a component."""
    core = generated.core()
    return _header(generated) + "\n" + tidy(core, generated.interface.module, core.ports.signals, core.ports.names)


def tidy(design: Elaboratable, name: str, ports: Sequence[Signal], port_names: Sequence[str]) -> str:
    """Amaranth's netlist of a design as readable Verilog-2005, one module a component.

    Parameters
    ----------
    design : Elaboratable
        The top.
    name : str
        Its module name.
    ports : sequence of Signal
        Its ports, without the clock and reset of its clock domain.
    port_names : sequence of str
        All of its ports, in the order to list them.
    """
    found = netlist(design, name, ports)
    text = re.sub(r"\A/\*.*?\*/\n", "", run_yosys(_SCRIPT.format(rtlil=found.text)))
    text, names = _plain_names(_name_ports(text))
    text = _with_contents(text, [replace(c, module=names.get(c.module, c.module)) for c in found.contents])
    text = re.sub(rf"^module {name}\([^)]*\);", f"module {name}({', '.join(port_names)});", text, flags=re.M)
    off = "".join(f"/* verilator lint_off {name} */\n" for name in _LINT)
    on = "".join(f"/* verilator lint_on {name} */\n" for name in _LINT)
    return off + text + on


# Names that Yosys and Amaranth make up, and what they become: some simulators take `\$x ` for a system function.
_MADE_UP = (
    (r"\$(\d+)", r"_\1"),
    (r"\$procmux\$(\w+)", r"_mux\1"),
    (r"\$auto\$opt_dff\.cc:[^$]*\$(\d+)", r"_enable\1"),
    (r"\$auto\$rtlil\.cc:\d+:(\w+)\$(\d+)", r"_\1\2"),
)


_NUMBERED = r"port\$[\d$]+"


def _name_ports(text: str) -> str:
    """Name the ports that Amaranth numbers, of what a module takes from several places, after what is connected."""
    words = set(re.findall(r"\w+", text))
    found = re.findall(rf"\.\\({_NUMBERED}) \(\\?([\w$]+) ?(\[[\d:]+\])?\)", text)
    called = {port: [port] for port, _, _ in found}  # by what ports are called so far: the numbered ones that are
    for port, net, part in found:
        name = net + part.replace("[", "_").replace(":", "_").rstrip("]")
        if port not in called or (part and name in words):
            continue
        words |= set(re.findall(r"\w+", name))
        # A net may be such a port of the module around, whose name comes later: what is named after it follows it.
        ports = called.pop(port)
        called.setdefault(name, []).extend(ports)
    names = {port: name for name, ports in called.items() for port in ports}
    return re.sub(rf"\\({_NUMBERED}) ", lambda match: f"\\{names.get(match[1], match[1])} ", text)


def _plain_names(text: str) -> tuple[str, dict[str, str]]:
    """Identifiers without escapes, and what those that had one are called now."""
    taken = set(re.findall(r"(?<![\w$\\])[A-Za-z_]\w*", text))
    names: dict[str, str] = {}
    for name in dict.fromkeys(re.findall(r"\\(\S+) ", text)):
        plain = name
        for pattern, made in _MADE_UP:
            plain = re.sub(rf"\A{pattern}\Z", made, plain)
        plain = re.sub(r"\W", "_", plain.replace(".", "__"))
        while plain in taken and plain != name:
            plain += "_"
        taken.add(plain)
        names[name] = plain
    return re.sub(r"\\(\S+) ", lambda match: names[match[1]], text), names


def _with_contents(text: str, memories: Sequence[Contents]) -> str:
    """What each ROM holds, after its declaration."""
    held = {(memory.module, memory.memory): memory for memory in memories}
    parts: list[str] = []
    module, copied = "", 0
    for match in re.finditer(r"^module (\w+)|^  reg (?:signed )?(?:\[\d+:\d+\] )?(\w+) \[\d+:0\];\n", text, re.M):
        module = match[1] or module
        if memory := held.pop((module, match[2]), None):
            parts += [text[copied : match.end()], "  initial begin\n"]
            bits = memory.width_bits  # the base is the one in which Yosys writes constants of that width
            base = "d{}" if bits == 32 else f"h{{:0{-(-bits // 4)}x}}"
            word_text = f"    {memory.memory}[{{}}] = {bits}'{base};\n".format
            parts += [word_text(address, word) for address, word in enumerate(memory.words)]
            parts.append("  end\n")
            copied = match.end()
    assert not held, held
    return "".join(parts) + text[copied:]


def _header(generated: Generated) -> str:
    """What a reader of the file wants to know first."""
    region, extents = generated.region, generated.extents
    lines = [
        f"{generated.interface.module}: accelerator for the Halide Func {shown(region.name)}, generated by fluorite.",
        "",
        f"Latency {generated.latency_cycles} cycles; {extents.cycles_per_launch} cycles a launch.",
        "Signals are named after the Funcs they compute. A suffix d2 is two cycles old, r1d2 a row and two cycles;",
        "one clock enable, advance, moves everything.",
        "",
        "Streams:",
    ]
    for stream in generated.interface.streams:
        kind = "int" if stream.signed else "uint"
        lines.append(f"  {stream.name}: {stream.direction}, {stream.lanes} x {kind}{stream.element_bits}")
    if generated.settings:
        lines += ["", "Settings, stable while busy:"]
        lines += [f"  {s.port.name} = {s.formula}" for s in generated.settings]
    lines += ["", "Stages (lag behind the first input word as columns, rows):"]
    for node in generated.plan.nodes:
        if node.op == "stage":
            lines.append(
                f"  {generated.names[node.id]}: {node.width_bits} bits, "
                f"lag {extents.split(generated.plan.lags[node.id])}"
            )
    return "".join(f"// {line}".rstrip() + "\n" for line in lines)
