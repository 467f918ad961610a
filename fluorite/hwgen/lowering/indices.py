"""Why a stream cannot be read at an index, and what else to write: the words of refusals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.visit import children, walk
from fluorite.hwgen.lowering.values import Tree, Value
from fluorite.hwgen.streams.graph import Ref, topological

__all__ = [
    "Origin", "as_input", "is_border_helper", "is_inline_reduction", "is_reduction_helper", "rule_of_index",
    "rule_of_missing",
]  # fmt: skip

_BORDERS = re.compile(r"(repeat_edge|constant_exterior|repeat_image|mirror_image|mirror_interior)(\$\d+)?")
_REDUCTIONS = re.compile(r"(sum|product|maximum|minimum|argmin|argmax)(\$\d+)?")
_SHIFTS = ("shift_left", "shift_right")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an index was written, before it went through the arguments of other Funcs.

    Attributes
    ----------
    func : str
        Func in whose definition it stands.
    index, call : str
        The index, and the read that it is an argument of.
    """

    func: str
    index: str
    call: str


def as_input(read: str) -> str:
    """The way out that is always there: software computes what hardware cannot read."""
    return f"compute {read} in software, as a Func of its own that is an input of accelerate()"


def rule_of_index(index: Value, accelerated: str, dimensions: int) -> str:
    """The rule that an index of a stream breaks."""
    below = {node.op for node in topological([index.node])} if isinstance(index, Ref) else set()
    if below & {"tap", "table", "setting"}:
        what = "data" if below & {"tap", "table"} else "a Param"
        return f"a stream comes in the order of the scan, so the position of a read cannot depend on {what}"
    if isinstance(index, Tree) and _is_scaled(index):
        return (
            f"a stream is read at the rate of {accelerated}'s pixels, one for each; this is another rate, and rates "
            "are not supported"
        )
    return (
        "a stream is read at a pure variable plus a constant, or at a border condition of that, in each of the "
        f"{dimensions} scanned dimensions"
    )


def rule_of_missing(variables: Sequence[str], scanned: Sequence[str]) -> str:
    """The rule that a read with too few moving indices breaks: every stream runs through all of the scan."""
    moves = f"it moves along {' and '.join(variables)} only" if variables else "it is the same for all pixels"
    return f"{moves}, and every stream of this accelerator runs along {' and '.join(scanned)}"


def _is_scaled(tree: Tree) -> bool:
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


def is_border_helper(func: ir.Func) -> bool:
    """Whether a Func is one that Halide made for the user's ``hl.BoundaryConditions``."""
    if func.init is None or func.updates or not _BORDERS.fullmatch(func.name):
        return False
    nodes = (node for value in func.init.values for node in walk(value))
    return any(isinstance(node, ir.Call) and node.name == "likely" for node in nodes)


def is_reduction_helper(func: ir.Func) -> bool:
    """Whether a Func is one that Halide made for the user's ``hl.sum()``, ``hl.argmin()`` and kin."""
    return bool(_REDUCTIONS.fullmatch(func.name)) and is_inline_reduction(func)


def is_inline_reduction(func: ir.Func) -> bool:
    """Whether a Func has the form of ``hl.sum()`` and kin, which may carry the user's name but cannot be scheduled."""
    return (
        func.init is not None
        and all(isinstance(value, ir.Imm) for value in func.init.values)
        and len(func.updates) == 1
        and not func.updates[0].schedule.touched
        and not func.schedule.compute_level.var
    )
