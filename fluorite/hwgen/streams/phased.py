"""Operations that look at where the scan is: they carry the same only from one turn of their phases to the next."""

from __future__ import annotations

from typing import Any, NamedTuple

from fluorite.hwgen.streams.operation import Operation, lut

__all__ = ["IN_PHASE", "RESAMPLE"]


class _InPhase(NamedTuple):
    dimension: int
    step: int
    turn: int
    phases: tuple[int, ...]


class _Resample(NamedTuple):
    steps: tuple[int, ...]
    delays: tuple[tuple[int | None, ...], ...]


def _same_bits(position: int, mask: int, *attributes: Any) -> int:
    return mask


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
