# The catalogue of cores: AMD's that the scripts use, and packaged ones as their component.xml describes them.
#
# A core is a dict: properties (name, rule), defaults (name, value), shape (command that gives what a cell of it has,
# from its configuration). A shape is a dict:
#   pins        name -> direction (in, out), kind (clock, reset, interrupt, data), width, required, polarity, clock
#   interfaces  name -> mode (master, slave), bus, protocol, width, clock, required
#   spaces      name -> windows (interface, first address, bytes ...); address spaces of masters
#   segments    path -> interface, offset (empty: anywhere), bytes; address segments of slaves
#
# Sources: smartconnect, AMD PG247; xlconcat, AMD PG341; proc_sys_reset, AMD PG164; pin and interface names as in block
# designs that Vivado has written, of which there are many in public repositories.

namespace eval stub {
    variable catalogue {}
}

proc stub::pin {direction kind {width 1} {required 0} {polarity ""} {clock ""}} {
    return [dict create direction $direction kind $kind width $width required $required polarity $polarity clock $clock]
}

proc stub::interface {mode bus protocol width clock {required 1}} {
    return [dict create mode $mode bus $bus protocol $protocol width $width clock $clock required $required]
}

proc stub::add_core {vlnv properties defaults shape} {
    variable catalogue
    dict set catalogue $vlnv [dict create properties $properties defaults $defaults shape $shape]
}

# The core of a VLNV, whose version may be left out.
proc stub::find_core {vlnv} {
    variable catalogue
    return [lindex [lsort -dictionary [dict keys $catalogue [expr {
        [llength [split $vlnv :]] == 3 ? "$vlnv:*" : $vlnv
    }]]] end]
}

set stub::axi xilinx.com:interface:aximm_rtl:1.0

proc stub::smartconnect {config} {
    variable axi
    set pins [dict create aclk [pin in clock 1 1] aresetn [pin in reset 1 1 ACTIVE_LOW aclk]]
    for {set n 1} {$n < [dict get $config NUM_CLKS]} {incr n} {
        dict set pins aclk$n [pin in clock 1 1]
    }
    set interfaces {}
    foreach {letter mode} {S slave M master} {
        for {set n 0} {$n < [dict get $config NUM_${letter}I]} {incr n} {
            # Converts protocols and widths, so both are free.
            dict set interfaces [format %s%02d_AXI $letter $n] [interface $mode $axi any any aclk]
        }
    }
    return [dict create pins $pins interfaces $interfaces spaces {} segments {}]
}
stub::add_core xilinx.com:ip:smartconnect:1.0 {
    NUM_SI {integer 1 16} NUM_MI {integer 1 16} NUM_CLKS {integer 1 2}
} {NUM_SI 2 NUM_MI 1 NUM_CLKS 1} stub::smartconnect

proc stub::xlconcat {config} {
    set count [dict get $config NUM_PORTS]
    set pins [dict create dout [pin out data $count 1]]
    for {set n 0} {$n < $count} {incr n} {
        dict set pins In$n [pin in data 1 1]
    }
    return [dict create pins $pins interfaces {} spaces {} segments {}]
}
# Newer releases have it as inline Verilog; from which on, is not the point: the scripts take what is there. Before it
# is gone it is out of sight, and get_ipdefs gives it with -all only (AMD UG835).
if {[info exists env(STUB_INLINE)]} {
    stub::add_core xilinx.com:inline_hdl:ilconcat:1.0 {NUM_PORTS {integer 1 128}} {NUM_PORTS 2} stub::xlconcat
}
if {![info exists env(STUB_INLINE)] || $env(STUB_INLINE) eq "hidden"} {
    stub::add_core xilinx.com:ip:xlconcat:2.1 {NUM_PORTS {integer 1 128}} {NUM_PORTS 2} stub::xlconcat
}

proc stub::proc_sys_reset {config} {
    set clock slowest_sync_clk
    set pins [dict create $clock [pin in clock 1 1] ext_reset_in [pin in reset 1 1 any]]
    foreach name {aux_reset_in mb_debug_sys_rst} {
        dict set pins $name [pin in reset 1 0 any]
    }
    dict set pins dcm_locked [pin in data]
    foreach name {mb_reset bus_struct_reset peripheral_reset} {
        dict set pins $name [pin out reset 1 0 ACTIVE_HIGH $clock]
    }
    foreach name {interconnect_aresetn peripheral_aresetn} {
        dict set pins $name [pin out reset 1 0 ACTIVE_LOW $clock]
    }
    return [dict create pins $pins interfaces {} spaces {} segments {}]
}
stub::add_core xilinx.com:ip:proc_sys_reset:5.0 {} {} stub::proc_sys_reset

