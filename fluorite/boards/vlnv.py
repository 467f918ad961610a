"""The name of an accelerator as a packaged core: vendor, library, name, version.

Vivado's catalogue, the hardware metadata and PYNQ's choice of a driver all go by it.
"""

from __future__ import annotations

from fluorite.hwgen.shell.registers import RegisterMap

__all__ = ["LIBRARY", "VENDOR", "VERSION", "vlnv"]

VENDOR = "fluorite"
LIBRARY = "accelerators"
VERSION = "1.0"


def vlnv(registers: RegisterMap) -> str:
    """Such as ``"fluorite:accelerators:harris_axi:1.0"``; the name is that of the Verilog module."""
    return f"{VENDOR}:{LIBRARY}:{registers.name}:{VERSION}"
