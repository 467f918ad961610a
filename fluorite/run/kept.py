"""What launches gave of the outputs beside the accelerated Func, until their own extern stages ask for it.

Halide calls one function for the accelerated Func and one for each output beside it, which is given the accelerated
Func's buffer: where that lies in memory tells which launches it is from.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fluorite.errors import SimulationError, UsageError
from fluorite.hwgen.generate import Generated
from fluorite.hwgen.interface import StreamPort
from fluorite.hwgen.plan.side_plan import SidePlan
from fluorite.sim.halide_buffer import HalideBuffer
from fluorite.sim.run import AnyArray

__all__ = ["Kept"]


@dataclass(frozen=True, slots=True)
class _Results:
    """What a call for the accelerated Func gave beside it: the region it was asked for, and by output the images."""

    mins: tuple[int, ...]
    extents: tuple[int, ...]
    images: dict[str, list[AnyArray]]


class Kept:
    """Results of one accelerator's calls that are still to be asked for.

    Parameters
    ----------
    generated : Generated
        The accelerator.
    """

    def __init__(self, generated: Generated) -> None:
        self._generated = generated
        self._lock = threading.Lock()
        self._results: dict[int, _Results] = {}

    def room(self, main: HalideBuffer) -> list[AnyArray]:
        """Memory for what comes beside this buffer of the accelerated Func: per stream, kept from now on."""
        mins, extents = main.mins, main.extents
        images = {
            side.name: [np.empty(stream.region(mins, extents)[1][::-1], _dtype(stream.port)) for stream in side.streams]
            for side in self._generated.sides
        }
        if images and 0 not in extents:
            with self._lock:
                self._results[main.address(mins)] = _Results(mins, extents, images)
        return [image for own in images.values() for image in own]

    def take(self, side: SidePlan, main: HalideBuffer, outputs: Sequence[HalideBuffer]) -> None:
        """Copy what came beside a buffer of the accelerated Func.

        Raises
        ------
        UsageError
            Not all that is asked for did: the accelerated Func is an output, and its buffer is too small.
        SimulationError
            Nothing did.
        """
        mins, extents = outputs[0].mins, outputs[0].extents
        if 0 in extents:
            return
        with self._lock:
            found = next((r for at, r in self._results.items() if _holds(main, r) and main.address(r.mins) == at), None)
        if found is None:
            raise SimulationError(f"{side.name} was asked for before {self._generated.region.name} was computed")
        for stream, image, output in zip(side.streams, found.images[side.name], outputs, strict=True):
            held = stream.region(found.mins, found.extents)
            for d, (low, extent, held_low, held_extent) in enumerate(zip(mins, extents, *held, strict=True)):
                if low < held_low or low + extent > held_low + held_extent:
                    name, held_last = self._generated.region.name, held_low + held_extent - 1
                    raise UsageError(
                        f"{side.name}: {low} to {low + extent - 1} is asked for along dimension {d}, and with {name}, "
                        f"which is computed as large as its buffer, comes {held_low} to {held_last}; give {name} a "
                        "larger buffer"
                    )
            parts = [slice(low - first, low - first + n) for low, first, n in zip(mins, held[0], extents, strict=True)]
            output.array()[...] = image[tuple(reversed(parts))]

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._results.clear()


def _holds(main: HalideBuffer, results: _Results) -> bool:
    """Whether a buffer has the region that was computed."""
    spans = zip(main.mins, main.extents, results.mins, results.extents, strict=True)
    return all(own <= low and low + extent <= own + own_extent for own, own_extent, low, extent in spans)


def _dtype(port: StreamPort) -> np.dtype[np.generic]:
    return np.dtype(np.bool_ if port.element_bits == 1 else f"{'int' if port.signed else 'uint'}{port.element_bits}")
