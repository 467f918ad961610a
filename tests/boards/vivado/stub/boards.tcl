# Boards whose files Vivado may have: part, processor, bytes of its memory; and what they can be connected to.
#
# Sources: board files in Xilinx/XilinxBoardStore, Digilent/vivado-boards and Avnet/bdf; for PYNQ-Z1 and PYNQ-Z2 scripts
# in public repositories that name board and part together. Commands: get_board_parts with patterns, its properties NAME
# and PART_NAME, the board store (xhub) and its LOCAL_ROOT_DIR: AMD UG835, UG895, and scripts that install from it in
# public repositories. Names under avnet-tria and kv260_som 2.0 with its carrier: scripts for 2023.1 to 2026.1, ditto.

namespace eval stub {
    variable boards {
        tul.com.tw:pynq-z2:part0:1.0            {xc7z020clg400-1      processing_system7 0x20000000}
        www.digilentinc.com:pynq-z1:part0:1.0   {xc7z020clg400-1      processing_system7 0x20000000}
        digilentinc.com:arty-z7-20:part0:1.1    {xc7z020clg400-1      processing_system7 0x20000000}
        avnet.com:zedboard:part0:1.4            {xc7z020clg484-1      processing_system7 0x20000000}
        xilinx.com:zc702:part0:1.4              {xc7z020clg484-1      processing_system7 0x40000000}
        xilinx.com:zc706:part0:1.4              {xc7z045ffg900-2      processing_system7 0x40000000}
        avnet.com:ultra96v2:part0:1.2           {xczu3eg-sbva484-1-i  zynq_ultra_ps_e    0x80000000}
        xilinx.com:zcu104:part0:1.1             {xczu7ev-ffvc1156-2-e zynq_ultra_ps_e    0x80000000}
        xilinx.com:kv260_som:part0:1.4          {xck26-sfvc784-2LV-c  zynq_ultra_ps_e    0x100000000}
    }
    if {[info exists ::env(STUB_BOARDS)]} {
        set boards $::env(STUB_BOARDS)
    }
    # Which carrier's board files are there: property board_connections.
    variable connections {}
    foreach version {1.2 1.3 2.0} {
        lappend connections [list som240_1_connector xilinx.com:kv260_carrier:som240_1_connector:$version]
    }
    # Divisors rather than rates are taken: PSU__OVERRIDE__BASIC_CLOCK in the preset.
    variable divided {avnet.com:ultra96v2:part0:1.2}
    # Parts without board files.
    variable parts {xc7z010clg400-1 xczu9eg-ffvb1156-2-e}
}

proc stub::known_part {part} {
    variable boards
    variable parts
    return [expr {$part in $parts || $part in [lmap {name board} $boards {lindex $board 0}]}]
}

# What a board's preset sets: at least the memory.
proc stub::preset {board_part core} {
    variable boards
    lassign [dict get $boards $board_part] part processor memory
    if {$core ne $processor} {
        refuse "apply_bd_automation: the preset of $board_part is for $processor, not for $core"
    }
    variable divided
    set settings [dict create memory_bytes $memory]
    if {$core eq "zynq_ultra_ps_e"} {
        dict set settings PSU__OVERRIDE__BASIC_CLOCK [expr {$board_part in $divided}]
    }
    if {[info exists ::env(STUB_PLL)]} {
        set source [expr {
            $core eq "zynq_ultra_ps_e" ? "PSU__CRL_APB__PL0_REF_CTRL__SRCSEL" : "PCW_FCLK0_PERIPHERAL_CLKSRC"
        }]
        dict set settings $source $::env(STUB_PLL)
    }
    return $settings
}

proc get_board_parts {args} {
    variable ::stub::boards
    set options [stub::parse get_board_parts {-quiet} $args 1 1]
    set found [lmap name [dict keys $boards [lindex [dict get $options ""] 0]] {stub::object board_part $name}]
    if {![llength $found] && ![dict exists $options -quiet]} {
        stub::refuse "there is no board_part [lindex [dict get $options {}] 0]"
    }
    return $found
}

proc stub::board_property {name object} {
    variable boards
    set board [name board_part $object get_property]
    switch -- $name {
        NAME {return $board}
        PART_NAME {return [lindex [dict get $boards $board] 0]}
        default {refuse "get_property: a board_part has no property $name that is known here"}
    }
}

namespace eval xhub {}

proc xhub::get_xstores {args} {
    set options [stub::parse xhub::get_xstores {} $args 1 1]
    set name [lindex [dict get $options ""] 0]
    return [stub::found $options xstore $name [expr {$name eq "xilinx_board_store"}]]
}
