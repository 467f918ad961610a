"""Verilog out of a core: Amaranth's, with the ports in order, a header, and no memory contents to initialise."""

from __future__ import annotations


from amaranth.back import verilog

from fluorite.hwgen.generate import Generated

__all__ = ["emit"]


def emit(generated: Generated) -> str:
    """The core as plain Verilog, one module a component."""
    core = generated.core
    text = verilog.convert(
        core, name=core.interface.module, ports=core.ports, strip_internal_attrs=True, emit_src=False
    )
    return text
