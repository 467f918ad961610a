"""Steps in time: what an update does in each of its steps becomes one set of operators, used in every step.

A stage whose update takes ``n`` steps has a word every ``turn`` positions of the scan, and takes step ``k`` of the word
that belongs to position ``p`` at ``p - (n - 1 - k) * interval``: the last one at ``p`` itself. The steps' expressions
are laid over one another. Where they are one operation, it is there once, and its operands are laid over one another in
turn; where they differ, a ``choose`` takes what the step asks for. So a convolution has one multiplier, a multiplexer
between the taps of its window and a table of weights, and nothing had to say so. What is the same in all steps but for
where it is read is outside of the steps: computed once a word, and held.

The value that an update has so far is a ``state``: what was computed a step earlier. In the first step it is the value
before the update. Its range is that of the values which the steps give when they are run one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from fluorite.hwgen.streams.builder import Builder, constant_value
from fluorite.hwgen.streams.graph import Node, Ref
from fluorite.hwgen.streams.operations import OPERATIONS, SUM, operation_of
from fluorite.hwgen.streams.phased import choose, state

__all__ = ["Step", "Timing", "in_time"]

#: The values after a step, one per Tuple element, of those before it.
Step = Callable[[Sequence[Ref]], Sequence[Ref]]

#: By step, what it takes at the position of its word.
Terms = Mapping[int, Ref]

#: What is chosen, and never laid over: operations that are of the word, whatever the step is.
_WHOLE = ("const", "setting", "input", "tap", "coord", "in_phase", "resample", "choose", "state", "stage")

#: Operations of which a chain is the same in any order.
_CHAINED = ("min", "max", "and", "or", "xor")


@dataclass(frozen=True, slots=True)
class Timing:
    """When steps are taken.

    Attributes
    ----------
    turn : int
        Positions of the scan from a word to the next, along dimension 0.
    interval : int
        Positions from a step to the next.
    """

    turn: int
    interval: int = 1


def in_time(
    build: Builder, timing: Timing, numbers: Callable[[], int], before: Sequence[Ref], steps: Sequence[Step]
) -> list[Ref]:
    """The values after all steps.

    Parameters
    ----------
    build : Builder
        Makes nodes.
    timing : Timing
        When the steps are taken.
    numbers : callable
        Gives each state a number of its own.
    before : sequence of Ref
        Values before the first step, one per Tuple element.
    steps : sequence of callable
        What each of them does.
    """
    entering: list[Sequence[Ref]] = [before]
    for step in steps:
        entering.append(step(entering[-1]))
    loop = _Loop(build, timing, len(steps))
    states, so_far = [], []
    for values in zip(*entering, strict=True):
        between = values[1:-1]
        lo, hi = min(ref.node.lo for ref in between), max(ref.node.hi for ref in between)
        states.append(state(build.graph, numbers(), lo, hi, of_words=False) if lo < hi else build.const(lo))
        so_far.append(loop.entry(values[0], states[-1]))
    after = [step(so_far) for step in steps]
    results: list[Ref] = []
    for element, values in enumerate(zip(*entering, strict=True)):
        lo, hi = min(ref.node.lo for ref in values[1:]), max(ref.node.hi for ref in values[1:])
        total = build.within(loop.over({k: new[element] for k, new in enumerate(after)}), lo, hi)
        if states[element].node.op == "state":
            build.graph.tie(states[element].node, total.shifted((timing.interval, *build.graph.zero[1:])))
        results.append(loop.last(total))
    return results


class _Loop:
    """The operators that all steps share."""

    def __init__(self, build: Builder, timing: Timing, count: int) -> None:
        self._build = build
        self._timing = timing
        self._count = count
        self._entries: set[int] = set()
        self._depends: dict[int, bool] = {}
        self._known: dict[tuple[tuple[int, int, tuple[int, ...]], ...], Ref] = {}

    # --- phases ---------------------------------------------------------------------------------------------------

    def _offset(self, step: int) -> int:
        """Where a step is taken, from the position of its word on."""
        return (step - self._count + 1) * self._timing.interval

    def _phased(self, operands: Sequence[Ref], of: Mapping[int, int]) -> Ref:
        """A choice between operands, whose number `of` gives by step."""
        phases: list[int | None] = [None] * self._timing.turn
        for step, number in of.items():
            phases[self._offset(step) % self._timing.turn] = number
        return choose(self._build.graph, operands, phases)

    def _chosen(self, terms: Terms) -> Ref:
        """What belongs to the word, taken in the steps that ask for it."""
        later = self._build.graph.zero[1:]
        operands = [ref.shifted((self._offset(step), *later)) for step, ref in terms.items()]
        return self._of_words(operands, {step: number for number, step in enumerate(terms)})

    def _of_words(self, operands: Sequence[Ref], of: Mapping[int, int]) -> Ref:
        """A choice that does not go round, behind the whole words that its operands are delayed by in common.

        So what is chosen for one word and for the next is one node, and all that is made of it.
        """
        common = max((ref.delay[0] for ref in operands if not ref.node.static), default=0)
        back, *later = (-(common // self._timing.turn * self._timing.turn), *self._build.graph.zero[1:])
        return self._phased([ref.shifted((back, *later)) for ref in operands], of).shifted((-back, *later))

    def entry(self, before: Ref, state_: Ref) -> Ref:
        """The value that a step begins with."""
        first = before.shifted((self._offset(0), *self._build.graph.zero[1:]))
        entry = self._phased([first, state_], {step: min(step, 1) for step in range(self._count)})
        if not entry.node.static:
            self._entries.add(entry.node.id)
        return entry

    def last(self, total: Ref) -> Ref:
        """The value after the last step, as one of the word."""
        return self._phased([total], {self._count - 1: 0})

    # --- laying over ----------------------------------------------------------------------------------------------

    def over(self, terms: Terms) -> Ref:
        """One stream that carries each step's term at the step's position."""
        key = tuple((step, ref.node.id, ref.delay) for step, ref in terms.items())
        if key not in self._known:
            self._known[key] = self._over(terms)
        return self._known[key]

    def _over(self, terms: Terms) -> Ref:
        nodes = {ref.node.id: ref.node for ref in terms.values()}
        first = next(iter(terms.values()))
        goes_round = any(self._goes_round(node) for node in nodes.values())
        if not goes_round:
            if len(nodes) == 1 or all(node.op in _WHOLE for node in nodes.values()):
                return self._chosen(terms)
        elif len(nodes) == 1 and first.node.id in self._entries:
            return first
        if any(node.op == "sum" for node in nodes.values()):
            return self._sum(terms)
        groups: dict[object, dict[int, Ref]] = {}
        for step, ref in terms.items():
            groups.setdefault(self._kind(ref.node), {})[step] = ref
        if len(groups) == 1:
            return self._operation(self._with_words_chains(terms) if first.node.op in _CHAINED else terms)
        parts = [self.over(group) for group in groups.values()]
        choose = self._phased if goes_round else self._of_words
        return choose(parts, {step: n for n, group in enumerate(groups.values()) for step in group})

    def _kind(self, node: Node) -> object:
        """What operations have in common that are one: entries are each their own, and all that is whole is one."""
        if node.id in self._entries:
            return node.id
        if node.op in _WHOLE:
            return "whole"
        attributes = {"wrap": node.attr[:2], "within": ()}.get(node.op, node.attr)
        return node.op, len(node.operands), attributes

    def _operation(self, terms: Terms) -> Ref:
        """One operation on operands that are laid over one another."""
        operands = {step: self._operands(ref) for step, ref in terms.items()}
        node = next(iter(terms.values())).node
        over = [self.over({step: own[n] for step, own in operands.items()}) for n in range(len(node.operands))]
        lo, hi = min(ref.node.lo for ref in terms.values()), max(ref.node.hi for ref in terms.values())
        if node.op == "table":
            return self._build.graph.intern("table", over, node.attr, lo, hi)
        if node.op == "within":
            return self._build.within(over[0], lo, hi)
        return self._build.within(self._build.rebuild(node, over), lo, hi)

    def _operands(self, ref: Ref) -> list[Ref]:
        """A node's operands; where their order does not matter, in one that is like that of other steps."""
        operands = [operand.shifted(ref.delay) for operand in ref.node.operands]
        if operation_of(ref.node).commutative:
            operands.sort(key=self._place)
        return operands

    def _place(self, ref: Ref) -> tuple[bool, int, int, int]:
        """An order of operands: what goes round first, constants last."""
        kinds = list(OPERATIONS)
        constant = constant_value(ref) is not None
        return not self._goes_round(ref.node), int(constant), kinds.index(ref.node.op), ref.node.id

    def _order(self, weight: int, ref: Ref) -> tuple[object, ...]:
        """An order of weighted terms that is like that of other steps."""
        first, *rest = self._place(ref)
        return first, weight, *rest, ref.delay[::-1]

    def _sum(self, terms: Terms) -> Ref:
        """Weighted sums: where weights differ, they are chosen and multiplied by."""
        constants: dict[int, int] = {}
        weighted: dict[int, list[tuple[int, Ref]]] = {}
        for step, ref in terms.items():
            constants[step], weighted[step] = _linear(ref)
        weighted = self._with_words_sums(weighted)
        alike = len({tuple(sorted(c for c, _ in own)) for own in weighted.values()}) == 1
        for own in weighted.values():  # those of one weight over one another, if all steps have the same weights
            own.sort(key=lambda term: self._order(term[0] if alike else 0, term[1]))
        total: list[tuple[int, Ref]] = []
        for place in range(max(map(len, weighted.values()))):
            here = {step: own[place] for step, own in weighted.items() if place < len(own)}
            ref = self.over({step: ref for step, (_, ref) in here.items()})
            weights = {step: here[step][0] if step in here else 0 for step in terms}
            factors = set(weights.values()) - {0}
            if len(factors) == 1:
                some = {step: int(weight != 0) for step, weight in weights.items()}
                total.append((factors.pop(), self._build.select(self._numbers(some), ref, self._build.const(0))))
            else:
                total.append((1, self._build.mul(self._numbers(weights), ref)))
        if len(set(constants.values())) == 1:
            return self._build.linear(total, next(iter(constants.values())))
        return self._build.linear([*total, (1, self._numbers(constants))])

    def _with_words_sums(self, weighted: Mapping[int, list[tuple[int, Ref]]]) -> dict[int, list[tuple[int, Ref]]]:
        """The terms of each step, those of the word as one if they are the same in all steps but for the column."""
        inside = {step: [term for term in own if self._goes_round(term[1].node)] for step, own in weighted.items()}
        outside = {step: [term for term in own if not self._goes_round(term[1].node)] for step, own in weighted.items()}
        columns = _columns(list(outside.values()))
        if columns is None:
            return dict(weighted)
        own, later = next(iter(outside.values())), self._build.graph.zero[1:]
        total = self._build.linear(own)
        return {
            step: [*inside[step], (1, total.shifted((column, *later)))]
            for step, column in zip(weighted, columns, strict=True)
        }

    def _with_words_chains(self, terms: Terms) -> Terms:
        """Chains of one operation, each on what goes round and on what belongs to the word, as `_with_words_sums`."""
        node = next(iter(terms.values())).node
        inside, outside = {}, {}
        for step, ref in terms.items():
            leaves = _leaves(ref)
            inside[step] = [leaf for leaf in leaves if self._goes_round(leaf.node)]
            outside[step] = [(1, leaf) for leaf in leaves if not self._goes_round(leaf.node)]
        columns = _columns(list(outside.values()))
        if columns is None or not all(inside.values()):
            return terms

        def chained(leaves: Iterable[Ref]) -> Ref:
            return reduce(lambda a, b: self._build.rebuild(node, (a, b)), leaves)

        of_word, later = chained(leaf for _, leaf in next(iter(outside.values()))), self._build.graph.zero[1:]
        found = {
            step: chained([chained(inside[step]), of_word.shifted((column, *later))])
            for step, column in zip(terms, columns, strict=True)
        }
        return found if all(ref.node.op == node.op for ref in found.values()) else terms

    def _numbers(self, numbers: Mapping[int, int]) -> Ref:
        """A number by step."""
        return self._phased([self._build.const(n) for n in numbers.values()], {s: n for n, s in enumerate(numbers)})

    def _goes_round(self, node: Node) -> bool:
        """Whether a node depends on what the update has so far."""
        waiting = [node]
        while waiting:
            below = waiting[-1]
            if below.id in self._entries:
                self._depends[below.id] = True
            elif below.op in ("choose", "state"):
                self._depends[below.id] = False
            elif unknown := [o.node for o in below.operands if o.node.id not in self._depends]:
                waiting += unknown
                continue
            else:
                self._depends[below.id] = any(self._depends[operand.node.id] for operand in below.operands)
            waiting.pop()
        return self._depends[node.id]


