# Projects and their files.

namespace eval stub {
    variable project {}
    variable runs {}
    # Where board files are looked for: a user's start-up script may have said so.
    variable repositories [list [file dirname [file normalize [info script]]]]
}

proc version {args} {
    set options [stub::parse version {-short} $args]
    stub::need $options version -short
    return [expr {[info exists ::env(STUB_RELEASE)] ? $::env(STUB_RELEASE) : "2022.2"}]
}

proc get_param {name} {
    if {$name ne "board.repoPaths"} {
        stub::refuse "get_param: no parameter $name is known here"
    }
    return $stub::repositories
}

proc set_param {name value} {
    if {$name ne "board.repoPaths"} {
        stub::refuse "set_param: no parameter $name is known here"
    }
    foreach folder $stub::repositories {
        if {$folder ni $value} {
            stub::refuse "set_param board.repoPaths: $folder was there, and is lost"
        }
    }
    foreach folder $value {
        if {![file isdirectory $folder]} {
            stub::refuse "set_param board.repoPaths: there is no folder $folder"
        }
    }
    if {"create_project" in $stub::steps} {
        stub::refuse "set_param board.repoPaths after create_project"
    }
    set stub::repositories $value
}

proc create_project {args} {
    set options [stub::parse create_project {-part= -force} $args 2 2]
    lassign [dict get $options ""] name folder
    set part [stub::need $options create_project -part]
    if {![stub::known_part $part]} {
        stub::refuse "create_project: no part is called $part"
    }
    if {[file exists $folder] && ![dict exists $options -force]} {
        stub::refuse "create_project: $folder is there already, and -force is not given"
    }
    file delete -force $folder
    file mkdir $folder
    set stub::project [dict create name $name folder $folder part $part board_part "" board_connections "" \
        ip_repo_paths {} top "" constraints {}]
    stub::step create_project
}

# The project's file has what is needed to go on with it.
proc stub::save_project {} {
    variable project
    variable steps
    write_file [file join [dict get $project folder] [dict get $project name].xpr] [list $project $steps]
}

proc open_project {args} {
    set options [stub::parse open_project {} $args 1 1]
    set path [lindex [dict get $options ""] 0]
    stub::check_file open_project $path
    set channel [open $path]
    lassign [read $channel] stub::project stub::steps
    close $channel
    stub::step open_project
}

# A run that has ended has to be reset before it is launched again; those that come after it are reset too.
proc reset_runs {args} {
    set options [stub::parse reset_runs {} $args 1 1]
    if {[dict get $options ""] ne "synth_1"} {
        stub::refuse "reset_runs: synth_1 is wanted, not [dict get $options {}]"
    }
    foreach step {synth_1 impl_1 write_bitstream} {
        set stub::steps [lsearch -all -inline -not -exact $stub::steps $step]
    }
}

proc current_project {} {
    stub::after current_project create_project
    return [stub::object project [dict get $stub::project name]]
}

proc current_fileset {} {
    stub::after current_fileset create_project
    return [stub::object fileset sources_1]
}

proc stub::set_project_property {name value} {
    variable project
    variable boards
    switch -- $name {
        board_part {
            if {![dict exists $boards $value]} {
                refuse "set_property board_part: there are no board files for $value"
            }
            if {[lindex [dict get $boards $value] 0] ne [dict get $project part]} {
                refuse "set_property board_part: $value has another part than [dict get $project part]"
            }
        }
        board_connections {
            variable connections
            if {![string match *:kv260_som:* [dict get $project board_part]]} {
                refuse "set_property board_connections: the project's board has no connectors"
            }
            # Whether Vivado complains of a carrier that it does not have, is not known: the value does not change.
            if {$value ni $connections} {
                return
            }
        }
        ip_repo_paths {}
        default {
            refuse "set_property: a project has no property $name that is known here"
        }
    }
    dict set project $name $value
}

proc stub::set_fileset_property {name value} {
    variable project
    if {$name ne "top"} {
        refuse "set_property: a fileset has no property $name that is known here"
    }
    after "set_property top" make_wrapper
    if {$value ne "[dict get $project design]_wrapper"} {
        refuse "set_property top: there is no module $value"
    }
    dict set project top $value
    step set_top
    save_project
}

proc update_ip_catalog {args} {
    stub::parse update_ip_catalog {-rebuild} $args
    stub::after update_ip_catalog create_project
    foreach folder [dict get $stub::project ip_repo_paths] {
        stub::read_repository $folder
    }
    stub::step update_ip_catalog
}

