"""Calls that only software has. They are refused as the user wrote them, before anything inside them is looked at."""

from __future__ import annotations

from collections.abc import Mapping

from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.pretty import show

__all__ = ["SOFTWARE_ONLY", "software_only"]

_STOP = "hardware cannot stop a pipeline"
_PIXELS = "hardware has pixels and nothing else to put out"
_STAYS = "write the value; in an update, what stays is the Func itself at these indices"

# Halide's name of a call: the user's, the rule, and the way out.
SOFTWARE_ONLY = {
    "require": ("require", _STOP, "leave require() out, or check it in software"),
    "undef": ("undef", "every value has bits in hardware", _STAYS),
    "halide_print": ("print", _PIXELS, "leave print() out"),
    "halide_error_requirement_failed": ("require", _STOP, "leave require() out"),
}


def software_only(call: ir.Call, names: Mapping[str, str]) -> tuple[str, str, str]:
    """Construct, rule and way out of the refusal of such a call.

    Parameters
    ----------
    call : ir.Call
        A call whose name is in `SOFTWARE_ONLY`.
    names : mapping of str to str
        What the user calls Funcs, as for :func:`fluorite.frontend.algorithm.pretty.show`.
    """
    name, rule, way_out = SOFTWARE_ONLY[call.name]
    args = call.args[:2] if call.name == "require" else call.args
    if call.name == "halide_print":
        args = tuple(arg for text in args if isinstance(text, ir.Call) for arg in text.args)
        args = tuple(arg for arg in args if not isinstance(arg, ir.StringImm))
    return f"{name}({', '.join(show(arg, names=names) for arg in args)})", rule, way_out
