"""The register map as a memory map of IP-XACT."""

from __future__ import annotations

from fluorite.boards.vivado.spirit import Node
from fluorite.hwgen.shell.registers import Field, Register, RegisterMap

__all__ = ["ACCESS", "BLOCK", "add_memory_map"]

#: Name of the address block, as Vivado's packager calls the first one.
BLOCK = "reg0"

#: Our kinds of access in the words of IP-XACT.
ACCESS = {"ro": "read-only", "rw": "read-write", "wo": "write-only", "w1c": "read-write", "clear": "read-write"}
_WRITTEN = {"w1c": "oneToClear", "clear": "clear"}


def add_memory_map(parent: Node, registers: RegisterMap, name: str) -> None:
    """Append the memory map of the control port to ``memoryMaps``.

    Parameters
    ----------
    parent : Node
        Element ``memoryMaps``.
    registers : RegisterMap
    name : str
        Bus interface of the control port; the memory map has the same name.
    """
    memory_map = parent.add("memoryMap")
    memory_map.add("name", name)
    block = memory_map.add("addressBlock")
    block.add("name", BLOCK)
    block.add("baseAddress", "0", format="long")
    block.add("range", str(registers.size_bytes), format="long")
    block.add("width", "32", format="long")
    block.add("usage", "register")
    block.add("access", "read-write")
    for register in registers.registers:
        _register(block, register)


def _register(parent: Node, register: Register) -> None:
    entry = parent.add("register")
    entry.add("name", register.name)
    entry.add("description", register.description)
    entry.add("addressOffset", f"{register.offset:#x}")
    entry.add("size", "32", format="long")
    if register.constant is None and register.access != "rw":
        entry.add("volatile", "true")
    entry.add("access", ACCESS[register.access])
    if register.constant is not None:
        entry.add("reset").add("value", f"{register.constant:#x}", format="long")
    # Readers of IP-XACT drop registers without fields.
    whole = Field("value", 0, register.width_bits, register.description)
    for part in register.fields or (whole,):
        field = entry.add("field")
        field.add("name", part.name)
        field.add("description", part.description)
        field.add("bitOffset", str(part.low_bit))
        field.add("bitWidth", str(part.width_bits), format="long")
        field.add("access", ACCESS[register.access])
        if register.access in _WRITTEN:
            field.add("modifiedWriteValue", _WRITTEN[register.access])
