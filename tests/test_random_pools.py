"""Random pipelines made bottom-up (`random_pools`): the hardware compared with Halide bit for bit.

`make test` runs a few, always the same; ``FLUORITE_FUZZ=n`` runs n others (``make fuzz``), ``FLUORITE_FUZZ_SEED`` says
which.
"""

import collections
import os

import pytest

from tests.random_pools import check

# Few operators, and among them: one dimension, eight lanes, a border behind which stages are, launches back to back.
NUMBERS = (1000, 1002, 1005)
EXAMPLES = int(os.environ.get("FLUORITE_FUZZ", "0"))
SEED = int(os.environ.get("FLUORITE_FUZZ_SEED", "0"))
REFUSED_MOST = 0.2


@pytest.mark.slow
@pytest.mark.parametrize("number", NUMBERS)
def test_random_pools_are_exact(number):
    assert check(number) == "exact"


@pytest.mark.skipif(not EXAMPLES, reason="FLUORITE_FUZZ=n runs n more")
def test_many_random_pools_are_exact(capsys):
    counts = collections.Counter(check(10_000 + SEED + n) for n in range(EXAMPLES))
    with capsys.disabled():
        print("".join(f"\n  {count:5} {said}" for said, count in counts.most_common()))
    assert EXAMPLES < 50 or sum(n for said, n in counts.items() if said.startswith("refused")) < REFUSED_MOST * EXAMPLES
