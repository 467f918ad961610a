"""The ECP5's phase-locked loop (EHXPLLL): the dividers that give a clock."""

from __future__ import annotations

from dataclasses import dataclass

from fluorite.errors import UsageError

__all__ = ["Pll", "find_pll"]

# Lattice FPGA-DS-02012, ECP5 and ECP5-5G Family Data Sheet, sysCLOCK PLL timing.
_VCO_HZ = (400_000_000, 800_000_000)
_PHASE_DETECTOR_HZ = (10_000_000, 400_000_000)
_INPUT_DIVIDERS = range(1, 129)
_FEEDBACK_DIVIDERS = range(1, 81)
_OUTPUT_DIVIDERS = range(1, 129)


@dataclass(frozen=True, slots=True)
class Pll:
    """Settings of an EHXPLLL whose feedback is its own output CLKOP.

    Attributes
    ----------
    input_hz, output_hz : int
        Frequencies.
    input_divider, feedback_divider, output_divider : int
        CLKI_DIV, CLKFB_DIV, CLKOP_DIV.
    """

    input_hz: int
    output_hz: int
    input_divider: int
    feedback_divider: int
    output_divider: int

    @property
    def vco_hz(self) -> int:
        """Frequency of the oscillator."""
        return self.output_hz * self.output_divider

    @property
    def phase(self) -> int:
        """CLKOP_CPHASE that lines the output up with the input."""
        return self.output_divider - 1


def find_pll(input_hz: int, output_hz: int) -> Pll:
    """The settings for exactly a frequency, with the oscillator as near as possible to the middle of its range.

    Raises
    ------
    UsageError
        There are none.
    """
    found = [
        Pll(input_hz, output_hz, divider, feedback, output)
        for divider in _INPUT_DIVIDERS
        if _PHASE_DETECTOR_HZ[0] * divider <= input_hz <= _PHASE_DETECTOR_HZ[1] * divider
        for feedback in _FEEDBACK_DIVIDERS
        if input_hz * feedback == output_hz * divider
        for output in _OUTPUT_DIVIDERS
        if _VCO_HZ[0] <= output_hz * output <= _VCO_HZ[1]
    ]
    if not found:
        raise UsageError(
            f"clock_hz must be a frequency that the ECP5's PLL makes of {input_hz / 1e6:g} MHz, "
            f"not {output_hz / 1e6:g} MHz; take a small multiple of {input_hz / 1e6:g} MHz"
        )
    middle = sum(_VCO_HZ) // 2
    return min(found, key=lambda pll: (pll.input_divider, abs(pll.vco_hz - middle)))
