"""Seeded errors on Zynq UltraScale+, for what is different there."""

import pytest

# file, what is there, what is put there instead, what the refusal says
ULTRASCALE = {
    "property of Zynq-7000": (
        "design.tcl",
        "PSU__USE__IRQ0 1",
        "PCW_IRQ_F2P_INTR 1",
        "set_property: xilinx.com:ip:zynq_ultra_ps_e:3.5 has no property CONFIG.PCW_IRQ_F2P_INTR that is known here",
    ),
    "interrupts not turned on": (
        "design.tcl",
        "PSU__USE__IRQ0 1",
        "PSU__USE__IRQ0 0",
        "there is no bd_pin ps/pl_ps_irq0",
    ),
    "control port of the preset left on": (
        "design.tcl",
        "PSU__USE__M_AXI_GP1 0",
        "PSU__USE__M_AXI_GP1 1",
        "validate_bd_design: clock pin ps/maxihpm1_fpd_aclk is not connected",
    ),
    "port of another number": (
        "design.tcl",
        "PSU__USE__S_AXI_GP2 1",
        "PSU__USE__S_AXI_GP2 0",
        "there is no bd_pin ps/saxihp0_fpd_aclk",
    ),
    "memory the board does not have": (
        "design.tcl",
        "SAXIGP2/HP0_DDR_LOW 0x00000000",
        "SAXIGP2/HP0_DDR_HIGH 0x800000000",
        "there is no bd_addr_seg ps/SAXIGP2/HP0_DDR_HIGH",
    ),
    "flash and on-chip memory not excluded": (
        "block_design.tcl",
        "if {$segment ni $mapped}",
        "if {0}",
        "validate_bd_design: ps/SAXIGP2/HP0_QSPI has no address in vivado_blend_axi/m_axi_left and is not excluded",
    ),
    "flash mapped as if it were memory": (
        "design.tcl",
        "{SAXIGP2/HP0_DDR_LOW 0x00000000 0x80000000}",
        "{SAXIGP2/HP0_DDR_LOW 0x00000000 0x80000000} {SAXIGP2/HP0_QSPI 0x80000000 0x20000000}",
        "assign_bd_address: ps/SAXIGP2/HP0_QSPI at 0x80000000, 0x20000000 bytes, in vivado_blend_axi/m_axi_left: the "
        "segment lies at 0xc0000000, 0x20000000 bytes",
    ),
    "registers in another port's window": (
        "design.tcl",
        "0xa0010000 0x10000 1}",
        "0xb0010000 0x10000 1}",
        "assign_bd_address: vivado_edges_axi/s_axi_control/reg0 at 0xb0010000, 0x10000 bytes, in ps/Data: "
        "M_AXI_HPM0_FPD does not reach there",
    ),
    "preset without a board": (
        "design.tcl",
        "set board_part  xilinx.com:zcu104:part0:1.1",
        "set board_part  {}",
        "apply_bd_automation: the project has no board whose preset could be applied",
    ),
    "automation of Zynq-7000": (
        "design.tcl",
        "options {apply_board_preset 1}",
        "options {apply_board_preset 1 make_external {FIXED_IO, DDR}}",
        "apply_bd_automation: xilinx.com:bd_rule:zynq_ultra_ps_e has no option make_external that is known here",
    ),
}


@pytest.mark.parametrize(("path", "old", "new", "message"), ULTRASCALE.values(), ids=ULTRASCALE)
def test_refused(copy, vivado, refused, path, old, new, message):
    refused(copy("zcu104"), vivado, path, old, new, message)
