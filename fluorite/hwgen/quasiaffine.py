"""Quasi-affine functions: indices like ``2*x + 1``, ``x / 2``, ``(3*x) / 2 - 1``, ``x / 2 - 1 + 2*(x % 2)``.

A function is quasi-affine if there are a period and a step such that ``f(i + period) == f(i) + step`` for every
integer i: sums, multiples by numbers, quotients and remainders by numbers of such functions are, and so is one behind
another. It is known by its values over one period. The ratio of step to period is the rate at which what is read moves.

The term is that of the polyhedral model (Feautrier, "Dataflow analysis of array and scalar references", 1991).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from fluorite.hwgen.formula import Formula, constant, floor_div

__all__ = ["STILL", "QuasiAffine", "shift"]


@dataclass(frozen=True, slots=True)
class QuasiAffine:
    """``f(i) = step * floor(i / period) + values[i mod period]``, the period being ``len(values)``.

    Two are equal if they are the same function: the constructor takes the least period.

    Attributes
    ----------
    step : int
        What the function rises by over a period.
    values : tuple of int
        Its values at 0, 1 ... period - 1.
    """

    step: int
    values: tuple[int, ...]

    def __post_init__(self) -> None:
        period = len(self.values)
        for shorter in range(1, period):
            if period % shorter == 0 and self.step * shorter % period == 0:
                step = self.step * shorter // period
                if all(self.values[i] == self.values[i - shorter] + step for i in range(shorter, period)):
                    object.__setattr__(self, "step", step)
                    object.__setattr__(self, "values", self.values[:shorter])
                    return

    @property
    def period(self) -> int:
        """After how many arguments it goes on as before."""
        return len(self.values)

    @property
    def rate(self) -> Fraction:
        """What it rises by per argument, on average."""
        return Fraction(self.step, self.period)

    @property
    def is_shift(self) -> bool:
        """Whether it is ``i + number``."""
        return self.step == 1 and self.period == 1

    @property
    def is_monotone(self) -> bool:
        """Whether it never falls."""
        following = (*self.values[1:], self.values[0] + self.step)
        return all(a <= b for a, b in zip(self.values, following, strict=True))

    def __call__(self, i: int) -> int:
        """Its value."""
        return self.step * (i // self.period) + self.values[i % self.period]

    def after(self, inner: QuasiAffine) -> QuasiAffine:
        """The function ``self(inner(i))``."""
        turns = self.period // math.gcd(self.period, inner.step) if inner.step else 1
        period = inner.period * turns
        return QuasiAffine(
            self(inner(period)) - self(inner(0)) if inner.step else 0, tuple(self(inner(i)) for i in range(period))
        )

    def plus(self, number: int) -> QuasiAffine:
        """The function ``self(i) + number``."""
        return QuasiAffine(self.step, tuple(value + number for value in self.values))

    def every(self, stride: int) -> QuasiAffine:
        """The function ``self(stride * i)``."""
        return self.after(QuasiAffine(stride, (0,)))

    def in_phase(self, stride: int, phase: int) -> QuasiAffine:
        """A function that never falls, and is this one at every argument of one phase of `every`.

        These are ``stride * (phase + i * every(stride).period)`` for all i.
        """
        words = self.every(stride)
        start, turn = stride * phase, stride * words.period
        return QuasiAffine(words.step, tuple(self(start) + (words.step * (i - start)) // turn for i in range(turn)))

    def from_below(self) -> QuasiAffine:
        """The greatest function below it that never falls: the least of what it is from each argument on."""
        return self._over(lambda i: min(self(j) for j in range(i, i + self.period)))

    def from_above(self) -> QuasiAffine:
        """The least function above it that never falls: the greatest of what it is up to each argument."""
        return self._over(lambda i: max(self(j) for j in range(i - self.period + 1, i + 1)))

    def least(self, other: QuasiAffine) -> QuasiAffine:
        """The lesser of two functions of one rate, argument by argument."""
        return self._with(other, min)

    def greatest(self, other: QuasiAffine) -> QuasiAffine:
        """The greater of two functions of one rate, argument by argument."""
        return self._with(other, max)

    @property
    def quotient(self) -> int | None:
        """The k of a function that is ``floor((step*i + k) / period)``; None of any other."""
        period, step = self.period, self.step
        low = max(period * value - step * i for i, value in enumerate(self.values))
        high = min(period * value - step * i for i, value in enumerate(self.values)) + period - 1
        return low if low <= high else None

    def formula(self, argument: Formula) -> Formula:
        """Its value as a formula of a formula.

        A function with ``floor((step*i + k) / period)`` for its value is that; any other is the sum of its steps, each
        a division of its own.
        """
        period, step, k = self.period, self.step, self.quotient
        if k is not None:
            return floor_div(argument * step + k, period)
        total = constant(self.values[0])
        for i in range(1, period + 1):
            rise = self(i) - self(i - 1)
            if rise:
                total = total + floor_div(argument + (period - i), period) * rise
        return total

    def _over(self, value: Callable[[int], int]) -> QuasiAffine:
        return QuasiAffine(self.step, tuple(value(i) for i in range(self.period)))

    def _with(self, other: QuasiAffine, choose: Callable[[int, int], int]) -> QuasiAffine:
        assert self.rate == other.rate, "functions of different rates cross"
        period = math.lcm(self.period, other.period)
        step = self.step * period // self.period
        return QuasiAffine(step, tuple(choose(self(i), other(i)) for i in range(period)))


def shift(number: int) -> QuasiAffine:
    """The function ``i + number``."""
    return QuasiAffine(1, (number,))


#: The function that is 0 everywhere: where a stream is read along a dimension that it lacks.
STILL = QuasiAffine(0, (0,))
