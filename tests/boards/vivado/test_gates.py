"""What gets no bitstream: missed times, slacks that nobody knows, another clock than the one compiled for."""

import pytest


def test_missed_clock_gets_no_bitstream(copy, vivado):
    folder = copy("pynq-z2")
    result = vivado(folder, STUB_WNS="-0.125")
    assert result.code == 1
    timing = folder / "reports" / "timing.rpt"
    assert result.error.strip() == f"fluorite: setup times are missed by 0.125 ns at 125 MHz: see {timing}"
    assert timing.exists()
    assert not list(folder.rglob("*.bit"))
    assert "hold times are missed by 0.5 ns" in vivado(folder, STUB_WHS="-0.5").error
    result = vivado(folder, STUB_TPWS="-1.25")
    assert result.error.strip() == f"fluorite: pulse width times are missed by 1.25 ns at 125 MHz: see {timing}"


@pytest.mark.parametrize("value", ["", "NA", "nan"])
def test_unknown_slack_gets_no_bitstream(copy, vivado, value):
    folder = copy("pynq-z2")
    for name, what in (("WNS", "setup"), ("WHS", "hold"), ("TPWS", "pulse width")):
        result = vivado(folder, **{f"STUB_{name}": value})
        assert (result.code, result.error.strip()) == (
            1,
            f"fluorite: no {what} slack is known (STATS.{name} is '{value}'): is anything constrained? "
            f"See {folder}/reports/timing.rpt",
        )
        assert not list(folder.rglob("*.bit"))


def clock_message(actual, wanted):
    return (
        f"fluorite: the processor's clock is {actual} MHz, and the accelerators are compiled for {wanted} MHz: set "
        "clock_hz in the board's file to what its PLL gives, and compile again\n"
    )


CLOCKS = [
    ("pynq-z2", "PCW_FPGA0_PERIPHERAL_FREQMHZ 125", "PCW_FPGA0_PERIPHERAL_FREQMHZ 130", "125.000000", None),
    ("pynq-z2", "PCW_FPGA0_PERIPHERAL_FREQMHZ 125", "PCW_FPGA0_PERIPHERAL_FREQMHZ 124", "111.111111", "125"),
    ("ultra96-v2", "PL0_REF_CTRL__DIVISOR0 8", "PL0_REF_CTRL__DIVISOR0 6", "249.997500", "187.5"),
    ("ultra96-v2", "    PSU__CRL_APB__PL0_REF_CTRL__DIVISOR0 8\n", "", "99.999000", "187.5"),
]


@pytest.mark.parametrize(("board", "old", "new", "actual", "wanted"), CLOCKS)
def test_real_clock_is_the_one_compiled_for(copy, vivado, board, old, new, actual, wanted):
    folder = copy(board)
    text = (folder / "design.tcl").read_text()
    assert old in text
    (folder / "design.tcl").write_text(text.replace(old, new))
    result = vivado(folder)
    if wanted is None:
        assert f"fluorite: the processor's clock is {actual} MHz" in result.output
    else:
        assert (result.code, result.error) == (1, clock_message(actual, wanted))


@pytest.mark.parametrize(
    ("board", "pll", "setting", "actual", "wanted"),
    [
        ("pynq-z2", "ARM PLL", "    PCW_FCLK0_PERIPHERAL_CLKSRC {IO PLL}\n", "121.212091", "125"),
        ("zcu104", "RPLL", "    PSU__CRL_APB__PL0_REF_CTRL__SRCSEL IOPLL\n", "233.333333", "250"),
    ],
)
def test_source_of_the_clock_is_not_left_to_the_preset(copy, vivado, board, pll, setting, actual, wanted):
    folder = copy(board)
    assert vivado(folder, STUB_PLL=pll).code == 0
    text = (folder / "design.tcl").read_text()
    assert setting in text
    (folder / "design.tcl").write_text(text.replace(setting, ""))
    assert vivado(folder, STUB_PLL=pll).error == clock_message(actual, wanted)


def test_no_procedure_hides_a_command(copy, vivado):
    """`check_timing` is a command of Vivado's, which report_timing_summary may call."""
    folder = copy("pynq-z2")
    text = (folder / "timing.tcl").read_text()
    (folder / "timing.tcl").write_text(text.replace("proc require_timing", "proc check_timing"))
    assert vivado(folder).error == "proc check_timing hides a command of Vivado's\n"
