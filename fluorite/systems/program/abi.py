"""The C ABI of ``system.cpp`` as ctypes declarations (``abi.h`` declares the same)."""

from __future__ import annotations

import ctypes
from enum import IntEnum
from pathlib import Path

__all__ = ["Counters", "Fault", "Options", "PortCounters", "Status", "load"]


class Status(IntEnum):
    """How an action of the simulator ended."""

    OK = 0
    TIMEOUT = 1
    BROKEN = 2
    ERROR_RESPONSE = 3


class Options(ctypes.Structure):
    """What can be chosen about the memory and the registers' master."""

    _fields_ = (
        ("arena_base", ctypes.c_uint64),
        ("arena_bytes", ctypes.c_uint64),
        ("seed", ctypes.c_uint64),
        ("latency_cycles", ctypes.c_uint64),
        ("outstanding", ctypes.c_uint64),
        ("bandwidth", ctypes.c_uint64),
        ("stall_enter", ctypes.c_uint64),
        ("stall_leave", ctypes.c_uint64),
        ("reorder", ctypes.c_uint32),
        ("outside_is_decerr", ctypes.c_uint32),
        ("control_timeout_cycles", ctypes.c_uint64),
        ("idle_cycles", ctypes.c_uint64),
    )


class Fault(ctypes.Structure):
    """An error response to inject."""

    _fields_ = (
        ("start", ctypes.c_uint64),
        ("bytes", ctypes.c_uint64),
        ("count", ctypes.c_int64),
        ("port", ctypes.c_int32),
        ("write", ctypes.c_uint32),
        ("response", ctypes.c_uint32),
        ("by_beat", ctypes.c_uint32),
    )


class PortCounters(ctypes.Structure):
    """Counters of one AXI4 master."""

    _fields_ = tuple(
        (name, ctypes.c_uint64)
        for name in (
            "read_bursts", "read_beats", "write_bursts", "write_beats", "bytes_written", "ar_stalls", "r_stalls",
            "aw_stalls", "w_stalls", "first_read_cycle", "last_read_cycle", "first_write_cycle", "last_write_cycle",
        )
    )  # fmt: skip


class Counters(ctypes.Structure):
    """Counters since the system was opened."""

    _fields_ = (
        ("cycles", ctypes.c_uint64),
        ("register_reads", ctypes.c_uint64),
        ("register_writes", ctypes.c_uint64),
        ("interrupts", ctypes.c_uint64),
        ("interrupt_cycle", ctypes.c_uint64),
        ("ports", PortCounters * 16),
    )


def load(path: Path) -> ctypes.CDLL:
    """Load a compiled system and declare its functions."""
    library = ctypes.CDLL(str(path))
    handle, number = ctypes.c_void_p, ctypes.c_uint32
    for name, result, arguments in (
        ("open", handle, [ctypes.POINTER(Options), ctypes.c_void_p]),
        ("close", None, [handle]),
        ("reset", ctypes.c_int32, [handle]),
        ("read", ctypes.c_int32, [handle, number, ctypes.POINTER(number)]),
        ("write", ctypes.c_int32, [handle, number, number]),
        ("run", ctypes.c_int32, [handle, ctypes.c_uint64, ctypes.c_int32]),
        ("finish", ctypes.c_int32, [handle]),
        ("faults", None, [handle, ctypes.POINTER(Fault), ctypes.c_int32]),
        ("counters", None, [handle, ctypes.POINTER(Counters)]),
        ("interrupt", ctypes.c_int32, [handle]),
        ("report", ctypes.c_char_p, [handle]),
    ):
        function = getattr(library, f"fluorite_system_{name}")
        function.restype, function.argtypes = result, arguments
    return library
