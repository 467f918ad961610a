"""Where an image with a border begins and ends, as formulas of what is known of images when a launch is.

As the condition itself, its edges are not taken apart: they are looked at on images of many sizes, and of the parts of
the condition that have no position in them, some are the edge wherever the image lies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations, product

import numpy as np

from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.evaluate import Numbers
from fluorite.frontend.algorithm.pretty import show
from fluorite.frontend.algorithm.visit import children, walk
from fluorite.hwgen.formula import Formula, constant, floor_div, maximum, minimum, modulo, variable
from fluorite.hwgen.lowering.survey.find_border import Sample, identity

__all__ = ["image_edges"]

_EXTENTS, _MINS = (97, 128, 211, 302, 415), (0, 5, -9)
_FURTHEST = 1 << 12  # from 0, that an edge of these images may lie
_MOST_PARTS = 32

_Edges = tuple[Formula | None, Formula | None]


def image_edges(
    expr: ir.Expr, position: str, variables: Sequence[str], name: Callable[[str], str]
) -> tuple[Formula | None, Formula | None] | None:
    """First and last pixel of the image that a border condition is for.

    Parameters
    ----------
    expr : ir.Expr
        The condition.
    position : str
        Name of its variable that is the position.
    variables : sequence of str
        Its other variables, one at least: an image's ``name.min.d`` and ``name.extent.d``.
    name : callable
        What formulas call them.

    Returns
    -------
    tuple of (Formula or None, Formula or None), or None
        Each is None where the condition has no such edge. None: it has edges of which nothing is known.
    """
    extents, mins = zip(*product(_EXTENTS, _MINS), strict=True)
    sample = Sample(expr, position, variables)
    found = [identity(row, -_FURTHEST) for row in sample.images(extents, mins, -_FURTHEST, _FURTHEST)]
    values = {v: np.array(extents if ".extent." in v else mins) for v in variables}
    parts = list(_parts(expr, position, {v: name(v) for v in variables}, values))
    edges: list[Formula | None] = []
    for edge in zip(*found, strict=True):
        places = [place for place in edge if place is not None]
        if len(places) not in (0, len(edge)):
            return None
        known = _as_formula(np.array(places), parts) if places else None
        if places and known is None:
            return None
        edges.append(known)
    return None if edges == [None, None] else (edges[0], edges[1])


def _parts(
    expr: ir.Expr, position: str, names: Mapping[str, str], values: Mapping[str, Numbers]
) -> Iterator[tuple[Formula, Numbers]]:
    """Parts of a condition without a position in them, and their values in the images that are looked at."""
    seen: set[str] = set()
    for node in walk(expr):
        used = {part.name for part in walk(node) if isinstance(part, ir.Variable)}
        text = show(node, 1000)
        if position in used or not used or text in seen or len(seen) == _MOST_PARTS:
            continue
        seen.add(text)
        formula = _formula(node, names)
        if formula is not None:
            given = {names[variable]: numbers for variable, numbers in values.items()}
            count = len(next(iter(given.values())))
            each = [formula.evaluate({n: int(v[i]) for n, v in given.items()}) for i in range(count)]
            yield formula, np.array(each)


def _as_formula(edge: Numbers, parts: Sequence[tuple[Formula, Numbers]]) -> Formula | None:
    """An edge as one of the parts, as a sum or a difference of two, or as a number; None if it is none of these."""

    def differs_by(values: Numbers) -> int | None:
        difference = edge - values
        return int(difference[0]) if np.all(difference == difference[0]) else None

    number = differs_by(np.zeros_like(edge))
    if number is not None:
        return constant(number)
    for formula, values in parts:
        number = differs_by(values)
        if number is not None:
            return formula + number
    for (one, a), (other, b) in combinations(parts, 2):
        for formula, values in ((one + other, a + b), (one - other, a - b), (other - one, b - a)):
            number = differs_by(values)
            if number is not None:
                return formula + number
    return None


def _formula(expr: ir.Expr, names: Mapping[str, str]) -> Formula | None:
    """An expression as a formula; None if it has something that formulas have not."""
    match expr:
        case ir.Imm(value=int(value)):
            return constant(value)
        case ir.Variable(name=name):
            return variable(names[name]) if name in names else None
    parts = [_formula(child, names) for child in children(expr)]
    known = [part for part in parts if part is not None]
    if len(known) != len(parts):
        return None
    match expr:
        case ir.Binary(op=op):
            return _binary(op, *known)
        case ir.Cast(type=type_) if type_.is_integer and type_.bits >= 32:
            return known[0]
        case ir.Call(name="likely" | "likely_if_innermost"):
            return known[0]
    return None


def _binary(op: ir.BinaryOp, a: Formula, b: Formula) -> Formula | None:
    divides = b.is_constant and b.value > 0
    match op:
        case ir.BinaryOp.ADD:
            return a + b
        case ir.BinaryOp.SUB:
            return a - b
        case ir.BinaryOp.MUL:
            return a * b
        case ir.BinaryOp.MIN:
            return minimum([a, b], {})
        case ir.BinaryOp.MAX:
            return maximum([a, b], {})
        case ir.BinaryOp.DIV if divides:
            return floor_div(a, b.value)
        case ir.BinaryOp.MOD if divides:
            return modulo(a, b, {})
    return None
