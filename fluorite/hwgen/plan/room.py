"""Room for line buffers: what no device could ever hold is refused before memories are made of it."""

from __future__ import annotations

from typing import Final

from fluorite.errors import ScheduleError
from fluorite.frontend.region.region import Region
from fluorite.hwgen.plan.storage import Storage

__all__ = ["MAX_MEMORY_BITS", "check_room"]

MAX_MEMORY_BITS: Final = 1 << 30
"""All memories of an accelerator; the largest FPGAs have about half of it. Boards have limits of their own."""


def check_room(region: Region, storage: Storage) -> None:
    """Refuse an accelerator whose memories are larger than any device.

    Raises
    ------
    ScheduleError
        The message says how long the rows may be.
    """
    bits = sum(memory.depth * memory.width_bits for memory in storage.memories)
    if bits > MAX_MEMORY_BITS:
        longest = max(region.loops[:-1], key=lambda loop: loop.max_extent)
        # Bits grow with the extent and a little beside it, which is what the last sixteenth is for.
        possible = longest.max_extent * MAX_MEMORY_BITS // bits * 15 // 16
        raise ScheduleError(
            region.name,
            f"line buffers of {bits} bits",
            f"no device has memories of more than {MAX_MEMORY_BITS}",
            f"give {longest.var} an extent of at most {possible}, by bound(), set_estimate() or a tile",
        )
