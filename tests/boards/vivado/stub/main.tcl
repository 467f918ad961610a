# A strict model of Vivado's Tcl commands, to run the generated scripts in tclsh.
#
#   tclsh main.tcl DUMP SCRIPT [ARGUMENTS]
#
# It knows the commands, options, properties, cores and pins that the scripts use, and refuses everything else. It keeps
# the block design that the commands make, applies IP integrator's rules to it, and writes it to DUMP as JSON.
#
# Environment: STUB_RELEASE, the release it plays (2022.2); STUB_WNS and STUB_WHS, slacks it reports in ns (0.5, 0.05),
# and STUB_TPWS too (0.000); STUB_FAIL, the run that fails; STUB_INLINE, whether xlconcat has become inline Verilog (1) or
# is there and only out of sight (hidden); STUB_BOARDS, the board files it has, as board.tcl lists them; STUB_STORE, the
# folder of its board store; STUB_PLL, a PLL that the preset takes for the fabric's clock.
#
# Commands and options: AMD UG835, Vivado Design Suite Tcl Command Reference Guide, 2022.1 to 2024.2. What is known of
# cores and boards names its source where it stands.

set stub_folder [file dirname [file normalize [info script]]]
foreach part {support xml cores vdma modules ps7 psu boards project runs design connect addresses validate dump} {
    source [file join $stub_folder $part.tcl]
}

# tclsh runs programs that are called like unknown commands; Vivado's scripts shall not.
rename exec {}
# A procedure of a script must not hide a command of Vivado's: those known here, and some that are not.
rename proc stub_proc
stub_proc proc {name arguments body} {
    if {[llength [info commands ::$name]] && $name ni $::stub_scripts || $name in {
        check_timing report_timing report_drc connect_debug_port export_simulation implement_debug_core import_files
    }} {
        stub::refuse "proc $name hides a command of Vivado's"
    }
    lappend ::stub_scripts $name
    uplevel 1 [list stub_proc $name $arguments $body]
}
set stub_scripts {unknown}
proc unknown {name args} {
    stub::refuse "Vivado has no command '$name' that is known here"
}

set argv [lassign $argv stub_dump stub_script]
set argc [llength $argv]
set argv0 $stub_script
if {[catch {source $stub_script} message options]} {
    puts stderr $message
    if {[lindex [dict get $options -errorcode] 0] ni {STUB NONE}} {
        puts stderr [dict get $options -errorinfo]
    }
    exit 1
}
# A refusal that the script caught is one all the same.
if {$stub::refused ne ""} {
    puts stderr "refused, and caught: $stub::refused"
    exit 1
}
stub::dump $stub_dump
