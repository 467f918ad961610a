"""Sizes that no hardware has, refused before anything is built from them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Final

from fluorite.errors import ScheduleError
from fluorite.frontend.region.region import Channel, Loop

__all__ = ["MAX_EXTENT", "MAX_VALUES", "check_limits"]

MAX_EXTENT: Final = 1 << 30
"""Pixels along one dimension of a launch: every coordinate around it is an int32, as it is for Halide."""

MAX_VALUES: Final = 1024
"""Values that one word carries: lanes times channels."""

_FEW_LANES: Final = 16
"""So many are never refused: lanes that a narrow image leaves empty cost little then."""


def check_limits(name: str, loops: Sequence[Loop], channels: Sequence[Channel]) -> None:
    """Refuse launches that cannot be counted, lanes that nothing can fill, and words that are too wide.

    Parameters
    ----------
    name : str
        The accelerated Func.
    loops, channels
        Its loops, and its dimensions unrolled whole.

    Raises
    ------
    ScheduleError
        The message says what is possible.
    """
    for loop in loops:
        if loop.max_extent > MAX_EXTENT:
            raise ScheduleError(
                name,
                f"extent of {loop.var}",
                f"a launch has at most {MAX_EXTENT} pixels along a dimension, not {loop.max_extent}",
                "give bound(), set_estimate() or the tile that many or fewer: larger images take several launches",
            )
        if loop.lanes > max(loop.max_extent, _FEW_LANES):
            raise ScheduleError(
                name,
                f"{loop.lanes} lanes along {loop.var}",
                f"a launch has at most {loop.max_extent} pixels there",
                f"unroll by {loop.max_extent} or less",
            )
    whole = prod(channel.extent for channel in channels)
    values = prod(loop.lanes for loop in loops) * whole
    if values > MAX_VALUES:
        most = max(loops, key=lambda loop: loop.lanes)
        possible = MAX_VALUES * most.lanes // values
        raise ScheduleError(
            name,
            f"{values} values a cycle",
            f"a word holds at most {MAX_VALUES}",
            f"unroll {most.var} by {possible} or less" if possible else f"leave {channels[0].var} a loop, not unrolled",
        )