# System ILA: slots are monitors of connected interfaces (AMD PG261; block designs in public repositories).
proc stub::system_ila {config} {
    set pins [dict create clk [pin in clock 1 1] resetn [pin in reset 1 1 ACTIVE_LOW clk]]
    set interfaces {}
    for {set n 0} {$n < [dict get $config C_NUM_MONITOR_SLOTS]} {incr n} {
        set bus [dict get $config C_SLOT_${n}_INTF_TYPE]
        set kind [expr {[string match *:axis_rtl:* $bus] ? "AXIS" : "AXI"}]
        dict set interfaces SLOT_${n}_$kind [interface monitor $bus any any clk]
    }
    return [dict create pins $pins interfaces $interfaces spaces {} segments {}]
}
set stub::ila_properties {
    C_MON_TYPE {choice INTERFACE NATIVE MIX} C_NUM_MONITOR_SLOTS {integer 1 16}
    C_DATA_DEPTH {choice 1024 2048 4096 8192 16384 32768 65536 131072}
}
set stub::ila_defaults {C_MON_TYPE INTERFACE C_NUM_MONITOR_SLOTS 1 C_DATA_DEPTH 1024}
for {set n 0} {$n < 16} {incr n} {
    lappend stub::ila_properties C_SLOT_${n}_INTF_TYPE {
        choice xilinx.com:interface:aximm_rtl:1.0 xilinx.com:interface:axis_rtl:1.0
    }
    lappend stub::ila_defaults C_SLOT_${n}_INTF_TYPE $stub::axi
}
stub::add_core xilinx.com:ip:system_ila:1.1 $stub::ila_properties $stub::ila_defaults stub::system_ila

# Read the packaged cores of a repository: every component.xml below it.
proc stub::read_repository {folder} {
    if {![file isdirectory $folder]} {
        refuse "ip_repo_paths: there is no folder $folder"
    }
    foreach path [lsort [glob -nocomplain -directory $folder -types f component.xml */component.xml]] {
        set channel [open $path]
        fconfigure $channel -encoding utf-8
        set component [xml::parse [read $channel]]
        close $channel
        read_component $component [file dirname $path]
    }
}

proc stub::read_component {component folder} {
    set vlnv {}
    foreach part {vendor library name version} {
        lappend vlnv [xml::text $component $part]
    }
    set ports {}
    foreach port [xml::all $component model ports port] {
        set width 1
        foreach vector [xml::all $port wire vector] {
            set width [expr {[xml::text $vector left] - [xml::text $vector right] + 1}]
        }
        dict set ports [xml::text $port name] [list [xml::text $port wire direction] $width]
    }
    foreach file [xml::all $component fileSets fileSet file] {
        check_file "component.xml of [lindex $vlnv 2]" [file join $folder [xml::text $file name]]
    }
    foreach file [xml::all $component fileSets fileSet file] {
        read_core_file $folder [xml::text $file name] [lmap kind [xml::all $file fileType] {lindex $kind 2}] \
            [lmap kind [xml::all $file userFileType] {lindex $kind 2}]
    }
    foreach view [xml::all $component model views view] {
        if {![regexp {^[0-9a-f]{8}$} [option [xml::parameters $view] viewChecksum]]} {
            refuse "component.xml of [lindex $vlnv 2]: view [xml::text $view name] has no viewChecksum"
        }
    }
    add_core [join $vlnv :] {} {} [list stub::packaged [packaged_shape $component $ports]]
}

# What a packaged file is for. userFileType USED_IN_out_of_context: of a run of the core by itself only (UG1118; cores in
# public repositories whose clock without it became a second one beside the design's).
proc stub::read_core_file {folder name kinds user_kinds} {
    if {$kinds eq "tclSource"} {
        read_gui [file join $folder $name]
    } elseif {"xdc" in $user_kinds && "USED_IN_out_of_context" ni $user_kinds} {
        refuse "component.xml: the clock of $name would be a second one in a design: it lacks USED_IN_out_of_context"
    } elseif {![llength $kinds] && "xdc" ni $user_kinds} {
        refuse "component.xml: file $name has no type that is known here"
    }
}