def _leaves(ref: Ref) -> list[Ref]:
    """What a chain of one operation is of."""
    leaves, waiting = [], [ref]
    while waiting:
        at = waiting.pop()
        if at.node.op == ref.node.op:
            waiting.extend(operand.shifted(at.delay) for operand in at.node.operands)
        else:
            leaves.append(at)
    return leaves


def _columns(sums: Sequence[Sequence[tuple[int, Ref]]]) -> list[int] | None:
    """How many columns later than the first sum each of them reads the same, two terms or more; None if not the same.

    What is the same but for the row is not one: more bits would have to be held for whole rows than there are to read.
    """
    ordered = [
        sorted(own, key=lambda term: (term[1].delay[1:], term[0], term[1].node.id, term[1].delay)) for own in sums
    ]
    first, columns = ordered[0], []
    for own in ordered:
        if len(own) != len(first) or len(own) < 2:
            return None
        apart = set()
        for (weight, ref), (other, reference) in zip(own, first, strict=True):
            same = weight == other and ref.node is reference.node and ref.delay[1:] == reference.delay[1:]
            if not same:
                return None
            if not ref.node.static:
                apart.add(ref.delay[0] - reference.delay[0])
        if len(apart) != 1:
            return None
        columns.append(apart.pop())
    return columns


def _linear(ref: Ref) -> tuple[int, list[tuple[int, Ref]]]:
    """A stream as a constant and weighted terms, sums of sums dissolved."""
    total, terms, waiting = 0, [], [(1, ref)]
    while waiting:
        coefficient, term = waiting.pop()
        value = constant_value(term)
        if value is not None:
            total += coefficient * value
        elif term.node.op == "sum":
            constant, weights = SUM.of(term.node)
            total += coefficient * constant
            operands = [operand.shifted(term.delay) for operand in term.node.operands]
            waiting.extend((coefficient * weight, operand) for weight, operand in zip(weights, operands, strict=True))
        else:
            terms.append((coefficient, term))
    return total, terms
