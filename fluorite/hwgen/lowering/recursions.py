"""What a recursion along the scan asks of a launch: that it begins with the first pixel that the recursion needs."""

from __future__ import annotations

from dataclasses import replace

from fluorite.errors import UnsupportedError
from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.evaluate import evaluate
from fluorite.frontend.region.region import Region
from fluorite.hwgen.lowering.borders import Border, Fold
from fluorite.hwgen.lowering.domain import Domain
from fluorite.hwgen.lowering.evaluate.indices import Tree
from fluorite.hwgen.lowering.evaluate.recursion import Recursion
from fluorite.hwgen.quasiaffine import shift

__all__ = ["begins", "grown", "metadata_of", "refuse_recursion"]

_POSITION = "position"
_INDEX = ir.Type(ir.TypeCode.INT, 32)


def refuse_recursion(region: Region, domain: Domain, recursion: Recursion) -> None:
    """Refuse a recursion that no launch can begin with.

    Parameters
    ----------
    region : Region
        The region.
    domain : Domain
        The recursive stage's.
    recursion : Recursion
        It.

    Raises
    ------
    UnsupportedError
        The dimension is cut into tiles, or the stage comes at another rate than the output.
    """
    d = recursion.dimension
    loop = region.loops[d]
    if not loop.whole:
        raise UnsupportedError(
            recursion.func,
            f"recursion along {loop.var}",
            f"it begins with the image, and {loop.var} is tiled",
            f"accelerate with all of {loop.var} in a launch, or compute {recursion.func} in software as an input",
        )
    if domain.first[d].rate != 1 or domain.last[d].rate != 1:
        raise UnsupportedError(
            recursion.func,
            f"recursion along {loop.var}",
            f"{recursion.func} has {domain.first[d].rate} pixels for one of {region.name}, which a launch begins with",
            "accelerate the two apart",
        )


def grown(region: Region, domain: Domain, recursion: Recursion) -> Domain:
    """A stage's domain with the pixels before the first and behind the last that its recursion reads.

    Where these lie is found on images that are as large as a launch: it is the same in all of them, or the domain stays
    as it is, and launches that it does not fit are refused.

    Parameters
    ----------
    region : Region
        The region.
    domain : Domain
        What its readers need of the stage.
    recursion : Recursion
        Its recursion.
    """
    d, loop = recursion.dimension, region.loops[recursion.dimension]
    if not (domain.first[d].is_shift and domain.last[d].is_shift):
        return domain
    extents = (loop.max_extent,) if loop.fixed else (loop.max_extent, loop.max_extent + 7)
    launches = [(0 if loop.min is None else loop.min, extent) for extent in extents]
    first = {_at(recursion.first, *launch) - recursion.before - launch[0] for launch in launches}
    last = {_at(recursion.last, *launch) + recursion.behind - sum(launch) + 1 for launch in launches}
    low, high = domain.lo[d], domain.hi[d]
    if len(first) == 1:
        low = min(low, *first)
    if len(last) == 1 and recursion.behind:
        high = max(high, *last)
    return replace(
        domain,
        first=(*domain.first[:d], shift(low), *domain.first[d + 1 :]),
        last=(*domain.last[:d], shift(high), *domain.last[d + 1 :]),
    )


def _at(end: Tree | int, minimum: int, extent: int) -> int:
    """Where an RVar begins or ends in images of a launch's min and extent."""
    if isinstance(end, int):
        return end
    facts = {name: extent if ".extent." in name else minimum for name in end.metadata}
    return int(evaluate(end.expr, facts))


def metadata_of(recursion: Recursion) -> dict[str, ir.Variable]:
    """The extents and mins of images that say where it begins and ends."""
    found: dict[str, ir.Variable] = {}
    for end in (recursion.first, recursion.last):
        if isinstance(end, Tree):
            found.update(end.metadata)
    return found


def begins(recursion: Recursion, domain: Domain) -> Border:
    """What software checks before a launch, as it checks that a border's image is the one that is computed.

    The function ``max(min(position, last), first)`` leaves all positions of a launch as they are that begins at
    ``first`` and ends no later than ``last``; where pixels behind the last are read, it must end there.

    Parameters
    ----------
    recursion : Recursion
        The recursion.
    domain : Domain
        The stage's: how far it is computed beyond the launch.
    """
    d = recursion.dimension
    first = _moved(recursion.first, -recursion.before - domain.lo[d])
    last = _moved(recursion.last, recursion.behind - domain.hi[d])
    least = ir.Binary(ir.BinaryOp.MIN, ir.Variable(_POSITION, _INDEX), last, _INDEX)
    expr = ir.Binary(ir.BinaryOp.MAX, least, first, _INDEX)
    return Border(d, expr, _POSITION, None, 1, (Fold((0,), (0,) if recursion.behind else ()),), is_recursion=True)


def _moved(end: Tree | int, by: int) -> ir.Expr:
    if isinstance(end, int):
        return ir.Imm(_INDEX, end + by)
    return ir.Binary(ir.BinaryOp.ADD, end.expr, ir.Imm(_INDEX, by), _INDEX)
