"""Images with borders that lie where software says: what it checks before each launch, in every room."""

from __future__ import annotations

from dataclasses import dataclass

from fluorite.frontend.region.region import Region
from fluorite.hwgen.formula import Formula, constant, floor_div, maximum, modulo, variable
from fluorite.hwgen.lowering.borders import Border
from fluorite.hwgen.lowering.domain import Domain
from fluorite.hwgen.lowering.images import KnownImage

__all__ = ["PlacedImage", "placed_image"]


@dataclass(frozen=True, eq=False)
class PlacedImage:
    """An image along one dimension, as formulas of a launch's region and of what is known of images.

    Attributes
    ----------
    dimension : int
        Scan dimension.
    stream : str
        The stage or input that the image is of.
    border : Border
        The border around it.
    first, last : Formula
        Its first and last pixel.
    first_least, first_most, last_least, last_most : Formula
        Where hardware can do the border: the least and the greatest that they may be.
    between : Formula
        Pixels of a word of the stream that lie before the image's first one; hardware takes none.
    """

    dimension: int
    stream: str
    border: Border
    first: Formula
    last: Formula
    first_least: Formula
    first_most: Formula
    last_least: Formula
    last_most: Formula
    between: Formula

    @property
    def formulas(self) -> tuple[Formula, ...]:
        """All of it that software evaluates, in the order of the attributes."""
        return (
            self.first, self.last, self.first_least, self.first_most, self.last_least, self.last_most, self.between,
        )  # fmt: skip


def placed_image(
    region: Region, d: int, stream: str, border: Border, image: KnownImage, domain: Domain, lanes: int, modulus: int
) -> PlacedImage:
    """What software checks of an image.

    Parameters
    ----------
    region : Region
        The region.
    d : int
        The dimension of the scan.
    stream : str
        What the image is of.
    border : Border
        The border around it.
    image : KnownImage
        The image.
    domain : Domain
        Of its stream.
    lanes : int
        Pixels of the stream's word.
    modulus : int
        As of :class:`fluorite.hwgen.lowering.rates.Rates`.
    """
    loop, names = region.loops[d], region.names
    own_first = variable(names.minimum(loop.var))
    own_last = own_first + variable(names.extent(loop.var)) - 1
    at_first, least = image.first_most.formula(own_first), image.last_least.formula(own_last)
    first = at_first if image.first is None else image.first
    last = maximum([least, first], {}) if image.last is None else image.last
    most = image.last_most
    between = constant(0)
    if lanes > 1 and image.first is not None:
        corner = floor_div(own_first, modulus) * int(image.rate * modulus) + domain.first[d](0)
        between = modulo(maximum([first - corner, constant(0)], {}), constant(lanes), {})
    return PlacedImage(
        d, stream, border, first, last,
        first_least=at_first if image.begins_with_launch else first,
        first_most=at_first,
        last_least=least if image.last is not None else last,
        last_most=last if most is None or image.last is None else most.formula(own_last),
        between=between,
    )  # fmt: skip