proc get_ipdefs {args} {
    set options [stub::parse get_ipdefs {-quiet -all} $args 1 1]
    set vlnv [lindex [dict get $options ""] 0]
    set core [stub::find_core $vlnv]
    return [stub::found $options ipdef $vlnv [expr {
        $core ne "" && (![string match *:xlconcat:* $core] || [dict exists $options -all]
                        || ![info exists ::env(STUB_INLINE)])
    }]]
}

proc add_files {args} {
    set options [stub::parse add_files {-fileset= -norecurse} $args 1 100]
    stub::after add_files create_project
    set fileset [stub::option $options -fileset sources_1]
    if {$fileset ni {constrs_1 sources_1}} {
        stub::refuse "add_files: no fileset $fileset is known here"
    }
    foreach path [concat {*}[dict get $options ""]] {
        stub::check_file add_files $path
        if {[file extension $path] ne [expr {$fileset eq "constrs_1" ? ".xdc" : ".v"}]} {
            stub::refuse "add_files: $path is not for fileset $fileset"
        }
        if {$fileset eq "constrs_1"} {
            dict lappend stub::project constraints $path
        } else {
            lappend stub::verilog $path
        }
    }
}

proc get_files {args} {
    set options [stub::parse get_files {} $args 1 1]
    stub::after get_files save_bd_design
    set name [lindex [dict get $options ""] 0]
    return [stub::found $options file $name [expr {$name eq "[dict get $stub::project design].bd"}]]
}

proc stub::generated {args} {
    variable project
    return [file join [dict get $project folder] [dict get $project name].gen sources_1 bd {*}$args]
}

proc generate_target {args} {
    set options [stub::parse generate_target {} $args 2 2]
    stub::after generate_target validate_bd_design save_bd_design
    lassign [dict get $options ""] target file
    if {$target ne "all"} {
        stub::refuse "generate_target: no target $target is known here"
    }
    stub::name file $file generate_target
    set design [dict get $stub::project design]
    stub::write_file [stub::generated $design hw_handoff $design.hwh] [stub::hardware_handoff]
    stub::step generate_target
}

# As much of a .hwh as the scripts look at: the processor's parameters, one a line, as Vivado writes them.
proc stub::hardware_handoff {} {
    variable cells
    if {[dict get $cells ps core] ne "xilinx.com:ip:processing_system7:5.5"} {
        set name PSU__CRL_APB__PL0_REF_CTRL__ACT_FREQMHZ
        set parameters [list $name [psu_clock [dict get $cells ps config]]]
    } else {
        set parameters [list PCW_ACT_FPGA0_PERIPHERAL_FREQMHZ [ps7_clock [dict get $cells ps config]]]
        foreach n {1 2 3} {
            lappend parameters PCW_ACT_FPGA${n}_PERIPHERAL_FREQMHZ 10.000000
        }
    }
    set lines [lmap {name value} $parameters {format {      <PARAMETER NAME="%s" VALUE="%s"/>} $name $value}]
    return "<MODULE INSTANCE=\"ps\">\n    <PARAMETERS>\n[join $lines \n]\n    </PARAMETERS>\n</MODULE>"
}

proc make_wrapper {args} {
    set options [stub::parse make_wrapper {-files= -top -import -force} $args]
    stub::after make_wrapper validate_bd_design save_bd_design
    set wrapper [file join [dict get $stub::project folder] [dict get $stub::project name].srcs sources_1 imports hdl \
        [dict get $stub::project design]_wrapper.v]
    if {[file exists $wrapper] && ![dict exists $options -force]} {
        stub::refuse "make_wrapper: $wrapper is there already, and -force is not given"
    }
    stub::write_file $wrapper "module [dict get $stub::project design]_wrapper();"
    foreach name {-top -import} {
        stub::need $options make_wrapper $name
    }
    stub::name file [stub::need $options make_wrapper -files] make_wrapper
    stub::step make_wrapper
}

proc update_compile_order {args} {
    set options [stub::parse update_compile_order {-fileset=} $args]
    stub::after update_compile_order create_project
    if {[stub::need $options update_compile_order -fileset] ne "sources_1"} {
        stub::refuse "update_compile_order: no fileset [dict get $options -fileset] is known here"
    }
}
