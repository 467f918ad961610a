# axi_vdma: video DMA.
#
# Sources: AMD PG020 (channels; stream at most as wide as memory, multiples of 8 bits to 1024; frame synchronization by
# TUSER); pin, interface, space, segment and property names as in block designs that Vivado has written, of which there
# are many in public repositories. The stream's width of the writing channel is read-only (said by who has tried it).

namespace eval stub {}

set stub::vdma_widths {choice 32 64 128 256 512 1024}
set stub::vdma_properties [list \
    c_include_mm2s {integer 0 1} c_include_s2mm {integer 0 1} c_num_fstores {integer 1 32} c_addr_width {integer 32 64} \
    c_m_axi_mm2s_data_width $stub::vdma_widths c_m_axi_s2mm_data_width $stub::vdma_widths \
    c_m_axis_mm2s_tdata_width {integer 8 1024} c_mm2s_genlock_mode {integer 0 3} c_s2mm_genlock_mode {integer 0 3} \
    c_mm2s_max_burst_length {choice 8 16 32 64 128 256} c_s2mm_max_burst_length {choice 8 16 32 64 128 256} \
    c_use_mm2s_fsync {integer 0 1} c_use_s2mm_fsync {integer 0 2}]
set stub::vdma_defaults {
    c_include_mm2s 1 c_include_s2mm 1 c_num_fstores 3 c_addr_width 32 c_m_axi_mm2s_data_width 64
    c_m_axi_s2mm_data_width 64 c_m_axis_mm2s_tdata_width 32 c_mm2s_genlock_mode 1 c_s2mm_genlock_mode 0
    c_mm2s_max_burst_length 8 c_s2mm_max_burst_length 8 c_use_mm2s_fsync 0 c_use_s2mm_fsync 2
}

proc stub::vdma {config} {
    variable axi
    set stream xilinx.com:interface:axis_rtl:1.0
    set pins [dict create s_axi_lite_aclk [pin in clock 1 1] axi_resetn [pin in reset 1 1 ACTIVE_LOW s_axi_lite_aclk]]
    set interfaces [dict create S_AXI_LITE [interface slave $axi AXI4LITE 32 s_axi_lite_aclk]]
    set spaces {}
    set reach [expr {1 << [dict get $config c_addr_width]}]
    foreach {channel name mode} {mm2s M_AXIS_MM2S master s2mm S_AXIS_S2MM slave} {
        if {![dict get $config c_include_$channel]} {
            continue
        }
        set memory_bits [dict get $config c_m_axi_${channel}_data_width]
        set upper [string toupper $channel]
        dict set pins m_axi_${channel}_aclk [pin in clock 1 1]
        dict set pins [string tolower $name]_aclk [pin in clock 1 1]
        dict set pins ${channel}_introut [pin out interrupt 1 0]
        dict set interfaces M_AXI_$upper [interface master $axi AXI4 $memory_bits m_axi_${channel}_aclk]
        # The reading channel's stream has its own width, the writing one's that of what drives it.
        set bytes any
        if {$channel eq "mm2s"} {
            set bits [dict get $config c_m_axis_mm2s_tdata_width]
            if {$bits % 8 || $bits > $memory_bits} {
                refuse "set_property: c_m_axis_mm2s_tdata_width $bits must be a multiple of 8, at most $memory_bits"
            }
            set bytes [expr {$bits / 8}]
        }
        dict set interfaces $name [interface $mode $stream AXI4-Stream $bytes [string tolower $name]_aclk]
        dict set spaces Data_$upper [dict create windows [list M_AXI_$upper 0 $reach]]
    }
    set segments [dict create S_AXI_LITE/Reg [dict create interface S_AXI_LITE offset "" bytes 0x1000]]
    return [dict create pins $pins interfaces $interfaces spaces $spaces segments $segments]
}
stub::add_core xilinx.com:ip:axi_vdma:6.3 $stub::vdma_properties $stub::vdma_defaults stub::vdma
