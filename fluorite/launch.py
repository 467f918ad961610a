"""Launches: what one call of an accelerator's extern stage asks of the hardware, in the order of its scan.

Everything here is arithmetic on regions: which part of each input a region of the output needs, how a
region larger than a launch is cut up, and the settings of each launch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from fluorite.errors import SimulationError
from fluorite.hwgen.generate import Generated
from fluorite.hwgen.lower import Domain

__all__ = ["Launch", "input_region", "launches", "rounded_up"]

Box = tuple[tuple[int, ...], tuple[int, ...]]  # mins and extents by the Func's arguments


@dataclass(frozen=True, slots=True)
class Launch:
    """One launch: the region of the output it computes, by argument, and its settings."""

    mins: tuple[int, ...]
    extents: tuple[int, ...]
    settings: dict[str, int]


def input_region(generated: Generated, name: str, mins: Sequence[int], extents: Sequence[int]) -> Box:
    """Region of an input that a region of the output needs."""
    output = generated.lowered.domains[generated.region.name]
    domain: Domain = generated.lowered.domains[name]
    found_mins: list[int] = []
    found_extents: list[int] = []
    for dimension in domain.dimensions:
        position = output.dimensions.index(dimension)
        lo, hi = domain.lo[dimension], domain.hi[dimension]
        found_mins.append(mins[position] + lo)
        found_extents.append(extents[position] + hi - lo)
    return tuple(found_mins), tuple(found_extents)


def rounded_up(generated: Generated, extents: Sequence[int]) -> tuple[int, ...]:
    """Extents a caller must provide at least: a launch of fixed size never computes less."""
    result = list(extents)
    for loop in generated.region.loops:
        if loop.fixed:
            result[loop.position] = max(result[loop.position], loop.max_extent)
    return tuple(result)


def launches(
    generated: Generated, mins: Sequence[int], extents: Sequence[int], scalars: Mapping[str, int]
) -> Iterator[Launch]:
    """Cut a region of the output into launches.

    A dimension of fixed extent is covered by launches of that extent, the last one shifted inwards; otherwise the
    last one is smaller.

    Raises
    ------
    SimulationError
        The region is smaller than a launch of fixed extent, or lies elsewhere than the schedule's ``bound`` promised.
    """
    loops = generated.region.loops
    name = generated.region.name
    spans: list[list[tuple[int, int]]] = []
    for position in range(len(mins)):
        loop = next(loop for loop in loops if loop.position == position)
        start, extent = mins[position], extents[position]
        if loop.fixed and extent < loop.max_extent:
            raise SimulationError(
                f"{name}: {extent} pixels along {loop.var} are asked for, less than a launch of {loop.max_extent}; "
                f"use a larger image, a smaller tile, or TailStrategy.GuardWithIf"
            )
        if loop.min is not None and (start != loop.min or extent != loop.max_extent):
            raise SimulationError(
                f"{name}: {loop.var} from {start} over {extent} pixels is asked for, but bound() promised "
                f"{loop.min} over {loop.max_extent}"
            )
        pieces: list[tuple[int, int]] = []
        for offset in range(0, extent, loop.max_extent):
            if loop.fixed:
                pieces.append((start + min(offset, extent - loop.max_extent), loop.max_extent))
            else:
                pieces.append((start + offset, min(loop.max_extent, extent - offset)))
        spans.append(pieces)
    for reverse in product(*reversed(spans)):
        pieces = list(reversed(reverse))
        variables = dict(scalars)
        for loop in loops:
            variables[f"min_{loop.var}"], variables[f"extent_{loop.var}"] = pieces[loop.position]
        settings = {s.port.name: s.formula.evaluate(variables) for s in generated.settings}
        yield Launch(tuple(p[0] for p in pieces), tuple(p[1] for p in pieces), settings)
