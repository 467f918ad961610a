"""Launches refused for images with borders that do not lie where hardware can do them."""

from __future__ import annotations

from collections.abc import Mapping

from fluorite.errors import UsageError
from fluorite.frontend.region.region import Loop
from fluorite.hwgen.lowering.placed import PlacedImage

__all__ = ["check_image"]


def check_image(
    name: str, placed: PlacedImage, loop: Loop, start: int, extent: int, variables: Mapping[str, int]
) -> None:
    """Refuse a launch for which an image with a border does not lie where hardware can do the border.

    Parameters
    ----------
    name : str
        The accelerated Func.
    placed : PlacedImage
        The image.
    loop : Loop
        The dimension of the scan that it is along.
    start, extent : int
        The launch's first pixel along it, and its pixels.
    variables : mapping of str to int
        What formulas depend on, and what the border condition does.

    Raises
    ------
    UsageError
        It does not lie there.
    """
    values = (formula.evaluate(variables) for formula in placed.formulas)
    first, last, first_least, first_most, last_least, last_most, between = values
    border, pixels = placed.border, last - first + 1
    launch = f"{name}: {loop.var} from {start} over {extent} pixels is asked for"
    if pixels < border.least_extent:
        raise UsageError(
            f"{launch} of an image of {placed.stream} of {max(pixels, 0)} pixels, and the hardware of the border "
            f"condition is for images of {border.least_extent} and more; use a larger image, or pad in software"
        )
    lies_within = first_least <= first <= first_most and last_least <= last <= last_most
    if not (lies_within and border.holds(first, pixels, variables)):
        raise UsageError(
            f"{launch}, and the image of {placed.stream} that the border condition is for lies from {first} to {last}, "
            f"where hardware does it for images that begin at {first_least} to {first_most} and end at {last_least} to "
            f"{last_most}; realize what the image is for, or pad in software"
        )
    if between:
        raise UsageError(
            f"{launch}, and the image of {placed.stream} begins at {first}, which is {between} pixels behind a word's "
            f"first; let it begin where the launch does, or unroll {loop.var} less"
        )
