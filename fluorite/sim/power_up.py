"""Verilog without initial values, so that a simulator can start its registers and memories at random.

FPGAs do load initial values, ASICs and partial resets do not; either way a core whose results depend on them is wrong
from its second launch on. Registers that the reset sets are not affected.
"""

from __future__ import annotations

import re

__all__ = ["forget_initial_values"]

_NAME = r"(?:\\\S+ |[A-Za-z_][\w$]*)"
_REGISTER = re.compile(rf"^(\s*reg\s+(?:signed\s+)?(?:\[[^\]]*\]\s*)?{_NAME}\s*)=\s*[^;]+;", re.MULTILINE)
_ZERO = r"\s*\[\d+\] = \d+'[bdh]0+;\n"
_ZERO_MEMORY = re.compile(
    rf"^\s*initial begin\n\s*(?P<name>{_NAME}){_ZERO}(?:\s*(?P=name){_ZERO})*\s*end\n", re.MULTILINE
)


def forget_initial_values(verilog: str) -> str:
    r"""Remove the initial values of registers, and of memories that are all zeros and written somewhere.

    Any other initialised memory counts as a ROM and keeps its contents.

    Examples
    --------
    >>> forget_initial_values("  reg [7:0] sum = 8'h00;\n")
    '  reg [7:0] sum ;\n'
    """
    without = _REGISTER.sub(r"\1;", verilog)

    def drop_if_written(match: re.Match[str]) -> str:
        written = rf"^\s*(?:if \([^;]*\)\s*)?{re.escape(match['name'].strip())}\s*\[[^;]*\]\s*<="
        return "" if re.search(written, without, re.MULTILINE) else match[0]

    return _ZERO_MEMORY.sub(drop_if_written, without)
