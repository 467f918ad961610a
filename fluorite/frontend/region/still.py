"""The dimensions of images along which an accelerator's reads do not move with its scan."""

from __future__ import annotations

from collections.abc import Collection

from fluorite.frontend.algorithm import ir
from fluorite.frontend.algorithm.visit import expressions, walk

__all__ = ["still_dimensions"]


def still_dimensions(pipeline: ir.Pipeline, name: str, inputs: Collection[str], scanned: Collection[str]) -> set[str]:
    """Dimensions of ImageParams that hold channels, coefficients or the like for every pixel: ``"image.2"``.

    Parameters
    ----------
    pipeline : ir.Pipeline
        The pipeline.
    name : str
        The accelerated Func.
    inputs : collection of str
        What its accelerator reads as streams.
    scanned : collection of str
        Its variables that a launch scans.
    """
    moving: dict[str, set[str]] = {name: set(scanned)}  # by Func, the variables that move with the scan
    read: set[str] = set()
    moved: set[str] = set()
    for func in reversed(pipeline.funcs.values()):  # readers first
        if func.name not in moving or (func.name in inputs and func.name != name):
            continue
        own = moving[func.name]
        for node in (node for expr in expressions(func) for node in walk(expr)):
            if not isinstance(node, ir.Call):
                continue
            for number, index in enumerate(node.args):
                moves = any(isinstance(at, ir.Variable) and not at.param and at.name in own for at in walk(index))
                if node.call_type is ir.CallType.IMAGE and node.param:
                    read.add(f"{node.name}.{number}")
                    moved |= {f"{node.name}.{number}"} if moves else set()
                elif node.call_type is ir.CallType.HALIDE and node.name in pipeline.funcs and node.name != func.name:
                    arguments = moving.setdefault(node.name, set())
                    arguments |= {pipeline.funcs[node.name].args[number]} if moves else set()
    return read - moved
