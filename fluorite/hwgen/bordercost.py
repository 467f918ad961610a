"""What borders cost: stages that are computed beyond the image hold it longer than a window has rows.

With a border condition on the input alone, every stage is computed as far beyond the image as the stages behind it
reach, unless it is constant there (:mod:`fluorite.hwgen.lowering.survey.edges`). What lies beyond is made of pixels
inside, which must be there when the first row is computed, and rows follow one another at the scan's pace: the image is
held for all rows that are computed beyond it, in front of it and behind. An image that software padded is there row by
row as it is read.
"""

from __future__ import annotations

from dataclasses import dataclass

from fluorite.hwgen.expand import expanded
from fluorite.hwgen.generate import Generated, node_grids
from fluorite.hwgen.lowering.lower import lower
from fluorite.hwgen.plan.lowerbound import least_held_bits

__all__ = ["BorderCost", "border_cost"]

_LEAST_SHARE = 0.05  # of the bits held: less is not worth a word


@dataclass(frozen=True, slots=True)
class BorderCost:
    """What would be held without borders.

    Attributes
    ----------
    streams : tuple of str
        Those that are held longer for their border.
    beyond_pixels : int
        How far beyond the image stages are computed that read them.
    padded_bits : int
        Least bits held if these streams went on beyond the image.
    inputs : bool
        Whether all of them are inputs, so that software can pad them.
    """

    streams: tuple[str, ...]
    beyond_pixels: int
    padded_bits: int
    inputs: bool

    def __str__(self) -> str:
        names = " and ".join(self.streams)
        has, is_ = ("have their borders", "are") if len(self.streams) > 1 else ("has its border", "is")
        each = "every stage has the border condition of its own (for most filters another result near the edges)"
        least = (
            f"at least {self.padded_bits} bits are held if software pads {names} (the same result), and about as many"
        )
        held = least if self.inputs else f"about {self.padded_bits} bits are held"
        return (
            f"{names} {has} where stages are computed up to {self.beyond_pixels} pixels beyond the image, and {is_} "
            f"held for as many rows, before the image and behind: {held} if {each}"
        )


def border_cost(generated: Generated) -> BorderCost | None:
    """What a core's borders make it hold, if that is much.

    Parameters
    ----------
    generated : Generated
        The core.
    """
    beyond = generated.lowered.beyond
    if not beyond:
        return None
    region = generated.region
    lowered = lower(region, padded=True)
    padded, extents = expanded(region, lowered, generated.family)
    padded_bits = least_held_bits(padded, extents.strides, node_grids(region, lowered, padded))
    bits = least_held_bits(generated.graph, generated.extents.strides, generated.plan.grids)
    if padded_bits >= (1 - _LEAST_SHARE) * bits:
        return None
    inputs = {i.name for i in region.inputs}
    return BorderCost(tuple(beyond), max(beyond.values()), padded_bits, inputs.issuperset(beyond))
