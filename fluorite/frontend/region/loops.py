"""The loops that a stage's splits, renames and fuses leave, each traced to the variable it came from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import product

from fluorite.frontend.algorithm import ir

__all__ = ["Inside", "Leaf", "inside", "leaves", "left_in_time", "matches", "update_steps"]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One loop of a stage.

    Attributes
    ----------
    name : str
        Halide's name of the loop, such as ``x.xi``.
    roots : tuple of str
        The Func's own variables it walks: one, or several after ``fuse``.
    extent : int or None
        Number of iterations; None if the schedule alone does not say it.
    for_type : str
        Halide's ForType name.
    """

    name: str
    roots: tuple[str, ...]
    extent: int | None
    for_type: str


@dataclass(frozen=True, slots=True)
class Inside:
    """What the inner loops over one variable cover together.

    Attributes
    ----------
    extent : int or None
        Pixels covered, or None if that is not a number known from the schedule.
    tails : tuple of str
        TailStrategies of the splits between those loops and the ones outside.
    """

    extent: int | None
    tails: tuple[str, ...]


def matches(name: str, user_name: str) -> bool:
    """Whether a loop's name is what the user calls it: Halide prefixes a split's results with what was split."""
    return name == user_name or name.rsplit(".", 1)[-1] == user_name


def leaves(schedule: ir.StageSchedule, extents: dict[str, int] | None = None) -> list[Leaf]:
    """The loops, innermost first, without ``__outermost``.

    Parameters
    ----------
    schedule : ir.StageSchedule
        The stage's schedule.
    extents : dict of str to int
        Extents of whole variables where they are known (those of an RDom, or bounds).
    """
    tree = _Tree(schedule, extents or {})
    return [
        Leaf(dim.var, tree.roots(dim.var), tree.extent(dim.var), dim.for_type)
        for dim in schedule.dims
        if dim.var != "__outermost"
    ]


def inside(schedule: ir.StageSchedule, var: str, names: Collection[str], extents: dict[str, int]) -> Inside:
    """What the loops in ``names`` cover of a variable.

    Parameters
    ----------
    schedule : ir.StageSchedule
        The stage's schedule.
    var : str
        One of the Func's own variables.
    names : collection of str
        Names of the loops inside, as in :attr:`Leaf.name`.
    extents : dict of str to int
        Extents of whole variables where they are known.
    """
    return _Tree(schedule, extents).inside(var, names)


class _Tree:
    """Splits as a tree: from a Func's own variables (roots) down to loops (leaves).

    ``extents`` are those of whole variables, where they are known.
    """

    def __init__(self, schedule: ir.StageSchedule, extents: dict[str, int]) -> None:
        self._roots: dict[str, tuple[str, ...]] = {}
        self._extents: dict[str, int | None] = dict(extents)
        self._splits: dict[str, ir.Split] = {}
        self._order = schedule.splits
        for split in schedule.splits:
            if split.kind == "FuseVars":
                self._roots[split.old] = self.roots(split.inner) + self.roots(split.outer)
                one, other = self.extent(split.inner), self.extent(split.outer)
                self._extents[split.old] = one * other if one is not None and other is not None else None
                continue
            self._splits[split.old] = split
            self._roots[split.outer] = self.roots(split.old)
            whole = self.extent(split.old)
            if split.kind == "RenameVar":
                self._extents[split.outer] = whole
                continue
            factor = split.factor.value if isinstance(split.factor, ir.Imm) else None
            self._roots[split.inner] = self.roots(split.old)
            self._extents[split.inner] = int(factor) if factor is not None else None
            self._extents[split.outer] = -(-whole // int(factor)) if whole is not None and factor else None

    def roots(self, name: str) -> tuple[str, ...]:
        """Variables that a loop walks."""
        return self._roots.get(name, (name,))

    def extent(self, name: str) -> int | None:
        """Iterations of a loop, or extent of a variable."""
        return self._extents.get(name)

    def values(self, counted: dict[str, int]) -> dict[str, int]:
        """What all variables are, given what the loops count."""
        values = dict(counted)
        for split in reversed(self._order):
            if split.kind == "FuseVars":
                if split.old in values:
                    inner = self.extent(split.inner) or 1
                    values[split.outer], values[split.inner] = divmod(values[split.old], inner)
            elif split.kind == "RenameVar":
                if split.outer in values:
                    values[split.old] = values[split.outer]
            elif split.outer in values and split.inner in values:
                assert isinstance(split.factor, ir.Imm)
                values[split.old] = values[split.outer] * int(split.factor.value) + values[split.inner]
        return values

    def inside(self, name: str, names: Collection[str]) -> Inside:
        """What the loops ``names`` cover of a variable, or of what a split made of it."""
        split = self._splits.get(name)
        if split is None:
            return Inside(self.extent(name), ()) if name in names else Inside(1, ())
        if split.kind == "RenameVar":
            return self.inside(split.outer, names)
        if self._all_inside(name, names):
            return Inside(self.extent(name), ())
        outer, inner = self.inside(split.outer, names), self.inside(split.inner, names)
        extent = outer.extent * inner.extent if outer.extent is not None and inner.extent is not None else None
        return Inside(extent, (*outer.tails, *inner.tails, split.tail))

    def _all_inside(self, name: str, names: Collection[str]) -> bool:
        """Whether all loops that a variable was split into are among these."""
        split = self._splits.get(name)
        if split is None:
            return name in names
        parts = (split.outer,) if split.kind == "RenameVar" else (split.outer, split.inner)
        return all(self._all_inside(part, names) for part in parts)


def left_in_time(schedule: ir.StageSchedule, rvar: str, extent: int) -> list[Leaf]:
    """The loops over an RVar that are not unrolled and run more than once, outermost first.

    Parameters
    ----------
    schedule : ir.StageSchedule
        The update's schedule.
    rvar : str
        The RVar.
    extent : int
        How many values it has.
    """
    own = [leaf for leaf in leaves(schedule, {rvar: extent}) if rvar in leaf.roots]
    return [leaf for leaf in reversed(own) if leaf.for_type != "Unrolled" and leaf.extent != 1]


def update_steps(schedule: ir.StageSchedule, extents: dict[str, int]) -> list[list[dict[str, int]]]:
    """The steps that an update's loops over RVars take, in the order that Halide takes them in.

    Parameters
    ----------
    schedule : ir.StageSchedule
        The update's schedule.
    extents : dict of str to int
        How many values each RVar has.

    Returns
    -------
    list of list of dict of str to int
        Per iteration of the loops that are not unrolled, the RVars' values, counted from 0, of those that are, one
        after the other. A loop that is unrolled outside of one that is not is in time, too.
    """
    tree = _Tree(schedule, extents)
    own = [leaf for leaf in leaves(schedule, extents) if any(root in extents for root in leaf.roots)]
    serial = next(n for n, leaf in enumerate(own) if leaf.for_type != "Unrolled" and leaf.extent != 1)
    in_space, in_time = own[:serial], own[serial:]

    def points(loops: list[Leaf]) -> list[dict[str, int]]:
        """What the loops count, the outermost slowest."""
        names = [leaf.name for leaf in reversed(loops)]
        counts = product(*(range(leaf.extent or 1) for leaf in reversed(loops)))
        return [dict(zip(names, numbers, strict=True)) for numbers in counts]

    steps = []
    for outer in points(in_time):
        found = [tree.values(outer | inner) for inner in points(in_space)]
        inside = [values for values in found if all(values[name] < extent for name, extent in extents.items())]
        if inside:
            steps.append(inside)
    return steps
