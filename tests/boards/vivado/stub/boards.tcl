# Boards whose files Vivado may have: part, processor, bytes of its memory.
#
# Sources: board files in Xilinx/XilinxBoardStore, Digilent/vivado-boards and Avnet/bdf; for PYNQ-Z1 and PYNQ-Z2 scripts
# in public repositories that name board and part together.

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
    return [dict create memory_bytes $memory]
}
