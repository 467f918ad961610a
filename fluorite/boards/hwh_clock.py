"""Clocks of the fabric as parameters of the processor's core: what PYNQ reads and sets."""

from __future__ import annotations

from fluorite.boards.board import Board

__all__ = ["clock_parameters", "clock_rate_hz"]

#: The IO PLL as the boards' presets set it. PYNQ 4.0 divides what it finds running by the rate; 3.1 and older take the
#: divisors as they stand, so that of the two rates at which KV260's images run it the higher one is right: where it is
#: the lower, the clock is slower than it may be, and never faster. What sets it right there is the driver's overlay.
_IO_PLL_HZ = {"ps7": 1_000_000_000, "psu": 1_500_000_000}
_DIVISORS = range(1, 64)
_CLOCKS = 4


def clock_rate_hz(board: Board) -> float:
    """The rate of the accelerators' clock as the board's preset makes it, at most the one compiled for."""
    assert board.processor is not None
    first, second = _divisors(_IO_PLL_HZ[board.processor.kind] / board.clock_hz)
    return _IO_PLL_HZ[board.processor.kind] / (first * second)


def clock_parameters(board: Board) -> dict[str, str]:
    """Enables, sources, divisors and rates of the four clocks, of which accelerators use the first.

    The rate is under UltraScale+'s name on Zynq-7000 too: there is where PYNQ 4.0 looks for it on either, and without
    it refuses to load a bitstream.
    """
    assert board.processor is not None
    first, second = _divisors(_IO_PLL_HZ[board.processor.kind] / board.clock_hz)
    found: dict[str, str] = {}
    for n in range(_CLOCKS):
        enable, divisors = (1, (first, second)) if n == 0 else (0, (1, 1))
        ultrascale = f"PSU__CRL_APB__PL{n}_REF_CTRL__"
        if board.processor.kind == "ps7":
            prefix = f"PCW_FCLK{n}_PERIPHERAL_"
            found[f"PCW_FPGA_FCLK{n}_ENABLE"] = str(enable)
            found[f"{prefix}CLKSRC"] = "IO PLL"
        else:
            prefix = ultrascale
            found[f"PSU__FPGA_PL{n}_ENABLE"] = str(enable)
            found[f"{prefix}SRCSEL"] = "IOPLL"
        for d, divisor in enumerate(divisors):
            found[f"{prefix}DIVISOR{d}"] = str(divisor)
        if enable:
            found[f"{ultrascale}ACT_FREQMHZ"] = f"{clock_rate_hz(board) / 1e6:.6f}"
    return found


def _divisors(ratio: float) -> tuple[int, int]:
    """Two divisors of 6 bits whose product is the least that does not exceed the rate asked for."""
    pairs = [(a, b) for a in _DIVISORS for b in _DIVISORS if a * b >= ratio * (1 - 1e-9)]
    return min(pairs, key=lambda pair: (pair[0] * pair[1], pair[1]))
