"""``halide_buffer_t`` as ctypes sees it, and the part of it that an extern stage works with."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fluorite.errors import SimulationError

__all__ = ["HalideBuffer"]

_KINDS = {0: "int", 1: "uint", 2: "float"}


class _Dimension(ctypes.Structure):
    _fields_ = (
        ("min", ctypes.c_int32),
        ("extent", ctypes.c_int32),
        ("stride", ctypes.c_int32),
        ("flags", ctypes.c_uint32),
    )


class _Type(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16))


class _Buffer(ctypes.Structure):
    _fields_ = (
        ("device", ctypes.c_uint64),
        ("device_interface", ctypes.c_void_p),
        ("host", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("type", _Type),
        ("dimensions", ctypes.c_int32),
        ("dim", ctypes.POINTER(_Dimension)),
        ("padding", ctypes.c_void_p),
    )


class HalideBuffer:
    """A buffer that Halide passed to an extern stage. Only valid during that call.

    Parameters
    ----------
    address : int
        Of the ``halide_buffer_t``.
    """

    __slots__ = ("_buffer",)

    def __init__(self, address: int) -> None:
        self._buffer = _Buffer.from_address(address)

    @property
    def is_bounds_query(self) -> bool:
        """Whether Halide asks for the region that this buffer must cover, instead of passing data."""
        return not self._buffer.host and not self._buffer.device

    @property
    def dimensions(self) -> int:
        """Number of dimensions."""
        return int(self._buffer.dimensions)

    @property
    def mins(self) -> tuple[int, ...]:
        """First coordinate in each dimension, dimension 0 first."""
        return tuple(self._buffer.dim[d].min for d in range(self.dimensions))

    @property
    def extents(self) -> tuple[int, ...]:
        """Pixels in each dimension, dimension 0 first."""
        return tuple(self._buffer.dim[d].extent for d in range(self.dimensions))

    @property
    def strides(self) -> tuple[int, ...]:
        """Pixels between neighbours in each dimension, dimension 0 first."""
        return tuple(self._buffer.dim[d].stride for d in range(self.dimensions))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a pixel.

        Raises
        ------
        SimulationError
            numpy has no such type.
        """
        kind, bits = _KINDS.get(self._buffer.type.code), self._buffer.type.bits
        if kind == "uint" and bits == 1:
            return np.dtype(np.bool_)
        if kind is None or bits not in (8, 16, 32, 64) or (kind == "float" and bits == 8):
            raise SimulationError(
                f"type of a buffer must be an integer, a Boolean or a float, not code {self._buffer.type.code}"
            )
        return np.dtype(f"{kind}{bits}")

    def array(self) -> npt.NDArray[Any]:
        """Return the buffer's memory as a numpy array, axes reversed (``[..., y, x]``), nothing copied."""
        if self.is_bounds_query:
            raise SimulationError("a bounds query has no data")
        if not self._buffer.host:
            raise SimulationError("buffer must be in host memory")
        dtype, extents, strides = self.dtype, self.extents, self.strides
        if 0 in extents:
            return np.empty(extents[::-1], dtype)
        steps = [stride * dtype.itemsize for stride in strides]
        reach = [step * (extent - 1) for step, extent in zip(steps, extents, strict=True)]
        below = sum(r for r in reach if r < 0)
        size = sum(r for r in reach if r > 0) - below + dtype.itemsize
        memory = memoryview((ctypes.c_uint8 * size).from_address(self._buffer.host + below))
        return np.ndarray(extents[::-1], dtype, memory, -below, steps[::-1])

    def address(self, at: Sequence[int]) -> int:
        """Where in memory the value at some coordinates lies, dimension 0 first."""
        steps = zip(at, self.mins, self.strides, strict=True)
        values = sum((position - low) * stride for position, low, stride in steps)
        return int(self._buffer.host or 0) + values * self.dtype.itemsize

    def region(self, mins: Sequence[int], extents: Sequence[int]) -> npt.NDArray[Any]:
        """Return the memory of a part of the buffer, given in the pipeline's coordinates, dimension 0 first.

        An input holds at least the region asked for in the bounds query, often more: all of a Func computed at root.

        Raises
        ------
        SimulationError
            The part is not inside the buffer.
        """
        slices: list[slice] = []
        for d, (low, extent, own_low, own_extent) in enumerate(
            zip(mins, extents, self.mins, self.extents, strict=True)
        ):
            start = low - own_low
            if start < 0 or start + extent > own_extent:
                raise SimulationError(
                    f"region must be inside the buffer: dimension {d} asks for {low}..{low + extent - 1}, "
                    f"the buffer holds {own_low}..{own_low + own_extent - 1}"
                )
            slices.append(slice(start, start + extent))
        return self.array()[tuple(reversed(slices))]

    def set_region(self, mins: Sequence[int], extents: Sequence[int]) -> None:
        """Answer a bounds query, dimension 0 first."""
        if len(mins) != self.dimensions or len(extents) != self.dimensions:
            raise SimulationError(f"region must have {self.dimensions} dimensions, not {len(mins)} and {len(extents)}")
        for d, (low, extent) in enumerate(zip(mins, extents, strict=True)):
            self._buffer.dim[d].min = low
            self._buffer.dim[d].extent = extent

    def __repr__(self) -> str:
        query = ", bounds query" if self.is_bounds_query else ""
        return f"HalideBuffer(mins={self.mins}, extents={self.extents}, strides={self.strides}{query})"
