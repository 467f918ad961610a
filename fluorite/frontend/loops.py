"""The loops that a stage's splits, renames and fuses leave, each traced to the variable it came from."""

from __future__ import annotations

from dataclasses import dataclass

from fluorite.frontend import ir

__all__ = ["Leaf", "leaves", "matches", "unrolled_whole"]


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
        Number of iterations where a split's factor gives it.
    for_type : str
        Halide's ForType name.
    tail : str
        TailStrategy of the split that made this inner loop, "" for a loop that no split made.
    """

    name: str
    roots: tuple[str, ...]
    extent: int | None
    for_type: str
    tail: str


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
    known: dict[str, tuple[tuple[str, ...], int | None, str]] = {}

    def of(name: str) -> tuple[tuple[str, ...], int | None, str]:
        return known.get(name, ((name,), (extents or {}).get(name), ""))

    for split in schedule.splits:
        if split.kind == "FuseVars":
            inner, outer = of(split.inner), of(split.outer)
            extent = inner[1] * outer[1] if inner[1] is not None and outer[1] is not None else None
            known[split.old] = (inner[0] + outer[0], extent, "")
        elif split.kind == "RenameVar":
            known[split.outer] = of(split.old)
        else:
            roots, extent, _ = of(split.old)
            factor = split.factor.value if isinstance(split.factor, ir.Imm) else None
            if not isinstance(factor, int):
                known[split.inner] = known[split.outer] = (roots, None, split.tail)
                continue
            known[split.inner] = (roots, factor, split.tail)
            known[split.outer] = (roots, None if extent is None else -(-extent // factor), "")
    return [
        Leaf(dim.var, *of(dim.var)[:2], dim.for_type, of(dim.var)[2])
        for dim in schedule.dims
        if dim.var != "__outermost"
    ]


def unrolled_whole(schedule: ir.StageSchedule, rvar: str, extent: int) -> bool:
    """Whether every loop over an RVar of known extent is unrolled (or runs once)."""
    own = [leaf for leaf in leaves(schedule, {rvar: extent}) if rvar in leaf.roots]
    return all(leaf.for_type == "Unrolled" or leaf.extent == 1 for leaf in own)
