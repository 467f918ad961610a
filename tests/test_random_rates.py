"""Random pipelines whose streams come at rates of their own (`random_rates`): hardware as Halide, bit for bit.

`make test` runs a few, always the same; ``FLUORITE_FUZZ=n`` runs n others (``make fuzz``), ``FLUORITE_FUZZ_SEED`` says
which.
"""

import collections
import os

import pytest

from tests.random_rates import check

# Among them: channels and four lanes, tiles with two tails, one dimension of one size, five rates, a row that begins
# before the scan's, a value that is never looked at in the phases that are needed, several words of lanes at four times
# the rate.
NUMBERS = (105, 106, 107, 113, 115, 117, 120, 137, 327)
EXAMPLES = int(os.environ.get("FLUORITE_FUZZ", "0"))
SEED = int(os.environ.get("FLUORITE_FUZZ_SEED", "0"))
REFUSED_MOST = 0.05


@pytest.mark.slow
@pytest.mark.parametrize("number", NUMBERS)
def test_random_rates_are_exact(number):
    assert check(number).said == "exact"


@pytest.mark.skipif(not EXAMPLES, reason="FLUORITE_FUZZ=n runs n more")
def test_many_random_rates_are_exact(capsys):
    counts = collections.Counter(check(10_000 + SEED + n).said for n in range(EXAMPLES))
    with capsys.disabled():
        print("".join(f"\n  {count:5} {said}" for said, count in counts.most_common()))
    assert EXAMPLES < 50 or sum(n for said, n in counts.items() if said.startswith("refused")) < REFUSED_MOST * EXAMPLES
