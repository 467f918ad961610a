# zynq_ultra_ps_e: Zynq UltraScale+'s processor.
#
# Sources: AMD PG201 (pins, interfaces, which number a port has in the properties); AMD UG1085, Zynq UltraScale+ Device
# Technical Reference Manual (address map; two groups of 8 interrupts from the fabric); property and segment names as in
# block designs that Vivado has written, of which there are many in public repositories.

namespace eval stub {}

# Masters: interface, number in the properties, clock, windows.
set stub::psu_masters {
    M_AXI_HPM0_FPD 0 maxihpm0_fpd_aclk {0xA0000000 0x10000000 0x400000000 0x100000000}
    M_AXI_HPM1_FPD 1 maxihpm1_fpd_aclk {0xB0000000 0x10000000 0x500000000 0x100000000}
    M_AXI_HPM0_LPD 2 maxihpm0_lpd_aclk {0x80000000 0x20000000}
}
# Slaves: interface, number in the properties, clock, name in the segments.
set stub::psu_slaves {
    S_AXI_HPC0_FPD 0 saxihpc0_fpd_aclk HPC0
    S_AXI_HPC1_FPD 1 saxihpc1_fpd_aclk HPC1
    S_AXI_HP0_FPD 2 saxihp0_fpd_aclk HP0
    S_AXI_HP1_FPD 3 saxihp1_fpd_aclk HP1
    S_AXI_HP2_FPD 4 saxihp2_fpd_aclk HP2
    S_AXI_HP3_FPD 5 saxihp3_fpd_aclk HP3
}

set stub::psu_properties {
    PSU__FPGA_PL0_ENABLE {integer 0 1}
    PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ {number 1 500}
    PSU__CRL_APB__PL0_REF_CTRL__SRCSEL {choice IOPLL RPLL DPLL}
    PSU__CRL_APB__PL0_REF_CTRL__DIVISOR0 {integer 1 63}
    PSU__CRL_APB__PL0_REF_CTRL__DIVISOR1 {integer 1 63}
    PSU__USE__IRQ0 {integer 0 1}
    PSU__USE__IRQ1 {integer 0 1}
}
set stub::psu_defaults {
    PSU__FPGA_PL0_ENABLE 1 PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ 100 PSU__CRL_APB__PL0_REF_CTRL__SRCSEL IOPLL
    PSU__USE__IRQ0 0 PSU__USE__IRQ1 0
    PSU__USE__M_AXI_GP0 1 PSU__USE__M_AXI_GP1 1 PSU__USE__M_AXI_GP2 0
}
foreach {name number clock windows} $stub::psu_masters {
    lappend stub::psu_properties PSU__USE__M_AXI_GP$number {integer 0 1} PSU__MAXIGP${number}__DATA_WIDTH {
        choice 32 64 128
    }
    lappend stub::psu_defaults PSU__MAXIGP${number}__DATA_WIDTH 128
}
foreach {name number clock segments} $stub::psu_slaves {
    lappend stub::psu_properties PSU__USE__S_AXI_GP$number {integer 0 1} PSU__SAXIGP${number}__DATA_WIDTH {
        choice 32 64 128
    }
    lappend stub::psu_defaults PSU__USE__S_AXI_GP$number 0 PSU__SAXIGP${number}__DATA_WIDTH 128
}

# The rate of pl_clk0, of the divisors where the preset says so. PLLs: crystal of 33.333 MHz, IO PLL times 45 as in the
# boards' preset.xml; the others as Vivado sets them without a board.
proc stub::psu_clock {config} {
    set plls [dict create IOPLL 1499.985 RPLL 1400.0 DPLL 1066.656]
    set pll [dict get $plls [dict get $config PSU__CRL_APB__PL0_REF_CTRL__SRCSEL]]
    if {[dict exists $config PSU__OVERRIDE__BASIC_CLOCK] && [dict get $config PSU__OVERRIDE__BASIC_CLOCK]} {
        foreach {n usual} {0 15 1 1} {
            set pll [expr {$pll / [option $config PSU__CRL_APB__PL0_REF_CTRL__DIVISOR$n $usual]}]
        }
        return [format %.6f $pll]
    }
    return [divided_clock $pll [dict get $config PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ]]
}

proc stub::psu {config} {
    variable axi
    variable psu_masters
    variable psu_slaves
    set pins {}
    set interfaces {}
    set windows {}
    set segments {}
    if {[dict get $config PSU__FPGA_PL0_ENABLE]} {
        dict set pins pl_clk0 [pin out clock]
    }
    # Not synchronous to any clock.
    dict set pins pl_resetn0 [pin out reset 1 0 ACTIVE_LOW]
    foreach n {0 1} {
        if {[dict get $config PSU__USE__IRQ$n]} {
            dict set pins pl_ps_irq$n [pin in interrupt 8 1]
        }
    }
    foreach {name number clock areas} $psu_masters {
        if {[dict get $config PSU__USE__M_AXI_GP$number]} {
            dict set pins $clock [pin in clock 1 1]
            set width [dict get $config PSU__MAXIGP${number}__DATA_WIDTH]
            dict set interfaces $name [interface master $axi AXI4 $width $clock]
            foreach {first bytes} $areas {
                lappend windows $name $first $bytes
            }
        }
    }
    set memory [dict get $config memory_bytes]
    foreach {name number clock short} $psu_slaves {
        if {![dict get $config PSU__USE__S_AXI_GP$number]} {
            continue
        }
        dict set pins $clock [pin in clock 1 1]
        dict set interfaces $name [interface slave $axi AXI4 [dict get $config PSU__SAXIGP${number}__DATA_WIDTH] $clock]
        set areas [list DDR_LOW 0 0x80000000 QSPI 0xC0000000 0x20000000 LPS_OCM 0xFF000000 0x01000000]
        if {$memory > 0x80000000} {
            lappend areas DDR_HIGH 0x800000000 0x800000000
        }
        foreach {segment offset bytes} $areas {
            dict set segments SAXIGP$number/${short}_$segment [dict create interface $name offset $offset bytes $bytes]
        }
    }
    set spaces [dict create Data [dict create windows $windows]]
    return [dict create pins $pins interfaces $interfaces spaces $spaces segments $segments]
}
stub::add_core xilinx.com:ip:zynq_ultra_ps_e:3.5 $stub::psu_properties \
    [concat $stub::psu_defaults memory_bytes 0x80000000] stub::psu
