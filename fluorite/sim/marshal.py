"""Arrays and settings of a launch, checked against the core's interface and described in C."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Mapping, Sequence

import numpy as np

from fluorite.errors import UsageError
from fluorite.hwgen.interface import CoreInterface, SettingPort, StreamPort
from fluorite.sim import abi
from fluorite.sim.run import AnyArray, Job

__all__ = ["marshal", "words_of"]


def marshal(
    interface: CoreInterface, jobs: Sequence[Job]
) -> tuple[ctypes.Array[abi.Array], ctypes.Array[ctypes.c_uint64]]:
    """Describe the jobs' arrays (launch by launch, inputs before outputs) and settings for the harness.

    An array of several channels has them interleaved along its last axis.

    Raises
    ------
    UsageError
        The number, type, dimensions or memory of the arrays, or a setting, does not fit the interface.
    """
    arrays: list[abi.Array] = []
    settings: list[int] = []
    for job in jobs:
        for kind, ports, given in (
            ("input", interface.inputs, job.inputs),
            ("output", interface.outputs, job.outputs),
        ):
            if len(given) != len(ports):
                names = ", ".join(port.name for port in ports)
                raise UsageError(f"{kind} arrays must be {len(ports)} ({names}), not {len(given)}")
            arrays.extend(_array(port, array) for port, array in zip(ports, given, strict=True))
        if unknown := sorted(set(job.settings) - {s.name for s in interface.settings}):
            raise UsageError(f"settings must be those of core {interface.module!r}, not {', '.join(unknown)}")
        settings.extend(_setting(port, job.settings) for port in interface.settings)
    return (abi.Array * len(arrays))(*arrays), (ctypes.c_uint64 * max(1, len(settings)))(*settings)


def _array(port: StreamPort, array: AnyArray) -> abi.Array:
    """Check an array against its port and describe its memory, dimensions in the core's order."""
    if port.element_bits == 1:
        allowed = [np.dtype(np.bool_), np.dtype(np.uint8)]
    else:
        allowed = [np.dtype(f"{'int' if port.signed else 'uint'}{port.element_bits}")]
    if not isinstance(array, np.ndarray):
        raise UsageError(f"array of stream {port.name!r} must be a numpy array, not {type(array).__name__}")
    if array.dtype not in allowed:
        raise UsageError(f"dtype of stream {port.name!r} must be {' or '.join(map(str, allowed))}, not {array.dtype}")
    if array.ndim != port.dimensions:
        raise UsageError(f"array of stream {port.name!r} must have {port.dimensions} dimensions, not {array.ndim}")
    if array.size == 0:
        raise UsageError(f"array of stream {port.name!r} must not be empty: shape {array.shape}")
    if port.direction == "out" and not array.flags.writeable:
        raise UsageError(f"array of output {port.name!r} must be writeable")
    unused = abi.DIMENSIONS - array.ndim
    return abi.Array(
        array.ctypes.data,
        (ctypes.c_int64 * abi.DIMENSIONS)(*reversed(array.strides), *[0] * unused),
        (ctypes.c_int64 * abi.DIMENSIONS)(*reversed(array.shape), *[1] * unused),
    )


def words_of(port: StreamPort, array: abi.Array) -> int:
    """Return the number of words that the array is on its port."""
    row, *rest = array.extent
    return int(-(-row // port.word_values) * math.prod(rest))


def _setting(port: SettingPort, settings: Mapping[str, int]) -> int:
    """Return a setting's bits."""
    if port.name not in settings:
        raise UsageError(f"setting {port.name!r} must be given")
    value = int(settings[port.name])
    span = 1 << port.width_bits
    low, high = (-span // 2, span // 2 - 1) if port.signed else (0, span - 1)
    if not low <= value <= high:
        raise UsageError(f"setting {port.name!r} must be in {low}..{high}, not {value}")
    return value % span
