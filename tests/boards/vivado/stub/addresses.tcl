# Address maps: what a master reaches, what is assigned, what excluded.

namespace eval stub {
    # space -> segment -> offset, bytes
    variable assigned {}
    # space -> segments
    variable excluded {}
}

# All slave segments that are reached from a space, each with the interface of the space that leads there.
proc stub::reached {space} {
    variable links
    set cell [lindex [split $space /] 0]
    set found {}
    foreach {interface first bytes} [dict get [entry spaces $space] windows] {
        if {[dict exists $links $cell/$interface]} {
            foreach segment [behind [dict get $links $cell/$interface]] {
                dict set found $segment $interface
            }
        }
    }
    return $found
}

# Segments behind a slave interface: the cell's own, or through a SmartConnect those behind its masters.
proc stub::behind {slave} {
    variable cells
    variable links
    lassign [split $slave /] cell interface
    set shape [dict get $cells $cell shape]
    set found {}
    if {[dict get $cells $cell core] eq "xilinx.com:ip:smartconnect:1.0"} {
        dict for {name entry} [dict get $shape interfaces] {
            if {[dict get $entry mode] eq "master" && [dict exists $links $cell/$name]} {
                lappend found {*}[behind [dict get $links $cell/$name]]
            }
        }
        return $found
    }
    dict for {name entry} [dict get $shape segments] {
        if {[dict get $entry interface] eq $interface} {
            lappend found $cell/$name
        }
    }
    return $found
}

proc get_bd_addr_segs {args} {
    set options [stub::parse get_bd_addr_segs {-quiet -addressables -of_objects=} $args 0 1]
    if {![dict exists $options -of_objects]} {
        return [stub::get get_bd_addr_segs bd_addr_seg segments $args]
    }
    stub::need $options get_bd_addr_segs -addressables
    set space [stub::name bd_addr_space [dict get $options -of_objects] get_bd_addr_segs]
    return [lmap segment [dict keys [stub::reached $space]] {stub::object bd_addr_seg $segment}]
}

proc stub::address_arguments {command options} {
    set space [name bd_addr_space [need $options $command -target_address_space] $command]
    set segment [name bd_addr_seg [lindex [dict get $options ""] 0] $command]
    if {![dict exists [reached $space] $segment]} {
        refuse "$command: $segment cannot be reached from $space"
    }
    variable assigned
    variable excluded
    if {[dict exists $assigned $space $segment]} {
        refuse "$command: $segment has an address in $space already"
    }
    if {[dict exists $excluded $space] && $segment in [dict get $excluded $space]} {
        refuse "$command: $segment is excluded from $space"
    }
    return [list $space $segment]
}

# -force is accepted, and forces nothing here.
proc assign_bd_address {args} {
    set options [stub::parse assign_bd_address {-force -offset= -range= -target_address_space=} $args 1 1]
    stub::changed assign_bd_address
    lassign [stub::address_arguments assign_bd_address $options] space segment
    foreach name {-offset -range} {
        if {![string is entier -strict [stub::need $options assign_bd_address $name]]} {
            stub::refuse "assign_bd_address: $name must be a number, not [dict get $options $name]"
        }
    }
    set offset [expr {[dict get $options -offset]}]
    set bytes [expr {[dict get $options -range]}]
    stub::check_address $space $segment $offset $bytes
    dict set stub::assigned $space $segment [list $offset $bytes]
}

proc stub::check_address {space segment offset bytes} {
    variable assigned
    set where [format "%s at %#llx, %#llx bytes, in %s" $segment $offset $bytes $space]
    if {$bytes < 4096 || $bytes & ($bytes - 1)} {
        refuse "assign_bd_address: $where: the range must be a power of two from 4096 on"
    }
    if {$offset % $bytes} {
        refuse "assign_bd_address: $where: the offset must be a multiple of the range"
    }
    set entry [entry segments $segment]
    if {[dict get $entry offset] eq ""} {
        if {$bytes < [dict get $entry bytes]} {
            refuse "assign_bd_address: $where: the segment has [dict get $entry bytes] bytes"
        }
    } else {
        set first [expr {[dict get $entry offset]}]
        if {$offset < $first || $offset + $bytes > $first + [dict get $entry bytes]} {
            refuse "assign_bd_address: $where: the segment lies at [format %#llx $first],\
                [format %#llx [expr {[dict get $entry bytes]}]] bytes"
        }
    }
    set interface [dict get [reached $space] $segment]
    set inside 0
    foreach {name first window} [dict get [entry spaces $space] windows] {
        if {$name eq $interface && $offset >= $first && $offset + $bytes <= $first + $window} {
            set inside 1
        }
    }
    if {!$inside} {
        refuse "assign_bd_address: $where: $interface does not reach there"
    }
    if {[dict exists $assigned $space]} {
        dict for {other place} [dict get $assigned $space] {
            lassign $place begin size
            if {$offset < $begin + $size && $begin < $offset + $bytes} {
                refuse "assign_bd_address: $where: overlaps $other"
            }
        }
    }
}

proc exclude_bd_addr_seg {args} {
    set options [stub::parse exclude_bd_addr_seg {-target_address_space=} $args 1 1]
    stub::changed exclude_bd_addr_seg
    lassign [stub::address_arguments exclude_bd_addr_seg $options] space segment
    dict lappend stub::excluded $space $segment
}
