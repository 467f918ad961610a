# processing_system7: Zynq-7000's processor.
#
# Sources: AMD PG082 (pins, interfaces); AMD UG585, Zynq-7000 Technical Reference Manual (address map: general purpose
# masters, DDR; 16 shared peripheral interrupts from the fabric); property and segment names as in block designs that
# Vivado has written, of which there are many in public repositories.

namespace eval stub {}

set stub::ps7_properties {
    PCW_FPGA0_PERIPHERAL_FREQMHZ {number 0.1 250}
    PCW_FCLK0_PERIPHERAL_CLKSRC {choice {ARM PLL} {DDR PLL} {IO PLL}}
    PCW_EN_CLK0_PORT {integer 0 1}
    PCW_EN_RST0_PORT {integer 0 1}
    PCW_USE_FABRIC_INTERRUPT {integer 0 1}
    PCW_IRQ_F2P_INTR {integer 0 1}
    PCW_USE_M_AXI_GP0 {integer 0 1}
    PCW_USE_M_AXI_GP1 {integer 0 1}
}
set stub::ps7_defaults {
    PCW_FPGA0_PERIPHERAL_FREQMHZ 50 PCW_FCLK0_PERIPHERAL_CLKSRC {IO PLL} PCW_EN_CLK0_PORT 0 PCW_EN_RST0_PORT 0 PCW_USE_FABRIC_INTERRUPT 0
    PCW_IRQ_F2P_INTR 0 PCW_USE_M_AXI_GP0 1 PCW_USE_M_AXI_GP1 0
}
for {set n 0} {$n < 4} {incr n} {
    lappend stub::ps7_properties PCW_USE_S_AXI_HP$n {integer 0 1} PCW_S_AXI_HP${n}_DATA_WIDTH {choice 32 64}
    lappend stub::ps7_defaults PCW_USE_S_AXI_HP$n 0 PCW_S_AXI_HP${n}_DATA_WIDTH 64
}

# The rate of FCLK_CLK0. PLLs: crystal of 33.333 MHz, U-Boot's ps7_init_gpl.c of these boards (IO PLL times 30, ARM PLL
# times 40, DDR PLL times 32).
proc stub::ps7_clock {config} {
    set plls [dict create {IO PLL} 1000.0 {ARM PLL} 1333.333 {DDR PLL} 1066.667]
    return [divided_clock [dict get $plls [dict get $config PCW_FCLK0_PERIPHERAL_CLKSRC]] \
        [dict get $config PCW_FPGA0_PERIPHERAL_FREQMHZ]]
}

proc stub::ps7 {config} {
    variable axi
    set pins {}
    set interfaces [dict create \
        DDR [interface master xilinx.com:interface:ddrx_rtl:1.0 "" "" "" 0] \
        FIXED_IO [interface master xilinx.com:display_processing_system7:fixedio_rtl:1.0 "" "" "" 0]]
    set windows {}
    set segments {}
    if {[dict get $config PCW_EN_CLK0_PORT]} {
        dict set pins FCLK_CLK0 [pin out clock]
    }
    if {[dict get $config PCW_EN_RST0_PORT]} {
        # Not synchronous to any clock.
        dict set pins FCLK_RESET0_N [pin out reset 1 0 ACTIVE_LOW]
    }
    if {[dict get $config PCW_USE_FABRIC_INTERRUPT] && [dict get $config PCW_IRQ_F2P_INTR]} {
        dict set pins IRQ_F2P [pin in interrupt 16 1]
    }
    foreach {name first} {M_AXI_GP0 0x40000000 M_AXI_GP1 0x80000000} {
        if {[dict get $config PCW_USE_$name]} {
            dict set pins ${name}_ACLK [pin in clock 1 1]
            dict set interfaces $name [interface master $axi AXI3 32 ${name}_ACLK]
            lappend windows $name $first 0x40000000
        }
    }
    for {set n 0} {$n < 4} {incr n} {
        set name S_AXI_HP$n
        if {[dict get $config PCW_USE_$name]} {
            dict set pins ${name}_ACLK [pin in clock 1 1]
            dict set interfaces $name [interface slave $axi AXI3 [dict get $config PCW_${name}_DATA_WIDTH] ${name}_ACLK]
            dict set segments $name/HP${n}_DDR_LOWOCM \
                [dict create interface $name offset 0 bytes [dict get $config memory_bytes]]
        }
    }
    set spaces [dict create Data [dict create windows $windows]]
    return [dict create pins $pins interfaces $interfaces spaces $spaces segments $segments]
}
stub::add_core xilinx.com:ip:processing_system7:5.5 $stub::ps7_properties \
    [concat $stub::ps7_defaults memory_bytes 0x20000000] stub::ps7
