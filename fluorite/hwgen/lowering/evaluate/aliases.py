"""Funcs that Halide puts before an image, and that only pass a read on: the user knows them by the image's name."""

from __future__ import annotations

import re

from fluorite.frontend.algorithm import ir
from fluorite.frontend.region.region import Region

__all__ = ["names_of_aliases", "passed_on"]

_PASS = re.compile(r"lambda_\d+")  # a Func that Halide puts between a border condition and the image


def passed_on(region: Region, name: str) -> ir.Call | None:
    """The read that a Func passes on, if it is one of these; None for any other Func."""
    func = region.pipeline.funcs.get(name)
    if func is None or func.init is None or func.updates or len(func.init.values) != 1:
        return None
    value = func.init.values[0]
    if not isinstance(value, ir.Call):
        return None
    if value.param and (name + "$").startswith(f"{value.name}_im$"):
        return value
    same = [isinstance(arg, ir.Variable) and arg.name == own for arg, own in zip(value.args, func.args, strict=False)]
    is_pass = _PASS.fullmatch(name) and value.call_type is ir.CallType.HALIDE
    return value if is_pass and len(same) == len(func.args) and all(same) else None


def names_of_aliases(region: Region) -> dict[str, str]:
    """What the user calls each Func that only passes a read on: the name of what it reads."""
    inputs = {i.name for i in region.inputs}
    names: dict[str, str] = {}
    for name in region.pipeline.funcs:
        while name not in inputs and (behind := passed_on(region, names.get(name, name))) is not None:
            names[name] = behind.name
    return names
