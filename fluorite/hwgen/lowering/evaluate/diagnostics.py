"""Messages in the user's names: which Func of the user's is being run, and where its indices were written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fluorite.errors import UnsupportedError
from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.pretty import show
from fluorite.frontend.region.region import Region
from fluorite.hwgen.lowering.evaluate.aliases import names_of_aliases
from fluorite.hwgen.lowering.evaluate.helpers import is_border_helper, is_reduction_helper
from fluorite.hwgen.lowering.evaluate.indices import Affine, Tree

__all__ = ["Caller", "Origin", "Diagnostics"]


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


@dataclass(frozen=True, slots=True)
class Caller:
    """A Func whose definition is being run.

    Attributes
    ----------
    func : ir.Func
        The Func.
    origins : mapping of str to Origin
        By parameter, where the index was written that is passed in it; none for a position or a number.
    at_expressions : bool
        Whether an argument is an expression of positions, as a border condition is.
    """

    func: ir.Func
    origins: Mapping[str, Origin]
    at_expressions: bool


class Diagnostics:
    """Messages about one stage in the user's names.

    Parameters
    ----------
    region : Region
        The stage's.

    Attributes
    ----------
    names : dict of str to str
        What the user calls Funcs of Halide's own.
    callers : list of Caller
        Whose definitions are being run, the innermost last.
    """

    def __init__(self, region: Region) -> None:
        self._region = region
        self._tree_origins: dict[Tree, Origin] = {}
        self.names = names_of_aliases(region)
        self.callers: list[Caller] = []

    @property
    def func(self) -> ir.Func:
        """The Func whose definition is being run."""
        return self.callers[-1].func

    def unsupported(self, construct: str, rule: str, way_out: str) -> UnsupportedError:
        """A refusal of a construct in the definition that is being run."""
        return UnsupportedError(self.user_func(), construct, rule, way_out)

    def show(self, expr: ir.Expr) -> str:
        """An expression as the user wrote it."""
        return show(expr, names=self.names)

    def user_func(self) -> str:
        """Name of the Func that is being run, or of the user's one that it is run for, if Halide made it."""
        for caller in reversed(self.callers):
            func, name = caller.func, caller.func.name
            if name in self._region.stages or not (is_border_helper(func) or is_reduction_helper(func)):
                return name
        return self._region.name

    def inlined_at_expression(self) -> str | None:
        """The user's Func that is being run inline, if that is for a read at an expression of positions."""
        for caller in reversed(self.callers):
            func = caller.func
            if func.name in self._region.stages:
                return None
            if not (is_border_helper(func) or is_reduction_helper(func)):
                return self.names.get(func.name, func.name) if caller.at_expressions else None
        return None

    def origins(self, call: ir.Call, args: Sequence[object]) -> tuple[Origin | None, ...]:
        """Where the indices of a read in the present definition were written; None for positions and numbers.

        What only passes a Func's arguments on was written before, and so was what a border condition makes of them.
        """
        return tuple(self._origin(call, arg, value) for arg, value in zip(call.args, args, strict=True))

    def inherit(self, tree: Tree, operands: Sequence[object]) -> None:
        """Note what an index was computed of: it was written where the first of these was that is an index, too."""
        known = (self._tree_origins.get(value) for value in operands if isinstance(value, Tree))
        origin = next((found for found in known if found), None)
        if origin:
            self._tree_origins[tree] = origin

    def _origin(self, call: ir.Call, arg: ir.Expr, value: object) -> Origin | None:
        if isinstance(value, Affine):
            return None
        if isinstance(value, Tree) and value in self._tree_origins:
            return self._tree_origins[value]
        if is_border_helper(self.func) or isinstance(arg, ir.Variable | ir.Imm):
            return self.callers[-1].origins.get(arg.name) if isinstance(arg, ir.Variable) else None
        origin = Origin(self.user_func(), self.show(arg), self.show(call))
        if isinstance(value, Tree):
            self._tree_origins[value] = origin
        return origin
