"""Launches: what one call of an accelerator's extern stage asks of the hardware, in the order of its scan.

Everything here is arithmetic on regions: how a region larger than a launch is cut up, whether an input holds what a
region of the output needs, and the settings of each launch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from fluorite.errors import UsageError
from fluorite.frontend.region.region import Loop
from fluorite.hwgen.generate import Generated
from fluorite.hwgen.lowering.borders import Border
from fluorite.hwgen.plan.stream_plan import region_variables, with_derived
from fluorite.run.placed import check_image

__all__ = ["Box", "Launch", "check_held", "launches", "rounded_up"]

Box = tuple[Sequence[int], Sequence[int]]  # mins and extents by a Func's arguments


@dataclass(frozen=True, slots=True)
class Launch:
    """One launch.

    Attributes
    ----------
    mins, extents : tuple of int
        The region of the output it computes, by argument.
    variables : dict of str to int
        What its formulas depend on: ``extent_x``, ``min_x``, ``param_gain``...
    settings : dict of str to int
        Values of the core's setting ports.
    """

    mins: tuple[int, ...]
    extents: tuple[int, ...]
    variables: dict[str, int]
    settings: dict[str, int]


def check_held(generated: Generated, name: str, output: Box, held: Box, scalars: Mapping[str, int]) -> None:
    """Refuse to compute a region of the output from an input that does not hold all that it takes.

    Parameters
    ----------
    name : str
        The input.
    output, held : pair of sequences of int
        Mins and extents of the output's region, and of what the input's buffer holds.
    scalars : mapping of str to int
        What the extern stage gets by value.

    Raises
    ------
    UsageError
        An image is too small for it, or a ``bound`` of the input.
    """
    if name not in generated.region.pipeline.funcs:
        way_out = f"give {name} an image that holds that, or read it through a hl.BoundaryConditions"
    elif min(held[1], default=1) < 1:
        way_out = f"leave async_(), store_root() and store_at() of {name} out"  # Halide lets nothing of it be computed
    else:
        way_out = f"give bound() of {name} all that is read of it"
    for d, needs in enumerate(zip(*generated.input(name).region(*output, scalars), *held, strict=True)):
        low, extent, held_low, held_extent = needs
        if low < held_low or low + extent > held_low + held_extent:
            raise UsageError(
                f"{generated.region.name}: {name} is read from {low} to {low + extent - 1} along dimension {d}, and is "
                f"there from {held_low} to {held_low + held_extent - 1}; {way_out}"
            )


def rounded_up(generated: Generated, extents: Sequence[int]) -> tuple[int, ...]:
    """Extents a caller must provide at least: a launch of fixed size never computes less."""
    result = list(extents)
    for loop in generated.region.loops:
        if loop.fixed:
            result[loop.position] = max(result[loop.position], loop.max_extent)
    for channel in generated.region.channels:
        result[channel.position] = max(result[channel.position], channel.extent)
    return tuple(result)


def launches(
    generated: Generated, mins: Sequence[int], extents: Sequence[int], scalars: Mapping[str, int]
) -> Iterator[Launch]:
    """Cut a region of the output into launches.

    A dimension of fixed extent is covered by launches of that extent, the last one shifted inwards; otherwise the
    last one is smaller.

    Raises
    ------
    UsageError
        The region is smaller than a launch of fixed extent, or lies elsewhere than the schedule's ``bound`` promised.
    """
    loops = generated.region.loops
    name = generated.region.name
    spans: list[list[tuple[int, int]]] = [[] for _ in mins]
    for channel in generated.region.channels:
        asked = (mins[channel.position], extents[channel.position])
        if asked != (channel.min, channel.extent):
            raise UsageError(
                f"{name}: {channel.var} from {asked[0]} over {asked[1]} is asked for, but bound() promised "
                f"{channel.min} over {channel.extent}"
            )
        spans[channel.position] = [asked]
    for loop, step, cut in zip(loops, generated.steps, generated.cuts, strict=True):
        start, extent = mins[loop.position], extents[loop.position]
        if loop.fixed and extent < loop.max_extent:
            raise UsageError(
                f"{name}: {extent} pixels along {loop.var} are asked for, less than a launch of {loop.max_extent}; "
                f"use a larger image, a smaller tile, or TailStrategy.GuardWithIf"
            )
        if loop.min is not None and (start != loop.min or extent != loop.max_extent):
            raise UsageError(
                f"{name}: {loop.var} from {start} over {extent} pixels is asked for, but bound() promised "
                f"{loop.min} over {loop.max_extent}"
            )
        pieces: list[tuple[int, int]] = []
        offset = 0
        while offset < extent:
            if loop.fixed:
                pieces.append((start + min(offset, extent - cut), cut))
            else:
                pieces.append((start + offset, extent - offset if extent - offset <= loop.max_extent else cut))
            offset += pieces[-1][1]
        _check_step(name, loop, step, [piece_min for piece_min, _ in pieces])
        spans[loop.position] = pieces
    for border in generated.lowered.borders:
        loop = loops[border.dimension]
        _check_border(name, border, loop, mins[loop.position], extents[loop.position], scalars)
    for image in generated.lowered.images:
        loop = loops[image.dimension]
        for start, extent in spans[loop.position]:
            region = region_variables(generated.loops, [start] * len(mins), [extent] * len(mins))
            check_image(name, image, loop, start, extent, {**scalars, **region})
    for reverse in product(*reversed(spans)):
        piece_mins, piece_extents = zip(*reversed(reverse), strict=True)
        region = {**scalars, **region_variables(generated.loops, piece_mins, piece_extents)}
        variables = with_derived(with_derived(region, generated.lowered.derived), generated.extents.of_edges)
        settings = {s.port.name: s.formula.evaluate(variables) for s in generated.settings}
        yield Launch(piece_mins, piece_extents, variables, settings)


def _check_step(name: str, loop: Loop, step: int, mins: Sequence[int]) -> None:
    """Refuse launches out of step: with streams at different rates, words of several pixels and borders begin in it."""
    for low in mins:
        if low % step and loop.lanes == 1:
            raise UsageError(
                f"{name}: a launch begins at {loop.var} = {low}, and with a border and streams at different rates it "
                f"must begin at a multiple of {step}; let the image begin there, or pad in software"
            )
        if low % step:
            raise UsageError(
                f"{name}: a launch begins at {loop.var} = {low}, and with {loop.lanes} lanes and streams "
                f"at different rates it must begin at a multiple of {step}; move the region, use tiles of a "
                f"multiple of {step} pixels and TailStrategy.GuardWithIf, or unroll {loop.var} less"
            )


def _check_border(name: str, border: Border, loop: Loop, start: int, extent: int, scalars: Mapping[str, int]) -> None:
    """Refuse a region along a dimension that is not the image a border condition is for, or a recursion goes over."""
    if border.is_recursion:
        _check_recursion(name, border, loop, start, extent, scalars)
        return
    if extent == 0:
        raise UsageError(
            f"{name}: no pixels along {loop.var} are asked for, and an image without pixels has no edge for the border "
            f"condition; give one pixel at least"
        )
    if extent > loop.max_extent:
        raise UsageError(
            f"{name}: {extent} pixels along {loop.var} are asked for, more than the {loop.max_extent} of a launch, "
            f"and a border is only where an image ends; compile for larger extents"
        )
    if extent < border.least_extent:
        raise UsageError(
            f"{name}: {extent} pixels along {loop.var} are asked for, and the hardware of the border condition is for "
            f"images of {border.least_extent} and more; use a larger image, or pad in software"
        )
    if not border.holds(start, extent, scalars):
        raise UsageError(
            f"{name}: {loop.var} from {start} over {extent} pixels is asked for, which is not the image that the "
            f"border condition is for; realize the whole image, or pad in software"
        )


def _check_recursion(
    name: str, border: Border, loop: Loop, start: int, extent: int, scalars: Mapping[str, int]
) -> None:
    """Refuse a region along a dimension that a recursion does not go over in one launch."""
    if extent > loop.max_extent:
        raise UsageError(
            f"{name}: {extent} pixels along {loop.var} are asked for, more than the {loop.max_extent} of a launch, "
            f"and a recursion does not begin anew; compile for larger extents"
        )
    if extent == 0 or not border.holds(start, extent, scalars):
        raise UsageError(
            f"{name}: {loop.var} from {start} over {extent} pixels is asked for, and a recursion goes over others; "
            f"begin where it begins, and end no later"
        )
