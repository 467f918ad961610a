# Runs, reports, what is exported.
#
# Sources: AMD UG835; strategies, UG904 and UG901; AUTO_INCREMENTAL_CHECKPOINT and its directory, UG904 and projects in
# public repositories. Pulse width: runs have STATS.TPWS and no STATS.WPWS (said by projects that tried, with 2025.1).

proc launch_runs {args} {
    set options [stub::parse launch_runs {-jobs= -to_step=} $args 1 1]
    set run [dict get $options ""]
    if {![string is integer -strict [stub::option $options -jobs 1]] || [stub::option $options -jobs 1] < 1} {
        stub::refuse "launch_runs: -jobs must be a number from 1 on, not [dict get $options -jobs]"
    }
    set step [stub::option $options -to_step]
    switch -- $run {
        synth_1 {
            stub::after "launch_runs synth_1" set_top generate_target
            if {"synth_1" in $stub::steps} {
                stub::refuse "launch_runs: synth_1 has ended, and has to be reset before it is launched"
            }
            if {$step ne ""} {
                stub::refuse "launch_runs: synth_1 has no step $step that is known here"
            }
        }
        impl_1 {
            stub::after "launch_runs impl_1" synth_1
            if {"open_run" in $stub::steps} {
                stub::refuse "launch_runs impl_1 while its design is open"
            }
            if {$step ni {"" write_bitstream}} {
                stub::refuse "launch_runs: impl_1 has no step $step that is known here"
            }
        }
        default {
            stub::refuse "launch_runs: there is no run $run"
        }
    }
    dict set stub::runs $run [dict create launched 1 step $step]
}

proc wait_on_runs {args} {
    set options [stub::parse wait_on_runs {} $args 1 1]
    set run [dict get $options ""]
    if {![dict exists $stub::runs $run launched]} {
        stub::refuse "wait_on_runs: $run was not launched"
    }
    if {[info exists ::env(STUB_FAIL)] && $::env(STUB_FAIL) eq $run} {
        dict set stub::runs $run failed 1
        return
    }
    stub::step $run
    stub::save_project
    if {[dict get $stub::runs $run step] eq "write_bitstream"} {
        set folder [file join [dict get $stub::project folder] [dict get $stub::project name].runs $run]
        stub::write_file [file join $folder [dict get $stub::project top].bit] bitstream
        stub::step write_bitstream
    }
}

proc get_runs {args} {
    set options [stub::parse get_runs {} $args 1 1]
    set name [dict get $options ""]
    return [stub::found $options run $name [expr {$name in {synth_1 impl_1}}]]
}

proc stub::run_property {run name} {
    variable runs
    if {![dict exists $runs $run launched]} {
        refuse "get_property $name: $run was not launched"
    }
    set done [expr {![dict exists $runs $run failed]}]
    switch -- $name {
        PROGRESS {return [expr {$done ? "100%" : "40%"}]}
        STATUS {return [expr {$done ? "$run Complete!" : "$run ERROR"}]}
        STATS.WNS - STATS.WHS - STATS.TPWS {
            if {$run ne "impl_1" || !$done} {
                refuse "get_property: $run has no $name"
            }
            set setting STUB_[string range $name 6 end]
            set usual [dict create STUB_WNS 0.5 STUB_WHS 0.05 STUB_TPWS 0.000]
            if {[info exists ::env($setting)]} {
                return $::env($setting)
            }
            return [dict get $usual $setting]
        }
        default {refuse "get_property: a run has no property $name that is known here"}
    }
}

