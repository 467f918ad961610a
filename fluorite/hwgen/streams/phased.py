"""Operations that look at where the scan is: they carry the same only from one turn of their phases to the next.

Time is such a turn: where a pixel takes several positions of the scan, ``choose`` takes an operand for each of them,
and ``state`` carries what was made of it a step before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from fluorite.hwgen.streams.graph import Graph, Node, Ref
from fluorite.hwgen.streams.operation import Fabric, Interval, Operation, lut, wiring

__all__ = ["ARRIVAL", "CHOOSE", "IN_PHASE", "RESAMPLE", "STATE", "choose", "state"]

_CHOSEN_BY_LUT = 3  # operands beside the first, as `_levels` has it: phases address them all together


class _Arrival(NamedTuple):
    stream: str


class _InPhase(NamedTuple):
    dimension: int
    step: int
    turn: int
    phases: tuple[int, ...]


class _Resample(NamedTuple):
    steps: tuple[int, ...]
    delays: tuple[tuple[int | None, ...], ...]


class _Choose(NamedTuple):
    phases: tuple[int | None, ...]


class _State(NamedTuple):
    number: int
    lo: int
    hi: int
    holds: bool = False
    of_words: bool = False


def _same_bits(position: int, mask: int, *attributes: Any) -> int:
    return mask


def _hull(*intervals_and_phases: Any) -> Interval:
    intervals = intervals_and_phases[:-1]
    return Interval(min(i.lo for i in intervals), max(i.hi for i in intervals))


def _levels(node: Node, fabric: Fabric) -> float:
    """Time of multiplexers: a LUT chooses between four, by two address bits."""
    return fabric.lut_ns * max(1.0, math.log(max(len(node.operands), 2), 4))


def _choose_cells(node: Node, bits: float, operand_bits: float) -> dict[str, float]:
    chooses_constants = all(operand.node.lo == operand.node.hi for operand in node.operands)
    return {} if chooses_constants else {"mux": bits * math.ceil((len(node.operands) - 1) / _CHOSEN_BY_LUT)}


ARRIVAL = Operation(
    "arrival", "1 where a word of an input stream comes, else 0", _Arrival, 0, is_source=True, is_wiring=True,
    time=wiring,
)  # fmt: skip
IN_PHASE = Operation(
    "in_phase",
    "1 where floor(position / step) mod turn along a dimension is one of phases, else 0; the scan begins at position 0",
    _InPhase, 0, is_source=True, is_wiring=True, time=lut,
)  # fmt: skip
RESAMPLE = Operation(
    "resample",
    "a, delays[d][phase] earlier along each dimension d, by the phase floor(position / steps[d]) mod len(delays[d])",
    _Resample, evaluate=lambda a, *_: a, range=lambda a, *_: a, taken=_same_bits, low_zeros=lambda a, *_: a, time=lut,
    rtl=lambda a, *_: a, cells=lambda node, bits, operand_bits: {"mux": bits},
)  # fmt: skip
CHOOSE = Operation(
    "choose",
    "the operand that phases numbers for the position along dimension 0, modulo their count; None where nobody looks",
    _Choose, None, range=_hull, taken=_same_bits, time=_levels, cells=_choose_cells,
)  # fmt: skip
STATE = Operation(
    "state", "a, which may be computed from this very stream: what it carried, so much earlier", _State,
    evaluate=lambda a, *_: a, is_wiring=True, taken=_same_bits, time=wiring,
    rtl=lambda a, *_: a,
)  # fmt: skip


def choose(graph: Graph, operands: Sequence[Ref], phases: Sequence[int | None]) -> Ref:
    """A ``choose`` node: equal operands are one, and one that is taken in all phases that matter is given itself.

    What is taken in a single phase stays a node: it samples its operand, which carries something else at other times.
    """
    operands = [
        _behind(ref, [n for n, phase in enumerate(phases) if phase is not None and operands[phase] == ref], len(phases))
        for ref in operands
    ]
    distinct = list(dict.fromkeys(operands))
    numbers = [None if phase is None else distinct.index(operands[phase]) for phase in phases]
    used = list(dict.fromkeys(number for number in numbers if number is not None))
    taken = [distinct[number] for number in used]
    if len(taken) == 1 and (taken[0].node.static or numbers.count(used[0]) > 1):
        return taken[0]
    attributes = CHOOSE.attributes(tuple(None if number is None else used.index(number) for number in numbers))
    lo, hi = min(ref.node.lo for ref in taken), max(ref.node.hi for ref in taken)
    if lo == hi:
        return taken[0]
    return graph.intern("choose", taken, attributes, lo, hi, static=False, together=False)


def _behind(ref: Ref, positions: Sequence[int], turn: int) -> Ref:
    """What a choice has at positions of a turn if that is one of its operands; else the stream itself."""
    while ref.node.op == "choose":
        (phases,) = CHOOSE.of(ref.node)
        taken = {phases[(position - ref.delay[0]) % turn] for position in positions}
        number = next(iter(taken)) if len(taken) == 1 and len(phases) == turn else None
        if number is None:
            break
        ref = ref.node.operands[number].shifted(ref.delay)
    return ref


def state(graph: Graph, number: int, lo: int, hi: int, holds: bool = False, of_words: bool = False) -> Ref:
    """A ``state`` node, which :meth:`Graph.tie` gives its operand when that is made.

    One that only ``holds`` a value is asked for nothing from before its launch: the value came in it. It goes from word
    to word of a stage (``of_words``), which all are computed, or from step to step in one.
    """
    return graph.intern("state", (), STATE.attributes(number, lo, hi, holds, of_words), lo, hi, static=False)
