"""Seeded errors in the scripts: the model of Vivado refuses each, and says why."""

import pytest

# file, what is there, what is put there instead, what the refusal says
MUTATIONS = {
    "unknown property": (
        "design.tcl",
        "PCW_EN_CLK0_PORT 1",
        "PCW_EN_CLK_PORT 1",
        "set_property: xilinx.com:ip:processing_system7:5.5 has no property CONFIG.PCW_EN_CLK_PORT that is known here",
    ),
    "property of another core": (
        "block_design.tcl",
        "NUM_SI $slaves",
        "NUM_PORTS $slaves",
        "set_property: xilinx.com:ip:smartconnect:1.0 has no property CONFIG.NUM_PORTS that is known here",
    ),
    "value out of range": (
        "design.tcl",
        "PCW_FPGA0_PERIPHERAL_FREQMHZ 125",
        "PCW_FPGA0_PERIPHERAL_FREQMHZ 125000000",
        "set_property: CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ of ps must be number of 0.1 250, not '125000000'",
    ),
    "width the port does not have": (
        "design.tcl",
        "PCW_S_AXI_HP0_DATA_WIDTH 64",
        "PCW_S_AXI_HP0_DATA_WIDTH 128",
        "set_property: CONFIG.PCW_S_AXI_HP0_DATA_WIDTH of ps must be choice of 32 64, not '128'",
    ),
    "port not turned on": (
        "design.tcl",
        "PCW_USE_S_AXI_HP1 1",
        "PCW_USE_S_AXI_HP1 0",
        "there is no bd_pin ps/S_AXI_HP1_ACLK",
    ),
    "another control port turned on": (
        "design.tcl",
        "PCW_USE_M_AXI_GP1 0",
        "PCW_USE_M_AXI_GP1 1",
        "validate_bd_design: clock pin ps/M_AXI_GP1_ACLK is not connected",
    ),
    "unknown command": (
        "block_design.tcl",
        "    validate_bd_design\n",
        "    validate_bd_designs\n",
        "Vivado has no command 'validate_bd_designs' that is known here",
    ),
    "unknown option": (
        "block_design.tcl",
        "assign_bd_address -force -offset",
        "assign_bd_address -force -base",
        "assign_bd_address has no option -base that is known here",
    ),
    "a name for an object": (
        "block_design.tcl",
        "connect_bd_net [get_bd_pins $driver] [get_bd_pins $pin]",
        "connect_bd_net $driver $pin",
        "connect_bd_net: 'ps/FCLK_CLK0' is not an object; one of kind bd_pin is wanted",
    ),
    "pins where interfaces are wanted": (
        "block_design.tcl",
        "[get_bd_intf_pins $master] [get_bd_intf_pins $slave]",
        "[get_bd_pins $master] [get_bd_intf_pins $slave]",
        "there is no bd_pin ps/M_AXI_GP0",
    ),
    "core that is not there": (
        "block_design.tcl",
        "xilinx.com:ip:proc_sys_reset",
        "xilinx.com:ip:proc_sys_rst",
        "create_bd_cell: no core xilinx.com:ip:proc_sys_rst is in the catalogue",
    ),
    "accelerator that is not packaged": (
        "design.tcl",
        "fluorite:accelerators:vivado_blend_axi:1.0",
        "fluorite:accelerators:vivado_blend_axi:1.1",
        "fluorite: fluorite:accelerators:vivado_blend_axi:1.1 is not in the catalogue: is the folder ip complete? "
        "Vivado's messages [IP_Flow 19-395] and [IP_Flow 19-1977] say what it cannot read in a component.xml; with "
        "MODULE_REFERENCE=1 the Verilog goes into the block design without being packaged",
    ),
    "clock of an accelerator missing": (
        "block_design.tcl",
        "clocked $name aclk aresetn\n        connect control",
        "clocked $name {} aresetn\n        connect control",
        "validate_bd_design: clock pin vivado_blend_axi/aclk is not connected",
    ),
    "clock of a memory port missing": (
        "block_design.tcl",
        "        clocked ps [list [lindex $port 1]] {}\n",
        "",
        "validate_bd_design: clock pin ps/S_AXI_HP0_ACLK is not connected",
    ),
    "reset of the wrong polarity": (
        "block_design.tcl",
        "wire reset/peripheral_aresetn",
        "wire reset/peripheral_reset",
        "connect_bd_net: reset/peripheral_reset is ACTIVE_HIGH, control/aresetn ACTIVE_LOW",
    ),
    "reset that is not synchronous": (
        "block_design.tcl",
        "wire reset/peripheral_aresetn $cell/$pin",
        "wire ps/FCLK_RESET0_N $cell/$pin",
        "validate_bd_design: reset control/aresetn is on clock ps/FCLK_CLK0, its driver ps/FCLK_RESET0_N on none",
    ),
    "clock to a reset pin": (
        "block_design.tcl",
        "clocked $name aclk aresetn\n}",
        "clocked $name aresetn {}\n}",
        "connect_bd_net: ps/FCLK_CLK0 is a clock, control/aresetn a reset",
    ),
    "two drivers": (
        "block_design.tcl",
        '[expr {$count > 1 ? "interrupts/In$line" : $interrupts}]',
        "interrupts/In0",
        "connect_bd_net: interrupts/In0 is driven by vivado_blend_axi/interrupt already, and would be by "
        "vivado_edges_axi/interrupt too",
    ),
    "one interrupt to a wider pin": (
        "design.tcl",
        "0x43c10000 0x10000 1}",
        "0x43c10000 0x10000 2}",
        "there is no bd_pin interrupts/In2",
    ),
    "more interrupts than accelerators": (
        "block_design.tcl",
        "add_concatenation interrupts $count",
        "add_concatenation interrupts [expr {$count + 1}]",
        "validate_bd_design: data pin interrupts/In2 is not connected",
    ),
    "wider than the interrupt port": (
        "block_design.tcl",
        "add_concatenation interrupts $count",
        "add_concatenation interrupts 17",
        "connect_bd_net: interrupts/dout has 17 bits, ps/IRQ_F2P 16",
    ),
    "two slaves connected": (
        "block_design.tcl",
        "connect $accelerator/$bus $smartconnect/",
        "connect ps/$name $smartconnect/",
        "connect_bd_intf_net: ps/S_AXI_HP0 and memory_s_axi_hp0/S00_AXI are both a slave",
    ),
    "interfaces of different buses": (
        "block_design.tcl",
        "connect ps/[dict get $processor control] control/S00_AXI",
        "connect ps/DDR control/S00_AXI",
        "connect_bd_intf_net: ps/DDR is a xilinx.com:interface:ddrx_rtl:1.0, "
        "control/S00_AXI a xilinx.com:interface:aximm_rtl:1.0",
    ),
    "AXI4 straight to AXI3": (
        "block_design.tcl",
        "        set mine [lsearch",
        '        if {$name eq "S_AXI_HP1"} {connect vivado_blend_axi/m_axi_right ps/$name; continue}\n'
        "        set mine [lsearch",
        "validate_bd_design: protocol of ps/S_AXI_HP1 is AXI3, of vivado_blend_axi/m_axi_right AXI4",
    ),
    "interface connected twice": (
        "block_design.tcl",
        "            incr number\n        }\n        connect $smartconnect/M00_AXI",
        "        }\n        connect $smartconnect/M00_AXI",
        "connect_bd_intf_net: memory_s_axi_hp0/S00_AXI is connected to vivado_blend_axi/m_axi_left already",
    ),
    "a slave too many": (
        "block_design.tcl",
        "add_smartconnect control 1 $count",
        "add_smartconnect control 1 [expr {$count + 1}]",
        "validate_bd_design: interface control/M02_AXI is not connected",
    ),
    "a master forgotten": (
        "design.tcl",
        "    {vivado_blend_axi m_axi_right S_AXI_HP1}\n",
        "",
        "set_property: CONFIG.NUM_SI of memory_s_axi_hp1 must be integer of 1 16, not '0'",
    ),
    "registers outside the control port's window": (
        "design.tcl",
        "0x43c10000 0x10000 1}",
        "0x03c10000 0x10000 1}",
        "assign_bd_address: vivado_edges_axi/s_axi_control/reg0 at 0x3c10000, 0x10000 bytes, in ps/Data: "
        "M_AXI_GP0 does not reach there",
    ),
    "registers that overlap": (
        "design.tcl",
        "0x43c10000 0x10000 1}",
        "0x43c00000 0x10000 1}",
        "assign_bd_address: vivado_edges_axi/s_axi_control/reg0 at 0x43c00000, 0x10000 bytes, in ps/Data: overlaps "
        "vivado_blend_axi/s_axi_control/reg0",
    ),
    "registers off their boundary": (
        "design.tcl",
        "0x43c10000 0x10000 1}",
        "0x43c18000 0x10000 1}",
        "assign_bd_address: vivado_edges_axi/s_axi_control/reg0 at 0x43c18000, 0x10000 bytes, in ps/Data: the offset "
        "must be a multiple of the range",
    ),
    "more memory than there is": (
        "design.tcl",
        "S_AXI_HP0/HP0_DDR_LOWOCM 0x00000000 0x20000000",
        "S_AXI_HP0/HP0_DDR_LOWOCM 0x00000000 0x40000000",
        "assign_bd_address: ps/S_AXI_HP0/HP0_DDR_LOWOCM at 0x0, 0x40000000 bytes, in vivado_blend_axi/m_axi_left: the "
        "segment lies at 0x0, 0x20000000 bytes",
    ),
    "memory of another port": (
        "design.tcl",
        "S_AXI_HP0_ACLK {{S_AXI_HP0/HP0_DDR_LOWOCM",
        "S_AXI_HP0_ACLK {{S_AXI_HP1/HP1_DDR_LOWOCM",
        "assign_bd_address: ps/S_AXI_HP1/HP1_DDR_LOWOCM cannot be reached from vivado_blend_axi/m_axi_left",
    ),
    "memory forgotten": (
        "block_design.tcl",
        "            assign_bd_address -force -offset $offset -range $bytes -target_address_space $space $memory\n",
        "",
        "validate_bd_design: ps/S_AXI_HP0/HP0_DDR_LOWOCM has no address in vivado_blend_axi/m_axi_left and is not "
        "excluded",
    ),
    "preset of another board": (
        "design.tcl",
        "tul.com.tw:pynq-z2:part0:1.0",
        "xilinx.com:zcu104:part0:1.1",
        "fluorite: the board files xilinx.com:zcu104:part0:1.1 are for xczu7ev-ffvc1156-2-e, and the design is for "
        "xc7z020clg400-1",
    ),
    "part that is not there": (
        "design.tcl",
        "xc7z020clg400-1",
        "xc7z020clg401-1",
        "fluorite: the board files tul.com.tw:pynq-z2:part0:1.0 are for xc7z020clg400-1, and the design is for "
        "xc7z020clg401-1",
    ),
    "memory not made external": (
        "design.tcl",
        "make_external {FIXED_IO, DDR} ",
        "",
        "validate_bd_design: interface ps/DDR is not made external",
    ),
    "not validated": (
        "block_design.tcl",
        "    validate_bd_design\n",
        "",
        "save_bd_design before validate_bd_design",
    ),
    "changed after it was validated": (
        "block_design.tcl",
        "    assign_addresses\n    validate_bd_design\n",
        "    validate_bd_design\n    assign_addresses\n",
        "validate_bd_design: vivado_blend_axi/s_axi_control/reg0 has no address in ps/Data and is not excluded",
    ),
    "wrapper before the design": (
        "build.tcl",
        "    make_project $here\n",
        "    make_project $here\n    make_top\n",
        "get_files before save_bd_design",
    ),
    "top that is not there": (
        "build.tcl",
        "set_property top system_wrapper",
        "set_property top wrapper",
        "set_property top: there is no module wrapper",
    ),
    "file that is not there": (
        "build.tcl",
        "constraints.xdc",
        "pins.xdc",
        "add_files: there is no file",
    ),
    "synthesis left out": (
        "build.tcl",
        "    complete_run synth_1\n",
        "",
        "launch_runs impl_1 before synth_1",
    ),
    "platform before the bitstream": (
        "build.tcl",
        "    complete_run impl_1 -to_step write_bitstream\n",
        "",
        "error copying",
    ),
    "design still open": (
        "build.tcl",
        "    close_design\n",
        "",
        "launch_runs impl_1 while its design is open",
    ),
    "error that is caught": (
        "block_design.tcl",
        "    save_bd_design\n",
        "    save_bd_design\n    catch {delete_bd_objs all}\n",
        "refused, and caught: Vivado has no command 'delete_bd_objs' that is known here",
    ),
    "interface without its clock": (
        "ip/vivado_blend_axi/component.xml",
        "s_axi_control:m_axi_left:m_axi_right:",
        "s_axi_control:m_axi_left:",
        "component.xml: no clock is associated with interface m_axi_right",
    ),
    "port that is not there": (
        "ip/vivado_blend_axi/component.xml",
        "<spirit:name>m_axi_left_rdata</spirit:name>",
        "<spirit:name>m_axi_left_rdate</spirit:name>",
        "component.xml: interface m_axi_left has no port m_axi_left_rdate",
    ),
    "clock of a run by itself in a design": (
        "ip/vivado_blend_axi/component.xml",
        "<spirit:userFileType>USED_IN_out_of_context</spirit:userFileType>",
        "",
        "component.xml: the clock of xdc/vivado_blend_axi_ooc.xdc would be a second one in a design: it lacks "
        "USED_IN_out_of_context",
    ),
    "view without a checksum": (
        "ip/vivado_blend_axi/component.xml",
        "viewChecksum",
        "checksum",
        "component.xml of vivado_blend_axi: view xilinx_anylanguagesynthesis has no viewChecksum",
    ),
    "bits swapped for the FPGA manager": (
        "build.tcl",
        " -disablebitswap",
        "",
        "write_cfgmem: option -disablebitswap is missing",
    ),
    "bytes of another port": (
        "build.tcl",
        "SMAPx32",
        "SMAPx8",
        "write_cfgmem: -interface must be SMAPx32 for the configuration port, not SMAPx8",
    ),
    "pulse width by a name that runs do not have": (
        "timing.tcl",
        "STATS.TPWS",
        "STATS.WPWS",
        "get_property: a run has no property STATS.WPWS that is known here",
    ),
    "rate by a name that the processor does not have": (
        "design.tcl",
        "PCW_ACT_FPGA0_PERIPHERAL_FREQMHZ",
        "PCW_ACT_FCLK0_PERIPHERAL_FREQMHZ",
        "get_property: xilinx.com:ip:processing_system7:5.5 has no property "
        "CONFIG.PCW_ACT_FCLK0_PERIPHERAL_FREQMHZ that is known here",
    ),
    "Verilog that is not there": (
        "ip/vivado_blend_axi/component.xml",
        "hdl/vivado_blend_axi.v",
        "hdl/vivado_blend.v",
        "component.xml of vivado_blend_axi: there is no file",
    ),
    "parameter that is not there": (
        "ip/vivado_blend_axi/xgui/vivado_blend_axi.tcl",
        "Component_Name",
        "DATA_WIDTH",
        "ipgui::add_param: the core has no parameter 'DATA_WIDTH'",
    ),
}


@pytest.mark.parametrize(("path", "old", "new", "message"), MUTATIONS.values(), ids=MUTATIONS)
def test_refused(copy, vivado, refused, path, old, new, message):
    refused(copy("pynq-z2"), vivado, path, old, new, message)
