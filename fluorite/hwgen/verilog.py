"""Verilog out of a core."""

from __future__ import annotations

from amaranth.back import verilog

from fluorite.hwgen.rtl.core import Core

__all__ = ["emit"]


def emit(core: Core) -> str:
    """The core as plain Verilog, one module a component."""
    return verilog.convert(
        core, name=core.interface.module, ports=core.ports, strip_internal_attrs=True, emit_src=False
    )
