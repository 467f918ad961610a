# The block design: cells, their properties, automation, and the objects of all get_ commands.

namespace eval stub {
    # name -> core, config, shape, external (interfaces made external)
    variable cells {}
}

proc create_bd_design {args} {
    set options [stub::parse create_bd_design {} $args 1 1]
    stub::after create_bd_design update_ip_catalog
    if {[dict exists $stub::project design]} {
        stub::refuse "create_bd_design: there is a block design already"
    }
    dict set stub::project design [lindex [dict get $options ""] 0]
    stub::step create_bd_design
}

# The design is not what was validated, or saved, any more.
proc stub::changed {command} {
    variable steps
    after $command create_bd_design
    foreach name {validate_bd_design save_bd_design} {
        set steps [lsearch -all -inline -not -exact $steps $name]
    }
}

proc create_bd_cell {args} {
    set options [stub::parse create_bd_cell {-type= -vlnv= -reference=} $args 1 1]
    stub::changed create_bd_cell
    set type [stub::need $options create_bd_cell -type]
    if {$type eq "module"} {
        dict set options -vlnv [stub::module_core [stub::need $options create_bd_cell -reference]]
        set type ip
    }
    set vlnv [stub::need $options create_bd_cell -vlnv]
    if {$type ne [expr {[string match *:inline_hdl:* $vlnv] ? "inline_hdl" : "ip"}]} {
        stub::refuse "create_bd_cell: $vlnv is not of type $type"
    }
    set core [stub::find_core $vlnv]
    if {$core eq ""} {
        stub::refuse "create_bd_cell: no core $vlnv is in the catalogue"
    }
    set name [lindex [dict get $options ""] 0]
    if {[dict exists $stub::cells $name]} {
        stub::refuse "create_bd_cell: there is a cell $name already"
    }
    dict set stub::cells $name [dict create core $core external {} \
        config [dict get $stub::catalogue $core defaults] shape {}]
    stub::reshape $name
    return [stub::object bd_cell $name]
}

# Pins and interfaces after a change of the configuration.
proc stub::reshape {name} {
    variable cells
    variable catalogue
    set cell [dict get $cells $name]
    set shape [{*}[dict get $catalogue [dict get $cell core] shape] [dict get $cell config]]
    foreach part {pins interfaces} {
        if {[dict exists $cell shape $part]} {
            foreach old [dict keys [dict get $cell shape $part]] {
                if {![dict exists $shape $part $old] && [connected $part $name/$old]} {
                    refuse "set_property: $name/$old is connected, and the new configuration does not have it"
                }
            }
        }
    }
    dict set cells $name shape $shape
}

proc stub::check_value {what value rule} {
    set arguments [lassign $rule kind]
    lassign $arguments low high
    switch -- $kind {
        integer {set right [expr {[string is entier -strict $value] && $low <= $value && $value <= $high}]}
        number {set right [expr {[string is double -strict $value] && $low <= $value && $value <= $high}]}
        choice {set right [expr {$value in $arguments}]}
    }
    if {!$right} {
        refuse "set_property: $what must be $kind of $arguments, not '$value'"
    }
}

proc stub::set_cell_properties {name settings} {
    variable cells
    variable catalogue
    changed set_property
    set core [dict get $cells $name core]
    set rules [dict get $catalogue $core properties]
    foreach {property value} $settings {
        if {![regexp {^CONFIG\.(.+)$} $property -> short] || ![dict exists $rules $short]} {
            refuse "set_property: $core has no property $property that is known here"
        }
        check_value "$property of $name" $value [dict get $rules $short]
        dict set cells $name config $short $value
    }
    reshape $name
}

proc set_property {args} {
    set options [stub::parse set_property {-dict=} $args 1 3]
    set positional [dict get $options ""]
    if {[dict exists $options -dict]} {
        set settings [dict get $options -dict]
        set object [lindex $positional 0]
        set wanted 1
    } else {
        set settings [lrange $positional 0 1]
        set object [lindex $positional 2]
        set wanted 3
    }
    if {[llength $positional] != $wanted || [llength $settings] % 2} {
        stub::refuse "set_property: names and values and one object are wanted"
    }
    switch -- [stub::kind $object set_property] {
        bd_cell {stub::set_cell_properties [stub::name bd_cell $object set_property] $settings}
        project {foreach {name value} $settings {stub::set_project_property $name $value}}
        run {
            foreach {name value} $settings {
                stub::set_run_property [stub::name run $object set_property] $name $value
            }
        }
        fileset {foreach {name value} $settings {stub::set_fileset_property $name $value}}
        default {stub::refuse "set_property: $object has no properties that are known here"}
    }
}

