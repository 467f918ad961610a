# Rules that hold for a whole block design.

proc validate_bd_design {} {
    stub::after validate_bd_design create_bd_design
    foreach what {pins interfaces addresses} {
        foreach name [dict keys $stub::cells] {
            stub::validate_$what $name
        }
    }
    stub::step validate_bd_design
}

proc stub::validate_pins {name} {
    variable driven
    dict for {pin entry} [shape_of $name pins] {
        if {![dict get $entry required]} {
            continue
        }
        if {![connected pins $name/$pin]} {
            refuse "validate_bd_design: [dict get $entry kind] pin $name/$pin is not connected"
        }
        if {[dict get $entry direction] eq "in" && [dict get $entry kind] eq "reset" && [dict get $entry clock] ne ""} {
            set clock [clock_of $name/$pin]
            set source [clock_of [dict get $driven $name/$pin]]
            if {$source ne $clock} {
                refuse "validate_bd_design: reset $name/$pin is on clock $clock, its driver\
                    [dict get $driven $name/$pin] on [expr {$source eq "" ? "none" : $source}]"
            }
        }
    }
}

proc stub::shape_of {name part} {
    variable cells
    return [dict get $cells $name shape $part]
}

# What drives the clock of a pin or interface; empty where it has none.
proc stub::clock_of {name {part pins}} {
    variable driven
    set clock [dict get [entry $part $name] clock]
    if {$clock eq ""} {
        return ""
    }
    set pin [lindex [split $name /] 0]/$clock
    return [expr {[dict exists $driven $pin] ? [dict get $driven $pin] : ""}]
}

proc stub::validate_interfaces {name} {
    variable cells
    variable links
    dict for {interface entry} [shape_of $name interfaces] {
        set mine $name/$interface
        if {[dict get $entry mode] eq "monitor"} {
            if {![dict exists $stub::watching $mine]} {
                refuse "validate_bd_design: $mine watches nothing"
            }
            continue
        }
        if {![dict exists $links $mine]} {
            if {[dict get $entry required]} {
                refuse "validate_bd_design: interface $mine is not connected"
            }
            if {[dict get $entry clock] eq "" && $interface ni [dict get $cells $name external]} {
                refuse "validate_bd_design: interface $mine is not made external"
            }
            continue
        }
        set other [dict get $links $mine]
        foreach property {protocol width} {
            lassign [lmap end [list $mine $other] {dict get [entry interfaces $end] $property}] of_mine of_other
            if {"any" ni [list $of_mine $of_other] && $of_mine ne $of_other} {
                refuse "validate_bd_design: $property of $mine is $of_mine, of $other $of_other"
            }
        }
        set clocks [lmap end [list $mine $other] {clock_of $end interfaces}]
        if {[lindex $clocks 0] ne [lindex $clocks 1]} {
            refuse "validate_bd_design: $mine is on clock [lindex $clocks 0], $other on [lindex $clocks 1]"
        }
    }
}

proc stub::validate_addresses {name} {
    variable assigned
    variable excluded
    foreach space [dict keys [shape_of $name spaces]] {
        set full $name/$space
        foreach segment [dict keys [reached $full]] {
            set out [expr {[dict exists $excluded $full] ? [dict get $excluded $full] : {}}]
            if {![dict exists $assigned $full $segment] && $segment ni $out} {
                refuse "validate_bd_design: $segment has no address in $full and is not excluded"
            }
        }
        if {![dict exists $assigned $full]} {
            refuse "validate_bd_design: nothing has an address in $full"
        }
    }
}
