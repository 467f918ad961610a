# Nets and connections of interfaces.

namespace eval stub {
    # driver -> pins that it drives
    variable nets {}
    # driven pin -> driver
    variable driven {}
    # interface -> the one it is connected to, both ways
    variable links {}
    # monitor -> the interface it watches
    variable watching {}
}

proc stub::connected {part name} {
    variable nets
    variable driven
    variable links
    if {$part eq "interfaces"} {
        return [dict exists $links $name]
    }
    return [expr {[dict exists $nets $name] || [dict exists $driven $name]}]
}

proc connect_bd_net {args} {
    set options [stub::parse connect_bd_net {} $args 2 100]
    stub::changed connect_bd_net
    set drivers {}
    set sinks {}
    foreach object [dict get $options ""] {
        set name [stub::name bd_pin $object connect_bd_net]
        if {[dict get [stub::entry pins $name] direction] eq "out"} {
            lappend drivers $name
        } else {
            lappend sinks $name
        }
    }
    if {[llength $drivers] != 1} {
        stub::refuse "connect_bd_net: [join [concat $drivers $sinks] {, }] have [llength $drivers] drivers, not 1"
    }
    foreach sink $sinks {
        stub::check_wire [lindex $drivers 0] $sink
        dict set stub::driven $sink [lindex $drivers 0]
        dict lappend stub::nets [lindex $drivers 0] $sink
    }
}

proc stub::check_wire {driver sink} {
    variable driven
    if {[dict exists $driven $sink]} {
        refuse "connect_bd_net: $sink is driven by [dict get $driven $sink] already, and would be by $driver too"
    }
    set from [entry pins $driver]
    set to [entry pins $sink]
    # Interrupts go through a concatenation, whose pins are data.
    set kinds [list [dict get $from kind] [dict get $to kind]]
    if {[lindex $kinds 0] ne [lindex $kinds 1] && $kinds ni {{interrupt data} {data interrupt}}} {
        refuse "connect_bd_net: $driver is a [lindex $kinds 0], $sink a [lindex $kinds 1]"
    }
    # The processor's interrupt inputs are as wide as what drives them, up to a limit.
    set width [dict get $from width]
    set limit [dict get $to width]
    if {$width > $limit || ([lindex $kinds 1] ne "interrupt" && $width != $limit)} {
        refuse "connect_bd_net: $driver has $width bits, $sink $limit"
    }
    set polarity [dict get $from polarity]
    if {[dict get $to polarity] ni [list any $polarity]} {
        refuse "connect_bd_net: $driver is $polarity, $sink [dict get $to polarity]"
    }
}

# A monitor is one more end of a connection that is there.
proc stub::monitor {monitors watched} {
    variable links
    variable watching
    if {[llength $monitors] != 1 || ![dict exists $links $watched]} {
        refuse "connect_bd_intf_net: [lindex $monitors 0] watches one connection that is there, not [join $watched { }]"
    }
    lassign [lmap name [list {*}$monitors $watched] {dict get [entry interfaces $name] bus}] of_monitor of_watched
    if {$of_monitor ne $of_watched} {
        refuse "connect_bd_intf_net: [lindex $monitors 0] watches a $of_monitor, $watched is a $of_watched"
    }
    if {[dict exists $watching [lindex $monitors 0]]} {
        refuse "connect_bd_intf_net: [lindex $monitors 0] watches [dict get $watching [lindex $monitors 0]] already"
    }
    dict set watching [lindex $monitors 0] $watched
}

proc connect_bd_intf_net {args} {
    set options [stub::parse connect_bd_intf_net {} $args 2 2]
    stub::changed connect_bd_intf_net
    set names [lmap object [dict get $options ""] {stub::name bd_intf_pin $object connect_bd_intf_net}]
    set monitors [lmap name $names {
        if {[dict get [stub::entry interfaces $name] mode] ne "monitor"} continue
        set name
    }]
    if {[llength $monitors]} {
        stub::monitor $monitors [lsearch -all -inline -not -exact $names [lindex $monitors 0]]
        return
    }
    foreach name $names {
        if {[dict exists $stub::links $name]} {
            stub::refuse "connect_bd_intf_net: $name is connected to [dict get $stub::links $name] already"
        }
    }
    lassign $names a b
    foreach property {mode bus} {
        lassign [lmap name $names {dict get [stub::entry interfaces $name] $property}] of_a of_b
        if {$property eq "bus" && $of_a ne $of_b} {
            stub::refuse "connect_bd_intf_net: $a is a $of_a, $b a $of_b"
        }
        if {$property eq "mode" && $of_a eq $of_b} {
            stub::refuse "connect_bd_intf_net: $a and $b are both a $of_a"
        }
    }
    dict set stub::links $a $b
    dict set stub::links $b $a
}
