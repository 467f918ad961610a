"""Tables: the contents of a ROM. A graph's nodes refer to them, and no pass copies or compares their words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Table"]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Words for a range of indices. Compared by identity: a graph has each table once (`Graph.table`).

    Attributes
    ----------
    name : str
        The input-free Func or the constant Buffer.
    first : int
        Index of the first word.
    words : tuple of int
        One an index, from `first` on.
    lo, hi : int
        Least and greatest word.
    """

    name: str
    first: int
    words: tuple[int, ...]
    lo: int
    hi: int

    @classmethod
    def of(cls, name: str, first: int, words: Sequence[int]) -> Table:
        """A table of these words."""
        kept = tuple(words)
        return cls(name, first, kept, min(kept), max(kept))

    @property
    def last(self) -> int:
        """Index of the last word."""
        return self.first + len(self.words) - 1

    def __str__(self) -> str:
        return f"{self.name}[{self.first}..{self.last}]"