# Run the script of a core's settings; it may only define init_gui, which may only add the core's name.
proc stub::read_gui {path} {
    set gui [interp create -safe]
    $gui eval [list namespace eval ipgui {}]
    $gui alias ipgui::add_param stub::add_param
    $gui invokehidden source $path
    $gui eval {init_gui core}
    interp delete $gui
}

proc stub::add_param {core args} {
    set options [parse ipgui::add_param {-name= -parent=} $args]
    if {[option $options -name] ne "Component_Name"} {
        refuse "ipgui::add_param: the core has no parameter '[option $options -name]'"
    }
}

proc stub::packaged {shape config} {
    return $shape
}

# Pins and interfaces of a component: clocks, resets and interrupts are interfaces of one port in IP-XACT.
proc stub::packaged_shape {component ports} {
    set pins {}
    set interfaces {}
    set spaces {}
    set segments {}
    set clocks {}
    foreach interface [xml::all $component busInterfaces busInterface] {
        set name [xml::text $interface name]
        set kind [lindex [xml::all $interface abstractionType] 0]
        set bus [join [lmap part {vendor library name version} {xml::attribute $kind $part}] :]
        set master [llength [xml::all $interface master]]
        set parameters [xml::parameters $interface]
        set physical {}
        foreach map [xml::all $interface portMaps portMap] {
            set port [xml::text $map physicalPort name]
            if {![dict exists $ports $port]} {
                refuse "component.xml: interface $name has no port $port"
            }
            lappend physical $port
        }
        switch -- $bus {
            xilinx.com:signal:clock_rtl:1.0 {
                dict set pins $physical [pin in clock 1 1]
                foreach associated [split [dict get $parameters ASSOCIATED_BUSIF] :] {
                    dict set clocks $associated $physical
                }
                dict set clocks [dict get $parameters ASSOCIATED_RESET] $physical
            }
            xilinx.com:signal:reset_rtl:1.0 {
                dict set pins $physical [pin in reset 1 1 [dict get $parameters POLARITY]]
            }
            xilinx.com:signal:interrupt_rtl:1.0 {
                if {[dict get $parameters SENSITIVITY] ne "LEVEL_HIGH"} {
                    refuse "component.xml: interrupt $name must be LEVEL_HIGH"
                }
                dict set pins $physical [pin out interrupt 1 1]
            }
            xilinx.com:interface:aximm_rtl:1.0 {
                dict set interfaces $name [interface [expr {$master ? "master" : "slave"}] $bus \
                    [dict get $parameters PROTOCOL] [dict get $parameters DATA_WIDTH] ""]
            }
            xilinx.com:interface:axis_rtl:1.0 {
                dict set interfaces $name [interface [expr {$master ? "master" : "slave"}] $bus AXI4-Stream \
                    [dict get $parameters TDATA_NUM_BYTES] ""]
            }
            default {
                refuse "component.xml: interface $name is a $bus, which is not known here"
            }
        }
        foreach reference [xml::all $interface master addressSpaceRef] {
            set space [xml::attribute $reference addressSpaceRef]
            foreach entry [xml::all $component addressSpaces addressSpace] {
                if {[xml::text $entry name] eq $space} {
                    dict set spaces $space [dict create windows [list $name 0 [xml::text $entry range]]]
                }
            }
            if {![dict exists $spaces $space]} {
                refuse "component.xml: there is no address space $space"
            }
        }
        foreach reference [xml::all $interface slave memoryMapRef] {
            foreach map [xml::all $component memoryMaps memoryMap] {
                if {[xml::text $map name] eq [xml::attribute $reference memoryMapRef]} {
                    foreach block [xml::all $map addressBlock] {
                        dict set segments [xml::text $map name]/[xml::text $block name] \
                            [dict create interface $name offset "" bytes [xml::text $block range]]
                    }
                }
            }
        }
    }
    dict for {name interface} $interfaces {
        if {![dict exists $clocks $name]} {
            refuse "component.xml: no clock is associated with interface $name"
        }
        dict set interfaces $name clock [dict get $clocks $name]
    }
    dict for {name entry} $pins {
        if {[dict get $entry kind] eq "reset"} {
            if {![dict exists $clocks $name]} {
                refuse "component.xml: no clock is associated with reset $name"
            }
            dict set pins $name clock [dict get $clocks $name]
        }
    }
    return [dict create pins $pins interfaces $interfaces spaces $spaces segments $segments]
}
