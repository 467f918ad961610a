"""Words of refusals: why a stream cannot be read at an index, and why an image cannot have a border."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from fluorite.errors import UnsupportedError
from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.visit import children, walk
from fluorite.frontend.region.limits import MAX_VALUES
from fluorite.frontend.region.region import Loop, Region
from fluorite.hwgen.lowering.borders import Border
from fluorite.hwgen.lowering.domain import Domain
from fluorite.hwgen.lowering.evaluate.indices import Tree
from fluorite.hwgen.lowering.rates import Rates
from fluorite.hwgen.lowering.survey.reads import Read

__all__ = [
    "NOT_AT_RATE",
    "in_order_of_scan",
    "is_scaled",
    "not_of_image",
    "refuse_rates",
    "refuse_words",
    "rule_of_index",
    "rule_of_rates",
]

#: Why an image of whose edges nothing is known has no border.
NOT_AT_RATE = "at another rate, hardware has borders of images as large as what is computed, and of numbers"
_SHIFTS = ("shift_left", "shift_right")


def in_order_of_scan(what: str) -> str:
    """The rule that an index breaks which depends on ``what``: data, or a Param."""
    return f"a stream comes in the order of the scan, so the position of a read cannot depend on {what}"


def rule_of_index(index: object, accelerated: str, dimensions: int) -> str:
    """The rule that an index breaks which is computed of positions, and is not one that a stream can be read at.

    Parameters
    ----------
    index : Value
        The index.
    accelerated : str
        The accelerated Func.
    dimensions : int
        How many dimensions are scanned.
    """
    if isinstance(index, Tree) and is_scaled(index):
        return (
            "a stream is read at a rate that is known, floor((a * position + k) / b) with numbers a, b and k, and this "
            "is none; a border condition is one of a stream that is read at every pixel"
        )
    return (
        "a stream is read at a pure variable plus a constant, or at a border condition of that, in each of the "
        f"{dimensions} scanned dimensions"
    )


def rule_of_rates(paths: Sequence[Sequence[str]], rates: Sequence[Fraction], accelerated: str) -> str:
    """The rule that two reads of one stream break whose rates differ.

    Parameters
    ----------
    paths : sequence of sequence of str
        For each read the stages it comes through, an output first and the stream last.
    rates : sequence of Fraction
        Pixels of the stream that each asks for, per pixel of the accelerated Func.
    accelerated : str
        The accelerated Func.
    """
    one, other = paths
    return (
        f"a stream comes at one rate, and for a pixel of {accelerated} this is {rates[0]} on the path "
        f"{' <- '.join(one)} and {rates[1]} on the path {' <- '.join(other)}"
    )


def refuse_rates(region: Region, reads: Sequence[Read], rates: Rates) -> None:
    """Refuse what there is at one rate only.

    Raises
    ------
    UnsupportedError
        A border condition or another dimension where streams come at different rates.
    """
    for d, loop in enumerate(region.loops):
        if not rates.is_mixed(d) and rates.common[d] == 1:
            continue
        if d > 1:
            raise UnsupportedError(
                region.name,
                f"another rate along {loop.var}",
                f"rates are along the two innermost scanned dimensions, and {loop.var} is further out",
                f"reorder {region.name}'s dimensions, or compute what is read at that rate in software, as an input",
            )
        for read in reads:
            begins = loop.min is not None and loop.min % rates.moduli[d]
            if read.along[d].begins_with_launch and begins:
                raise UnsupportedError(
                    read.reader,
                    f"border condition of {read.stream} along {loop.var}",
                    f"streams come at different rates along {loop.var}, and what begins at {loop.min} is out of step",
                    f"give a bound() that begins at a multiple of {rates.moduli[d]}",
                )
    if len(region.loops) > 2 and rates.common[1] > 1:
        for read in reads:
            for d, loop in list(enumerate(region.loops))[2:]:
                if read.along[d].offset or read.along[d].border:
                    raise UnsupportedError(
                        read.reader,
                        f"a read of {read.stream} at another {loop.var}",
                        f"streams come at different rates along {region.loops[1].var}, and rows are held of them",
                        "compute what is read there in software, as an input of accelerate()",
                    )


def refuse_words(region: Region, domains: Mapping[str, Domain]) -> None:
    """Refuse inputs that lack dimensions, and of which numbers far apart are read, as all between are held.

    Raises
    ------
    UnsupportedError
        A word would be too wide.
    """
    for source in region.inputs:
        domain = domains[source.name]
        if domain.lacking and domain.channel_count > MAX_VALUES:
            raise UnsupportedError(
                region.name,
                f"{domain.channel_count} values of {source.name} at once",
                f"all values are held from the least number that is an index to the greatest, and a word holds at most "
                f"{MAX_VALUES}",
                f"read {source.name} at numbers that are closer together, or make a Func of those that are read "
                "an input",
            )


def not_of_image(border: Border, loop: Loop, accelerated: str) -> tuple[str, str] | None:
    """Why no launch can have a border, and what else to write; None if launches can.

    Parameters
    ----------
    border : Border
        The border.
    loop : Loop
        The dimension of the scan that it is along.
    accelerated : str
        The accelerated Func.
    """
    var, way_out = loop.var, "compute the padded Func in software as an input"
    first, last = border.image or (None, None)
    own_last = None if loop.min is None else loop.min + loop.max_extent - 1
    is_size = first is None or last is None or last - first + 1 == loop.max_extent
    if not is_size or (loop.min is not None and (first not in (None, loop.min) or last not in (None, own_last))):
        ends = [edge for edge in (first, last) if edge is not None]
        extent = loop.max_extent if first is None or last is None else last - first + 1
        least = first if first is not None else ends[0] - extent + 1
        over = ("" if loop.fixed else "up to ") + f"{loop.max_extent} pixels"
        return (
            f"its image ends at {' and '.join(f'{var} = {n}' for n in ends)}, and hardware has a border only where "
            f"{accelerated} ends, which is computed over {over}"
            + ("" if loop.min is None else f" from {var} = {loop.min}"),
            f"give {accelerated}.{'bound' if loop.fixed else 'set_estimate'}({var}, {least}, {extent}), or {way_out}",
        )
    if not border.folds:
        return (
            "it reads as far away as the image's other end, which hardware can hold only for images of one size",
            f"give {accelerated}.bound({var}, min, extent), or {way_out}",
        )
    return None


def is_scaled(tree: Tree) -> bool:
    """Whether a position is multiplied or divided in an index."""
    moving = {id(node) for node in walk(tree.expr) if any(_is_position(below, tree) for below in walk(node))}
    for node in walk(tree.expr):
        scales = (isinstance(node, ir.Binary) and node.op in (ir.BinaryOp.MUL, ir.BinaryOp.DIV)) or (
            isinstance(node, ir.Call) and node.name in _SHIFTS
        )
        if scales and sum(id(child) in moving for child in children(node)) == 1:
            return True
    return False


def _is_position(node: ir.Expr, tree: Tree) -> bool:
    return isinstance(node, ir.Variable) and node.name in tree.indices
