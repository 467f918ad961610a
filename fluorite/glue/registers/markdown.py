"""The register map as documentation."""

from __future__ import annotations

from fluorite.hwgen.shell.registers import ERROR_TEXTS, ErrorCode, RegisterMap

__all__ = ["markdown"]

_ACCESS = {
    "ro": "read",
    "rw": "read, write",
    "wo": "write 1 to act",
    "w1c": "read, write 1 to clear",
    "clear": "read, write to clear",
}


def markdown(registers: RegisterMap) -> str:
    """A page with every register, field and error code."""
    lines = [
        f"# Registers of `{registers.name}`",
        "",
        f"Accelerator for the Halide Func `{registers.func}`. 32-bit registers over AXI4-Lite, little endian, "
        f"{registers.size_bytes} bytes. Bits that are not listed read as 0 and ignore writes.",
        "",
        "To run a launch: write its registers (marked *launch*), then `control.start`. They are copied into a queue,",
        "so the next launch may be written and started while this one runs, as long as `status.queue_space` is not 0.",
        "Launches are completed in the order they were started in; a launch that fails is completed too.",
        "",
        "| offset | register | bits | access | |",
        "|---|---|---|---|---|",
    ]
    for r in registers.registers:
        sign = "s" if r.signed else ""
        value = f" Always `{r.constant:#010x}`." if r.constant is not None else ""
        note = "; *launch*" if r.launch else ""
        lines.append(
            f"| `{r.offset:#05x}` | `{r.name}` | {sign}{r.width_bits} | {_ACCESS[r.access]}{note} | "
            f"{r.description}{value} |"
        )
        for f in r.fields:
            high = f.low_bit + f.width_bits - 1
            bits = f"{high}..{f.low_bit}" if high > f.low_bit else str(high)
            lines.append(f"| | `.{f.name}` | [{bits}] | | {f.description} |")
    lines += ["", "## Error codes", "", "| code | |", "|---|---|"]
    lines += [f"| {code.value} `{code.name}` | {ERROR_TEXTS[code]} |" for code in ErrorCode]
    lines += ["", "## Streams", "", "| number | stream | direction | a word |", "|---|---|---|---|"]
    for s in registers.streams:
        p = s.port
        kind = "bit, a byte in memory" if p.element_bits == 1 else f"{'int' if p.signed else 'uint'}{p.element_bits}"
        lines.append(f"| {s.number} | `{p.name}` | {p.direction} | {p.lanes} lanes x {p.channels} channels of {kind} |")
    return "\n".join(lines) + "\n"
