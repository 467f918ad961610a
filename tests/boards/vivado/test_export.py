"""What is handed out: a bitstream for the FPGA manager, metadata that PYNQ 4.0 reads."""

from xml.etree import ElementTree

RATE = "PSU__CRL_APB__PL{}_REF_CTRL__ACT_FREQMHZ"


def parameters(path):
    found = ElementTree.fromstring(path.read_text()).iter("PARAMETER")
    return [(parameter.get("NAME"), parameter.get("VALUE")) for parameter in found]


def test_bitstream_for_the_fpga_manager(copy, vivado, tmp_path):
    """Made in folders whose names have spaces, too."""
    folder = copy("pynq-z2").rename(tmp_path / "my designs")
    result = vivado(folder)
    assert result.code == 0, result.error
    assert (folder / "output" / "vivado_two.bit.bin").read_text() == "bitstream, without header\n"
    text = (folder / "build.tcl").read_text()
    (folder / "build.tcl").write_text(text.replace('"up 0x0 $name.bit"', '"up 0x0 [file join $output $name.bit]"'))
    assert vivado(folder).error == "write_cfgmem: -loadbit must be 'up 0x0' and a path without spaces\n"


def test_rates_where_pynq_4_looks_for_them(copy, vivado):
    """On Zynq-7000 Vivado's file has them under the processor's own names, where PYNQ 4.0 raises TypeError."""
    folder = copy("pynq-z2")
    assert vivado(folder).code == 0
    (given,) = (folder / "project").rglob("system.hwh")
    before, after = parameters(given), parameters(folder / "output" / "vivado_two.hwh")
    rates = ["125.000000", "10.000000", "10.000000", "10.000000"]
    assert before == [(f"PCW_ACT_FPGA{n}_PERIPHERAL_FREQMHZ", rate) for n, rate in enumerate(rates)]
    added = [(RATE.format(n), rate) for n, rate in enumerate(rates)]
    assert after == [pair for pairs in zip(before, added, strict=True) for pair in pairs]


def test_metadata_of_ultrascale_is_as_vivado_wrote_it(copy, vivado):
    folder = copy("zcu104")
    assert vivado(folder).code == 0
    (given,) = (folder / "project").rglob("system.hwh")
    assert (folder / "output" / "vivado_two.hwh").read_text() == given.read_text()
    assert parameters(given) == [(RATE.format(0), "249.997500")]
