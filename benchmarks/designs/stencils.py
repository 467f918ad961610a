"""The stencils of Aetherling (PLDI 2020), which its authors also wrote for Halide-HLS.

All arithmetic is in the pixel's own type, as there: sums wrap. `exact` computes in twice the width instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import halide as hl

BINOMIAL = (1, 2, 1)
THRESHOLD = 15  # of sharpen: smaller differences stay as they are


def _window(source: Any, x: Any, y: Any, weights: list[list[int]], type_: Any) -> Any:
    """A weighted sum over a window whose first pixel is (x, y)."""
    terms = [
        hl.cast(type_, source[x + dx, y + dy]) * hl.cast(type_, weight)
        for dy, row in enumerate(weights)
        for dx, weight in enumerate(row)
    ]
    total = terms[0]
    for term in terms[1:]:
        total += term
    return total


def _blur(source: Any, x: Any, y: Any, bits: int, exact: bool) -> Any:
    weights = [[a * b for a in BINOMIAL] for b in BINOMIAL]
    type_ = hl.UInt(bits * 2 if exact else bits)
    return hl.cast(hl.UInt(bits), _window(source, x, y, weights, type_) >> 4)


def conv3x3(image: Any, bits: int, exact: bool) -> list[Any]:
    """Binomial 3x3, divided by 16."""
    x, y = hl.vars("x y")
    conv = hl.Func("conv3x3")
    conv[x, y] = _blur(image, x, y, bits, exact)
    return [conv]


def back_to_back(image: Any, bits: int, exact: bool) -> list[Any]:
    """The 3x3, then a 2x2 over its result."""
    x, y = hl.vars("x y")
    first, second = hl.Func("conv3x3"), hl.Func("conv2x2")
    first[x, y] = _blur(image, x, y, bits, exact)
    type_ = hl.UInt(bits * 2 if exact else bits)
    second[x, y] = hl.cast(hl.UInt(bits), _window(first, x, y, [[1, 4], [2, 1]], type_) >> 3)
    return [first, second]


def sharpen(image: Any, bits: int, exact: bool) -> list[Any]:
    """Unsharp mask: a quarter of the difference to the blurred pixel is added where it exceeds the threshold."""
    x, y = hl.vars("x y")
    out = hl.Func("sharpen")
    pixel = image[x + 1, y + 1]
    blurred = _blur(image, x, y, bits, exact)
    if exact:
        wide = hl.Int(bits * 2)
        difference = hl.cast(wide, pixel) - hl.cast(wide, blurred)
        limited = hl.select(hl.abs(difference) > THRESHOLD, difference, hl.cast(wide, 0))
        out[x, y] = hl.saturating_cast(hl.UInt(bits), hl.cast(wide, pixel) + (limited >> 2))
        return [out]
    difference = pixel - blurred
    beyond = (difference > THRESHOLD) | (blurred - pixel > THRESHOLD)
    out[x, y] = pixel + (hl.select(beyond, difference, hl.cast(hl.UInt(bits), 0)) >> 2)
    return [out]


DESIGNS: dict[str, Callable[[Any, int, bool], list[Any]]] = {
    "conv3x3": conv3x3,
    "back_to_back": back_to_back,
    "sharpen": sharpen,
}


def stencil(name: str, bits: int, lanes: int, width: int, height: int, exact: bool = False) -> tuple[Any, Any]:
    """A design on whole images of one size: (accelerated Func, its input)."""
    image = hl.ImageParam(hl.UInt(bits), 2, "image")
    stages = DESIGNS[name](image, bits, exact)
    result = stages[-1]
    x, y = result.args()
    for stage in stages[:-1]:
        stage.compute_at(result, x).linebuffer()
    result.bound(x, 0, width).bound(y, 0, height)
    if lanes > 1:
        result.unroll(x, lanes)
    result.accelerate([image], x, hl.Var.outermost())
    return result, image
