"""What fits one core to ``harness.cpp``: a Verilog wrapper with numbered ports, and the header that declares them.

The wrapper keeps the core's names out of C++, where Verilator would have to mangle some of them, and lets Verilator
check that every port is there and has the width that the interface says.
"""

from __future__ import annotations

from pathlib import Path

from fluorite.errors import UsageError
from fluorite.hwgen.interface import CoreInterface
from fluorite.sim.abi import DIMENSIONS

__all__ = ["TOP", "check_interface", "harness_sources", "render_ports", "render_wrapper"]

TOP = "fluorite_harness"
MAX_WORD_BITS = 4096


def check_interface(interface: CoreInterface) -> None:
    """Refuse an interface that the harness cannot drive.

    Raises
    ------
    UsageError
        A width, the number of lanes or of dimensions is out of range, or there is no output.
    """
    for stream in interface.streams:
        if stream.direction not in ("in", "out"):
            raise UsageError(f"direction of stream {stream.name!r} must be 'in' or 'out', not {stream.direction!r}")
        if stream.element_bits not in (1, 8, 16, 32, 64):
            raise UsageError(
                f"element_bits of stream {stream.name!r} must be 1, 8, 16, 32 or 64, not {stream.element_bits}"
            )
        if stream.lanes < 1 or stream.word_bits > MAX_WORD_BITS:
            raise UsageError(
                f"a word of stream {stream.name!r} must have 1..{MAX_WORD_BITS} bits, not {stream.word_bits}"
            )
        if not 1 <= stream.dimensions <= DIMENSIONS:
            raise UsageError(f"dimensions of stream {stream.name!r} must be 1..{DIMENSIONS}, not {stream.dimensions}")
    for setting in interface.settings:
        if not 1 <= setting.width_bits <= 64:
            raise UsageError(f"width_bits of setting {setting.name!r} must be 1..64, not {setting.width_bits}")
    if not interface.outputs:
        raise UsageError(f"core {interface.module!r} must have an output stream")


def harness_sources() -> dict[str, str]:
    """Return the C++ of the harness by file name."""
    return {
        name: Path(__file__).with_name(name).read_text(encoding="utf-8")
        for name in ("harness.cpp", "random.h", "streams.h")
    }


def render_wrapper(interface: CoreInterface) -> str:
    """Return the Verilog module ``TOP`` around the core, with ports named by kind and number."""
    ports: list[tuple[str, int, str, str]] = [
        ("input", 1, "clk", "clk"),
        ("input", 1, "rst", "rst"),
        ("input", 1, "launch_valid", "launch_valid"),
        ("output", 1, "launch_ready", "launch_ready"),
        ("output", 1, "busy", "busy"),
    ]
    for i, setting in enumerate(interface.settings):
        ports.append(("input", setting.width_bits, f"setting{i}", setting.name))
    for kind, streams in (("input", interface.inputs), ("output", interface.outputs)):
        other = "output" if kind == "input" else "input"
        for i, stream in enumerate(streams):
            ports.append((kind, 1, f"{kind}{i}_valid", f"{stream.name}_valid"))
            ports.append((other, 1, f"{kind}{i}_ready", f"{stream.name}_ready"))
            ports.append((kind, stream.word_bits, f"{kind}{i}_data", f"{stream.name}_data"))
            if kind == "output":
                ports.append((kind, 1, f"{kind}{i}_last", f"{stream.name}_last"))
    declarations = ",\n".join(
        f"    {direction} wire {f'[{bits - 1}:0] ' if bits > 1 else ''}{name}" for direction, bits, name, _ in ports
    )
    # Escaped names: whatever the core calls its ports is a name here.
    connections = ",\n".join(f"        .\\{core_name} ({name})" for _, _, name, core_name in ports)
    return f"module {TOP} (\n{declarations}\n);\n    \\{interface.module} core (\n{connections}\n    );\nendmodule\n"


def render_ports(interface: CoreInterface) -> str:
    """Return ``ports.h``: the streams as X-macros ``(number, element bits, lanes)``, and the settings."""
    inputs = " ".join(f"F({i}, {s.element_bits}, {s.word_values})" for i, s in enumerate(interface.inputs))
    outputs = " ".join(f"F({i}, {s.element_bits}, {s.word_values})" for i, s in enumerate(interface.outputs))
    drives = "".join(
        f"    ports.setting{i} = values[{i}] & {2**s.width_bits - 1:#x}u;\n" for i, s in enumerate(interface.settings)
    )
    return (
        "#pragma once\n#include <cstdint>\n"
        f"constexpr int INPUT_COUNT = {len(interface.inputs)};\n"
        f"constexpr int STREAMS = {len(interface.streams)};\n"
        f"constexpr int SETTING_COUNT = {len(interface.settings)};\n"
        f"#define INPUTS(F) {inputs}\n"
        f"#define OUTPUTS(F) {outputs}\n"
        "template <class Ports> inline void drive_settings(Ports& ports, const uint64_t* values) {\n"
        f"    (void)ports, (void)values;\n{drives}}}\n"
    )
