"""What a stage's updates have written: at pixels that came before, as states of the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from fluorite.frontend.algorithm import ir
from fluorite.hwgen.lowering.evaluate.indices import Affine, Value
from fluorite.hwgen.lowering.values import Lowered
from fluorite.hwgen.streams.builder import Builder, constant_value
from fluorite.hwgen.streams.graph import Ref
from fluorite.hwgen.streams.phased import state

__all__ = ["History"]

#: Update, element of a Tuple, and the pixel of the stage's word 0, its channels included.
_Key: TypeAlias = tuple[int, int, tuple[tuple[int, int], ...]]


class History:
    """The values that the updates of one stage have written.

    A pixel of an earlier word is what a ``state`` carries: the value one word ago, and what lies further back is that,
    so much earlier. A pixel of the same word, in a lane before, is the value itself.

    Parameters
    ----------
    stage : str
        The stage.
    lowered : Lowered
        Rates and domains, and where states are counted.
    build : Builder
        Makes nodes.
    """

    def __init__(self, stage: str, lowered: Lowered, build: Builder) -> None:
        self._stage = stage
        self._lowered = lowered
        self._build = build
        self._rate = lowered.rates.streams[stage]
        self._values: dict[_Key, Ref] = {}
        self._states: dict[_Key, Ref] = {}

    def earlier(self, number: int, element: int, place: Sequence[Value[Ref]], type_: ir.Type) -> Ref:
        """What an update has written at a pixel that comes before."""
        key, words = self._located(number, element, place)
        if not any(words):
            return self._values[key]
        if key not in self._states:
            self._states[key] = state(
                self._build.graph, self._lowered.next_state(self._stage), type_.min, type_.max, of_words=True
            )
        earlier = tuple(-word * period for word, period in zip(words, self._rate.periods, strict=True))
        return self._states[key].shifted((earlier[0] - self._rate.periods[0], *earlier[1:]))

    def written(self, number: int, place: Sequence[Value[Ref]], values: Sequence[Ref]) -> None:
        """Note what an update has written at a pixel of word 0."""
        for element, value in enumerate(values):
            key, _ = self._located(number, element, place)
            self._values[key] = value

    def close(self) -> None:
        """Let the states carry what was written, when all of it is."""
        word = (self._rate.periods[0], *self._build.graph.zero[1:])
        for key, made in self._states.items():
            self._build.graph.tie(made.node, self._values[key].shifted(word))

    def _located(self, number: int, element: int, place: Sequence[Value[Ref]]) -> tuple[_Key, tuple[int, ...]]:
        """A pixel of word 0, and how many words further on the one is that is meant, by dimension of the scan."""
        lowest = self._lowered.domains[self._stage].lo
        words = [0] * len(lowest)
        pixel: list[tuple[int, int]] = []
        for at in place:
            if isinstance(at, Affine):
                words[at.dimension], lane = divmod(at.offset - lowest[at.dimension], self._rate.lanes[at.dimension])
                pixel.append((at.dimension, lane))
            else:
                channel = None if not isinstance(at, Ref) else constant_value(at)
                assert channel is not None, "a recursion reads its own channel"
                pixel.append((-1, channel))
        return (number, element, tuple(pixel)), tuple(words)
