"""Verilog out of a core: Amaranth's netlist, tidied by Yosys, with a header that says what it is."""

from __future__ import annotations

import re
from collections.abc import Sequence

from amaranth._toolchain.yosys import YosysError, find_yosys
from amaranth.back import rtlil
from amaranth.hdl import Elaboratable, Signal

from fluorite.errors import UsageError
from fluorite.frontend.region.identifiers import shown
from fluorite.hwgen.generate import Generated
from fluorite.hwgen.interface import CoreInterface
from fluorite.hwgen.rtl.rom import PREFIX

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
    interface = core.interface
    return _header(generated) + "\n" + tidy(core, interface.module, core.ports, _port_names(interface))


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
    netlist = rtlil.convert(design, name=name, ports=ports, emit_src=False)
    # Nothing depends on power-up values: control is reset, and the datapath computes words before they count.
    netlist = re.sub(r"^ *attribute \\init .*\n", "", netlist, flags=re.M)
    # What a ROM holds is another matter.
    netlist = re.sub(r"^  cell \$meminit_v2 .*?^  end\n", _contents_of_roms, netlist, flags=re.M | re.S)
    yosys = find_yosys(lambda version: version >= (0, 40))
    try:
        text = yosys.run(["-q", "-"], _SCRIPT.format(rtlil=netlist))
    except YosysError as error:
        if unwritable := re.search(r"failed to create cache directory: (.*)", str(error)):
            raise UsageError(
                f"Yosys, in WebAssembly, keeps what is compiled of it in {unwritable[1]}, which cannot be made; "
                "set XDG_CACHE_HOME to a folder that can be written to"
            ) from None
        raise
    text = re.sub(r"\A/\*.*?\*/\n", "", text)
    text = _plain_names(_name_ports(text))
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


def _name_ports(text: str) -> str:
    """Name the ports that Amaranth numbers, of what a module takes from several places, after what is connected."""
    for port, net, part in re.findall(r"\.(\\port\$[\d$]+) \(\\?([\w$]+) ?(\[[\d:]+\])?\)", text):
        name = net + part.replace("[", "_").replace(":", "_").rstrip("]")
        if not part or not re.search(rf"\b{name}\b", text):
            text = text.replace(f"{port} ", f"\\{name} ")
    return text


def _plain_names(text: str) -> str:
    """Identifiers without escapes."""
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
    return re.sub(r"\\(\S+) ", lambda match: names[match[1]], text)


def _contents_of_roms(cell: re.Match[str]) -> str:
    memory = re.search(r'parameter \\MEMID "\\\\(.*)"', cell[0])
    return cell[0] if memory is not None and memory[1].startswith(PREFIX) else ""


def _port_names(interface: CoreInterface) -> list[str]:
    names = ["clk", "rst", "launch_valid", "launch_ready", "busy", *(s.name for s in interface.settings)]
    for stream in interface.streams:
        names += [f"{stream.name}_{part}" for part in ("valid", "ready", "data")]
        if stream.direction == "out":
            names.append(f"{stream.name}_last")
    return names


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
