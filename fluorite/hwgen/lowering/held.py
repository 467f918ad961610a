"""Inputs that lack dimensions of the scan: their words come once, and are held for as long as they are read.

Along a dimension that a stream lacks, its only word comes at the scan's first position. What is read is a stream that
has it at every position: the word where it comes, and else what that stream itself carried one position earlier along
the dimension. Without x this is a register that takes a value at a row's first column; without y it is a row memory
that takes a row of words in the scan's first row and gives it back in all others; without both it is one register a
launch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fluorite.hwgen.lowering.positions import Positions
from fluorite.hwgen.lowering.values import Lowered
from fluorite.hwgen.streams.builder import Builder
from fluorite.hwgen.streams.graph import Ref
from fluorite.hwgen.streams.phased import state

__all__ = ["held"]


def held(build: Builder, lowered: Lowered, positions: Positions, stream: str, word: Ref) -> Ref:
    """One value of an input's words, at every position of the scan.

    Parameters
    ----------
    build : Builder
        Makes nodes.
    lowered : Lowered
        What the input lacks, and the numbers of states.
    positions : Positions
        Makes nodes of where the scan is.
    stream : str
        The input.
    word : Ref
        Its value where its words come.
    """
    graph, lo, hi = build.graph, word.node.lo, word.node.hi
    runs = list(_runs(lowered.rates.streams[stream].lacking))
    states = [state(graph, lowered.next_state(stream), lo, hi, True) for _ in runs]
    before = states[-1]
    for run, one in reversed(list(zip(runs[:-1], states[:-1], strict=True))):
        first = build.const(1)  # where these begin anew, it is what came before along those further out
        for d in run:
            begins = build.eq(positions.word(stream, d), build.const(0))
            first = build.select(begins, first, build.const(0))
        before = build.select(first, before, one)
    value = build.select(build.arrival(stream), word, before)
    for run, one in zip(runs, states, strict=True):
        graph.tie(one.node, value.shifted(tuple(int(d == run[0]) for d in range(graph.dimensions))))
    return value


def _runs(lacking: Sequence[int]) -> Iterator[list[int]]:
    """Dimensions that follow one another: what is the same along all of them is held along the innermost."""
    run: list[int] = []
    for d in lacking:
        if run and d != run[-1] + 1:
            yield run
            run = []
        run.append(d)
    yield run
