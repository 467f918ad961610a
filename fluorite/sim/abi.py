"""The C ABI of ``harness.cpp`` as ctypes declarations."""

from __future__ import annotations

import ctypes
from enum import IntEnum
from pathlib import Path

__all__ = [
    "CALLBACK", "CONTINUE", "DIMENSIONS", "NEVER", "Array", "Failure", "LaunchCounts", "Options", "Outcome",
    "StallRate", "StreamCounts", "load",
]  # fmt: skip

DIMENSIONS = 4
NEVER = 2**64 - 1

CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int)
CONTINUE = 0x600D


class Failure(IntEnum):
    """How a run ended."""

    OK = 0
    TIMEOUT = 1
    STOPPED = 2
    VALID_DROPPED = 3
    DATA_CHANGED = 4
    LAST_CHANGED = 5
    LAST_EARLY = 6
    LAST_MISSING = 7
    EXTRA_WORD = 8
    BUSY_LOW = 9
    FATAL = 10
    TAKEN_EARLY = 11


class Array(ctypes.Structure):
    """One stream's region in memory: dimension 0 is the fastest, strides are in bytes."""

    _fields_ = (
        ("base", ctypes.c_void_p),
        ("stride", ctypes.c_int64 * DIMENSIONS),
        ("extent", ctypes.c_int64 * DIMENSIONS),
    )


class StallRate(ctypes.Structure):
    """Probabilities, times 2**32, to enter and to leave a stall."""

    _fields_ = (("enter", ctypes.c_uint64), ("leave", ctypes.c_uint64))


class Options(ctypes.Structure):
    """Stalls of every port, limits and the progress callback."""

    _fields_ = (
        ("seed", ctypes.c_uint64),
        ("stalls", ctypes.POINTER(StallRate)),
        ("timeout_cycles", ctypes.c_uint64),
        ("quiet_cycles", ctypes.c_uint64),
        ("trace", ctypes.c_uint64),
        ("callback_milliseconds", ctypes.c_uint64),
        ("cycles", ctypes.c_uint64),
        ("words", ctypes.c_uint64),
        ("callback", CALLBACK),
    )


class StreamCounts(ctypes.Structure):
    """Counters of one stream."""

    _fields_ = (
        ("words", ctypes.c_uint64),
        ("blocked_cycles", ctypes.c_uint64),
        ("first_cycle", ctypes.c_uint64),
        ("last_cycle", ctypes.c_uint64),
    )


class LaunchCounts(ctypes.Structure):
    """Times of one launch; ``NEVER`` where it did not come to it."""

    _fields_ = (
        ("accepted_cycle", ctypes.c_uint64),
        ("first_output_cycle", ctypes.c_uint64),
        ("finished_cycle", ctypes.c_uint64),
    )


class Outcome(ctypes.Structure):
    """Length of the run and, where it failed, at which port, launch, word and cycle."""

    _fields_ = (
        ("cycles", ctypes.c_uint64),
        ("error", ctypes.c_int32),
        ("port", ctypes.c_int32),
        ("launch", ctypes.c_int64),
        ("word", ctypes.c_int64),
        ("error_cycle", ctypes.c_uint64),
    )


def load(path: Path) -> ctypes.CDLL:
    """Load a compiled core and declare its functions."""
    library = ctypes.CDLL(str(path))
    library.fluorite_open.restype = ctypes.c_void_p
    library.fluorite_open.argtypes = [ctypes.c_uint64, ctypes.c_int]
    library.fluorite_reset.restype = ctypes.c_int
    library.fluorite_reset.argtypes = [ctypes.c_void_p]
    library.fluorite_close.restype = None
    library.fluorite_close.argtypes = [ctypes.c_void_p]
    library.fluorite_run.restype = None
    library.fluorite_run.argtypes = [
        ctypes.c_void_p,
        ctypes.c_int64,
        ctypes.POINTER(Array),
        ctypes.POINTER(ctypes.c_uint64),
        ctypes.POINTER(Options),
        ctypes.POINTER(Outcome),
        ctypes.POINTER(StreamCounts),
        ctypes.POINTER(LaunchCounts),
    ]
    library.fluorite_trace.restype = ctypes.c_uint64
    library.fluorite_trace.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.POINTER(ctypes.c_uint64))]
    library.fluorite_fatal_message.restype = ctypes.c_char_p
    library.fluorite_fatal_message.argtypes = []
    return library