proc stub::set_run_property {run name value} {
    variable runs
    if {[dict exists $runs $run launched]} {
        refuse "set_property: $run has been launched, and $name comes too late"
    }
    switch -- $name {
        strategy {
            set known [dict create \
                synth_1 {Flow_PerfOptimized_high Flow_AreaOptimized_high Flow_RuntimeOptimized Flow_AlternateRoutability} \
                impl_1 {Performance_Explore Performance_ExplorePostRoutePhysOpt Performance_ExtraTimingOpt Area_Explore
                    Congestion_SpreadLogic_high Flow_RunPostRoutePhysOpt Flow_RuntimeOptimized Flow_Quick}]
            if {$value ni [dict get $known $run]} {
                refuse "set_property strategy: $run has no strategy $value that is known here"
            }
        }
        AUTO_INCREMENTAL_CHECKPOINT {
            if {$run ne "impl_1" || $value ni {0 1}} {
                refuse "set_property $name: 0 or 1 of impl_1 is wanted"
            }
        }
        AUTO_INCREMENTAL_CHECKPOINT.DIRECTORY {
            if {![file isdirectory $value]} {
                refuse "set_property $name: there is no folder $value"
            }
        }
        default {refuse "set_property: a run has no property $name that is known here"}
    }
    step "$run $name $value"
}

# The logic analysers that the design has: of block designs those of their System ILAs.
proc get_debug_cores {args} {
    stub::parse get_debug_cores {-quiet} $args
    stub::after get_debug_cores open_run
    return [lmap name [dict keys $stub::cells] {
        if {![string match *:system_ila:* [dict get $stub::cells $name core]]} continue
        stub::object debug_core $name
    }]
}

proc write_debug_probes {args} {
    set options [stub::parse write_debug_probes {-force} $args 1 1]
    stub::after write_debug_probes open_run
    if {![llength [get_debug_cores]]} {
        stub::refuse "write_debug_probes: the design has no debug cores"
    }
    stub::write_file [lindex [dict get $options ""] 0] probes
}

# For Linux' FPGA manager: AMD UG909 (BIN files for PCAP: SMAPx32, no bit swap).
proc write_cfgmem {args} {
    set options [stub::parse write_cfgmem {-force -format= -interface= -disablebitswap -loadbit=} $args 1 1]
    stub::after write_cfgmem write_bitstream
    foreach {name value} {-format BIN -interface SMAPx32 -disablebitswap 1} {
        if {[stub::need $options write_cfgmem $name] ne $value} {
            stub::refuse "write_cfgmem: $name must be $value for the configuration port, not [dict get $options $name]"
        }
    }
    if {![regexp {^up 0x0 (\S+)$} [stub::need $options write_cfgmem -loadbit] -> path]} {
        stub::refuse "write_cfgmem: -loadbit must be 'up 0x0' and a path without spaces"
    }
    stub::check_file write_cfgmem $path
    stub::write_file [lindex [dict get $options ""] 0] "bitstream, without header"
}

proc open_run {args} {
    set options [stub::parse open_run {} $args 1 1]
    stub::after open_run impl_1
    if {[dict get $options ""] ne "impl_1"} {
        stub::refuse "open_run: impl_1 is wanted, not [dict get $options {}]"
    }
    stub::step open_run
}

proc close_design {} {
    stub::after close_design open_run
    set stub::steps [lsearch -all -inline -not -exact $stub::steps open_run]
}

proc stub::report {command options arguments} {
    set options [parse $command [concat -file= $options] $arguments]
    after $command open_run
    write_file [need $options $command -file] $command
    step $command
}

proc report_timing_summary {args} {
    stub::report report_timing_summary {} $args
}

proc report_drc {args} {
    stub::report report_drc {} $args
}

proc report_methodology {args} {
    stub::report report_methodology {} $args
}

proc report_power {args} {
    stub::report report_power {} $args
}

proc report_utilization {args} {
    stub::report report_utilization -hierarchical $args
}

proc write_hw_platform {args} {
    set options [stub::parse write_hw_platform {-fixed -include_bit -force} $args 1 1]
    stub::after write_hw_platform write_bitstream open_run
    foreach name {-fixed -include_bit} {
        stub::need $options write_hw_platform $name
    }
    stub::write_file [lindex [dict get $options ""] 0] platform
    stub::step write_hw_platform
}
