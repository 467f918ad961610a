"""Words of refusals: why something cannot be read, and what else to write."""

from __future__ import annotations

__all__ = ["as_input"]


def as_input(read: str) -> str:
    """The way out that is always there: software computes what hardware cannot read."""
    return f"compute {read} in software, as a Func of its own that is an input of accelerate()"