proc get_property {args} {
    set options [stub::parse get_property {} $args 2 2]
    lassign [dict get $options ""] name object
    switch -- [stub::kind $object get_property] {
        board_part {return [stub::board_property $name $object]}
        xstore {
            if {$name ne "LOCAL_ROOT_DIR"} {
                stub::refuse "get_property: an xstore has no property $name that is known here"
            }
            return [expr {[info exists ::env(STUB_STORE)] ? $::env(STUB_STORE) : "/no/store"}]
        }
        project {
            stub::name project $object get_property
            return [dict get $stub::project $name]
        }
        bd_cell {return [stub::cell_property [stub::name bd_cell $object get_property] $name]}
    }
    return [stub::run_property [stub::name run $object get_property] $name]
}

# A property that is set, or one that the core works out of others.
proc stub::cell_property {name property} {
    variable cells
    set core [dict get $cells $name core]
    set config [dict get $cells $name config]
    set kind [lindex [split $core :] 2]
    switch -- $property {
        CONFIG.PCW_ACT_FPGA0_PERIPHERAL_FREQMHZ {if {$kind eq "processing_system7"} {return [ps7_clock $config]}}
        CONFIG.PSU__CRL_APB__PL0_REF_CTRL__ACT_FREQMHZ {if {$kind eq "zynq_ultra_ps_e"} {return [psu_clock $config]}}
    }
    refuse "get_property: $core has no property $property that is known here"
}

# The rate nearest to what is asked for and not above it, of two divisors of 6 bits; asked for in MHz.
proc stub::divided_clock {pll_mhz asked} {
    set best 0
    for {set first 1} {$first < 64} {incr first} {
        set second [expr {max(1, int(ceil($pll_mhz / ($asked * 1.000001) / $first)))}]
        if {$second < 64} {
            set best [expr {max($best, $pll_mhz / double($first * $second))}]
        }
    }
    return [format %.6f $best]
}

proc apply_bd_automation {args} {
    set options [stub::parse apply_bd_automation {-rule= -config=} $args 1 1]
    stub::changed apply_bd_automation
    set name [stub::name bd_cell [lindex [dict get $options ""] 0] apply_bd_automation]
    set core [lindex [split [dict get $stub::cells $name core] :] 2]
    set rule [stub::need $options apply_bd_automation -rule]
    set known [dict create \
        processing_system7 {make_external apply_board_preset Master Slave} zynq_ultra_ps_e {apply_board_preset}]
    if {![dict exists $known $core] || $rule ne "xilinx.com:bd_rule:$core"} {
        stub::refuse "apply_bd_automation: rule $rule is not for $core"
    }
    set config [stub::need $options apply_bd_automation -config]
    foreach {key value} $config {
        if {$key ni [dict get $known $core]} {
            stub::refuse "apply_bd_automation: $rule has no option $key that is known here"
        }
    }
    if {[stub::option $config apply_board_preset 0]} {
        set board_part [dict get $stub::project board_part]
        if {$board_part eq ""} {
            stub::refuse "apply_bd_automation: the project has no board whose preset could be applied"
        }
        dict for {key value} [stub::preset $board_part $core] {
            dict set stub::cells $name config $key $value
        }
    }
    if {[dict exists $config make_external]} {
        if {[dict get $config make_external] ne "FIXED_IO, DDR"} {
            stub::refuse "apply_bd_automation: make_external must be 'FIXED_IO, DDR'"
        }
        dict set stub::cells $name external {FIXED_IO DDR}
    }
    stub::reshape $name
}


proc stub::get {command kind part arguments} {
    variable cells
    set options [parse $command {-quiet} $arguments 1 1]
    set name [string trimleft [lindex [dict get $options ""] 0] /]
    set rest [join [lassign [split $name /] cell] /]
    if {$part eq ""} {
        return [found $options $kind $name [dict exists $cells $name]]
    }
    return [found $options $kind $name [dict exists $cells $cell shape $part $rest]]
}

proc get_bd_cells {args} {
    return [stub::get get_bd_cells bd_cell "" $args]
}

proc get_bd_pins {args} {
    return [stub::get get_bd_pins bd_pin pins $args]
}

proc get_bd_intf_pins {args} {
    return [stub::get get_bd_intf_pins bd_intf_pin interfaces $args]
}

proc get_bd_addr_spaces {args} {
    return [stub::get get_bd_addr_spaces bd_addr_space spaces $args]
}

# An entry of a cell's shape by full name: pin, interface, space, segment.
proc stub::entry {part name} {
    variable cells
    set rest [join [lassign [split $name /] cell] /]
    return [dict get $cells $cell shape $part $rest]
}

proc save_bd_design {} {
    stub::after save_bd_design validate_bd_design
    set design [dict get $stub::project design]
    stub::write_file [file join [dict get $stub::project folder] [dict get $stub::project name].srcs sources_1 bd \
        $design $design.bd] [dict keys $stub::cells]
    stub::step save_bd_design
}
