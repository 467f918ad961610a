"""Words of refusals: why something cannot be read, and what else to write."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from fluorite.frontend.algorithm import ir

__all__ = ["as_input", "instead_of", "rule_of_missing"]


def as_input(read: str) -> str:
    """The way out that is always there: software computes what hardware cannot read."""
    return f"compute {read} in software, as a Func of its own that is an input of accelerate()"


def rule_of_missing(moving: Collection[int], scanned: Sequence[str]) -> str:
    """The rule that a read breaks whose indices move along some dimensions of the scan only.

    Parameters
    ----------
    moving : collection of int
        Those dimensions.
    scanned : sequence of str
        Variables of all dimensions, along which every stream runs.
    """
    variables = [var for d, var in enumerate(scanned) if d in moving]
    moves = f"it moves along {' and '.join(variables)} only" if variables else "it is the same for all pixels"
    return f"{moves}, and every stream of this accelerator runs along {' and '.join(scanned)}"


def instead_of(call: ir.Call, shown: str, moving: Collection[int], scanned: Sequence[str]) -> str:
    """What to write instead of such a read.

    Parameters
    ----------
    call : ir.Call
        The read.
    shown : str
        The read as the user wrote it.
    moving, scanned
        As for `rule_of_missing`.
    """
    copy = f"compute {shown} in software, as a Func over {' and '.join(scanned)} that is an input of accelerate()"
    return copy if moving or call.call_type is not ir.CallType.IMAGE else f"pass it as a scalar hl.Param, or {copy}"
