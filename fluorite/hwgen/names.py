"""Names: Halide's as identifiers of Verilog and C."""

from __future__ import annotations

import re

__all__ = ["identifier"]

_RESERVED = frozenset(
    "always and assign begin buf case default edge else end endcase endmodule for function if initial inout input integer"
    " module nand nor not or output parameter reg repeat signed table task time tri wait wire xor"
    " clk rst busy launch_valid launch_ready int char long short float double static void return".split()
)


def identifier(name: str) -> str:
    """A Halide name as an identifier: ``blur$1`` is ``blur_1``; reserved words get a trailing underscore."""
    text = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_") or "unnamed"
    if text[0].isdigit():
        text = f"f_{text}"
    return f"{text}_" if text in _RESERVED else text
